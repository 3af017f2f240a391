"""From the values of a trial's patients to its estimates: rules for the missing and the rescued, then the test of the design."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.analysis.sequential import Bounds, bounds
from thecal.experiments.analysis.statistics import holm
from thecal.experiments.analysis.trial_parts import Endpoint, Rescue
from thecal.experiments.analysis.trial_plan import Plan
from thecal.experiments.analysis.trial_results import Compared, Decision
from thecal.experiments.analysis.trial_statistics import Effect, clusters, crossover, paired, two_arms, widened

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Values:
    """What was seen of the patients who entered, in their order.

    Attributes:
        arm: index of the arm of each patient ``[n]``; of a crossover that of the first period; of a paired trial 0.
        value: of the endpoint, ``[n, k]``: one column, one for each arm of a paired trial, or one for each period; 0 or 1 for
            yes and no, NaN where nothing is known.
        lost: to follow-up ``[n]``.
        rescued, died: ``[n, k]``.
        stratum, cluster: ``[n]``.
        secondary: by outcome, ``[n, k]``.
    """

    arm: Ints
    value: Floats
    lost: Flags
    rescued: Flags
    died: Flags
    stratum: Ints
    cluster: Ints
    secondary: dict[str, Floats] = field(default_factory=dict)

    def first(self, n: int) -> Values:
        """The first ``n`` who entered."""
        return Values(
            self.arm[:n], self.value[:n], self.lost[:n], self.rescued[:n], self.died[:n], self.stratum[:n], self.cluster[:n],
            {key: value[:n] for key, value in self.secondary.items()},
        )  # fmt: skip


def counted(values: Values, endpoint: Endpoint, rescue: Rescue | None) -> Floats:
    """The endpoint as the plan counts it, ``[n, k]``: the lost are missing or failures, the rescued as the rule says."""
    found = values.value.copy()
    if rescue is not None and rescue.counts_as != "recorded":
        found[values.rescued] = 0.0 if rescue.counts_as == "failure" else np.nan
    found[values.lost] = np.nan
    if endpoint.missing == "failure":
        found[np.isnan(found)] = 0.0
    return found


def effect_of(plan: Plan, values: Values, other: int = 1, level: float | None = None) -> Effect:
    """The test of a plan's design on the values so far, of the first arm and ``other``."""
    of = counted(values, plan.endpoint, plan.rescue)
    wide = 1.0 - plan.alpha if level is None else level
    if plan.design == "paired":
        return paired(of[:, 0], of[:, other], level=wide)
    if plan.design == "crossover":
        return crossover(of, values.arm == 0, level=wide)
    column = of[:, 0]
    if plan.design == "cluster":
        return clusters(column, values.cluster, values.arm == 0, level=wide)
    mine, theirs = (values.arm == k for k in (0, other))
    strata = (values.stratum[mine], values.stratum[theirs]) if plan.allocation.strata else None
    return two_arms(column[mine], column[theirs], binary=plan.endpoint.binary, level=wide, strata=strata)


def bounds_of(plan: Plan) -> Bounds:
    """The bounds of a plan's looks."""
    return bounds(plan.looks.at, plan.alpha, plan.looks.spending)


def entered_by(plan: Plan) -> list[int]:
    """How many patients have entered by each look."""
    return [round(share * plan.randomized) for share in plan.looks.at]


def compared(plan: Plan, values: Values, bound: float) -> tuple[Compared, ...]:
    """The first arm with every other, in the unit of the endpoint, adjusted by Holm over the others.

    Args:
        plan: the plan.
        values: of everybody who entered.
        bound: of the last look that was taken, by which the interval is as wide.
    """
    names = list(plan.arms)
    scale = 100.0 if plan.endpoint.binary else 1.0
    effects = [effect_of(plan, values, other) for other in range(1, len(names))]
    if len(plan.looks.at) > 1:
        effects = [widened(one, bound) for one in effects]
    adjusted = holm([one.p for one in effects]) if len(effects) > 1 else [None]
    return tuple(
        Compared(
            arms=(names[0], names[k]), estimate=scale * one.estimate, error=scale * one.error, low=scale * one.low,
            high=scale * one.high, statistic=one.statistic, p=one.p, p_adjusted=p,
            means=(scale * one.first, scale * one.second), n=one.n, extra=dict(one.extra),
        )
        for k, (one, p) in enumerate(zip(effects, adjusted, strict=True), 1)
    )  # fmt: skip


def decided(plan: Plan, found: Compared, bound: float) -> Decision:
    """The decision of the plan: by the bound of the last look, or for several arms by Holm's p."""
    beyond = abs(found.statistic) >= bound if found.p_adjusted is None else found.p_adjusted <= plan.alpha
    if not beyond or np.isnan(found.estimate):
        return "no difference shown"
    return "first better" if found.estimate * plan.endpoint.better > 0 else "second better"
