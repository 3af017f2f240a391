"""Environments of a batch one by one: SB3's and Gymnasium's calls, attributes and options, as over single environments."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import DummyVecEnv

from thecal.core.errors import ConfigError
from thecal.envs import Scenario, ThecalEnv, ThecalVectorEnv, make_sb3

from support.runs import short_task
from support.same import same

SCENE = Scenario.of(short_task(0.5)).resolve()
ID = "thecal:thecal/CancerMorphine-v0"


@pytest.fixture
def native() -> Any:
    env = make_sb3(SCENE, 3, seed=5)
    env.reset()
    return env


@pytest.fixture
def dummy() -> DummyVecEnv:
    env = DummyVecEnv([lambda: ThecalEnv(SCENE)] * 3)
    env.seed(5)
    env.reset()
    return env


def _walk(env: Any, steps: int = 4) -> list[Any]:
    return [env.step(np.full((3, 2), 0.4, np.float32))[:3] for _ in range(steps)]


def test_options_are_used_by_the_next_reset_only(native: Any, dummy: DummyVecEnv) -> None:
    for options in ({"patient": 3}, [{"patient": 7}, {}, {"patient": 9, "seed": 4}], None):
        for env in (native, dummy):
            env.set_options(options)
        assert np.array_equal(native.reset(), dummy.reset())
        assert [info["patient"] for info in native.reset_infos] == [info["patient"] for info in dummy.reset_infos]
    native.set_options({"patient": 3})
    native.reset()
    assert native.batch.patients.tolist() == [3, 3, 3]
    native.reset()
    assert native.batch.patients.tolist() != [3, 3, 3]


def test_bad_options_are_refused_and_leave_the_last_ones(native: Any) -> None:
    native.set_options({"patient": 8})
    for bad in ({"patients": 3}, {"patient": -1}, [{}], [{}, {}, {"nobody": 1}], [1, 2, 3], 5):
        with pytest.raises(ConfigError):
            native.set_options(bad)
    native.reset()
    assert native.batch.patients.tolist() == [8, 8, 8]


def test_seeds_are_used_once(native: Any, dummy: DummyVecEnv) -> None:
    for env in (native, dummy):
        assert list(env.seed(12)) == [12, 13, 14]
    for _ in range(3):
        assert np.array_equal(native.reset(), dummy.reset())
    assert same(_walk(native, 14), _walk(dummy, 14)), "across ends"


def test_attributes_are_those_of_single_environments(native: Any, dummy: DummyVecEnv) -> None:
    for name in (
        "render_mode",
        "action_names",
        "observation_names",
        "observation_space",
        "action_space",
        "np_random_seed",
    ):
        assert native.get_attr(name) == dummy.get_attr(name), name
    assert [one.id for one in native.get_attr("spec", [0, 2])] == ["thecal/CancerMorphine-v0"] * 2
    assert native.get_attr("spec")[0].max_episode_steps == 12
    made = gym.make(EnvSpec.from_json(native.get_attr("spec", 0)[0].to_json()))
    assert made.unwrapped.batch.scene.hash == native.batch.scene.hash
    assert native.get_attr("spec_task", 1) == [native.spec_task]
    assert native.get_attr("batch", [0])[0] is native.batch
    for name in ("nothing", "num_envs", "_whole", "step_wait"):
        with pytest.raises(AttributeError):
            native.get_attr(name)
        assert not native.has_attr(name)
    assert native.has_attr("spec")
    assert native.env_is_wrapped(gym.Wrapper) == [False] * 3
    assert native.env_is_wrapped(gym.Wrapper, [1]) == [False]
    with pytest.raises(IndexError):
        native.get_attr("spec", [3])
    with pytest.raises(AttributeError):
        native.env_method("nothing")


def test_only_the_patients_can_be_set_and_each_has_its_own(native: Any, dummy: DummyVecEnv) -> None:
    for env in (native, dummy):
        env.set_attr("patients", [11, 12], indices=[0])
        env.set_attr("patients", [21], indices=2)
    assert np.array_equal(native.reset(), dummy.reset())
    assert native.batch.patients[2] == 21
    assert native.batch.patients[0] in (11, 12)
    assert native.get_attr("patients", 0)[0].tolist() == [11, 12]
    for name in ("spec", "render_mode", "spec_task", "batch", "np_random", "observation_space", "decode", "snapshot"):
        with pytest.raises(ConfigError, match=f"{name} .*cannot be set"):
            native.set_attr(name, 1, indices=[0])
    with pytest.raises(AttributeError):
        native.set_attr("difficulty", "easy")
    with pytest.raises(ConfigError, match="patients"):
        native.set_attr("patients", [])


def test_snapshots_go_from_one_environment_to_another(native: Any) -> None:
    _walk(native)
    kept = native.env_method("snapshot", indices=[0])[0]
    single = ThecalEnv(SCENE)
    single.restore(kept)
    others = native.batch.world[[0, 2]].tobytes()
    native.env_method("restore", kept, indices=[1])
    assert native.batch.world[[0, 2]].tobytes() == others
    assert native.batch.patients[1] == native.batch.patients[0]
    assert native.env_method("interrogate", indices=[1]) == [single.interrogate()]
    assert np.array_equal(native.batch.observations[0], native.batch.observations[1])
    for _ in range(8):
        observation, _, done, infos = native.step(np.full((3, 2), 0.1, np.float32))
        assert done[0] or np.array_equal(observation[0], observation[1])
        alone = single.step(np.full(2, 0.1, np.float32))
        assert done[0] or np.array_equal(alone[0], observation[1])
    assert done.all()
    assert same(infos[0]["episode"], infos[1]["episode"])
    assert same(infos[0]["terminal_observation"], infos[1]["terminal_observation"])
    native.env_method("restore", single.snapshot(), indices=[1])
    assert "episode" not in native.step(np.zeros((3, 2), np.float32))[3][1], "whose beginning nobody added up"


def test_there_are_no_images_and_sb3_says_so(native: Any, dummy: DummyVecEnv) -> None:
    for env in (native, dummy):
        with pytest.warns(UserWarning, match="render mode"):
            assert env.get_images() == [None] * 3


def test_the_vector_calls_as_gymnasiums_do() -> None:
    native = ThecalVectorEnv(SCENE, 3)
    sync = gym.vector.SyncVectorEnv([lambda: ThecalEnv(SCENE)] * 3)
    for env in (native, sync):
        env.reset(seed=5)
    assert native.call("interrogate") == sync.call("interrogate")
    assert native.get_attr("action_names") == sync.get_attr("action_names")
    assert native.np_random_seed == sync.np_random_seed == (5, 6, 7)
    kept = native.call("snapshot")
    assert [type(one) for one in kept] == [type(one) for one in sync.call("snapshot")]
    native.set_attr("patients", [[1], [2], [3]])
    sync.set_attr("patients", [[1], [2], [3]])
    assert np.array_equal(native.reset(seed=8)[0], sync.reset(seed=8)[0])
    assert native.batch.patients.tolist() == [1, 2, 3]
    native.set_attr("patients", np.array([4]))
    native.reset()
    assert native.batch.patients.tolist() == [4, 4, 4]
    with pytest.raises(ConfigError, match="2 values were given for 3"):
        native.set_attr("patients", [[1], [2]])
    with pytest.raises(ConfigError, match="cannot be set"):
        native.set_attr("render_mode", "ansi")
    for name in ("nothing", "step", "num_envs"):
        with pytest.raises(AttributeError):
            native.get_attr(name)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_autoreset_takes_gymnasiums_own_names(mode: AutoresetMode) -> None:
    env = gym.make_vec(ID, num_envs=2, autoreset=mode)
    assert env.metadata["autoreset_mode"] is mode
    assert env.unwrapped.mode is mode
    assert f'"autoreset": "{mode.name.lower()}"' in env.spec.to_json()


def test_a_shorter_episode_ends_as_under_a_time_limit() -> None:
    native = gym.make_vec(ID, num_envs=2, max_episode_steps=5)
    sync = gym.make_vec(ID, num_envs=2, max_episode_steps=5, vectorization_mode="sync")
    for env in (native, sync):
        env.reset(seed=1)
    for _ in range(12):
        mine, theirs = (env.step(np.zeros((2, 2), np.float32)) for env in (native, sync))
        assert all(np.array_equal(a, b) for a, b in zip(mine[:4], theirs[:4], strict=True))
    assert native.spec.max_episode_steps == 5
    with pytest.raises(ConfigError, match="max_episode_steps"):
        ThecalVectorEnv(SCENE, 2, max_episode_steps=13)
