"""Simulators: true patients for nobody but a privileged policy, copies that go on bit for bit, doses that are reached."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.agents.base import PolicyContext
from thecal.agents.info import PolicyInfo
from thecal.core.errors import ConfigError

from support.planners import scene_of, started, target_task


class Asks:
    """Holds the start, and may ask for simulators."""

    def __init__(self, *, privileged: bool) -> None:
        self.info = PolicyInfo(name="asks", label="Asks", kind="model-based", privileged=privileged)

    def reset(self, context: PolicyContext) -> None:
        self.context = context


def asked(*, privileged: bool, rows: int = 4, **options):
    policy = Asks(privileged=privileged)
    env, _ = started(policy, scene_of(target_task(), **options), [3, 5])
    return env, policy.context.simulate(rows)


def test_nobody_else_sees_the_true_patients():
    env, simulator = asked(privileged=False)
    assert not simulator.knows_truth
    with pytest.raises(ConfigError, match="only a privileged policy"):
        simulator.sync(np.zeros(4, np.int64))
    truth = env.batch
    # Nothing that can be reached from the simulator is the true batch, or holds one of its patients.
    held = [value for owner in (simulator, simulator.batch) for value in vars(owner).values()]
    assert not any(value is truth or value is truth.par or value is truth.world for value in held)
    assert simulator.batch.scenario.split == "train"
    simulator.begin(np.arange(4), np.array([3, 5, 3, 5]))
    assert not np.intersect1d(simulator.batch.par["patient"]["pain_base"], truth.par["patient"]["pain_base"]).size
    assert (simulator.batch.par["patient"]["seed"] != truth.par["patient"]["seed"][0]).all()


@pytest.mark.parametrize(("split", "other"), [("train", "tune"), ("tune", "train"), ("test", "train")])
def test_models_are_of_another_split(split, other):
    policy = Asks(privileged=False)
    scene = scene_of(target_task())
    from thecal.envs.scenario import Scenario

    env, _ = started(policy, Scenario.of(scene, split=split).resolve(), [1])
    assert policy.context.simulate().batch.scenario.split == other
    assert env.batch.scenario.split == split


def test_synced_rows_go_on_as_the_patients_do():
    env, simulator = asked(privileged=True)
    action = np.full((2, 1), 0.3, np.float32)
    for _ in range(2):
        env.step(action)
    simulator.sync(np.array([1, 0, 0, 1]))
    simulator.batch.advance(np.full((4, 1), np.float64(action[0, 0])))
    env.step(action)
    order = [1, 0, 0, 1]
    np.testing.assert_array_equal(simulator.batch.out["pain_mean"], env.batch.out["pain_mean"][order])
    with pytest.raises(ConfigError, match="sync them"):
        simulator.begin(np.zeros(1, np.int64), np.zeros(1, np.int64))


def test_what_is_tried_moves_no_true_patient():
    env, simulator = asked(privileged=True)
    before = env.batch.world.tobytes()
    simulator.sync(np.array([0, 1, 0, 1]))
    for _ in range(3):
        simulator.step(simulator.start_mg * [0.5, 1.0, 2.0, 4.0])
    assert env.batch.world.tobytes() == before


def test_a_model_reaches_any_dose_at_once():
    _, simulator = asked(privileged=False)
    simulator.begin(np.arange(4), np.arange(4))
    wanted = simulator.start_mg * [0.5, 1.0, 3.0, 10.0]
    simulator.step(wanted)
    np.testing.assert_allclose(simulator.dose_mg, wanted, rtol=0.05)


def test_rows_may_continue_others():
    _, simulator = asked(privileged=False)
    simulator.begin(np.arange(4), np.arange(4))
    simulator.step(simulator.start_mg)
    before = simulator.batch.world["patient"]["pain"].copy()
    simulator.take(simulator, np.array([1, 0]), np.array([0, 1]))
    np.testing.assert_array_equal(simulator.batch.world["patient"]["pain"], before[[1, 0, 2, 3]])
    assert simulator.batch.patients.tolist() == [1, 0, 2, 3]


def test_rows_that_are_not_active_stand_still():
    _, simulator = asked(privileged=False)
    simulator.begin(np.arange(4), np.arange(4))
    simulator.step(simulator.start_mg, active=np.array([True, False, True, False]))
    assert simulator.batch.world["episode"]["step"].tolist() == [1, 0, 1, 0]
    assert simulator.steps_left.tolist() == [5, 6, 5, 6]
