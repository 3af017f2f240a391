"""What the shield changed, limit by limit, and what raw requests would have broken."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section
from thecal.experiments.reports.words import number


def build(data: ReportData) -> dict[str, Any]:
    """One row a limit that ever bound or was broken, one column a policy whose account was kept."""
    judged = [policy for policy in data.policies if data.of(policy).shield is not None]
    return {
        "judged": judged,
        "changed": [_changed(data)] if judged else [],
        "binding": _rows(data, "binding"),
        "violations": _rows(data, "violations"),
    }


def _rows(data: ReportData, what: str) -> list[dict[str, Any]]:
    """Percent of decisions by limit, for ``binding`` or ``violations``."""
    uses = [data.of(policy).shield for policy in data.policies]
    tables: list[dict[int, float]] = [getattr(use, what) for use in uses if use is not None]
    limits = sorted({limit for table in tables for limit, value in table.items() if value > 0})
    return [
        {
            "limit": f"{data.invariants.get(limit, ('unnamed', ''))[0]} ({limit})",
            "text": data.invariants.get(limit, ("", ""))[1],
            "cells": [_share(data.percent(table.get(limit, 0.0))) for table in tables],
        }
        for limit in limits
    ]


def _changed(data: ReportData) -> dict[str, Any]:
    """The row of all changes together."""
    uses = [data.of(policy).shield for policy in data.policies]
    cells = [_share(data.percent(use.intervened)) for use in uses if use is not None]
    return {"limit": "any change", "text": "rate or bolus differed from the request", "cells": cells}


def _share(percent: float) -> dict[str, Any]:
    """Text and shade (0-60, by the square root so that rare things stay visible) of a share in percent."""
    text = "never" if percent == 0 else "< 0.1" if percent < 0.1 else number(percent, 1)
    return {"text": text, "shade": round(6.0 * float(np.sqrt(min(percent, 100.0)))), "zero": percent == 0}


SECTION = Section("shield", "Shield", 60, build, heading="What the shield did")
