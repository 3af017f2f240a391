"""The specification of a made environment: its id names what runs, JSON takes it and gives it back, its length is true."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

from thecal.core.errors import ConfigError
from thecal.devices.fault_presets import load_faults
from thecal.envs import Scenario, ThecalEnv, load_task
from thecal.envs.adapters.masks import DiscreteActions
from thecal.safety.invariants import ShieldMode

from support.runs import short_task
from support.task_files import written

ID = "thecal/CancerMorphine-v0"
OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "its own name": {"task": "CancerMorphine"},
    "its own id": {"task": ID},
    "a spec": {"task": short_task(2.0)},
    "a scenario": {"task": Scenario.of("CancerMorphine", split="test", cohort_seed=5)},
    "a resolved one": {"task": Scenario.of(short_task(3.0), pump="prometra_ii_20", faults="stress").resolve()},
    "scenario and options": {
        "task": Scenario.of("CancerMorphine", split="test"),
        "split": "tune",
        "difficulty": "shift",
    },
    "faults": {"faults": load_faults("stress")},
    "a mode": {"shield_mode": ShieldMode.MASK, "stage": "lower"},
    "patients": {"patients": np.array([3, 4])},
    "everything": {
        "truth": True,
        "trail": True,
        "render_mode": "ansi",
        "patients": range(5),
        "cohort_seed": np.int64(3),
    },
}


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("kind", OPTIONS)
def test_json_gives_the_same_environment_back(kind: str, vectorized: bool) -> None:
    make: Any = gym.make_vec if vectorized else gym.make
    env = make(ID, **OPTIONS[kind])
    spec = EnvSpec.from_json(env.spec.to_json())
    again = make(spec)
    assert again.unwrapped.batch.scene.hash == env.unwrapped.batch.scene.hash
    assert again.spec.to_json() == EnvSpec.from_json(again.spec.to_json()).to_json()
    first, second = env.reset(seed=2), again.reset(seed=2)
    assert np.array_equal(first[0], second[0])
    assert list(first[1]) == list(second[1])
    assert make(env.spec).unwrapped.batch.scene.hash == env.unwrapped.batch.scene.hash
    assert copy.deepcopy(env).spec == env.spec


def test_discrete_actions_come_back_too() -> None:
    env = DiscreteActions(gym.make(ID, shield_mode="mask"), rates=(-1.0, 0.0), boluses=(0.0,))
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))  # type: ignore[union-attr]
    assert again.action_space == env.action_space == gym.spaces.Discrete(2)
    assert np.array_equal(again.get_wrapper_attr("table"), env.table)


def test_a_vectors_mode_is_in_its_specification() -> None:
    env = gym.make_vec(ID, num_envs=2, autoreset=AutoresetMode.SAME_STEP)
    again = gym.make_vec(EnvSpec.from_json(env.spec.to_json()))
    assert again.num_envs == 2
    assert again.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


def test_an_id_stands_for_its_task_only(tmp_path: Path) -> None:
    own = written(tmp_path, "Baclofen")
    others: list[tuple[Any, str]] = [
        ("NonCancerMix", r"gymnasium.make\('thecal/NonCancerMix-v0'\)"),
        (load_task("NonCancerMorphine"), r"gymnasium.make\('thecal/NonCancerMorphine-v0'\)"),
        (Scenario.of("NonCancerMix"), "NonCancerMix"),
        (str(own), r"ThecalEnv\(task=...\)"),
        (own, r"ThecalEnv\(task=...\)"),
        (load_task("CancerMorphine").model_copy(update={"version": 9}), "version 9"),
    ]
    for task, way in others:
        for make in (gym.make, gym.make_vec):
            with pytest.raises(ConfigError, match=f"{ID} is not the task .*{way}"):
                make(ID, task=task)  # type: ignore[operator]
    assert gym.make(ID, task=short_task(1.0)).spec.id == ID  # type: ignore[union-attr]
    assert ThecalEnv(task=own).spec is None


def test_ids_of_others_are_their_own_business() -> None:
    gym.register("mine/Anything-v3", entry_point="thecal.envs.adapters.single:ThecalEnv")
    try:
        assert gym.make("mine/Anything-v3", task="NonCancerMix").spec.id == "mine/Anything-v3"  # type: ignore[union-attr]
    finally:
        del gym.registry["mine/Anything-v3"]


def test_what_an_id_was_registered_with_cannot_be_changed() -> None:
    gym.register(
        "thecal/CancerMorphineTest-v0",
        entry_point="thecal.envs.adapters.single:ThecalEnv",
        kwargs={"task": "CancerMorphine", "split": "test"},
    )
    try:
        assert gym.make("thecal/CancerMorphineTest-v0").unwrapped.batch.scenario.split == "test"  # type: ignore[attr-defined]
        with pytest.raises(ConfigError, match=r"stands for split='test'.*thecal/CancerMorphine-v0"):
            gym.make("thecal/CancerMorphineTest-v0", split="train")
    finally:
        del gym.registry["thecal/CancerMorphineTest-v0"]


@pytest.mark.parametrize("task", [None, short_task(0.5), short_task(60.0)])
def test_the_length_of_an_episode_is_told_and_kept(task: Any) -> None:
    options = {} if task is None else {"task": task}
    env: Any = gym.make(ID, **options)
    n = env.unwrapped.spec_task.n_steps
    assert env.spec.max_episode_steps == n
    for made in (env, gym.make(env.spec), gym.make_vec(ID, num_envs=1, **options), gym.make_vec(env.spec)):
        made.reset(seed=1)
        assert made.spec.max_episode_steps == n
        action = np.zeros((1, 2) if hasattr(made, "num_envs") else 2, np.float32)
        ends = [np.ravel(made.step(action)[2:4]).tolist() for _ in range(n)]
        assert ends[-1] == [False, True]
        assert not any(any(one) for one in ends[:-1])


def test_a_shorter_limit_is_gymnasiums() -> None:
    env = gym.make(ID, max_episode_steps=4)
    env.reset(seed=1)
    assert [env.step(np.zeros(2))[3] for _ in range(4)] == [False, False, False, True]
    assert env.spec.max_episode_steps == 4  # type: ignore[union-attr]
