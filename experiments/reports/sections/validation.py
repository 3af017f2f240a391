"""What the virtual patients were held against: published observations and courses over time."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.scorecard import scorecard
from thecal.experiments.reports.sections import Section
from thecal.experiments.reports.validation_charts import identity, vpc_chart
from thecal.experiments.validation.scores import from_records


def build(data: ReportData) -> dict[str, Any]:
    """The scorecard and its figures, where it was run."""
    rows = data.validation
    return {
        "scorecard": scorecard(rows),
        "identity": identity(from_records(rows)) if rows else None,
        "checks": [
            {"check": check, "figure": vpc_chart(check, f"published-{k}")} for k, check in enumerate(data.checks, 1)
        ],
    }


SECTION = Section("validation", "Validation", 130, build, heading="Validation of the virtual patients")
