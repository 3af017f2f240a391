"""What may be said, in words."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.findings import findings
from thecal.experiments.reports.sections import Section


def build(data: ReportData) -> dict[str, Any]:
    """The findings, most important first."""
    return {"findings": findings(data)}


SECTION = Section("findings", "Findings", 10, build)
