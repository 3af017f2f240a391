"""The first screen: which is better, by how much, at what harm, for whom and why; and all findings in words behind it."""

from __future__ import annotations

from typing import Any

from thecal.experiments.analysis.decision import limit_words
from thecal.experiments.reports.brief import brief
from thecal.experiments.reports.charts import primary_forest
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.findings import findings, in_the_way
from thecal.experiments.reports.sections import Section


def build(data: ReportData) -> dict[str, Any]:
    """The answer in short, the chart of the primary outcome, one line a policy, and the findings, most important first."""
    return {
        "brief": brief(data),
        "chart": primary_forest(data) if data.others else None,
        "lines": [_line(data, name) for name in data.policies],
        "findings": findings(data),
    }


def _line(data: ReportData, name: str) -> dict[str, str]:
    """What the first table says of one policy."""
    said = data.said(name, data.primary.key)
    if name == data.reference:
        return {"name": name, "value": said, "better": "reference", "why": limit_words(data.result, name)}
    better = data.decision(name).better
    return {
        "name": name,
        "value": said,
        "better": "yes" if better else "no",
        "why": "" if better else in_the_way(data, name),
    }


SECTION = Section("findings", "In brief", 10, build)
