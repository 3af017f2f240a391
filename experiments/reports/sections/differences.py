"""Paired differences from the reference, as a forest plot and in numbers."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.charts import differs, forest
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section
from thecal.experiments.reports.tables import outcome_groups


def build(data: ReportData) -> dict[str, Any]:
    """The forest plot, the tables, and the outcomes in which nobody differed."""
    return {
        "forest": forest(data),
        "groups": outcome_groups(data),
        "same": [outcome.label for outcome in data.outcomes if outcome.role != "use" and not differs(data, outcome)],
    }


SECTION = Section("differences", "Paired differences", 40, build)
