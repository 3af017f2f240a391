"""Which observation fields of a task never change, whoever the patient and whatever is asked for: they tell a policy nothing.

Policies that differ as much as they can run over the same tune patients; a field counts as constant where every one of them saw
one and the same value in every step of every patient who lived.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy
from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.rollouts.fit import check_fit
from thecal.experiments.rollouts.view import context_for

POLICIES = ("random", "max_request", "guideline")


def constant_fields(
    task: Any, patients: int = 8, *, policies: Sequence[str] = POLICIES, seed: int = 0, steps: int | None = None
) -> tuple[str, ...]:
    """Names of the fields that are constant, in the observation's order.

    Args:
        task: by name, file or value.
        patients: the first so many of the tune split.
        policies: by name.
        seed: of the days and of the cohort.
        steps: how many of an episode; all by default.

    Raises:
        ConfigError: fewer than one patient, or a policy that does not fit the task.
    """
    if patients < 1:
        raise ConfigError(f"constant fields need at least one patient, not {patients}")
    scene = Scenario.of(task, split="tune", seed=seed, cohort_seed=seed).resolve()
    made = [make_policy(name) for name in policies]
    check_fit(made, scene)
    spans = [_span(policy, scene, np.arange(patients), steps or scene.task.n_steps) for policy in made]
    low, high = np.min([span[0] for span in spans], axis=0), np.max([span[1] for span in spans], axis=0)
    return tuple(name for name, constant in zip(scene.lens.names, low == high, strict=True) if constant)


def _span(
    policy: Policy, scene: Resolved, patients: NDArray[np.int64], steps: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The smallest and the largest value that a policy saw in each column, of patients who lived."""
    env = ThecalVectorEnv(scene, len(patients), autoreset=False)
    observation, _ = env.reset(seed=scene.scenario.seed, options={"patients": patients})
    policy.reset(context_for(policy, env, patients))
    dead = np.zeros(len(patients), np.bool_)
    low, high = observation.min(axis=0), observation.max(axis=0)
    for _ in range(min(steps, scene.task.n_steps)):
        actions = np.where(dead[:, None], np.float32(0.0), policy.act(observation))
        observation, _, terminated, _, _ = env.step(actions)
        dead |= terminated
        if dead.all():
            break
        seen = observation[~dead]
        low, high = np.minimum(low, seen.min(axis=0)), np.maximum(high, seen.max(axis=0))
    return low, high
