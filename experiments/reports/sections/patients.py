"""Single patients, chosen by rank, under the leading policy and those beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.figure import placed
from thecal.experiments.reports.patient_charts import patient_figure
from thecal.experiments.reports.sections import Section


def build(data: ReportData) -> dict[str, Any]:
    """One figure a patient and policy."""
    shown = []
    for k, story in enumerate(data.stories):
        for policy, track in story.tracks.items():
            behind = data.reference if policy != data.reference and data.reference in story.tracks else None
            figure = placed(data, f"patient-{k}-{policy}", patient_figure(data, story, policy, behind))
            entry = {"story": story, "index": k, "policy": policy, "figure": figure}
            shown.append(entry | {"missing": _missing_reports(track)})
    return {"shown": shown}


def _missing_reports(track: Mapping[str, Any]) -> str:
    """How many decisions had no new report."""
    report = np.asarray(track["nrs_report"], np.float64)
    return f"{int(np.isnan(report).sum())} of {len(report)} decisions had no new report"


SECTION = Section("patients", "Single patients", 50, build)
