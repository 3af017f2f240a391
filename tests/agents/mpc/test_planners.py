"""What every planning policy promises: the same again, in any company, from the start, at any step, with what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.agents import policy_info
from thecal.core.errors import ConfigError
from thecal.experiments.rollouts.rollout import rollout

from support.planners import PLANNERS, asked, scene_of, small, started, target_task, without_simulator


@pytest.fixture(scope="module")
def scene():
    return scene_of()


@pytest.mark.parametrize("name", PLANNERS)
def test_it_says_what_it_is(name):
    info = policy_info(name)
    assert info.kind == "model-based"
    assert info.privileged == (name == "oracle")
    assert ("no observation shows" in info.text) == info.privileged
    assert info.parameters["horizon"] > 0.0


@pytest.mark.parametrize("name", PLANNERS)
def test_the_same_again_and_after_a_reset(name, scene):
    policy = small(name)
    first = asked(policy, scene, [4, 7])
    np.testing.assert_array_equal(asked(policy, scene, [4, 7]), first)
    np.testing.assert_array_equal(asked(small(name), scene, [4, 7]), first)
    assert np.abs(first).max() <= 1.0
    assert np.abs(first).max() > 0.0


@pytest.mark.parametrize("name", PLANNERS)
def test_a_patient_is_treated_the_same_in_any_company(name, scene):
    among = asked(small(name), scene, [9, 4, 7])
    np.testing.assert_array_equal(asked(small(name), scene, [7])[:, 0], among[:, 2])
    np.testing.assert_array_equal(asked(small(name), scene, [7, 9])[:, 1], among[:, 0])


@pytest.mark.parametrize("name", PLANNERS)
def test_a_target_dose_every_four_hours(name):
    found = asked(small(name), scene_of(target_task()), [1, 2], steps=6)
    assert found.shape == (6, 2, 1)
    assert np.isfinite(found).all()
    assert np.ptp(found) > 0.0


@pytest.mark.parametrize("name", PLANNERS)
def test_to_the_end_of_an_episode(name):
    run = rollout(small(name), target_task(), range(3), seed=1)
    assert run["well_h"].shape == (6, 3)


@pytest.mark.parametrize("name", PLANNERS)
def test_single_patients_begin_anew(name, scene):
    """The others go on as if nothing was; the one that begins has no memory of before."""
    policy, other = small(name), small(name)
    env, seen = started(policy, scene, [4, 7])
    twin, _ = started(other, scene, [4, 7])
    for k in range(10):
        if k == 4:
            policy.reset_where(np.array([False, True]))
            assert policy.wanted.tolist()[1] == 1.0
            assert policy.steps.tolist() == [4, 0]
        actions, plain = policy.act(seen), other.act(seen)
        np.testing.assert_array_equal(actions[0], plain[0])
        seen = env.step(plain)[0]
        twin.step(plain)


@pytest.mark.parametrize("name", PLANNERS)
def test_missing_readings_are_bridged(name, scene):
    policy = small(name)
    env, seen = started(policy, scene, [4])
    names = list(policy.view.names)
    for _ in range(8):
        silent = seen.copy()
        for field in ("nrs_valid", "rr_valid", "spo2_valid"):
            silent[:, names.index(field)] = -1.0
        actions = policy.act(silent)
        assert np.isfinite(actions).all()
        seen = env.step(actions)[0]


@pytest.mark.parametrize("name", PLANNERS)
def test_without_a_simulator_it_says_so(name, scene):
    policy = small(name)
    with pytest.raises(ConfigError, match="no simulator is offered"):
        policy.reset(without_simulator(policy, scene))


def test_wrong_settings_are_named():
    with pytest.raises(ConfigError, match="horizn"):
        small("oracle", horizn=3.0)
    with pytest.raises(ConfigError, match="lowest"):
        small("mpc", lowest=2.0)
