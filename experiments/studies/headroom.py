"""``thecal headroom``: rules, sanity policies, oracle and hindsight on the tune patients of a task, and what is left to win.

Always the tune split: a task is designed on these patients, and nobody is judged on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

import numpy as np

from thecal.agents.base import Policy
from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError, ThecalError
from thecal.core.seeds import SEED_LIMIT, whole
from thecal.envs.kernel.well import LOSSES
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.analysis.headroom import (
    BY,
    FREE,
    HINDSIGHT,
    MODELS,
    ORACLE,
    POLICIES,
    PRIMARY,
    Headroom,
    Kind,
    judge,
)
from thecal.experiments.rollouts.fit import check_fit
from thecal.experiments.rollouts.rollout import measured
from thecal.experiments.studies.hindsight import MULTIPLES, OneDose, Outcomes, hindsight
from thecal.safety.certificate import kernel_hash, wiring_hash

SEEDS = (1701, 1702, 1703)
LEAST_PATIENTS = 12  # below, an interval over patients says nothing
MOST_TOGETHER = 20_000  # patients of all seeds, whose resamples must fit into memory
BLOCK = 256  # patients that run side by side
PARTS = (*(f"lost_{name}" for name in reversed(LOSSES)), "lost_death")
OUTCOMES = (PRIMARY, "return", "sed_hours", "resp_hours", "died", *PARTS)

Progress = Callable[[float, str], None]  # share done, and what runs


def check_size(patients: int, seeds: Sequence[int]) -> tuple[int, ...]:
    """The seeds, after seeing that there are enough patients and at least one seed, each once.

    Raises:
        ConfigError: there are not, or too many for memory.
    """
    if not seeds:
        raise ConfigError("a headroom needs at least one seed")
    found = tuple(whole(seed, "a seed", SEED_LIMIT) for seed in seeds)
    twice = sorted({seed for seed in found if found.count(seed) > 1})
    if twice:
        raise ConfigError(f"seed {twice[0]} is given twice, and its patients would count twice")
    if patients < LEAST_PATIENTS:
        raise ConfigError(f"a headroom needs at least {LEAST_PATIENTS} patients a seed, not {patients}")
    if patients * len(found) > MOST_TOGETHER:
        raise ConfigError(f"{patients} patients of {len(found)} seeds are more than {MOST_TOGETHER} together")
    return found


def headroom(
    scenario: Scenario,
    patients: int = 300,
    seeds: Sequence[int] = SEEDS,
    *,
    multiples: Sequence[float] = MULTIPLES,
    models: Sequence[str] = MODELS,
    progress: Progress = lambda _share, _what: None,
) -> Headroom:
    """Measure and judge what there is to win.

    Args:
        scenario: what the patients meet; split, both seeds and the shield's mode are set here.
        patients: of each seed.
        seeds: of the cohorts and their days.
        multiples: of the starting dose, that hindsight chooses from.
        models: policies that plan with a model, ranked apart; one that does not fit the task is left out with the reason.
        progress: told after every step of a rollout.

    Raises:
        ConfigError: the scenario, the numbers or a policy that the rules need do not fit.
    """
    chosen = check_size(patients, seeds)
    shielded = [_scene(scenario, seed, "project") for seed in chosen]
    policies = [make_policy(name) for name in (*POLICIES, ORACLE)]
    check_fit([*policies, OneDose()], shielded[0])
    planners, unfit = _fitting(models, shielded[0])
    policies[-1:-1] = planners
    free, left_out = _without_shield(scenario, chosen)
    left_out |= unfit
    meter = _Meter(progress, (len(policies) + len(multiples)) * len(chosen) + len(multiples) * len(free))

    values: dict[str, Outcomes] = {}
    labels: dict[str, tuple[str, Kind]] = {}
    for policy in policies:
        name = policy.info.name
        values[name] = _joined([_run(policy, scene, patients, meter) for scene in shielded])
        labels[name] = (policy.info.label, _kind(policy))
    for name, label, scenes in (
        (HINDSIGHT, "Best dose in hindsight", shielded),
        (FREE, "The same without a shield", free),
    ):
        if scenes:
            runs = [partial(_run, scene=scene, patients=patients, meter=meter) for scene in scenes]
            tried = [hindsight(run, BY, multiples) for run in runs]
            values[name], labels[name] = _joined(tried), (label, "hindsight")
    return Headroom(
        date=date.today().isoformat(),
        kernel=kernel_hash(),
        wiring=wiring_hash(),
        scenario=shielded[0].scenario,
        scenario_hashes={str(seed): scene.hash for seed, scene in zip(chosen, shielded, strict=True)},
        profile=shielded[0].profile.name,
        proved=shielded[0].proved,
        wide=shielded[0].wide,
        patients=patients,
        seeds=chosen,
        multiples=tuple(multiples),
        left_out=left_out,
        judgment=judge(values, labels),
    )


def _scene(scenario: Scenario, seed: int, mode: str) -> Resolved:
    return Scenario.of(scenario, split="tune", cohort_seed=seed, seed=seed, shield_mode=mode).resolve()


def _without_shield(scenario: Scenario, seeds: Sequence[int]) -> tuple[list[Resolved], dict[str, str]]:
    """The same scenarios without limits, or why there are none."""
    try:
        return [_scene(scenario, seed, "off") for seed in seeds], {}
    except ThecalError as error:
        return [], {FREE: str(error)}


def _fitting(names: Sequence[str], scene: Resolved) -> tuple[list[Policy], dict[str, str]]:
    """The policies that fit the task, and why the others do not."""
    fitting: list[Policy] = []
    unfit = {}
    for name in names:
        policy = make_policy(name)
        try:
            check_fit([policy], scene)
        except ConfigError as error:
            unfit[name] = str(error)
        else:
            fitting.append(policy)
    return fitting, unfit


def _kind(policy: Policy) -> Kind:
    kind = policy.info.kind
    return kind if kind in ("sanity", "model-based") else "rule"


class _Meter:
    """Counts finished rollouts, so that progress runs over all of them."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def step(self, what: str, done: int, total: int) -> None:
        self.progress((self.done + done / total) / self.total, what)
        self.done += done == total


def _run(policy: Policy, scene: Resolved, patients: int, meter: _Meter) -> Outcomes:
    def report(done: int, total: int) -> None:
        meter.step(policy.info.name, done, total)

    return measured(policy, scene, np.arange(patients), OUTCOMES, size=BLOCK, progress=report)


def _joined(parts: Sequence[Outcomes]) -> Any:
    """The patients of all seeds, one after the other."""
    return {key: np.concatenate([part[key] for part in parts]) for key in OUTCOMES}
