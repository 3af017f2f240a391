"""What was measured while the leading policy learned."""

from __future__ import annotations

from typing import Any

from thecal.experiments.reports.charts import training
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section
from thecal.experiments.reports.theme import FELT, styles_of


def build(data: ReportData) -> dict[str, Any]:
    """The training curves, where there are any."""
    color = styles_of(data.infos)[data.lead].color if data.learned else FELT
    return {"training": training(data, data.curves, color) if data.curves else None}


SECTION = Section("training", "Training", 120, build)
