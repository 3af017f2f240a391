"""What the comparison does not show."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section


def build(_data: ReportData) -> dict[str, Any]:
    """Nothing beyond the data."""
    return {}


SECTION = Section("limits", "Methods and limits", 140, build)
