"""What a policy is given in a rollout: how it sees and acts, and a simulator of such patients when it asks for one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy, PolicyContext
from thecal.agents.view import ActionScale, ObservationView
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.batch import Batch
from thecal.envs.scenario import Resolved, Scenario


def observation_view(scene: Resolved) -> ObservationView:
    """How policies read observations and write actions in a scenario."""
    task, profile, lens = scene.task, scene.profile, scene.lens
    action = task.action
    step = profile.limit(f"{task.setting}.step")  # what a rule may ask for where the task's action names no step
    scale = ActionScale(
        max_up=action.max_up or step,
        max_down=action.max_down or step,
        deadband=action.deadband,
        largest_bolus_mg=profile.largest_bolus_ug(task.drugs[0]) / 1000.0,
        largest_bolus_share=profile.limit("bolus.share"),
        target_low=action.target_low,
        target_high=action.target_high,
    )
    return ObservationView(
        lens.names,
        lens.low,
        lens.high,
        actions=scale,
        tick_h=task.tick_h,
        monitored=task.monitored,
        decode=lens.decode,
        action_names=action.fields,
        drug=task.drugs[0],
        goal=task.goal,
    )


def context_for(policy: Policy, env: ThecalVectorEnv, patients: NDArray[np.int64]) -> PolicyContext:
    """The context of a policy for the patients that ``env`` holds now."""
    batch = env.batch
    return PolicyContext(
        observation_view(batch.scene),
        env.num_envs,
        patients,
        batch.scenario.seed,
        simulator=lambda: _simulator(batch, privileged=policy.info.privileged),
    )


def _simulator(batch: Batch, *, privileged: bool) -> Batch:
    """A batch to plan in: the true patients as they stand for a privileged policy, patients of another split for others."""
    if privileged:
        copy = Batch(batch.scene, batch.n)
        copy.restart(np.arange(batch.n), batch.patients, batch.par["patient"]["seed"].copy())
        copy.restore(batch.snapshot())
        return copy
    split = "tune" if batch.scenario.split == "train" else "train"
    others = Batch(Scenario.of(batch.scene, split=split), batch.n)
    others.restart(np.arange(batch.n), np.arange(batch.n), np.zeros(batch.n, np.uint64))
    return others
