"""Where the numbers come from, fact by fact."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from thecal.core.files import as_json
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section


def build(data: ReportData) -> dict[str, Any]:
    """The time of writing and the configuration."""
    return {
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "config": as_json(data.provenance.get("config", {})).rstrip(),
    }


SECTION = Section("provenance", "Provenance", 150, build)
