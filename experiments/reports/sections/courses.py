"""Pain and dose by day, with the spread over patients."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.courses import course_charts
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section


def build(data: ReportData) -> dict[str, Any]:
    """One chart a measure, and how many patients were alive at the end under each policy."""
    ends = {name: int(found[0].alive[-1]) for name in data.policies if (found := data.courses.get(name))}
    return {"charts": course_charts(data), "lost": {name: data.n_patients - left for name, left in ends.items()}}


SECTION = Section("courses", "By day", 20, build, heading="Pain and dose by day")
