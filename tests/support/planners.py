"""Short tasks for policies that plan, and runs of one patient among others."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.agents.base import PolicyContext
from thecal.agents.registry import make_policy
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.batch import Batch
from thecal.envs.scenario import Resolved, Scenario
from thecal.envs.task_parts import ActionSpec
from thecal.envs.tasks import TaskSpec
from thecal.experiments.rollouts.view import context_for

from support.runs import short_task

# As small as a plan can be: what is tested here are promises, and not how good it is.
SMALL: dict[str, dict[str, float]] = {
    "oracle": {"every": 6.0, "horizon": 6.0, "doses": 3.0},
    "mpc": {"every": 6.0, "horizon": 6.0, "doses": 3.0, "pool": 3.0},
    "bayes": {"every": 6.0, "horizon": 6.0, "doses": 3.0, "each": 4.0, "tried": 2.0, "pool": 5.0, "least": 2.0, "renew": 1.0},
}  # fmt: skip
PLANNERS = tuple(SMALL)


def target_task(days: float = 1.0, tick_h: float = 4.0) -> TaskSpec:
    """The cancer task by target doses, without a bolus."""
    return short_task(days, tick_h=tick_h, action=ActionSpec(fields=("target_dose",), target_low=0.25, target_high=8.0))


def scene_of(task: TaskSpec | None = None, **options: Any) -> Resolved:
    return Scenario.of(task or short_task(1.0), split="test", seed=3, **options).resolve()


def small(name: str, **changes: float) -> Any:
    return make_policy(name, **(SMALL[name] | changes))


def started(policy: Any, scene: Resolved, patients: Any) -> tuple[ThecalVectorEnv, np.ndarray]:
    """An environment of named patients with the policy reset for them, and the first observation."""
    who = np.asarray(patients, np.int64)
    env = ThecalVectorEnv(scene, len(who), truth=True, autoreset=False)
    seen, _ = env.reset(seed=scene.scenario.seed, options={"patients": who})
    policy.reset(context_for(policy, env, who))
    return env, seen


def asked(policy: Any, scene: Resolved, patients: Any, steps: int = 18) -> np.ndarray:
    """What a policy asks for, ``[steps, n, components]``."""
    env, seen = started(policy, scene, patients)
    found = []
    for _ in range(steps):
        found.append(policy.act(seen))
        seen = env.step(found[-1])[0]
    return np.array(found)


def without_simulator(policy: Any, scene: Resolved) -> PolicyContext:
    batch = Batch(scene, 1)
    env = ThecalVectorEnv(scene, 1)
    context = context_for(policy, env, np.zeros(1, np.int64))
    assert batch.n == context.n
    return PolicyContext(context.view, 1, np.zeros(1, np.int64), 0)
