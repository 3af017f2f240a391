"""What Gymnasium and Stable-Baselines3 promise their users: checkers without warnings, seeding, autoreset, workers."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.env_checker import check_env as check_env_sb3

from thecal.envs import ThecalEnv, ThecalVectorEnv, make_sb3

from support.task_files import written

IDS = ("thecal/CancerMorphine-v0", "thecal/NonCancerMorphine-v0", "thecal/NonCancerMix-v0")


@pytest.mark.parametrize("env_id", IDS)
def test_both_checkers_pass_without_warnings(env_id):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(env_id, disable_env_checker=True)
        check_env(env.unwrapped, skip_render_check=True)
        check_env_sb3(env)


def rollout(env, seed, steps=60):
    rng = np.random.default_rng(3)
    rows = [env.reset(seed=seed)[0]]
    rewards = []
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = env.step(rng.uniform(-1, 1, 2).astype(np.float32))
        rows.append(observation)
        rewards.append(reward)
        if terminated or truncated:
            rows.append(env.reset()[0])
    return np.array(rows), np.array(rewards)


@pytest.mark.parametrize("env_id", IDS)
def test_same_seed_same_episode_other_seed_other_episode(env_id):
    a = rollout(gym.make(env_id), 5)
    b = rollout(gym.make(env_id), 5)
    c = rollout(gym.make(env_id), 6)
    assert np.array_equal(a[0], b[0])
    assert np.array_equal(a[1], b[1])
    assert not np.array_equal(a[0], c[0])


def test_reset_without_seed_goes_on_from_the_seeded_stream():
    first, second = gym.make(IDS[0]), gym.make(IDS[0])
    for env in (first, second):
        env.reset(seed=9)
    assert np.array_equal(first.reset()[0], second.reset()[0])
    assert not np.array_equal(first.reset()[0], second.reset(seed=9)[0])


def test_info_keeps_its_keys_and_shows_truth_only_when_asked():
    plain, shown = gym.make(IDS[0]), gym.make(IDS[0], truth=True)
    keys = {frozenset(plain.reset(seed=1)[1])} | {frozenset(plain.step(np.zeros(2, np.float32))[4]) for _ in range(5)}
    assert len(keys) == 1
    assert "pain_mean" not in next(iter(keys))
    shown.reset(seed=1)
    assert "pain_mean" in shown.step(np.zeros(2, np.float32))[4]


def test_time_limit_truncates_and_never_terminates():
    env = gym.make(IDS[1])
    env.reset(seed=2)
    ends = [env.step(np.zeros(2, np.float32))[2:4] for _ in range(env.unwrapped.spec_task.n_steps)]
    assert ends[-1] == (False, True)
    assert not any(truncated for _, truncated in ends[:-1])


def test_vector_entry_point_gives_the_native_batch():
    env = gym.make_vec(IDS[0], num_envs=5, vectorization_mode="vector_entry_point")
    observation, _ = env.reset(seed=0)
    assert isinstance(env.unwrapped, ThecalVectorEnv)
    assert observation.shape == (5, env.single_observation_space.shape[0])
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


def to_the_end(env):
    steps = env.spec_task.n_steps
    actions = np.zeros((env.num_envs, 2), np.float32)
    for _ in range(steps - 1):
        env.step(actions)
    return actions


def test_next_step_autoreset_follows_gymnasium():
    env = ThecalVectorEnv("NonCancerMorphine", 3, seed=1)
    env.reset()
    actions = to_the_end(env)
    last, _, _, truncated, _ = env.step(actions)
    assert truncated.all()
    fresh, reward, terminated, truncated, _ = env.step(actions)
    assert not (terminated | truncated).any()
    assert np.all(reward == 0.0)
    assert not np.array_equal(last, fresh)
    assert np.all(env.batch.world["episode"]["step"] == 0)


def test_same_step_autoreset_keeps_the_final_observation():
    env = ThecalVectorEnv("NonCancerMorphine", 2, seed=1, autoreset="same_step")
    env.reset()
    observation, _, _, truncated, info = env.step(to_the_end(env))
    assert truncated.all()
    assert info["_final_obs"].all()
    assert not np.array_equal(info["final_obs"], observation)


def test_sb3_adapter_resets_within_the_step():
    env = make_sb3("NonCancerMorphine", 2, seed=0)
    env.reset()
    actions = np.zeros((2, 2), np.float32)
    for _ in range(env.spec_task.n_steps):
        _, _, done, infos = env.step(actions)
    assert done.all()
    assert infos[0]["TimeLimit.truncated"]
    assert infos[0]["episode"]["l"] == env.spec_task.n_steps
    assert infos[0]["terminal_observation"].shape == env.observation_space.shape
    assert np.all(env.batch.world["episode"]["step"] == 0)


def test_works_with_nothing_imported_and_in_spawned_workers():
    script = """
        import gymnasium as gym, numpy as np
        from gymnasium.vector import AsyncVectorEnv
        def main():
            env = AsyncVectorEnv([lambda: gym.make("thecal:thecal/CancerMorphine-v0")] * 2, context="spawn")
            env.reset(seed=1)
            print(env.step(np.zeros((2, 2), np.float32))[1].shape)
            env.close()
        if __name__ == "__main__":
            main()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "(2,)" in done.stdout


def test_a_fast_pump_is_refilled_before_it_runs_dry():
    env = ThecalVectorEnv("NonCancerMorphine", 64, split="test", truth=True, autoreset=False)
    env.reset(seed=4, options={"patients": np.arange(64)})
    env.batch._par["pump"]["flow_bias"] = 1.145  # the fastest a label allows
    actions = np.tile(np.array([1.0, 0.0], np.float32), (64, 1))
    for _ in range(env.spec_task.n_steps):
        out = env.step(actions)[4]["out"]
        assert np.all(out["reservoir_true_ml"] > 1.4)
    assert env.batch.world["pump"]["refills"].max() >= 1


@pytest.mark.parametrize(("name", "pain"), [("Baclofen", False), ("Ziconotide", True)])
def test_a_rendered_line_shows_what_the_task_observes(name, pain, tmp_path):
    env = ThecalEnv(written(tmp_path, name), render_mode="ansi")
    env.reset(seed=0)
    line = env.render()
    assert line.startswith("day   0.0  ")
    assert "spasms" in line
    assert ("NRS" in line) is pain
