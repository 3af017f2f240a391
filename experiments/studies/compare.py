"""Runs policies on the same unseen patients and days, and summarizes what they did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from thecal.agents.base import Policy
from thecal.core.errors import ConfigError
from thecal.envs.tasks import TaskSpec, load_task
from thecal.experiments.analysis.compare import grouped, summarize
from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.rollouts.rollout import Trajectories, rollout


def compare(
    policies: Sequence[Policy],
    task: str | TaskSpec,
    n_patients: int = 100,
    seed: int = 0,
    *,
    reference: str = "fixed",
    split: str = "test",
    difficulty: str = "real",
    shield_mode: str = "project",
    profile: str | None = None,
    allow_unproved: bool = False,
    cohort_seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda _policy, _done, _total: None,
) -> Comparison:
    """Run every policy on the same patients and days, and compare each with ``reference``.

    Args:
        policies: ``reference`` and others. Trained policies of one name that differ in nothing but their training seed
            are taken as one method, and its intervals cover both patients and seeds.
        task: name, id, path or spec.
        n_patients: the first ``n_patients`` of the split.
        seed: of the days, and of the bootstrap.
        progress: called with (policy, steps done, steps in all).

    Raises:
        ConfigError: names repeat otherwise, or the reference is not among the policies.
    """
    groups = grouped(policies, reference)
    if n_patients < 1:
        raise ConfigError(f"a comparison needs at least one patient, not {n_patients}")
    spec = load_task(task)
    run = partial(
        rollout,
        task=spec,
        patients=np.arange(n_patients),
        seed=seed,
        split=split,
        difficulty=difficulty,
        shield_mode=shield_mode,
        profile=profile,
        allow_unproved=allow_unproved,
        cohort_seed=cohort_seed,
    )
    runs: dict[str, list[Trajectories]] = {name: [] for name in groups}
    for name, members in groups.items():
        for k, policy in enumerate(members):
            told = partial(_tell, progress, name, k, len(members))
            runs[name].append(run(policy, record="summary" if k else "full", progress=told))
    return summarize(runs, reference, seed)


def _tell(progress: Callable[[str, int, int], None], name: str, k: int, of: int, done: int, total: int) -> None:
    progress(name, k * total + done, of * total)
