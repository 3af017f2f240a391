"""Exact bounds of rare events: of a rate for what happens again and again, of a share for what happens to a patient once."""

from __future__ import annotations

import numpy as np
from scipy import stats

from thecal.experiments.analysis.results import Interval
from thecal.experiments.analysis.statistics import LEVEL


def event_rate_upper(events: float, exposure: float, level: float = LEVEL) -> float:
    """One-sided upper bound of an event rate per unit of exposure: Garwood's exact one (1936, Biometrika 28:437).

    With no event it is the rule of three, -ln(1 - level) / exposure.
    """
    if exposure <= 0:
        return float("nan")
    if events <= 0:
        return float(-np.log1p(-level) / exposure)
    return float(0.5 * stats.chi2.ppf(level, 2.0 * (events + 1.0)) / exposure)


def share_upper(events: int, n: int, level: float = LEVEL) -> float:
    """One-sided upper bound of a share of ``n``, never above 1: Clopper and Pearson's exact one (1934, Biometrika 26:404)."""
    if n <= 0:
        return float("nan")
    return 1.0 if events >= n else float(stats.beta.ppf(level, events + 1, n - events))


def share_interval(events: int, n: int, level: float = LEVEL) -> Interval:
    """A share of ``n`` with Clopper and Pearson's exact two-sided interval, which holds at least ``level`` whatever the truth."""
    if n <= 0:
        return Interval(mean=np.nan, low=np.nan, high=np.nan)
    tail = (1.0 - level) / 2.0
    low = 0.0 if events <= 0 else float(stats.beta.ppf(tail, events, n - events + 1))
    high = 1.0 if events >= n else float(stats.beta.ppf(1.0 - tail, events + 1, n - events))
    return Interval(mean=events / n, low=low, high=high)
