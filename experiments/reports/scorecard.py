"""The scorecard's part of a report: how many observations were met, and one line each with its small bar."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from thecal.experiments.reports.validation_charts import clipped, misses
from thecal.experiments.validation.scores import Score, from_records, grouped, tally
from thecal.experiments.validation.targets import ROLES, digits

_BULLET_PX = 150.0
# How far outside its interval (in widths of it) a value is drawn; farther ones stand at the edge.
_REACH = 0.6


def scorecard(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What the template shows of the rows of :func:`thecal.experiments.validation.targets.records`; nothing when there are none.

    Raises:
        ParameterError: a row is not a score.
    """
    scores = from_records(rows)
    if not scores:
        return None
    numbers = {score.target.key: k for k, score in enumerate(misses(scores), 1)}
    return {
        "total": len(scores),
        "met": sum(score.passed for score in scores),
        "undecided": sum(score.verdict == "undecided" for score in scores),
        "cohorts": max(len(score.values) for score in scores),
        "roles": [
            {"name": role, "text": ROLES[role], "met": met, "total": total}
            for role, (met, total) in tally(scores).items()
        ],
        "groups": [
            {
                "title": title,
                "total": len(members),
                "met": sum(score.passed for score in members),
                "rows": [_row(score, numbers.get(score.target.key)) for score in members],
            }
            for title, members in grouped(scores).items()
        ],
    }


def _row(score: Score, number: int | None) -> dict[str, Any]:
    """One observation with the geometry of its bar: the interval in the middle, values outside held to the edge."""
    target = score.target
    simulated = target.place(score.simulated)
    return {
        "target": target,
        "number": number,
        "verdict": score.verdict,
        "observed": digits(target.observed),
        "simulated": score.shown if math.isfinite(score.simulated) else "–",
        "width": _BULLET_PX,
        "x_low": _pixel(0.0),
        "x_width": round(_pixel(1.0) - _pixel(0.0), 1),
        "x_observed": _pixel(target.place(target.observed)),
        "x_simulated": None if math.isnan(simulated) else _pixel(simulated),
        "beyond": not -_REACH <= simulated <= 1.0 + _REACH,
    }


def _pixel(place: float) -> float:
    margin = 6.0
    share = (clipped(place, -_REACH, 1.0 + _REACH) + _REACH) / (1.0 + 2.0 * _REACH)
    return round(margin + (_BULLET_PX - 2.0 * margin) * share, 1)
