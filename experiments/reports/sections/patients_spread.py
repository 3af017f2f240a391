"""The primary outcome over patients, and each patient under two policies."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.charts import distribution, pairs
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.figure import placed
from thecal.experiments.reports.sections import Section
from thecal.experiments.reports.theme import DASHES

_RULES_BESIDE = 2


def build(data: ReportData) -> dict[str, Any]:
    """The distribution, and for a learned policy its patients against the reference and the best rules."""
    shown: dict[str, Any] = {"distribution": placed(data, "distribution", distribution(data)), "pairs": None}
    lead = data.lead
    rules = data.best_rules(lead, data.reference)[:_RULES_BESIDE]
    against = [policy for policy in (data.reference, *rules) if policy != lead]
    if data.learned and against:
        shown["pairs"] = placed(data, "pairs", pairs(data, lead, against))
    return shown | {"dashes": DASHES}


SECTION = Section("patients-spread", "Across patients", 40, build)
