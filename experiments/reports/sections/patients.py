"""Single patients, chosen by rank, under the leading policy and those beside it: the chart, and the decisions explained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.notes import when
from thecal.experiments.reports.patient_charts import patient_charts
from thecal.experiments.reports.sections import Section


def build(data: ReportData) -> dict[str, Any]:
    """One chart a patient and policy, and its moments in sentences."""
    shown = []
    for k, story in enumerate(data.stories):
        for policy, track in story.tracks.items():
            chart, body = patient_charts(data, story, policy, f"patient-{k}-{policy}")
            entry = {"story": story, "index": k, "policy": policy, "chart": chart, "body": body}
            shown.append(entry | {"missing": _missing_reports(track), "notes": story.notes.get(policy, [])})
    return {"shown": shown, "when": when}


def _missing_reports(track: Mapping[str, Any]) -> str:
    """How many decisions had no new report."""
    report = np.asarray(track["nrs_report"], np.float64)
    return f"{int(np.isnan(report).sum())} of {len(report)} decisions had no new report"


SECTION = Section("patients", "Single patients", 70, build)
