"""How a policy does over all patients at once: performance profiles, probability of improvement, ranks and their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from thecal.experiments.analysis.results import Frozen, Interval
from thecal.experiments.analysis.statistics import LEVEL, RESAMPLES, bootstrap, resampled

Floats = NDArray[np.float64]


class Point(Frozen):
    """One point of a performance profile: the share of patients (and training seeds) above a value."""

    above: float
    share: Interval


class Place(Frozen):
    """A policy's rank among its peers, 1 for the best, with the ranks that 95 % of resamples gave it."""

    rank: int
    low: int
    high: int


def profile(
    rows: Floats, levels: Sequence[float], *, seed: int = 0, strata: Any = None, resamples: int = RESAMPLES
) -> tuple[Point, ...]:
    """Share of patients above each of ``levels``, with pointwise intervals; ``rows`` are ``[training seeds, patients]``."""
    options: dict[str, Any] = {"seed": seed, "strata": strata, "resamples": resamples}
    return tuple(
        Point(above=float(level), share=bootstrap((rows > level).astype(np.float64), **options)) for level in levels
    )


def improvement(own: Floats, reference: Floats, *, seed: int = 0, strata: Any = None) -> Interval:
    """Probability that a patient does better than under the reference, ties counting half, with its interval.

    Args:
        own, reference: ``[training seeds, patients]``, more is better; the reference's seeds are averaged over.
        seed, strata: see :func:`thecal.experiments.analysis.statistics.bootstrap`.
    """
    gap = own[:, None] - reference[None]
    wins = np.where(np.isnan(gap), np.nan, (gap > 0) + 0.5 * (gap == 0)).mean(axis=1)
    return bootstrap(wins, seed=seed, strata=strata)


def places(
    rows: Mapping[str, Floats], *, seed: int = 0, strata: Any = None, resamples: int = RESAMPLES
) -> dict[str, Place]:
    """Ranks by the mean, each policy ``[training seeds, patients]`` on the same patients; equal means share the better rank."""
    if not rows:
        return {}
    spread = np.array([resampled(one, seed=seed, strata=strata, resamples=resamples) for one in rows.values()])
    drawn = stats.rankdata(-spread, method="min", axis=0)
    ranks = stats.rankdata([-one.mean() for one in rows.values()], method="min")
    low, high = np.quantile(drawn, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0], axis=1, method="nearest")
    return {name: Place(rank=int(ranks[k]), low=int(low[k]), high=int(high[k])) for k, name in enumerate(rows)}


def agreement(first: Sequence[float], second: Sequence[float]) -> float:
    """Kendall's tau-b of two rankings of the same policies: 1 where they agree, NaN where there is nothing to order."""
    if len(first) < 2 or len(set(first)) < 2 or len(set(second)) < 2:
        return float("nan")
    return float(stats.kendalltau(first, second).statistic)
