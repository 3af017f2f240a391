"""What a policy is given in a rollout: how it sees and acts, and a simulator of such patients when it asks for one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy, PolicyContext
from thecal.agents.scenes import observation_view as observation_view
from thecal.agents.simulator import Simulator
from thecal.agents.view import BOLUS, TARGET
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.batch import Batch
from thecal.envs.scenario import Resolved, Scenario
from thecal.envs.task_parts import ActionSpec

_IN_BASE = ("task", "drugs", "horizon_d")  # of a scenario, what its resolved task has in it already
_MODEL_LOW, _MODEL_HIGH = 1e-3, 100.0  # multiples of a model patient's own start that the model can be asked for


def context_for(policy: Policy, env: ThecalVectorEnv, patients: NDArray[np.int64]) -> PolicyContext:
    """The context of a policy for the patients that ``env`` holds now."""
    batch = env.batch
    return PolicyContext(
        observation_view(batch.scene),
        env.num_envs,
        patients,
        batch.scenario.seed,
        simulator=lambda rows: _simulator(batch, rows, privileged=policy.info.privileged),
    )


def _simulator(batch: Batch, rows: int, *, privileged: bool) -> Simulator:
    """Rows to plan in: behind those of a privileged policy stand the true patients, others get patients of another split."""
    if privileged:
        return Simulator(Batch(batch.scene, rows), observation_view(batch.scene), truth=batch)
    scene = model_scene(batch.scene)
    return Simulator(Batch(scene, rows), observation_view(scene))


def model_scene(scene: Resolved) -> Resolved:
    """What the patients of a model meet: the task's own, on another split, asked for a dose at once and behind no shield.

    A model has to follow the doses that the true patients got, whatever its own start was; the shield stands between policy and
    patient, and not in the model.
    """
    split = "tune" if scene.scenario.split == "train" else "train"
    action = scene.base.action
    fields = (TARGET, *(name for name in action.fields if name == BOLUS))
    wide = ActionSpec(fields=fields, target_low=_MODEL_LOW, target_high=_MODEL_HIGH, bolus_trigger=action.bolus_trigger)
    stated = {name: getattr(scene.scenario, name) for name in Scenario.model_fields if name not in _IN_BASE}
    options = {"split": split, "shield_mode": "off", "allow_unproved": True, "allow_wide": True}
    return Scenario.of(scene.base.model_copy(update={"action": wide}), **stated | options).resolve()
