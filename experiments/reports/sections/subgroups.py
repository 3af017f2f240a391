"""For whom: the paired effect on the primary outcome in subgroups of patients, and what the worst tenth had."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from thecal.experiments.analysis.subgroups import Effect
from thecal.experiments.reports.chart import Chart
from thecal.experiments.reports.charts import intervals
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section
from thecal.experiments.reports.svg import Panel
from thecal.experiments.reports.theme import Style, styles_of


def build(data: ReportData) -> dict[str, Any]:
    """A chart for the leading policy, and the table of every policy."""
    lead, found = data.lead, data.groups.get(data.lead, ())
    rows = [(one.group, one.level, one.patients) for one in found]
    cells = {
        name: {(one.group, one.level): one for one in data.groups[name]} for name in data.others if name in data.groups
    }
    chart = _chart(data, lead, found) if found else None
    return {"chart": chart, "rows": rows, "cells": cells, "lead": lead, "known": np.isfinite}


def _chart(data: ReportData, policy: str, found: Sequence[Effect]) -> Chart:
    outcome, style = data.primary, styles_of(data.infos)[policy]
    panels: list[Panel] = []
    ends = [end for one in found for end in (one.difference.low, one.difference.high)]
    for group, members in groupby(found, key=lambda one: one.group):
        rows: list[tuple[str, Any, Style | None]] = [
            (f"{one.level} ({one.patients})", one.difference, style) for one in members
        ]
        panels.append(intervals(rows, outcome, title=group, unit=outcome.unit, margin=False, ends=ends))
    known = sum(bool(np.isfinite(one.difference.mean)) for one in found)
    summary = f"{known} of {len(found)} subgroups have enough patients; the table below has the numbers."
    title = f"Effect of {style.label} on {outcome.label} in subgroups"
    return Chart("subgroups", title, summary, panels, mark=data.result.mark, columns=4)


SECTION = Section("subgroups", "For whom", 50, build)
