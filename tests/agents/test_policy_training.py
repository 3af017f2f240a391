"""Training on a toy with the real spaces, storage without pickle, and everything that must be refused."""

from __future__ import annotations

import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.agents import SB3Policy, load_policy, load_rl_settings, read_record, train_sb3
from thecal.agents.backends.training import TrainedPolicy
from thecal.core.errors import ConfigError, StoreError, UnknownNameError

from support.agent_toys import FIELDS, make_view, toy_vec_env

PPO = {"n_envs": 4, "n_steps": 32, "batch_size": 64, "net_arch": (16, 16)}
SAC = {"n_envs": 4, "learning_starts": 40, "batch_size": 32, "gradient_steps": 1, "buffer_size": 500, "net_arch": (16,)}
OBS = np.random.default_rng(5).uniform(-1, 1, (7, len(FIELDS))).astype(np.float32)


def trained(algorithm: str = "ppo", steps: int = 256, **env: Any) -> TrainedPolicy:
    settings = load_rl_settings(algorithm, **(PPO if algorithm == "ppo" else SAC))
    return train_sb3(algorithm, toy_vec_env(**env), settings, seed=1, total_steps=steps)


@pytest.fixture(scope="module")
def ppo() -> TrainedPolicy:
    return trained()


@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
def test_actor_acts_as_stable_baselines3_does(algorithm: str) -> None:
    """Also where actions reach the edge of the box: the last layer is made large."""
    from thecal.agents.backends.sb3 import state_arrays

    result = trained(algorithm, 200)
    last = result.model.policy.action_net if algorithm == "ppo" else result.model.actor.mu
    last.weight.data *= 200.0 if algorithm == "ppo" else 20.0
    expected, _ = result.model.predict(OBS, deterministic=True)
    np.testing.assert_allclose(SB3Policy(result.record, state_arrays(result.model)).act(OBS), expected, atol=1e-6)
    assert np.abs(expected).max() > 0.99
    assert np.abs(expected).min() < 0.9


@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
def test_round_trip_gives_identical_actions(algorithm: str, tmp_path: Path) -> None:
    result = trained(algorithm, 128)
    result.save(tmp_path / "policy")
    again = load_policy(tmp_path / "policy", observation_names=tuple(FIELDS))
    again.reset(make_view(), 7)
    np.testing.assert_array_equal(again.act(OBS), result.policy.act(OBS))
    assert again.record.model_copy(update={"weights_sha256": ""}) == result.record
    assert sorted(item.name for item in (tmp_path / "policy").iterdir()) == ["policy.json", "weights.safetensors"]


def test_ppo_learns_the_toy() -> None:
    result = trained(steps=6000)
    assert np.abs(result.policy.act(OBS) - np.array([0.5, -0.5])).mean() < 0.25
    assert result.throughput.frames >= 6000


def test_same_seed_same_policy() -> None:
    np.testing.assert_array_equal(trained().policy.act(OBS), trained().policy.act(OBS))


def test_record_and_throughput(ppo: TrainedPolicy) -> None:
    record = ppo.record
    assert (record.task, record.task_hash, record.frames, record.interrupted) == ("Toy", "0" * 64, 256, False)
    assert record.observation_names == tuple(FIELDS)
    speed = ppo.throughput
    assert 0.0 < speed.env_s + speed.update_s <= speed.seconds
    assert speed.frames_per_s > 0.0
    assert 0.0 <= speed.env_share + speed.update_share <= 1.0


def test_time_in_the_environment_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that ticks once a reading: starting and finishing a step take one tick each."""
    import thecal.agents.backends.sb3 as module

    ticks = itertools.count()
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(ticks)))
    env = module.TimedVecEnv(toy_vec_env())
    env.reset()
    for _ in range(3):
        env.step(np.zeros((4, 2)))
    assert env.seconds == 6.0


def test_masked_rows_hold(ppo: TrainedPolicy) -> None:
    mask = np.array([True] * 3 + [False] * 4)
    actions = ppo.policy.act(OBS, mask)
    np.testing.assert_array_equal(actions[:3], ppo.policy.act(OBS)[:3])
    assert not actions[3:].any()


@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
def test_interrupt_returns_what_was_learnt(algorithm: str, tmp_path: Path) -> None:
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
    train_sb3("ppo", toy_vec_env(interrupt_after=5), settings, 0, 1000, [watch])
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
    train_sb3("ppo", toy_vec_env(), load_rl_settings("ppo", **PPO), 0, 512, [Hook()])
    assert {"throughput/frames_per_s", "throughput/env_share", "train/approx_kl"} <= seen
    assert not list(tmp_path.iterdir())


def test_zip_is_refused_without_trust(ppo: TrainedPolicy, tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    ppo.model.save(path)
    with pytest.raises(ConfigError, match="trust=True"):
        load_policy(path)
    with pytest.raises(ConfigError, match="observation_names"):
        load_policy(path, trust=True)
    policy = load_policy(path, trust=True, observation_names=tuple(FIELDS))
    np.testing.assert_array_equal(policy.act(OBS), ppo.policy.act(OBS))


def test_file_that_is_no_zip_is_a_store_error(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    path.write_bytes(b"nothing")
    with pytest.raises(StoreError, match="model.zip"):
        load_policy(path, trust=True, observation_names=tuple(FIELDS))


def test_missing_and_damaged_folders(ppo: TrainedPolicy, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="policy.json"):
        load_policy(tmp_path / "nowhere")
    ppo.save(tmp_path)
    weights = tmp_path / "weights.safetensors"
    blob = bytearray(weights.read_bytes())
    blob[-1] ^= 1
    weights.write_bytes(blob)
    with pytest.raises(StoreError, match="hash differs"):
        load_policy(tmp_path)
    weights.unlink()
    with pytest.raises(StoreError, match="weights.safetensors"):
        load_policy(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 99}'])
def test_broken_record(text: str, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(text)
    with pytest.raises(StoreError, match="policy.json"):
        read_record(tmp_path)


def test_weights_of_another_network(ppo: TrainedPolicy, tmp_path: Path) -> None:
    ppo.save(tmp_path)
    record = json.loads((tmp_path / "policy.json").read_text())
    record["net_arch"] = [16, 17]
    (tmp_path / "policy.json").write_text(json.dumps(record))
    with pytest.raises(StoreError, match="mlp_extractor"):
        load_policy(tmp_path)


def test_other_observation_fields_are_refused(ppo: TrainedPolicy, tmp_path: Path) -> None:
    ppo.save(tmp_path)
    names = tuple(FIELDS)
    with pytest.raises(ConfigError, match="field 1"):
        load_policy(tmp_path, observation_names=(names[0], "mood", *names[2:]))
    with pytest.raises(ConfigError, match="trained with 11"):
        load_policy(tmp_path, observation_names=names[:-1])
    view = make_view()
    view.names = names[::-1]
    with pytest.raises(ConfigError, match="field 0"):
        load_policy(tmp_path).reset(view, 1)
    with pytest.raises(ConfigError, match="shape"):
        ppo.policy.act(OBS[:, :3])


def test_unwritable_folder(ppo: TrainedPolicy, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        ppo.save(tmp_path / "file" / "policy")


def test_wrong_arguments_of_training() -> None:
    settings = load_rl_settings("ppo", **PPO)
    with pytest.raises(UnknownNameError, match="ppo, sac"):
        train_sb3("dqn", toy_vec_env(), settings, 0, 10)
    with pytest.raises(ConfigError, match="SACSettings"):
        train_sb3("ppo", toy_vec_env(), load_rl_settings("sac", **SAC), 0, 10)
    with pytest.raises(ConfigError, match="total_steps"):
        train_sb3("ppo", toy_vec_env(), settings, 0, 0)
    nameless = toy_vec_env()
    del nameless.observation_names
    with pytest.raises(ConfigError, match="does not describe"):
        train_sb3("ppo", nameless, settings, 0, 10)
