"""Every outcome of every policy, and how each is computed."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section
from thecal.experiments.reports.tables import outcome_groups


def build(data: ReportData) -> dict[str, Any]:
    """The tables of means and of worst tenths."""
    return {"groups": outcome_groups(data)}


SECTION = Section("outcomes", "Outcomes", 20, build)
