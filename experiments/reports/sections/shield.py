"""What the shield changed, limit by limit, and what raw requests would have broken."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.sections import Section
from thecal.experiments.reports.words import share_of_all
from thecal.safety.invariants import Invariant

_LIMITS_IN_WORDS = 3
_LOCKS = (int(Invariant.RESPIRATORY_LOCK), int(Invariant.SEDATION_LOCK))


def build(data: ReportData) -> dict[str, Any]:
    """One row a limit that ever bound or was broken, one column a policy whose account was kept."""
    judged = [policy for policy in data.policies if data.of(policy).shield is not None]
    return {
        "judged": judged,
        "why": [_why(data, policy) for policy in judged],
        "locked": any(_share_of(data, policy, limit) > 0.0 for policy in judged for limit in _LOCKS),
        "changed": [_changed(data)] if judged else [],
        "binding": _rows(data, "binding"),
        "violations": _rows(data, "violations"),
    }


def _why(data: ReportData, policy: str) -> str:
    """How much of a policy's requests was changed, and by which limits most."""
    use = data.of(policy).shield
    binding = {} if use is None else use.binding
    ranked = sorted((limit for limit, rate in binding.items() if rate > 0.0), key=lambda limit: -binding[limit])
    named = ", ".join(
        f"{_name(data, limit)} ({share_of_all(_share_of(data, policy, limit))})" for limit in ranked[:_LIMITS_IN_WORDS]
    )
    rest = len(ranked) - _LIMITS_IN_WORDS
    more = f", and {rest} more below" if rest > 0 else ""
    share = _any_change(data, policy)
    does = "changed" if data.shielded else "would have changed"
    head = f"{data.of(policy).info.label}: the shield {does} {share} of its decisions"
    return f"{head}, most by {named}{more}." if ranked else f"{data.of(policy).info.label}: no decision changed."


def _share_of(data: ReportData, policy: str, limit: int) -> float:
    """Percent of a policy's decisions that a limit changed."""
    use = data.of(policy).shield
    return 0.0 if use is None else data.percent(use.binding.get(limit, 0.0))


def _any_change(data: ReportData, policy: str) -> str:
    """The share of decisions changed in the number of the outcome table, where that has it."""
    use = data.of(policy).shield
    percent = 0.0 if use is None else data.percent(use.intervened)
    said = data.said(policy, "interventions")
    return f"{said} %" if said and percent > 0.0 else share_of_all(percent)


def _name(data: ReportData, limit: int) -> str:
    return data.invariants.get(limit, ("unnamed", ""))[0]


def _rows(data: ReportData, what: str) -> list[dict[str, Any]]:
    """Percent of decisions by limit, for ``binding`` or ``violations``."""
    uses = [data.of(policy).shield for policy in data.policies]
    tables: list[dict[int, float]] = [getattr(use, what) for use in uses if use is not None]
    limits = sorted({limit for table in tables for limit, value in table.items() if value > 0})
    return [
        {
            "limit": f"{_name(data, limit)} ({limit})",
            "text": data.invariants.get(limit, ("", ""))[1],
            "cells": [_share(data.percent(table.get(limit, 0.0))) for table in tables],
        }
        for limit in limits
    ]


def _changed(data: ReportData) -> dict[str, Any]:
    """The row of all changes together."""
    uses = [data.of(policy).shield for policy in data.policies]
    cells = [
        _share(data.percent(use.intervened)) | {"text": _any_change(data, policy)}
        for policy, use in zip(data.policies, uses, strict=True)
        if use is not None
    ]
    return {"limit": "any change", "text": "rate or bolus differed from the request", "cells": cells}


def _share(percent: float) -> dict[str, Any]:
    """Text and shade (0-60, by the square root so that rare things stay visible) of a share in percent."""
    return {
        "text": share_of_all(percent),
        "shade": round(6.0 * float(np.sqrt(min(percent, 100.0)))),
        "zero": percent == 0,
    }


SECTION = Section("shield", "Shield", 80, build, heading="What the shield did")
