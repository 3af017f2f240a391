"""The tests of a virtual trial: parallel, paired, crossover and cluster, each an estimate with its error, interval and p."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from thecal.core.errors import ConfigError

Floats = NDArray[np.float64]
Design = Literal["parallel", "paired", "crossover", "cluster"]
LEAST = 2  # values of each arm, below which nothing is tested


class Effect(NamedTuple):
    """A difference between two arms, the first less the second.

    Attributes:
        estimate, error: of the difference.
        statistic: the test's, as a standard normal one of the same p.
        low, high: ends of the interval at the level asked for.
        p: two-sided.
        first, second: means of the arms.
        n: values that were compared, of each arm (clusters where those are compared).
        extra: what else the design tells: ``icc``, ``carryover_p``.
    """

    estimate: float
    error: float
    statistic: float
    low: float
    high: float
    p: float
    first: float
    second: float
    n: tuple[int, int]
    extra: dict[str, float]


NOTHING = float("nan")


def _effect(
    gap: float, error: float, df: float, level: float, means: tuple[float, float], n: tuple[int, int], **extra: float
) -> Effect:
    """From a difference, its standard error, and the degrees of freedom of its t (infinite for a normal one)."""
    tail, reach = (1.0 - level) / 2.0, abs(gap) / error if error > 0.0 else 0.0
    if np.isinf(df):
        beyond, wide = special.ndtr(-reach), -special.ndtri(tail)
    else:
        beyond, wide = special.stdtr(df, -reach), -special.stdtrit(df, tail)
    p = float(2.0 * beyond) if error > 0.0 else float(gap == 0.0)
    reach = float(wide) * error
    return Effect(gap, error, _normal(p, gap), gap - reach, gap + reach, p, *means, n, extra)


def _normal(p: float, gap: float) -> float:
    return float(-np.sign(gap) * special.ndtri(max(p, 1e-300) / 2.0))


def _unknown(n: tuple[int, int]) -> Effect:
    return Effect(NOTHING, NOTHING, 0.0, NOTHING, NOTHING, 1.0, NOTHING, NOTHING, n, {})


def _known(values: ArrayLike) -> Floats:
    array = np.asarray(values, np.float64)
    return np.asarray(array[~np.isnan(array)])


def two_arms(
    first: ArrayLike,
    second: ArrayLike,
    *,
    binary: bool = False,
    level: float = 0.95,
    strata: tuple[ArrayLike, ArrayLike] | None = None,
) -> Effect:
    """Independent patients: Welch's t, or for shares the pooled z with Newcombe's interval (1998, Stat Med 17:873; recalled).

    With strata the difference is the mean of the strata's, weighed by n1 n2 / (n1 + n2) as by Mantel and Haenszel, with a normal
    test of the summed variances; strata without both arms say nothing and are left out.

    Args:
        first, second: values of both arms; NaN is left out. For ``binary`` 0 or 1.
        binary: whether they are shares.
        level: of the interval.
        strata: labels of both arms, for a stratified difference.
    """
    if strata is not None:
        return _stratified(first, second, strata, binary=binary, level=level)
    a, b = _known(first), _known(second)
    n = (a.size, b.size)
    if min(n) < LEAST:
        return _unknown(n)
    means = (float(a.mean()), float(b.mean()))
    gap = means[0] - means[1]
    if not binary:
        parts = [float(one.var(ddof=1)) / one.size for one in (a, b)]
        error = float(np.sqrt(sum(parts)))
        df = (
            sum(parts) ** 2 / sum(part**2 / (one.size - 1) for part, one in zip(parts, (a, b), strict=True))
            if error > 0
            else np.inf
        )
        return _effect(gap, error, float(df), level, means, n)
    pooled = float(np.concatenate((a, b)).mean())
    null_error = float(np.sqrt(pooled * (1.0 - pooled) * (1.0 / n[0] + 1.0 / n[1])))
    tested = _effect(gap, null_error, np.inf, level, means, n)
    (low_a, high_a), (low_b, high_b) = (_wilson(mean, one, level) for mean, one in zip(means, n, strict=True))
    low = gap - np.hypot(means[0] - low_a, high_b - means[1])
    high = gap + np.hypot(high_a - means[0], means[1] - low_b)
    error = float(np.sqrt(sum(mean * (1.0 - mean) / one for mean, one in zip(means, n, strict=True))))
    return tested._replace(error=error, low=float(low), high=float(high))


def _wilson(share: float, n: int, level: float) -> tuple[float, float]:
    """Wilson's interval of a share."""
    z = float(-special.ndtri((1.0 - level) / 2.0))
    middle, reach = share + z**2 / (2 * n), z * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return (middle - reach) / (1 + z**2 / n), (middle + reach) / (1 + z**2 / n)


def _stratified(
    first: ArrayLike, second: ArrayLike, strata: tuple[ArrayLike, ArrayLike], *, binary: bool, level: float
) -> Effect:
    values = [np.asarray(one, np.float64) for one in (first, second)]
    labels = [np.asarray(one) for one in strata]
    n = (int((~np.isnan(values[0])).sum()), int((~np.isnan(values[1])).sum()))
    total = gap = variance = 0.0
    sums = [0.0, 0.0]
    for label in np.unique(np.concatenate(labels)):
        a, b = (_known(one[mark == label]) for one, mark in zip(values, labels, strict=True))
        if min(a.size, b.size) < LEAST:
            continue
        weight = a.size * b.size / (a.size + b.size)
        spread = [float(one.mean()) * (1.0 - float(one.mean())) if binary else float(one.var(ddof=1)) for one in (a, b)]
        total += weight
        gap += weight * float(a.mean() - b.mean())
        variance += weight**2 * (spread[0] / a.size + spread[1] / b.size)
        sums = [sums[0] + weight * float(a.mean()), sums[1] + weight * float(b.mean())]
    if total == 0.0:
        return _unknown(n)
    return _effect(gap / total, float(np.sqrt(variance)) / total, np.inf, level, (sums[0] / total, sums[1] / total), n)


def paired(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Effect:
    """The same patients under both arms: the t of their differences; who misses one value is left out."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    n = (a.size, b.size)
    if a.size < LEAST:
        return _unknown(n)
    gaps = a - b
    error = float(gaps.std(ddof=1) / np.sqrt(gaps.size))
    return _effect(float(gaps.mean()), error, gaps.size - 1.0, level, (float(a.mean()), float(b.mean())), n)


def crossover(periods: ArrayLike, first_first: ArrayLike, *, level: float = 0.95) -> Effect:
    """Two arms in two periods: half the difference of the sequences' period differences.

    Hills and Armitage 1979, Br J Clin Pharmacol 8:7 (recalled). The effect of the period cancels. ``carryover_p`` tests the
    sums of both periods between the sequences, which an effect that lasts into the next period makes different.

    Args:
        periods: values ``[n, 2]`` by period; who misses one is left out.
        first_first: whether the patient had the first arm first, ``[n]``.
        level: of the interval.
    """
    values, order = np.asarray(periods, np.float64), np.asarray(first_first, np.bool_)
    both = ~np.isnan(values).any(axis=1)
    values, order = values[both], order[both]
    n = (int(order.sum()), int((~order).sum()))
    if min(n) < LEAST:
        return _unknown(n)
    gaps = values[:, 0] - values[:, 1]
    half = two_arms(gaps[order] / 2.0, gaps[~order] / 2.0, level=level)
    sums = two_arms(values[order].sum(axis=1), values[~order].sum(axis=1), level=level)
    means = tuple(float(np.where(order, values[:, k], values[:, 1 - k]).mean()) for k in (0, 1))
    return half._replace(first=means[0], second=means[1], n=n, extra={"carryover_p": sums.p})


def clusters(values: ArrayLike, cluster: ArrayLike, in_first: ArrayLike, *, level: float = 0.95) -> Effect:
    """Whole clusters in one arm: the t of cluster means with the clusters' degrees of freedom (Donner and Klar 2000, recalled).

    ``icc`` is the share of variance between clusters within arms, by the analysis of variance.

    Args:
        values: ``[n]``; NaN is left out.
        cluster: of each patient, ``[n]``.
        in_first: whether its cluster is in the first arm, ``[n]``.
        level: of the interval.
    """
    known = ~np.isnan(np.asarray(values, np.float64))
    y, of, arm = (np.asarray(one)[known] for one in (values, cluster, in_first))
    names = np.unique(of)
    means = np.array([y[of == name].mean() for name in names])
    side = np.array([bool(arm[of == name][0]) for name in names]) if names.size else np.zeros(0, np.bool_)
    n = (int(side.sum()), int((~side).sum()))
    if min(n) < LEAST:
        return _unknown(n)
    found = [means[side], means[~side]]
    pooled = sum(float(((one - one.mean()) ** 2).sum()) for one in found) / (sum(n) - 2)
    error = float(np.sqrt(pooled * (1.0 / n[0] + 1.0 / n[1])))
    centers = (float(found[0].mean()), float(found[1].mean()))
    return _effect(centers[0] - centers[1], error, sum(n) - 2.0, level, centers, n, icc=_icc(y, of, arm))


def _icc(y: Floats, of: NDArray[np.generic], arm: NDArray[np.generic]) -> float:
    names, sizes = np.unique(of, return_counts=True)
    if y.size <= names.size or names.size < 3:
        return NOTHING
    center = {bool(side): float(y[arm == side].mean()) for side in np.unique(arm)}
    between = within = 0.0
    for name, size in zip(names, sizes, strict=True):
        own = y[of == name]
        between += size * (float(own.mean()) - center[bool(arm[of == name][0])]) ** 2
        within += float(((own - own.mean()) ** 2).sum())
    between /= names.size - len(center)
    within /= y.size - names.size
    typical = (y.size - float((sizes**2).sum()) / y.size) / (names.size - 1)
    total = between + (typical - 1.0) * within
    return float((between - within) / total) if total > 0.0 else NOTHING


def widened(effect: Effect, bound: float) -> Effect:
    """An effect with its repeated interval (Jennison and Turnbull 1989; recalled): as wide as the look's bound.

    Raises:
        ConfigError: the bound is no positive number.
    """
    if not bound > 0.0:
        raise ConfigError(f"a bound must be positive, not {bound:g}")
    return effect._replace(low=effect.estimate - bound * effect.error, high=effect.estimate + bound * effect.error)
