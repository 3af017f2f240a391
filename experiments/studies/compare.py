"""Runs policies on the same unseen patients and days, and summarizes what they did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from thecal.agents.base import Policy
from thecal.core.errors import ConfigError
from thecal.envs.scenario import Resolved, Scenario, resolved
from thecal.experiments.analysis.compare import grouped, summarize
from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.rollouts.rollout import rollout
from thecal.experiments.rollouts.trajectories import Trajectories


def compare(
    policies: Sequence[Policy],
    scenario: Any,
    n_patients: int = 100,
    seed: int | None = None,
    *,
    reference: str = "fixed",
    progress: Callable[[str, int, int], None] = lambda _policy, _done, _total: None,
    **options: Any,
) -> Comparison:
    """Run every policy on the same patients and days, and compare each with ``reference``.

    Args:
        policies: ``reference`` and others. Trained policies of one name that differ in nothing but their training seed
            are taken as one method, and its intervals cover both patients and seeds.
        scenario: a scenario (also resolved), or a task, then on the test split.
        n_patients: the first ``n_patients`` of the split.
        seed: of the days, in place of the scenario's, and of the bootstrap.
        progress: called with (policy, steps done, steps in all).
        **options: fields of the scenario that differ.

    Raises:
        ConfigError: names repeat otherwise, or the reference is not among the policies.
    """
    groups = grouped(policies, reference)
    if n_patients < 1:
        raise ConfigError(f"a comparison needs at least one patient, not {n_patients}")
    if not isinstance(scenario, (Scenario, Resolved)):
        options.setdefault("split", "test")
    scene = resolved(scenario, **options, **({} if seed is None else {"seed": seed}))
    patients = np.arange(n_patients)
    runs: dict[str, list[Trajectories]] = {name: [] for name in groups}
    for name, members in groups.items():
        for k, policy in enumerate(members):
            report = partial(_report, progress, name, k, len(members))
            run = rollout(policy, scene, patients, record="summary" if k else "full", progress=report)
            runs[name].append(run)
    return summarize(runs, reference, scene.scenario.seed)


def _report(progress: Callable[[str, int, int], None], name: str, k: int, of: int, done: int, total: int) -> None:
    progress(name, k * total + done, of * total)
