"""Training as a tracked run: saved, repeatable from what it saved, and kept when interrupted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from thecal.agents.backends.load import load_policy
from thecal.agents.backends.store import read_record
from thecal.core.errors import ConfigError, StoreError
from thecal.envs.adapters.sb3 import ThecalSB3VecEnv
from thecal.envs.outcomes import OUTCOMES
from thecal.experiments.studies.config import TrainConfig, load_config
from thecal.experiments.studies.train import train, writable

from support.runs import short_task

TINY = {
    "n_envs": 8, "n_steps": 32, "batch_size": 64, "n_epochs": 1, "net_arch": [8], "torch_threads": 1,
    "simulation_threads": 1,
}  # fmt: skip


def config(out, **changes) -> TrainConfig:
    values = {"settings": TINY, "total_steps": 512, "pool": 8, "tune_patients": 2, "out": out, **changes}
    return TrainConfig(**values)


@pytest.fixture
def finished(store):
    shown = []
    result = train(config("runs/one"), lambda done, total, numbers: shown.append((done, total, sorted(numbers))))
    return result, shown


def test_a_training_run_is_saved_checked_and_tracked(store, finished):
    result, shown = finished
    assert not result.interrupted
    assert set(result.tune) == {entry.key for entry in OUTCOMES}
    assert shown[-1] == (512, 512, ["cost_per_step", "reward_per_step"])
    assert result.curve["frames"][-1] == 512
    assert len(result.curve["return"]) == len(result.curve["cost"]) == len(result.curve["frames"])
    assert load_policy(result.folder / "policy").record.frames == 512
    run = store.run(result.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["config.settings.gamma"] == "0.99"
    assert run.data.params["config.total_steps"] == "512"
    assert run.data.tags["unshielded"] == "false"
    assert run.data.tags["kind"] == "train"
    assert {"tune/time_controlled", "curve/reward_per_step", "frames_per_s", "train/loss"} <= set(run.data.metrics)
    assert store.artifacts(result.run_id) == {
        "policy", "config.json", "provenance.json", "curve.json", "training.json",
    }  # fmt: skip
    assert json.loads((result.folder / "curve.json").read_text()) == result.curve


def test_the_saved_configuration_runs_again_to_the_same_weights(store, finished):
    result, _ = finished
    saved = load_config(TrainConfig, result.folder / "config.json", {"out": "runs/two", "track": False})
    again = train(saved)
    first, second = (read_record(folder / "policy") for folder in (result.folder, again.folder))
    assert first.weights_sha256 == second.weights_sha256
    assert again.tune == result.tune
    assert again.run_id is None


def test_the_curve_counts_the_last_step_of_an_episode(store, monkeypatch):
    """It is the dearest one where the patient died, and the batch holds a new episode by then."""
    paid, charged, ends = [], [], []
    step = ThecalSB3VecEnv.step_wait

    def watched(env):
        observations, rewards, dones, infos = step(env)
        paid.extend(rewards.tolist())
        charged.extend(info["cost"] for info in infos)
        ends.append(int(dones.sum()))
        return observations, rewards, dones, infos

    monkeypatch.setattr(ThecalSB3VecEnv, "step_wait", watched)
    result = train(config("runs/short", task=short_task(1.0), track=False))
    assert sum(ends) >= 8
    assert result.curve["frames"] == [512]
    assert result.curve["return"] == pytest.approx([np.mean(paid)])
    assert result.curve["cost"] == pytest.approx([np.mean(charged)])


def test_another_seed_learns_something_else(store, finished):
    other = train(config("runs/three", seed=1, track=False))
    assert (
        read_record(other.folder / "policy").weights_sha256 != read_record(finished[0].folder / "policy").weights_sha256
    )


def test_ctrl_c_keeps_what_was_learned(store):
    presses = [KeyboardInterrupt]

    def stop(_done, _total, _numbers):
        if presses:
            raise presses.pop()

    result = train(config("runs/cut", total_steps=100_000, settings={**TINY, "n_steps": 128}), stop)
    assert result.interrupted
    record = read_record(result.folder / "policy")
    assert record.interrupted
    assert 0 < record.frames < 100_000
    assert (result.folder / "config.json").exists()
    run = store.run(result.run_id)
    assert run.info.status == "KILLED"
    assert "tune/time_controlled" in run.data.metrics
    assert "policy" in store.artifacts(result.run_id)


def test_ctrl_c_while_checking_keeps_the_policy(store, monkeypatch):
    def stop(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr("thecal.experiments.studies.train.rollout", stop)
    with pytest.raises(KeyboardInterrupt):
        train(config("runs/late"))
    assert load_policy("runs/late/policy").record.frames == 512
    run = store.only_run()
    assert run.info.status == "KILLED"
    assert "policy" in store.artifacts(run.info.run_id)


def test_an_error_while_training_is_failed(store):
    def fail(*_args):
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        train(config("runs/bad"), fail)
    assert store.only_run().info.status == "FAILED"


def test_an_unshielded_training_is_marked(store):
    result = train(config("runs/off", shield_mode="off", total_steps=256))
    assert store.run(result.run_id).data.tags["unshielded"] == "true"


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"difficulty": "hard"}, ConfigError, "unknown difficulty"),
        ({"task": "Headache"}, ConfigError, "unknown task"),
        ({"settings": {"gama": 0.9}}, ValueError, "did you mean 'gamma'"),
        ({"out": "file/deep"}, StoreError, "output folder"),
    ],
)
def test_mistakes_show_before_anything_is_tracked(store, changes, error, said):
    (store.folder / "file").write_text("x")
    with pytest.raises(error, match=said):
        train(config(**{"out": "runs/mistake", **changes}))
    assert store.client.get_experiment_by_name("thecal") is None


def test_a_store_that_cannot_be_written_stops_before_training(store, monkeypatch):
    (store.folder / "file").write_text("x")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store.folder}/file/mlflow.db")
    shown = []
    with pytest.raises(StoreError, match="cannot be written"):
        train(config("runs/none"), lambda *_: shown.append(1))
    assert shown == []


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        writable(tmp_path / "file" / "deep")
    made = writable(tmp_path / "a" / "b")
    assert list(made.iterdir()) == []
