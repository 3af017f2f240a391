"""A training that was ended by a signal goes on from its checkpoint to the very result of one without a break."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.agents.backends.checkpoint import FILE, FOLDER, read_head
from thecal.agents.backends.store import read_record
from thecal.core.errors import ConfigError, StoreError
from thecal.experiments.studies.config import TrainConfig
from thecal.experiments.studies.resuming import resumed_values
from thecal.experiments.studies.train import train

from support.trainings import EVERY, FRAMES, SETTINGS, config, cut, outcome


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What runs without a break come to."""
    found = {}
    for algorithm in SETTINGS:
        folder = tmp_path_factory.mktemp(algorithm)
        train(config(folder, algorithm))
        found[algorithm] = outcome(folder)
    return found


@pytest.mark.parametrize("algorithm", list(SETTINGS))
def test_a_resumed_run_ends_as_one_without_a_break(algorithm, whole, tmp_path):
    at = int(np.random.default_rng(os.getpid()).integers(EVERY[algorithm] + 40, FRAMES[algorithm] - 40))
    chosen = config(tmp_path, algorithm)
    cut(chosen, at)
    assert read_record(tmp_path / "policy").interrupted
    assert json.loads((tmp_path / "training.json").read_text())["interrupted"] is True
    begun = read_head(tmp_path)
    assert begun is not None
    assert 0 < begun.frames <= at + SETTINGS[algorithm]["n_envs"] <= begun.frames + EVERY[algorithm] + 300
    said: list[str] = []
    result = train(TrainConfig(**{**resumed_values(tmp_path), "out": str(tmp_path)}), resume=True, tell=said.append)
    assert said == [f"goes on at {begun.frames:,} frames, from the checkpoint in {tmp_path}"]
    assert not result.interrupted
    assert outcome(tmp_path) == whole[algorithm], f"stopped at {at}"
    assert not (tmp_path / FOLDER).exists()
    record = read_record(tmp_path / "policy")
    assert (record.interrupted, record.frames) == (False, FRAMES[algorithm])


def test_twice_interrupted_is_the_same_too(whole, tmp_path):
    cut(config(tmp_path), 700)
    cut(config(tmp_path), 700, signal.SIGHUP, resume=True)
    train(config(tmp_path), resume=True)
    assert outcome(tmp_path) == whole["ppo"]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoint of an unfinished run, at 1,024 frames."""
    folder = tmp_path_factory.mktemp("stopped")
    cut(config(folder), 1100)
    return folder


@pytest.fixture
def interrupted(stopped: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(stopped, tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 1}, r"seed \(0 there, 1 here\)"),
        ({"total_steps": 4096}, "total_steps"),
        ({"settings": {**SETTINGS["ppo"], "gamma": 0.5}}, "settings"),
        ({"difficulty": "easy"}, 'difficulty \\("real" there, "easy" here\\), content of the scenario'),
    ],
    ids=["seed", "frames", "settings", "difficulty"],
)
def test_another_configuration_is_refused(interrupted, changes, said):
    before = (interrupted / FOLDER / FILE).read_bytes()
    with pytest.raises(ConfigError, match=f"is of another run, and would end differently: .*{said}"):
        train(config(interrupted, **changes), resume=True)
    assert (interrupted / FOLDER / FILE).read_bytes() == before


def test_other_code_is_refused(interrupted, monkeypatch):
    monkeypatch.setattr("thecal.experiments.studies.resuming.source_key", lambda: 1)
    with pytest.raises(ConfigError, match=r"simulation code \([0-9a-f]+ there, 1 here\)"):
        train(config(interrupted), resume=True)


def test_a_finished_run_is_not_resumed(tmp_path):
    train(config(tmp_path, total_steps=256))
    with pytest.raises(ConfigError, match="is finished, there is nothing to resume"):
        train(config(tmp_path, total_steps=256), resume=True)
    with pytest.raises(ConfigError, match="holds no checkpoint of a training: begin it without --resume"):
        resumed_values(tmp_path / "nowhere")


def test_a_new_run_says_what_it_replaces(interrupted):
    said: list[str] = []
    train(config(interrupted, total_steps=256, seed=2), tell=said.append)
    assert said == [
        f"begins anew: the first checkpoint will replace the one at 1,024 frames in {interrupted} (--resume would go on from it)"
    ]


def test_going_on_where_possible(interrupted, whole):
    said: list[str] = []
    train(config(interrupted), resume=None, tell=said.append)
    assert said[0].startswith("goes on at 1,024 frames")
    assert outcome(interrupted) == whole["ppo"]


def test_beginning_anew_where_going_on_is_impossible(interrupted):
    said: list[str] = []
    train(config(interrupted, total_steps=256, seed=2), resume=None, tell=said.append)
    assert said[0].startswith("begins anew: the first checkpoint will replace the one at 1,024 frames")
    assert "which is of another run (" in said[0]
    assert "seed (0 there, 2 here)" in said[0]


def test_the_tracked_run_goes_on(store):
    chosen = config("runs/one", track=True)
    cut(chosen, 1100)
    first = store.only_run()
    assert first.info.status == "KILLED"
    result = train(chosen, resume=True)
    assert result.run_id == first.info.run_id
    run = store.only_run()
    assert run.info.status == "FINISHED"
    assert {"policy", "training.json"} <= store.artifacts(result.run_id)
    assert "checkpoint" not in store.artifacts(result.run_id)


def test_a_failing_store_leaves_everything_in_the_folder(store, monkeypatch):
    def fail(*_given: Any, **_more: Any) -> None:
        raise StoreError("the tracking store failed (locked)")

    monkeypatch.setattr("thecal.experiments.tracking.tracker.Tracker.artifact", fail)
    with pytest.raises(StoreError, match=r"failed \(locked\); everything that was computed is in runs/one"):
        train(config("runs/one", track=True, total_steps=256))
    assert outcome(Path("runs/one"))
    assert store.only_run().info.status == "FAILED"


def test_a_result_that_cannot_be_written_leaves_the_policy(tmp_path, monkeypatch):
    from thecal.experiments.studies import train as module

    write = module.write_whole

    def full(path, content):
        if Path(path).name == "training.json":
            raise StoreError(f"{path}: cannot be written (No space left on device)")
        return write(path, content)

    monkeypatch.setattr(module, "write_whole", full)
    with pytest.raises(StoreError, match=r"No space left on device\); what was learned is in "):
        train(config(tmp_path, total_steps=256))
    assert read_record(tmp_path / "policy").frames == 256
