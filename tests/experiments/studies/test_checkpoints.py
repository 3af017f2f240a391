"""Checkpoints: damaged and hostile ones are refused with the reason, and a full disk costs neither training nor policy."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from thecal.agents.backends.checkpoint import FILE, FOLDER, Checkpoints, read_head
from thecal.agents.backends.store import read_record
from thecal.core.errors import StoreError
from thecal.envs.kernel.records import WORLD
from thecal.experiments.studies.train import train

from support.trainings import config, cut


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


def _edit(folder: Path, **changes: Any) -> None:
    path = folder / FOLDER / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _head(folder: Path) -> dict[str, Any]:
    return json.loads((folder / FOLDER / FILE).read_text())


HOSTILE: dict[str, Any] = {
    "no JSON": lambda folder: (folder / FOLDER / FILE).write_text("{"),
    "deep JSON": lambda folder: (folder / FOLDER / FILE).write_text("[" * 100_000),
    "a later format": lambda folder: _edit(folder, format=2),
    "an unknown key": lambda folder: _edit(folder, more=1),
    "a path": lambda folder: _edit(folder, arrays="../../secret.safetensors"),
    "negative frames": lambda folder: _edit(folder, frames=-1),
    "huge arrays": lambda folder: _edit(folder, arrays_bytes=2**60),
    "other size": lambda folder: _edit(folder, arrays_bytes=10),
    "other hash": lambda folder: _edit(folder, arrays_sha256="0" * 64),
    "no arrays": lambda folder: next((folder / FOLDER).glob("*.safetensors")).unlink(),
    "no study": lambda folder: _edit(folder, study={}),
    "NaN in the curve": lambda folder: _edit(
        folder, study={**_head(folder)["study"], "log": {**_head(folder)["study"]["log"], "sums": [float("nan"), 0.0]}}
    ),
    "no counters": lambda folder: _edit(folder, state={**_head(folder)["state"], "counters": {}}),
    "a counter that is none": lambda folder: _edit(
        folder, state={**_head(folder)["state"], "counters": {"num_timesteps": -5, "_episode_num": 0, "_n_updates": 0}}
    ),
    "another generator": lambda folder: _edit(folder, state={**_head(folder)["state"], "actions": {"a": 1}}),
    "a place beyond the generator": lambda folder: _edit(
        folder, state={**_head(folder)["state"], "numpy": {**_head(folder)["state"]["numpy"], "place": 10**6}}
    ),
    "an optimizer that is none": lambda folder: _edit(folder, state={**_head(folder)["state"], "optimizers": ["x"]}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_damaged_checkpoint_is_refused(name, interrupted):
    HOSTILE[name](interrupted)
    with pytest.raises(StoreError):
        train(config(interrupted), resume=True)


@pytest.mark.parametrize("change", ["nan", "patient", "row", "type", "extra", "tip", "slugs", "moved", "ledger"])
def test_arrays_that_do_not_fit_are_refused(change, interrupted):
    """Written anew with a hash that is right, as somebody would who means harm."""
    head = _head(interrupted)
    path = interrupted / FOLDER / head["arrays"]
    arrays = load(path.read_bytes())
    name = "policy.action_net.weight"
    if change == "nan":
        arrays[name][0, 0] = np.nan
    elif change == "patient":
        arrays["env.patients"][0] = 10**9
    elif change == "row":
        arrays[name] = np.vstack([arrays[name]] * 2)
    elif change == "type":
        arrays[name] = arrays[name].astype(np.float64)
    elif change in ("tip", "slugs", "moved", "ledger"):
        _edit_records(arrays, change)
    else:
        arrays["more"] = np.zeros(3, np.float32)
    blob = save(arrays)
    path.write_bytes(blob)
    _edit(interrupted, arrays_bytes=len(blob), arrays_sha256=hashlib.sha256(blob).hexdigest())
    with pytest.raises(StoreError):
        train(config(interrupted), resume=True)


def _edit_records(arrays: dict[str, np.ndarray], change: str) -> None:
    """Put an index where the kernels would read beyond an array, a tip that moved by itself, or a forgotten dose."""
    world = arrays["env.world"].reshape(-1).view(WORLD)
    if change == "tip":
        arrays["env.tips"][0] = 10**6
    elif change == "slugs":
        world["pump"]["n_slugs"][0] = 10**6
    elif change == "moved":
        arrays["env.tips"][0] += 1
    else:
        world["shield"]["ledger"][0] = 0


def test_a_full_disk_in_mid_training_costs_no_training(tmp_path, monkeypatch):
    """The old checkpoint stays whole, the training goes on, and what was learned is saved."""
    from thecal.agents.backends import checkpoint

    whole_write, calls = checkpoint.write_whole, []

    def full(path: Path, content: Any) -> Path:
        calls.append(path)
        if len(calls) > 4:
            raise StoreError(f"{path}: cannot be written (No space left on device)")
        return whole_write(path, content)

    said: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_whole", full)
        cut(config(tmp_path), 1500)
        assert len(calls) > 5
    head = read_head(tmp_path)
    assert head is not None
    assert head.frames == 512
    train(config(tmp_path), resume=True, tell=said.append)
    assert read_record(tmp_path / "policy").frames == 2048


def test_a_failing_checkpoint_is_told_once(tmp_path, monkeypatch):
    def full(path: Path, _content: Any) -> Path:
        raise StoreError(f"{path}: cannot be written (No space left on device)")

    said: list[str] = []
    monkeypatch.setattr("thecal.agents.backends.checkpoint.write_whole", full)
    train(config(tmp_path, total_steps=1024), tell=said.append)
    assert len(said) == 1
    assert "no checkpoint could be written, the training goes on without" in said[0]


def test_what_was_learned_is_saved_elsewhere(tmp_path, monkeypatch):
    passing = tmp_path / "passing"
    passing.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(passing))
    out = tmp_path / "out"

    from thecal.agents.backends import store

    write = store.write_whole

    def full(path: Path, content: Any) -> Path:
        if Path(path).is_relative_to(out):
            raise StoreError(f"{path}: cannot be written (No space left on device)")
        return write(path, content)

    monkeypatch.setattr(store, "write_whole", full)
    with pytest.raises(
        StoreError, match=r"No space left on device\); the policy was saved in .*thecal-rescued-\S+ instead"
    ):
        train(config(out, total_steps=256))
    (place,) = passing.iterdir()
    assert read_record(place / "policy").frames == 256


def test_checkpoints_take_a_small_share_of_the_time():
    """By a clock that knows only checkpoints and rollouts: 0.1 s each, and a rollout of a second between them."""

    now = [0.0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("thecal.agents.backends.checkpoint.time.perf_counter", lambda: now[0])

        def slow(*_given: Any) -> None:
            now[0] += 0.1

        patch.setattr("thecal.agents.backends.checkpoint.save", slow)
        made = Checkpoints(Path("x"), {})
        made.begin(0)
        for k in range(1, 2001):
            now[0] += 1.0
            if made.due(k):
                made.write(k, lambda: ({}, {}))
        assert 0.0 < made.seconds / now[0] <= 0.01
