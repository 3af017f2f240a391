"""Training on a toy with the real spaces: what is learned, what is recorded, and what must be refused."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.agents import load_policy, load_rl_settings, train_policy
from thecal.agents.backends.base import Trained
from thecal.agents.backends.registry import algorithm_names, backend
from thecal.agents.backends.sb3_policy import SB3Policy
from thecal.agents.base import Policy, Saves
from thecal.core.errors import ConfigError, UnknownNameError

from support.agent_toys import FIELDS, make_context, toy_vec_env

PPO = {"n_envs": 4, "n_steps": 32, "batch_size": 64, "net_arch": (16, 16)}
SAC = {"n_envs": 4, "learning_starts": 40, "batch_size": 32, "gradient_steps": 1, "buffer_size": 500, "net_arch": (16,)}
OFF_POLICY = ("sac", "td3", "tqc")
OBS = np.random.default_rng(5).uniform(-1, 1, (7, len(FIELDS))).astype(np.float32)


def trained(algorithm: str = "ppo", steps: int = 256, **env: Any) -> Trained:
    settings = load_rl_settings(algorithm, **(PPO if algorithm == "ppo" else SAC))
    return train_policy(algorithm, toy_vec_env(**env), settings, seed=1, total_steps=steps)


@pytest.fixture(scope="module")
def ppo() -> Trained:
    return trained()


@pytest.mark.parametrize("algorithm", ["ppo", *OFF_POLICY])
def test_actor_acts_as_stable_baselines3_does(algorithm: str) -> None:
    """Also where actions reach the edge of the box: the last layer is made large."""
    from thecal.agents.backends.sb3 import state_arrays

    result = trained(algorithm, 200)
    last = result.model.policy.action_net if algorithm == "ppo" else result.model.actor.mu
    last = last[-2] if algorithm == "td3" else last
    last.weight.data *= 200.0 if algorithm == "ppo" else 20.0
    expected, _ = result.model.predict(OBS, deterministic=True)
    np.testing.assert_allclose(SB3Policy(result.record, state_arrays(result.model)).act(OBS), expected, atol=1e-6)
    assert np.abs(expected).max() > 0.99
    assert np.abs(expected).min() < 0.9


@pytest.mark.parametrize("algorithm", ["ppo", *OFF_POLICY])
def test_round_trip_gives_identical_actions(algorithm: str, tmp_path: Path) -> None:
    result = trained(algorithm, 128)
    result.save(tmp_path / "policy")
    again = load_policy(tmp_path / "policy", observation_names=tuple(FIELDS))
    again.reset(make_context(7))
    np.testing.assert_array_equal(again.act(OBS), result.policy.act(OBS))
    assert again.record.model_copy(update={"weights_sha256": ""}) == result.record
    assert sorted(item.name for item in (tmp_path / "policy").iterdir()) == ["policy.json", "weights.safetensors"]


def test_ppo_learns_the_toy() -> None:
    result = trained(steps=6000)
    assert np.abs(result.policy.act(OBS) - np.array([0.5, -0.5])).mean() < 0.25
    assert result.throughput.frames >= 6000


def test_same_seed_same_policy() -> None:
    np.testing.assert_array_equal(trained().policy.act(OBS), trained().policy.act(OBS))


def test_record_and_throughput(ppo: Trained) -> None:
    record = ppo.record
    assert (record.task, record.task_hash, record.frames, record.interrupted) == ("Toy", "0" * 64, 256, False)
    assert record.observation_names == tuple(FIELDS)
    speed = ppo.throughput
    assert 0.0 < speed.env_s + speed.update_s <= speed.seconds
    assert speed.frames_per_s > 0.0
    assert 0.0 <= speed.env_share + speed.update_share <= 1.0


def test_time_in_the_environment_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that ticks once a reading: starting and finishing a step take one tick each."""
    import thecal.agents.backends.sb3_timing as module

    ticks = itertools.count()
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(ticks)))
    env = module.TimedVecEnv(toy_vec_env())
    env.reset()
    for _ in range(3):
        env.step(np.zeros((4, 2)))
    assert env.seconds == 6.0


@pytest.mark.parametrize("algorithm", ["ppo", *OFF_POLICY])
def test_interrupt_returns_what_was_learned(algorithm: str, tmp_path: Path) -> None:
    result = trained(algorithm, 10_000, interrupt_after=75)
    assert result.interrupted
    assert result.record.interrupted
    assert result.throughput.frames == 4 * 74
    assert np.isfinite(result.policy.act(OBS)).all()
    assert load_policy(result.save(tmp_path)).record.interrupted


def test_callbacks_see_the_end_of_an_interrupted_run() -> None:
    from stable_baselines3.common.callbacks import BaseCallback

    class Watch(BaseCallback):
        ended = False

        def _on_step(self) -> bool:
            return True

        def _on_training_end(self) -> None:
            self.ended = True

    watch = Watch()
    settings = load_rl_settings("ppo", **PPO)
    train_policy("ppo", toy_vec_env(interrupt_after=5), settings, 0, 1000, [watch])
    assert watch.ended


def test_callbacks_get_the_metrics_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.logger import KVWriter

    seen: set[str] = set()

    class Writer(KVWriter):
        def write(self, key_values: dict[str, Any], key_excluded: Any, step: int = 0) -> None:
            seen.update(key_values)

    class Hook(BaseCallback):
        def _on_training_start(self) -> None:
            self.logger.output_formats.append(Writer())

        def _on_step(self) -> bool:
            return True

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    train_policy("ppo", toy_vec_env(), load_rl_settings("ppo", **PPO), 0, 512, [Hook()])
    assert {"throughput/frames_per_s", "throughput/env_share", "train/approx_kl"} <= seen
    assert not list(tmp_path.iterdir())


def test_wrong_arguments_of_training() -> None:
    settings = load_rl_settings("ppo", **PPO)
    with pytest.raises(UnknownNameError, match="ppo, ppo_lagrangian"):
        train_policy("dqn", toy_vec_env(), settings, 0, 10)
    with pytest.raises(ConfigError, match="SACSettings"):
        train_policy("ppo", toy_vec_env(), load_rl_settings("sac", **SAC), 0, 10)
    with pytest.raises(ConfigError, match="total_steps"):
        train_policy("ppo", toy_vec_env(), settings, 0, 0)
    nameless = toy_vec_env()
    del nameless.observation_names
    with pytest.raises(ConfigError, match="does not describe"):
        train_policy("ppo", nameless, settings, 0, 10)


@pytest.mark.parametrize("algorithm", algorithm_names())
def test_back_ends_keep_the_interface(algorithm: str) -> None:
    chosen = backend(algorithm)
    assert chosen.name == algorithm
    assert type(load_rl_settings(algorithm)) is chosen.settings


@pytest.mark.parametrize("algorithm", ["ppo", *OFF_POLICY])
def test_a_learned_policy_says_what_it_is(algorithm: str) -> None:
    result = trained(algorithm, 128)
    info = result.policy.info
    assert isinstance(result.policy, Policy)
    assert isinstance(result.policy, Saves)
    assert (info.name, info.label, info.kind) == (algorithm, f"{algorithm.upper()} (trained)", "learned")
    assert (info.training_seeds, info.tasks) == ((1,), ("Toy",))
    assert info.parameters["gamma"] == result.record.settings["gamma"]
    assert info.parameters["frames"] == result.record.frames


def test_actions_come_from_the_task(tmp_path: Path) -> None:
    names = ("target_dose", "bolus_size", "hold")
    result = trained(action_names=names)
    assert (result.record.action_names, result.record.n_actions) == (names, 3)
    again = load_policy(result.save(tmp_path))
    assert again.act(OBS).shape == (7, 3)
    again.reset(make_context(7, action_names=names))
    with pytest.raises(ConfigError, match="action component 0 is 'relative_rate', trained with 'target_dose'"):
        again.reset(make_context(7))


def test_more_training_does_not_change_what_was_given_back(tmp_path: Path) -> None:
    result = trained()
    before = result.policy.act(OBS)
    for values in result.model.policy.parameters():
        values.data += 1.0
    np.testing.assert_array_equal(load_policy(result.save(tmp_path)).act(OBS), before)
