"""Who enters a virtual trial: patients screened in the order of the split by the plan's criteria, then allocated to its arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.analysis.trial_allocation import allocated, clusters_allocated, lost, screened, strata_of
from thecal.experiments.analysis.trial_parts import PAIN
from thecal.experiments.analysis.trial_plan import Plan
from thecal.experiments.rollouts.charts import charts
from thecal.physiology.cohort import draw

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_AT_ONCE = 512
_MOST_SCREENED = 200  # patients looked at for each who is wanted, beyond which the criteria fit nobody


@dataclass(frozen=True)
class Entered:
    """Patients in the order of their entry.

    Attributes:
        patients: indices in the split ``[n]`` (of their cluster's cohort).
        arm, stratum, cluster: of each; ``lost``: to follow-up.
        assessed: patients looked at, and ``excluded`` how many each reason kept out.
    """

    patients: Ints
    arm: Ints
    stratum: Ints
    cluster: Ints
    lost: NDArray[np.bool_]
    assessed: int
    excluded: dict[str, int]


def arm_scenario(plan: Plan, name: str, cluster: int | None = None) -> Scenario:
    """What the patients of an arm meet; of a cluster its own cohort.

    Raises:
        ConfigError: an option has a value that it cannot have.
    """
    options = {**plan.scenario, **plan.arms[name].scenario}
    seed = plan.cohort_seed
    if plan.clusters is not None and cluster is not None:
        seed += cluster
        if plan.clusters.cohorts:
            options["cohort"] = plan.clusters.cohorts[cluster % len(plan.clusters.cohorts)]
    return Scenario.of(plan.task, **options, split=plan.split, seed=plan.seed, cohort_seed=seed)


def entry_charts(scene: Resolved, patients: Ints) -> dict[str, Floats]:
    """What a patient is chosen by: the chart, and pain at the implant, ``[B]`` each."""
    where = scene.scenario
    drawn = draw(scene.cohort, scene.drugs, patients, where.split, where.cohort_seed, structure=scene.structure)
    return charts(scene, patients) | {PAIN: np.asarray(drawn.par["pain_base"], np.float64)}


def enter(plan: Plan) -> Entered:
    """Screen, allocate, and draw who will be lost: all by the plan's seed, before anything is simulated.

    Raises:
        ConfigError: too few patients meet the criteria.
    """
    first = next(name for name, arm in plan.arms.items() if arm.published is None)
    if plan.clusters is None:
        found = _screen(plan, arm_scenario(plan, first).resolve(), plan.randomized)
        cluster = np.zeros(plan.randomized, np.int64)
        weights = [arm.weight for arm in plan.arms.values()]
        arm = allocated(weights, found[1], plan.allocation.block, plan.seed)
        if plan.design == "paired":
            arm[:] = 0
        patients, stratum, assessed, excluded = found
    else:
        number, size = plan.clusters.number, plan.clusters.size
        parts = [_screen(plan, arm_scenario(plan, first, k).resolve(), size) for k in range(number)]
        cluster = np.repeat(np.arange(number), size)
        kinds = np.arange(number) % max(len(plan.clusters.cohorts), 1)
        arm = clusters_allocated(kinds, plan.seed)[cluster]
        patients, stratum = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
        assessed = sum(part[2] for part in parts)
        excluded = {key: sum(part[3][key] for part in parts) for key in parts[0][3]}
    shares = np.array([one.lost for one in plan.arms.values()])[arm]
    return Entered(patients, arm, stratum, cluster, lost(shares, plan.seed), assessed, excluded)


def _screen(plan: Plan, scene: Resolved, wanted: int) -> tuple[Ints, Ints, int, dict[str, int]]:
    """The first patients that meet the criteria with their strata, how many were looked at, and how many each reason kept out."""
    kept: list[Ints] = []
    strata: list[Ints] = []
    excluded = {one.reason: 0 for one in plan.eligibility}
    have, seen = 0, 0
    while have < wanted:
        if seen >= _MOST_SCREENED * wanted:
            raise ConfigError(f"eligibility: of {seen} patients {have} meet the criteria, and {wanted} are wanted")
        some = plan.first_patient + seen + np.arange(min(_AT_ONCE, max(wanted - have, 32)))
        chart = entry_charts(scene, some)
        free, reasons = screened(chart, plan.eligibility, len(some))
        last = len(some)
        if have + int(free.sum()) > wanted:  # nobody is looked at once enough have entered
            last = int(np.flatnonzero(free)[wanted - have - 1]) + 1
        for reason, rows in reasons.items():
            excluded[reason] += int((rows < last).sum())
        rows = np.flatnonzero(free[:last])
        kept.append(some[rows])
        strata.append(strata_of(chart, plan.allocation.strata, len(some))[rows])
        have, seen = have + rows.size, seen + last
    return np.concatenate(kept), np.concatenate(strata), seen, excluded
