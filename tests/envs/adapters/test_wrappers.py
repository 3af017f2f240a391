"""Gymnasium's own wrappers over the made environment: each that makes sense on a Box runs across a reset and an end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import wrappers as w
from gymnasium.spaces import Box

from thecal.envs import Scenario, ThecalVectorEnv

from support.runs import short_task

ID = "thecal:thecal/CancerMorphine-v0"
TASK = short_task(0.5)
TWICE = Box(-2.0, 2.0, (2,), np.float32)
WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "DelayObservation": lambda env: w.DelayObservation(env, delay=2),
    "DtypeObservation": lambda env: w.DtypeObservation(env, np.float16),
    "DiscretizeObservation": lambda env: w.DiscretizeObservation(env, bins=3, multidiscrete=True),
    "FlattenObservation": w.FlattenObservation,
    "FrameStackObservation": lambda env: w.FrameStackObservation(env, 4),
    "TransformObservation": lambda env: w.TransformObservation(env, lambda x: 0.5 * x, env.observation_space),
    "MaxAndSkipObservation": lambda env: w.MaxAndSkipObservation(env, skip=2),
    "NormalizeObservation": w.NormalizeObservation,
    "ReshapeObservation": lambda env: w.ReshapeObservation(env, (1, *env.observation_space.shape)),
    "RescaleObservation": lambda env: w.RescaleObservation(env, np.float32(0.0), np.float32(1.0)),
    "TimeAwareObservation": w.TimeAwareObservation,
    "TimeAwareObservation, normalized": lambda env: w.TimeAwareObservation(env, normalize_time=True),
    "TimeAwareObservation, apart": lambda env: w.TimeAwareObservation(env, flatten=False),
    "ClipAction": w.ClipAction,
    "DiscretizeAction": lambda env: w.DiscretizeAction(env, bins=3, multidiscrete=True),
    "TransformAction": lambda env: w.TransformAction(env, lambda a: 0.5 * a, TWICE),
    "RescaleAction": lambda env: w.RescaleAction(env, np.float32(0.0), np.float32(1.0)),
    "StickyAction": lambda env: w.StickyAction(env, 0.25),
    "RepeatAction": lambda env: w.RepeatAction(env, 2),
    "ClipReward": lambda env: w.ClipReward(env, -1.0, 1.0),
    "TransformReward": lambda env: w.TransformReward(env, lambda r: 2.0 * r),
    "NormalizeReward": w.NormalizeReward,
    "TimeLimit": lambda env: w.TimeLimit(env, 5),
    "Autoreset": w.Autoreset,
    "PassiveEnvChecker": w.PassiveEnvChecker,
    "OrderEnforcing": w.OrderEnforcing,
    "RecordEpisodeStatistics": w.RecordEpisodeStatistics,
}  # fmt: skip


@pytest.mark.filterwarnings("error", "ignore:.*precision lowered by casting")
@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_runs(name: str) -> None:
    env = WRAPPERS[name](gym.make(ID, task=TASK))
    env.action_space.seed(1)
    ends = 0
    for seed in (3, None):
        observation, info = env.reset(seed=seed)
        assert observation in env.observation_space
        for _ in range(12):
            observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
            assert observation in env.observation_space
            assert np.isfinite(reward)
            assert "cost" in info
            ends += bool(truncated)
            if terminated or truncated:
                break
    assert ends >= 1
    assert env.spec.id == "thecal/CancerMorphine-v0"
    env.close()


def test_time_is_told_as_a_share_of_the_horizon() -> None:
    env = w.TimeAwareObservation(gym.make(ID, task=TASK), normalize_time=True)
    env.reset(seed=1)
    for _ in range(12):
        observation = env.step(np.zeros(2, np.float32))[0]
    assert observation[-1] == 1.0


def test_collected_lines_are_those_of_the_steps() -> None:
    env = w.RenderCollection(gym.make(ID, task=TASK, render_mode="ansi"))
    env.reset(seed=1)
    env.step(np.zeros(2, np.float32))
    assert [line[:9] for line in env.render()] == ["day   0.0", "day   0.0"]  # type: ignore[union-attr]


VECTOR: dict[str, Callable[[Any], Any]] = {
    "RecordEpisodeStatistics": w.vector.RecordEpisodeStatistics,
    "NormalizeObservation": w.vector.NormalizeObservation,
    "NormalizeReward": w.vector.NormalizeReward,
    "DictInfoToList": w.vector.DictInfoToList,
    "RescaleAction": lambda env: w.vector.RescaleAction(env, np.float32(0.0), np.float32(1.0)),
    "ClipAction": w.vector.ClipAction,
    "FlattenObservation": w.vector.FlattenObservation,
    "DtypeObservation": lambda env: w.vector.DtypeObservation(env, np.float16),
    "ClipReward": lambda env: w.vector.ClipReward(env, -1.0, 1.0),
}


@pytest.mark.filterwarnings("ignore:.*precision lowered by casting")
@pytest.mark.parametrize("name", VECTOR)
def test_a_wrapper_of_vectors_runs(name: str) -> None:
    env = VECTOR[name](ThecalVectorEnv(Scenario.of(TASK), 3))
    env.action_space.seed(1)
    env.reset(seed=1)
    for _ in range(15):
        info = env.step(env.action_space.sample())[4]
    assert len(info) == 3 if isinstance(info, list) else info["cost"].shape == (3,)
