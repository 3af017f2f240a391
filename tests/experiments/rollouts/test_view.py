"""What a policy is given in a rollout: how it sees and acts, and a simulator of other patients, or of the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thecal.agents.base import PolicyContext
from thecal.agents.info import PolicyInfo
from thecal.agents.simulator import Simulator
from thecal.core.errors import ConfigError
from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario
from thecal.experiments.rollouts.rollout import rollout
from thecal.experiments.rollouts.view import observation_view

from support.runs import short_task

N = 4


class Planner:
    """Asks for a simulator once in the middle of a run, and holds the rate."""

    def __init__(self, *, privileged: bool = False) -> None:
        self.info = PolicyInfo(name="planner", label="Planner", kind="model-based", privileged=privileged)
        self.simulator: Any = None
        self.step = 0

    def reset(self, context: PolicyContext) -> None:
        self.context = context

    def act(self, observation: np.ndarray) -> np.ndarray:
        if self.step == 6:
            self.simulator = self.context.simulate()
            if self.info.privileged:
                self.simulator.sync(np.arange(N))
            self.before = observation.copy()
        self.step += 1
        return np.zeros((self.context.n, 2), np.float32)


def planned(*, privileged: bool, **options: Any) -> tuple[Planner, Any]:
    planner = Planner(privileged=privileged)
    return planner, rollout(planner, short_task(0.5), range(N), seed=3, **options)


@pytest.mark.parametrize(("split", "other"), [("test", "train"), ("tune", "train"), ("train", "tune")])
def test_a_policy_plans_with_other_patients(split, other):
    planner, run = planned(privileged=False, split=split)
    found = planner.simulator
    assert isinstance(found, Simulator)
    assert (found.rows, found.batch.scenario.split, found.batch.spec.name) == (N, other, run.task.name)
    found.begin(np.arange(N), np.arange(N))
    assert not np.intersect1d(found.batch.par["patient"]["pain_base"], run.start["pain_base"]).size
    assert (found.batch.world["episode"]["step"] == 0).all()


def test_a_privileged_policy_plans_with_the_true_patients():
    planner, run = planned(privileged=True)
    found = planner.simulator
    assert found.batch.scenario.split == "test"
    np.testing.assert_array_equal(found.batch.observations, planner.before)
    for k in range(6, 12):
        found.batch.advance(np.zeros((N, 2)))
        np.testing.assert_array_equal(found.batch.out["pain_mean"].astype(np.float32), run["pain_mean"][k])


def test_what_is_tried_in_a_simulator_leaves_the_patients_alone():
    class Trying(Planner):
        def act(self, observation):
            for _ in range(3):
                tried = self.context.simulate()
                tried.sync(np.arange(N))
                tried.batch.advance(np.ones((N, 2)))
            return np.zeros((N, 2), np.float32)

    calm = planned(privileged=True)[1]
    tried = rollout(Trying(privileged=True), short_task(0.5), range(N), seed=3)
    for name in calm.data:
        np.testing.assert_array_equal(tried[name], calm[name], err_msg=name)


def test_without_a_simulator_asking_for_one_is_an_error():
    task = Batch(short_task(0.5), 1)
    context = PolicyContext(observation_view(task.scene), 1, np.zeros(1, np.int64), 0)
    with pytest.raises(ConfigError, match="no simulator is offered here"):
        context.simulate()


def test_the_view_follows_the_task_and_its_profile():
    batch = Batch(short_task(0.5), 1)
    view = observation_view(batch.scene)
    assert view.action_names == ("relative_rate", "bolus_size")
    assert (view.actions.max_up, view.actions.max_down, view.actions.deadband) == (0.2, 0.1, 0.25)
    assert view.monitored
    batch.restart(np.arange(1), np.arange(1), np.zeros(1, np.uint64))
    seen, own = view.decode(batch.observations), batch.lens.decode(batch.observations)
    assert set(own) <= set(seen)
    for name, values in own.items():
        np.testing.assert_array_equal(seen[name], values, err_msg=name)


@pytest.mark.parametrize(
    ("task", "goal", "relief"),
    [("CancerDoseFinding", "pain", 0.3), ("CancerMorphine", "pain", None), ("BaclofenSpasticity", "spasticity", None)],
)
def test_the_view_says_what_the_task_is_about(task, goal, relief):
    view = observation_view(Scenario.of(task, split="tune").resolve())
    assert (view.goal, view.goal_relief) == (goal, relief)
