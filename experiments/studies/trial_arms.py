"""Runs the patients of a trial's arms by the rollouts that evaluation uses, and reads the endpoint off what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy
from thecal.agents.find import find_policy
from thecal.core.executor import Executor
from thecal.envs.measures import died
from thecal.envs.outcomes import outcomes
from thecal.envs.scenario import Scenario
from thecal.experiments.analysis.trial_allocation import stream
from thecal.experiments.analysis.trial_parts import Endpoint, Published, Rescue
from thecal.experiments.rollouts.rollout import blocks
from thecal.experiments.rollouts.trajectories import Trajectories
from thecal.experiments.studies.trial_switching import Switched

Floats = NDArray[np.float64]
BLOCK = 128
_MORE = ("pain_mean", "alive_h", "terminated")


class Job(NamedTuple):
    """One block of patients of one arm.

    Attributes:
        policies: one, or two in the order of a crossover's periods.
        scenario: what they meet.
        patients: indices.
        endpoint, rescue: of the plan.
        washout_d: days at the beginning of every period that count for nothing.
    """

    policies: tuple[str, ...]
    scenario: Scenario
    patients: NDArray[np.int64]
    endpoint: Endpoint
    rescue: Rescue | None
    washout_d: float


def run_jobs(
    jobs: Iterable[Job], executor: Executor, done: Callable[[int], None] = lambda _n: None
) -> list[dict[str, Floats]]:
    """The columns of every job, ``[patients, periods]`` each, in the order of the jobs."""
    found = []
    for columns in executor.map(run_job, jobs):
        found.append(columns)
        done(len(found))
    return found


def run_job(job: Job) -> dict[str, Floats]:
    """Simulate a block: the endpoint as ``value``, secondary outcomes, who died and who needed rescue."""
    scene = job.scenario.resolve()
    own = [find_policy(name) for name in job.policies]
    half = scene.task.n_steps // len(own)
    policy: Policy = own[0] if len(own) == 1 else Switched(own[0], own[1], half)
    keys = [key for key in (job.endpoint.outcome, *job.endpoint.secondary) if key != "pain_fall"]
    parts = [
        _columns(run, job, half, len(own))
        for run in blocks(policy, scene, job.patients, size=BLOCK, record="summary", keys=keys, more=_MORE)
    ]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _columns(run: Trajectories, job: Job, half: int, periods: int) -> dict[str, Floats]:
    wash = round(job.washout_d * 24.0 / run.step_h)
    pieces = [_rows(run, k * half + wash, (k + 1) * half) for k in range(periods)]
    found = [measured(piece, job.endpoint, job.rescue) for piece in pieces]
    return {key: np.stack([one[key] for one in found], axis=1) for key in found[0]}


def _rows(run: Trajectories, begin: int, end: int) -> Trajectories:
    return replace(run, data={name: column[begin:end] for name, column in run.data.items()})


def measured(run: Trajectories, endpoint: Endpoint, rescue: Rescue | None) -> dict[str, Floats]:
    """The endpoint, the secondary outcomes, death and need of rescue of every patient of a run, ``[B]`` each."""
    found = dict(outcomes(run, endpoint.secondary))
    found["died"] = died(run) / 100.0
    found["rescued"] = needs_rescue(run, rescue).astype(np.float64)
    if endpoint.outcome == "pain_fall":
        found["value"] = pain_fell(run, endpoint).astype(np.float64)
    else:
        value = outcomes(run, (endpoint.outcome,))[endpoint.outcome]
        found["value"] = value / 100.0 if endpoint.binary else value
    return found


def pain_fell(run: Trajectories, endpoint: Endpoint) -> NDArray[np.bool_]:
    """Whether mean felt pain of the last days lies below that at the implant by the stated share; never of the dead ``[B]``."""
    steps = min(len(run["time_h"]), max(1, round(endpoint.window_d * 24.0 / run.step_h)))
    late = run["pain_mean"][-steps:].mean(axis=0, dtype=np.float64)
    return np.asarray((late <= (1.0 - (endpoint.fall or 0.0)) * run.start["pain_base"]) & (died(run) == 0.0))


def needs_rescue(run: Trajectories, rule: Rescue | None) -> NDArray[np.bool_]:
    """Who felt pain at or above the rule's level on so many days in a row, while alive ``[B]``."""
    n = run["pain_mean"].shape[1]
    steps = max(1, round(24.0 / run.step_h))
    days = len(run["pain_mean"]) // steps
    if rule is None or days < rule.days:
        return np.zeros(n, np.bool_)
    pain = run["pain_mean"][: days * steps].reshape(days, steps, n).mean(axis=1, dtype=np.float64)
    alive = run["alive_h"][: days * steps].reshape(days, steps, n).min(axis=1) > 0.0
    bad = (pain >= rule.pain) & alive
    row = np.lib.stride_tricks.sliding_window_view(bad, rule.days, axis=0)
    return np.asarray(row.all(axis=-1).any(axis=0))


def drawn(published: Published, n: int, seed: int, arm: int) -> Floats:
    """Values of an arm that is not simulated ``[n]``: drawn from its published result, by the order of entry into the arm."""
    rng = stream(seed, "published", arm)
    if published.share is not None:
        return np.asarray(rng.random(n) < published.share / 100.0, np.float64)
    return np.asarray(rng.normal(published.mean or 0.0, published.sd or 0.0, n))


def jobs_of(names: tuple[str, ...], scenario: Scenario, patients: NDArray[np.int64], plan: Any) -> list[Job]:
    """The patients of an arm as blocks of work."""
    cuts = range(0, len(patients), BLOCK)
    rest = (plan.endpoint, plan.rescue, plan.washout_d)
    return [Job(names, scenario, patients[begin : begin + BLOCK], *rest) for begin in cuts]
