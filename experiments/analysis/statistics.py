"""Statistics of paired comparison over patients: centers, tails, intervals, probability of improvement, corrections.

The vocabulary is that of Agarwal et al. 2021 (NeurIPS, "Deep reinforcement learning at the edge of the statistical
precipice"); the unit of resampling is the patient, and the training seed where there is more than one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from thecal.core.errors import ConfigError
from thecal.experiments.analysis.results import Interval

Floats = NDArray[np.float64]
# Of values [n] and how often each is counted in every resample [R, n]; the answer is [R].
Statistic = Callable[[Floats, Floats], Floats]
RESAMPLES = 4000
LEVEL = 0.95
_AT_ONCE = 4_000_000  # counts expanded in one piece, to bound memory


def mean(values: ArrayLike, counts: ArrayLike | None = None) -> Floats:
    """Mean of ``values`` ``[n]`` for each row of ``counts`` ``[R, n]`` (each once by default), NaN left out."""
    known, times = _known(values, counts)
    return _divide(times @ known, times.sum(axis=1))


def iqm(values: ArrayLike, counts: ArrayLike | None = None) -> Floats:
    """Interquartile mean: the mean without the lowest and the highest quarter; arguments as :func:`mean`."""
    return trimmed_mean(values, counts, share=0.25)


def trimmed_mean(values: ArrayLike, counts: ArrayLike | None = None, *, share: float = 0.1) -> Floats:
    """The mean without the lowest and the highest ``share``, at 0.5 the median; other arguments as :func:`mean`."""
    known, times = _known(values, counts)
    total = times.sum(axis=1)
    cut = np.clip(np.floor(share * total), 0.0, np.maximum(np.ceil(total / 2.0) - 1.0, 0.0))
    return _between(known, times, cut, total - cut)


def cvar(values: ArrayLike, counts: ArrayLike | None = None, *, better: int = 1, share: float = 0.1) -> Floats:
    """Mean of the worst ``share`` (at least one value); other arguments as :func:`mean`.

    The worst are the smallest where ``better`` is 1, the largest where it is -1.
    """
    sign = 1.0 if better >= 0 else -1.0
    known, times = _known(sign * np.asarray(values, np.float64), counts)
    worst = np.maximum(1.0, np.ceil(share * times.sum(axis=1) - 1e-9))
    return np.asarray(sign * _between(known, times, np.zeros_like(worst), worst))


def _known(values: ArrayLike, counts: ArrayLike | None) -> tuple[Floats, Floats]:
    """Values without NaN and their counts ``[R, n]``."""
    array = np.asarray(values, np.float64)
    times = np.ones((1, array.size)) if counts is None else np.asarray(counts, np.float64)
    missing = np.isnan(array)
    return (array[~missing], times[:, ~missing]) if missing.any() else (array, times)


def _between(values: Floats, counts: Floats, begin: Floats, end: Floats) -> Floats:
    """Mean of the ranks ``begin`` to ``end`` (exclusive) of each row, as if every value stood there ``counts`` times."""
    order = np.argsort(values, kind="stable")
    reach = min(len(order), 16 + int(1.5 * end.max(initial=0.0)))
    times = counts[:, order[:reach]]
    upto = np.cumsum(times, axis=1)
    if reach < len(order) and (upto[:, -1] < end).any():
        # A resample that drew few of the lowest values needs more of them.
        times = counts[:, order]
        upto = np.cumsum(times, axis=1)
    taken = np.minimum(upto, end[:, None])
    taken -= np.maximum(upto - times, begin[:, None])
    np.maximum(taken, 0.0, out=taken)
    return _divide(taken @ values[order[: taken.shape[1]]], taken.sum(axis=1))


def _divide(total: NDArray[Any], count: NDArray[Any]) -> Floats:
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def bootstrap(
    values: ArrayLike,
    statistic: Statistic = mean,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    method: Literal["percentile", "bca"] = "percentile",
    strata: ArrayLike | None = None,
) -> Interval:
    """Bootstrap interval of ``statistic`` over patients, and over training seeds where there are rows of them.

    Args:
        values: ``[patients]`` or ``[seeds, patients]``; NaN marks a patient without a value.
        statistic: :func:`mean`, :func:`iqm`, :func:`cvar` or alike; all seeds of a resample are taken together.
        seed: of the resampling; the same seed draws the same patients for every outcome and policy.
        resamples: number of them.
        level: of the interval.
        method: percentiles, or bias-corrected and accelerated (Efron 1987, J Am Stat Assoc 82:171) with the jackknife
            over patients.
        strata: labels ``[patients]``, for example the cohort's seed; patients are drawn within each, as many as it has.

    Returns:
        The statistic of the data and its interval; NaN where every value is missing.
    """
    rows = _rows(values)
    if np.isnan(rows).all():
        return Interval(mean=np.nan, low=np.nan, high=np.nan)
    spread = resampled(rows, statistic, seed=seed, resamples=resamples, strata=strata)
    center = float(statistic(rows.ravel(), np.ones((1, rows.size)))[0])
    tails = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    if method == "bca":
        tails = _bca_tails(rows, statistic, spread, center, tails)
    low, high = np.nanquantile(spread, tails)
    return Interval(mean=center, low=float(low), high=float(high))


def standard_error(
    values: ArrayLike, statistic: Statistic = mean, *, seed: int = 0, resamples: int = RESAMPLES
) -> float:
    """Bootstrap standard error of ``statistic``; arguments as :func:`bootstrap`, NaN where every value is missing."""
    rows = _rows(values)
    if np.isnan(rows).all():
        return float("nan")
    return float(np.nanstd(resampled(rows, statistic, seed=seed, resamples=resamples)))


def resampled(
    values: ArrayLike, statistic: Statistic = mean, *, seed: int = 0, resamples: int = RESAMPLES, strata: Any = None
) -> Floats:
    """The statistic of every resample, ``[resamples]``, the k-th of the same patients for all; see :func:`bootstrap`."""
    rows = _rows(values)
    n_seeds, n = rows.shape
    patients, seeds = _patients(seed, n, resamples, strata), _draws(seed, "training seeds", n_seeds, resamples)
    step = max(1, _AT_ONCE // rows.size)
    # scipy.stats.bootstrap resamples one axis; patients and training seeds are drawn here each by itself and crossed, and
    # the same patients for every outcome and policy.
    parts = [(seeds[k : k + step], patients[k : k + step]) for k in range(0, resamples, step)]
    return np.concatenate([statistic(rows.ravel(), _crossed(*part)) for part in parts])


def paired_difference(
    values: ArrayLike,
    reference: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    strata: ArrayLike | None = None,
) -> Interval:
    """Mean difference ``values - reference`` over the same patients, with its percentile bootstrap interval.

    Patients are resampled together for both; the training seeds of each, where it has rows of them, on their own.

    Args:
        values, reference: ``[patients]`` or ``[seeds, patients]``; a patient with a missing value in either is left out.
        seed, resamples, level, strata: see :func:`bootstrap`.

    Raises:
        ConfigError: the numbers of patients differ.
    """
    own, other = _rows(values), _rows(reference)
    if own.shape[1] != other.shape[1]:
        raise ConfigError(f"paired values are of {own.shape[1]} and {other.shape[1]} patients")
    known = ~(np.isnan(own).any(axis=0) | np.isnan(other).any(axis=0))
    if not known.any():
        return Interval(mean=np.nan, low=np.nan, high=np.nan)
    patients = _patients(seed, own.shape[1], resamples, strata)[:, known].astype(np.float64)
    spread = np.zeros(resamples)
    for sign, name, rows in ((1.0, "training seeds", own[:, known]), (-1.0, "seeds of the reference", other[:, known])):
        weights = _draws(seed, name, len(rows), resamples) / len(rows)
        spread += sign * np.sum((patients @ rows.T) * weights, axis=1)
    spread = _divide(spread, patients.sum(axis=1))
    low, high = np.nanquantile(spread, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    gap = float(own[:, known].mean() - other[:, known].mean())
    return Interval(mean=gap, low=float(low), high=float(high))


def probability_of_improvement(values: ArrayLike, reference: ArrayLike, better: int) -> float:
    """Share of patients (and training seeds) who do better than under the reference, ties counting half."""
    gap = (_rows(values)[:, None] - _rows(reference)[None]) * (1 if better >= 0 else -1)
    gap = gap[~np.isnan(gap)]
    return float(np.mean((gap > 0) + 0.5 * (gap == 0))) if gap.size else float("nan")


def sign_flip_p(differences: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """Two-sided p of a zero mean difference by sign flips of the patients' paired differences ``[patients]``.

    All flips are taken where there are no more than ``resamples`` of them (up to 11 patients of 4000), else a random choice
    with a fixed generator, whose p is never below 1 / (1 + ``resamples``).
    """
    gaps = np.asarray(differences, np.float64)
    gaps = gaps[~np.isnan(gaps)]
    if gaps.size == 0:
        return float("nan")
    if gaps.size == 1:
        return 1.0  # either sign is as far from zero
    found = stats.permutation_test(
        (gaps,),
        lambda x, axis: np.abs(np.mean(x, axis=axis)),
        permutation_type="samples",
        alternative="greater",  # of the absolute mean, which is both sides of the mean
        n_resamples=resamples,
        batch=max(1, _AT_ONCE // gaps.size),
        rng=_rng(seed, "signs"),
    )
    return float(found.pvalue)


def holm(p_values: ArrayLike) -> list[float]:
    """Holm's step-down adjustment (1979, Scand J Stat 6:65); NaN stays NaN and is not counted."""
    p = np.asarray(p_values, np.float64)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return [float(value) for value in adjusted]


def _rows(values: ArrayLike) -> Floats:
    array = np.asarray(values, np.float64)
    if array.ndim not in (1, 2):
        raise ConfigError(f"values have shape {array.shape}, expected [patients] or [seeds, patients]")
    return array if array.ndim == 2 else array[None, :]


def _rng(seed: int, purpose: str) -> np.random.Generator:
    """Streams of one seed that do not depend on each other."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def _crossed(seeds: NDArray[np.int16], patients: NDArray[np.int16]) -> Floats:
    """Counts ``[R, seeds * patients]`` from those of seeds ``[R, seeds]`` and patients ``[R, patients]``."""
    counts = patients.astype(np.float64)
    if seeds.shape[1] == 1:
        return counts
    return (seeds[:, :, None] * counts[:, None, :]).reshape(len(seeds), -1)


def _patients(seed: int, n: int, resamples: int, strata: Any) -> NDArray[np.int16]:
    """How often each patient is drawn in every resample, ``[resamples, n]``: among all, or within each stratum."""
    labels = np.zeros(n, np.int64) if strata is None else np.unique(np.asarray(strata), return_inverse=True)[1]
    if labels.shape != (n,):
        raise ConfigError(f"there are {labels.size} labels of strata for {n} patients")
    if not labels.any():
        return _draws(seed, "patients", n, resamples)
    counts = np.empty((resamples, n), np.int16)
    for label in range(int(labels.max()) + 1):
        own = np.flatnonzero(labels == label)
        counts[:, own] = _draws(seed, f"patients of stratum {label}", own.size, resamples)
    return counts


@lru_cache(maxsize=8)
def _draws(seed: int, purpose: str, n: int, resamples: int) -> NDArray[np.int16]:
    """How often each of ``n`` is drawn in every resample, ``[resamples, n]``; kept, as every outcome needs the same."""
    rng = _rng(seed, purpose)
    counts = np.empty((resamples, n), np.int16)
    step = max(1, _AT_ONCE // n)
    for k in range(0, resamples, step):
        part = counts[k : k + step]
        places = rng.integers(n, size=part.shape) + n * np.arange(len(part))[:, None]
        part[:] = np.bincount(places.ravel(), minlength=part.size).reshape(part.shape)
    counts.setflags(write=False)
    return counts


def _bca_tails(rows: Floats, statistic: Statistic, spread: Floats, center: float, tails: Floats) -> Floats:
    """The quantiles of the bootstrap distribution that BCa reads instead of ``tails``."""
    below = float(np.mean((spread < center) + 0.5 * (spread == center)))
    n_seeds, n = rows.shape
    left_out = statistic(rows.ravel(), np.tile(1.0 - np.eye(n), (1, n_seeds)))
    gaps = left_out.mean() - left_out
    size = float(np.sum(gaps**2))
    if not 0.0 < below < 1.0 or not 0.0 < size < np.inf:
        return tails
    bias = stats.norm.ppf(below)
    acceleration = float(np.sum(gaps**3)) / (6.0 * size**1.5)
    z = bias + stats.norm.ppf(tails)
    return np.asarray(stats.norm.cdf(bias + z / (1.0 - acceleration * z)))
