"""A reward of one's own: what an agent is paid, what stays reported, what is refused, in every adapter alike."""

from __future__ import annotations

import copy

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.envs import ThecalEnv, ThecalVectorEnv, make_sb3
from thecal.envs.kernel.records import PUBLIC_NAMES

from support.runs import short_task


def pay_for_comfort(rows):
    """Ten less the felt pain: hidden truth."""
    return 10.0 - rows["pain_mean"]


def step_of_each(reward_fn, **options):
    """(paid, reported) of one step of patient 3 in each adapter."""
    action = np.array([0.5, 0.0], np.float32)
    one = ThecalEnv(reward_fn=reward_fn, **options)
    one.reset(options={"patient": 3, "seed": 1})
    _, paid, _, _, info = one.step(action)
    yield one, paid, info["task_reward"]
    many = ThecalVectorEnv(num_envs=2, reward_fn=reward_fn, **options)
    many.reset(seed=1, options={"patients": [3, 3]})
    _, rewards, _, _, info = many.step(np.tile(action, (2, 1)))
    yield many, rewards[1], info["task_reward"][1]
    batch = make_sb3("CancerMorphine", 2, seed=0, pool=4, reward_fn=reward_fn, **options)
    batch.reset()
    rewards = batch.step(np.tile(action, (2, 1)))[1]
    assert rewards.dtype == np.float32
    yield batch, rewards[0], batch.batch.out["reward"][0]


def test_every_adapter_pays_it_and_reports_the_task_s_own():
    plain = ThecalEnv(truth=True)
    plain.reset(options={"patient": 3, "seed": 1})
    _, own, _, _, info = plain.step(np.array([0.5, 0.0], np.float32))
    assert "task_reward" not in info
    found = list(step_of_each(pay_for_comfort))
    for _, paid, reported in found[:2]:
        assert paid == pytest.approx(10.0 - info["pain_mean"])
        assert reported == own
    env, paid, reported = found[2]
    assert paid == pytest.approx(10.0 - env.batch.out["pain_mean"][0], rel=1e-6)
    assert paid != pytest.approx(reported)


def test_gymnasium_passes_it_on_and_the_description_says_so():
    for env in (
        gym.make("thecal/CancerMorphine-v0", reward_fn=pay_for_comfort),
        gym.make_vec("thecal/CancerMorphine-v0", num_envs=2, reward_fn=pay_for_comfort),
    ):
        assert "pay_for_comfort on all fields, hidden truth included" in env.unwrapped.metadata["reward"]
    assert "reward" not in ThecalEnv().metadata
    assert "reward" not in ThecalVectorEnv(num_envs=1).metadata


def test_returns_of_an_episode_stay_the_task_s_own():
    env = make_sb3(short_task(1.0), 2, seed=0, pool=2, reward_fn=lambda rows: np.full(len(rows), 100.0))
    env.reset()
    for _ in range(env.spec_task.n_steps):
        _, rewards, done, infos = env.step(np.zeros((2, 2)))
        assert rewards.tolist() == [100.0, 100.0]
    assert done.all()
    reported = [info["episode"]["r"] for info in infos]
    assert max(reported) < 100.0


def test_public_rows_hide_the_truth():
    seen = []

    def look(rows):
        seen.append(rows.dtype.names)
        with pytest.raises(ValueError, match="read-only"):
            rows["reward"] = 1.0
        return -rows["delivered_rate"]

    env = ThecalEnv(reward_fn=look, reward_sees="public")
    env.reset(seed=0)
    assert env.step(np.zeros(2, np.float32))[1] < 0.0
    assert set(seen[0]) == set(PUBLIC_NAMES)
    assert env.metadata["reward"].endswith("public fields")


def test_environments_that_wait_are_paid_nothing():
    env = ThecalVectorEnv(short_task(0.25), 2, reward_fn=lambda rows: np.ones(len(rows)))
    env.reset(seed=0)
    for _ in range(env.spec_task.n_steps):
        assert env.step(np.zeros((2, 2), np.float32))[1].tolist() == [1.0, 1.0]
    assert env.step(np.zeros((2, 2), np.float32))[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda rows: 1.0, r"shape \(\) for 1 patients"),
        (lambda rows: np.ones((len(rows), 2)), r"shape \(1, 2\)"),
        (lambda rows: ["much"], "not real numbers"),
        (lambda rows: rows["reward"] * np.nan, "not finite"),
        (lambda rows: rows["reward"] + 1j, "not real numbers"),
    ],
)
def test_what_is_no_reward_is_refused_at_the_first_step(function, words):
    env = ThecalEnv(reward_fn=function)
    env.reset(seed=0)
    with pytest.raises(ConfigError, match=words):
        env.step(np.zeros(2, np.float32))


def test_what_cannot_be_called_is_refused_at_once():
    with pytest.raises(ConfigError, match="reward_fn is a function"):
        ThecalEnv(reward_fn=3)
    with pytest.raises(ConfigError, match="reward_sees 'everything' is not one of truth, public"):
        ThecalEnv(reward_fn=pay_for_comfort, reward_sees="everything")


def test_a_copy_pays_the_same():
    env = ThecalEnv(reward_fn=pay_for_comfort)
    env.reset(seed=0)
    twin = copy.deepcopy(env)
    for _ in range(3):
        assert env.step(np.zeros(2, np.float32))[1] == twin.step(np.zeros(2, np.float32))[1]
