"""Statistics of paired comparison over patients: intervals, tails, probability of improvement, corrections, zero events.

The vocabulary is that of Agarwal et al. 2021 (NeurIPS, "Deep reinforcement learning at the edge of the statistical
precipice"); the unit of resampling is the patient, and the training seed where there is more than one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.report_data import Interval
from thecal.physiology.errors import ConfigError

Floats = NDArray[np.float64]
RESAMPLES = 4000
LEVEL = 0.95


def _clean(values: Floats) -> Floats:
    array = np.asarray(values, np.float64)
    if array.ndim not in (1, 2):
        raise ConfigError(f"values have shape {array.shape}, expected [patients] or [seeds, patients]")
    return array if array.ndim == 2 else array[None, :]


def bootstrap(
    values: Floats,
    statistic: Callable[[Floats], Floats] = lambda rows: np.nanmean(rows, axis=-1),
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Percentile bootstrap of ``statistic`` over patients (and over seeds, when there are rows of them).

    Args:
        values: ``[patients]`` or ``[seeds, patients]``; NaN marks a patient without a value.
        statistic: of ``[resamples, n]`` rows.
        seed, resamples, level: of the bootstrap.

    Returns:
        The statistic of the data and its interval; NaN where every value is missing.
    """
    rows = _clean(values)
    kept = rows[:, ~np.all(np.isnan(rows), axis=0)]
    if kept.shape[1] == 0:
        return Interval(np.nan, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    n_seeds, n = kept.shape
    columns = rng.integers(n, size=(resamples, n))
    if n_seeds == 1:
        sampled = kept[0][columns]
    else:
        chosen = rng.integers(n_seeds, size=(resamples, n_seeds))
        sampled = kept[chosen[:, :, None], columns[:, None, :]].reshape(resamples, -1)
    spread = statistic(sampled)
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(spread, [tail, 1.0 - tail])
    return Interval(float(statistic(kept.reshape(1, -1))[0]), float(low), float(high))


def iqm(rows: Floats) -> Floats:
    """Interquartile mean of each row ``[..., n]``: the mean of the middle half, NaN left out."""
    low, high = np.nanquantile(rows, [0.25, 0.75], axis=-1, keepdims=True)
    return np.asarray(np.nanmean(np.where((rows >= low) & (rows <= high), rows, np.nan), axis=-1))


def cvar(rows: Floats, better: int, share: float = 0.1) -> Floats:
    """Mean of the worst ``share`` of each row; the worst are the smallest where ``better`` is 1, else the largest."""
    ordered = np.sort(np.asarray(rows, np.float64) * (1 if better >= 0 else -1), axis=-1)
    counted = np.sum(~np.isnan(ordered), axis=-1)
    k = np.maximum(1, np.ceil(share * counted)).astype(int)
    total = np.cumsum(np.nan_to_num(ordered), axis=-1)
    worst = np.take_along_axis(total, (k - 1)[..., None], axis=-1)[..., 0] / k
    return np.asarray(worst * (1 if better >= 0 else -1))


def probability_of_improvement(values: Floats, reference: Floats, better: int) -> float:
    """Share of patients who do better than under the reference, ties counting half."""
    gap = (np.asarray(values, np.float64) - np.asarray(reference, np.float64)) * (1 if better >= 0 else -1)
    gap = gap[~np.isnan(gap)]
    return float(np.mean((gap > 0) + 0.5 * (gap == 0))) if gap.size else float("nan")


def sign_flip_p(differences: Floats, *, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """Two-sided p of a zero mean difference by random sign flips of the patients' paired differences."""
    gaps = np.asarray(differences, np.float64)
    gaps = gaps[~np.isnan(gaps)]
    if gaps.size == 0:
        return float("nan")
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(resamples, gaps.size))
    spread = np.abs((signs * gaps).mean(axis=1))
    return float((1 + np.sum(spread >= abs(gaps.mean()) - 1e-15)) / (1 + resamples))


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down adjustment; NaN stays NaN."""
    p = np.asarray(p_values, np.float64)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    running = 0.0
    for rank, index in enumerate(known[np.argsort(p[known])]):
        running = max(running, min(1.0, (len(known) - rank) * p[index]))
        adjusted[index] = running
    return [float(value) for value in adjusted]


def event_rate_upper(events: float, exposure: float, level: float = LEVEL) -> float:
    """One-sided upper bound of an event rate (per unit of exposure).

    With no event it is the rule of three, -ln(1 - level) / exposure; with some, the gamma bound by Wilson and Hilferty's
    cube-root approximation (1931, PNAS 17:684).
    """
    if exposure <= 0:
        return float("nan")
    if events <= 0:
        return float(-np.log1p(-level) / exposure)
    z = _Z[level]
    k = events + 1.0
    return float(k * (1.0 - 1.0 / (9.0 * k) + z / (3.0 * np.sqrt(k))) ** 3 / exposure)


_Z = {0.95: 1.6448536269514722, 0.975: 1.959963984540054}
