"""The primary outcome over patients, and each patient under two policies."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.charts import distribution, pairs
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section

_RULES_BESIDE = 2


def build(data: ReportData) -> dict[str, Any]:
    """The distribution, and the patients of the leading policy against the reference and the best rules."""
    lead = data.lead
    rules = data.best_rules(lead, data.reference)[:_RULES_BESIDE]
    against = [policy for policy in (data.reference, *rules) if policy != lead]
    return {"distribution": distribution(data), "pairs": pairs(data, lead, against) if against else None}


SECTION = Section("patients-spread", "Across patients", 60, build)
