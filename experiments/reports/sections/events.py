"""How often harm began, with the upper bound of each rate."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.data import EVENT_LABELS, ReportData
from thecal.experiments.reports.sections import Section


def build(data: ReportData) -> dict[str, Any]:
    """The counts of every policy by the names of events for people."""
    tables = {policy: data.of(policy).events for policy in data.policies}
    events = {
        policy: {EVENT_LABELS.get(name, name): seen for name, seen in table.items()}
        for policy, table in tables.items()
        if table
    }
    names = list(dict.fromkeys(name for table in events.values() for name in table))
    once = {name for table in events.values() for name, seen in table.items() if seen.upper_share is not None}
    return {"events": events, "names": names, "once": once}


SECTION = Section("events", "Safety events", 70, build)
