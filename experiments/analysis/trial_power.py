"""Power of a plan by simulation: trials of assumed values, analyzed as the plan says, with their Monte-Carlo error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thecal.core.errors import ConfigError
from thecal.experiments.analysis.trial_allocation import allocated, clusters_allocated, lost, stream
from thecal.experiments.analysis.trial_analysis import Floats, Values, bounds_of, effect_of, entered_by
from thecal.experiments.analysis.trial_plan import Plan


class Power(NamedTuple):
    """What a plan would find.

    Attributes:
        trials: simulated.
        power: share of trials under the assumption that cross a bound; ``power_error`` its Monte-Carlo standard error.
        type1: the same where both arms are as the second; ``type1_error`` its.
        mean_entered: patients entered on average under the assumption.
        stops: share of trials that end at each look, under the assumption.
        bounds: of the looks.
    """

    trials: int
    power: float
    power_error: float
    type1: float
    type1_error: float
    mean_entered: float
    stops: tuple[float, ...]
    bounds: tuple[float, ...]


def power(plan: Plan, trials: int | None = None) -> Power:
    """Simulate the plan's trials under its assumption and under none of a difference.

    Raises:
        ConfigError: the plan states no assumption.
    """
    if plan.power is None:
        raise ConfigError("power: the plan states no assumption; give it a table [power]")
    n = plan.power.trials if trials is None else trials
    under, null = (_crossed(plan, n, difference=yes) for yes in (True, False))
    found, error = float(np.mean(under >= 0)), float(np.mean(null >= 0))
    sizes = np.array(entered_by(plan))
    ends = np.where(under >= 0, under, len(sizes) - 1)
    return Power(
        n, found, _error(found, n), error, _error(error, n), float(sizes[ends].mean()),
        tuple(float(np.mean(under == k)) for k in range(len(sizes))), bounds_of(plan).z,
    )  # fmt: skip


def _error(share: float, n: int) -> float:
    return float(np.sqrt(share * (1.0 - share) / n))


def _crossed(plan: Plan, trials: int, *, difference: bool) -> np.ndarray:
    """The look at which each trial crossed its bound, -1 where none was crossed."""
    limit, sizes = bounds_of(plan).z, entered_by(plan)
    found = np.full(trials, -1, np.int64)
    for trial in range(trials):
        seed = int(stream(plan.seed, "power", trial, int(difference)).integers(2**62))
        values = assumed(plan, seed, difference=difference)
        for look, (size, bound) in enumerate(zip(sizes, limit, strict=True)):
            if abs(effect_of(plan, values.first(size)).statistic) >= bound:
                found[trial] = look
                break
    return found


def assumed(plan: Plan, seed: int, *, difference: bool) -> Values:
    """The values of one trial under the plan's assumption, or with both arms as the second."""
    assumption = plan.power
    if assumption is None:
        raise ConfigError("power: the plan states no assumption; give it a table [power]")
    n = plan.randomized
    rng = stream(seed, "values")
    centers = np.array([assumption.first if difference else assumption.second, assumption.second])
    stratum, cluster = np.zeros(n, np.int64), np.zeros(n, np.int64)
    if plan.clusters is not None:
        cluster = np.repeat(np.arange(plan.clusters.number), plan.clusters.size)
        arm = clusters_allocated(np.zeros(plan.clusters.number, np.int64), seed)[cluster]
    elif plan.design == "paired":
        arm = np.zeros(n, np.int64)
    else:
        arm = allocated([one.weight for one in plan.arms.values()], stratum, plan.allocation.block, seed)
    gone = lost(np.array([one.lost for one in plan.arms.values()])[arm], seed)
    value = _drawn(plan, rng, arm, cluster, centers)
    none = np.zeros(value.shape, np.bool_)
    return Values(arm, value, gone, none, none, stratum, cluster)


def _drawn(plan: Plan, rng: np.random.Generator, arm: np.ndarray, cluster: np.ndarray, centers: Floats) -> Floats:
    """Values ``[n, k]``: yes or no, or normal ones, of clusters with their share of the variance."""
    assumption, n = plan.power, len(arm)
    if assumption is None or plan.endpoint.binary:
        return np.asarray((rng.random(n) < centers[arm] / 100.0)[:, None], np.float64)
    sd = assumption.sd or 0.0
    if plan.design in ("paired", "crossover"):
        first = np.stack((arm, 1 - arm), axis=1) if plan.design == "crossover" else np.tile([0, 1], (n, 1))
        own = rng.normal(0.0, sd / np.sqrt(2.0), (n, 2))  # the difference of both has the stated spread
        return np.asarray(centers[first] + own + rng.normal(0.0, sd, (n, 1)))
    shared = rng.normal(0.0, sd * np.sqrt(assumption.icc), int(cluster.max(initial=0)) + 1)[cluster]
    alone = rng.normal(0.0, sd * np.sqrt(1.0 - assumption.icc), n)
    return np.asarray((centers[arm] + (shared if plan.design == "cluster" else 0.0) + alone)[:, None])
