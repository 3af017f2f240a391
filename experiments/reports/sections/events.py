"""How often harm began, with the upper bound of each rate."""

from __future__ import annotations

from typing import Any

from thecal.experiments.analysis.results import Events
from thecal.experiments.reports.data import EVENT_LABELS, ReportData
from thecal.experiments.reports.sections import Section
from thecal.experiments.reports.words import number


def build(data: ReportData) -> dict[str, Any]:
    """The counts of every policy by the names of events for people; what nobody had is ``quiet``, with its bound."""
    tables = {policy: data.of(policy).events for policy in data.policies}
    events = {
        policy: {EVENT_LABELS.get(name, name): seen for name, seen in table.items()}
        for policy, table in tables.items()
        if table
    }
    known = list(dict.fromkeys(name for table in events.values() for name in table))
    once = {name for table in events.values() for name, seen in table.items() if seen.upper_share is not None}
    names = [name for name in known if any(table[name].onsets for table in events.values() if name in table)]
    quiet = [
        _bound(name, [table[name] for table in events.values() if name in table]) for name in known if name not in names
    ]
    return {"events": events, "names": names, "once": once, "quiet": quiet}


def _bound(name: str, seen: list[Events]) -> str:
    """What the time watched, or the number of patients, leaves open for each policy by itself: the widest."""
    shares = [one.upper_share for one in seen if one.upper_share is not None]
    if shares:
        return f"{name.lower()} (at most {number(max(shares), 2)} % of patients, Clopper and Pearson)"
    return f"{name.lower()} (at most {number(max(one.upper_per_100d for one in seen), 2)} per 100 patient-days, rule of three)"


SECTION = Section("events", "Safety events", 90, build)
