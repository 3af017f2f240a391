"""Real signals to real commands: each ends as Ctrl-C would end it, keeps what was learned, and leaves no half files."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from thecal.agents.backends.checkpoint import FILE, FOLDER
from thecal.agents.backends.load import load_policy
from thecal.core.signals import exit_code
from thecal.experiments.studies.train import train

from support.commands import Ended, leftovers, signaled
from support.trainings import SETTINGS, config, outcome

LONG = 10_240  # frames: some seconds
BY_NAME = pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=["SIGTERM", "SIGHUP", "SIGINT"]
)


def arguments(folder: Path, algorithm: str = "ppo", frames: int = LONG, *more: str) -> list[str]:
    """A small training by a configuration file."""
    chosen = config("run", algorithm, total_steps=frames, track=True)
    (folder / "small.json").write_text(chosen.model_dump_json())
    return ["train", "--config", "small.json", *more]


def checkpointed(folder: Path) -> Callable[[], bool]:
    """True once the run in ``folder`` has written a checkpoint."""
    return (folder / "run" / FOLDER / FILE).exists


def after(seconds: float) -> Callable[[], bool]:
    """True once so much time has passed."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def check_ended(done: Ended, number: signal.Signals, folder: Path) -> None:
    """The right code, no traceback, no half files; before the command line is up, the system's own end counts too."""
    assert done.code in (exit_code(number), -number, 0), done.err
    assert "Traceback" not in done.err or done.code == -number, done.err
    assert leftovers(folder) == []


def test_a_terminated_training_is_kept_and_goes_on(store):
    done = signaled(arguments(store.folder), store.folder, signal.SIGTERM, checkpointed(store.folder))
    assert done.code == 143, done.err
    assert "interrupted: what was learned so far was saved" in done.err
    assert "thecal train --resume run goes on from the checkpoint at " in done.err
    assert "ended by SIGTERM" in done.err
    assert "Traceback" not in done.err
    assert leftovers(store.folder) == []
    assert load_policy("run/policy").record.interrupted
    assert store.only_run().info.status == "KILLED"
    first = json.loads(Path("run", "training.json").read_text())
    train(config("run", total_steps=LONG, track=True), resume=True)
    assert json.loads(Path("run", "training.json").read_text())["run_id"] == first["run_id"]
    train(config("whole", total_steps=LONG))
    assert outcome(Path("run")) == outcome(Path("whole"))


def test_another_command_ends_too_and_leaves_nothing(tmp_path):
    folder = tmp_path / "out"
    command = ["evaluate", "fixed", "-n", "600", "--no-track", "--out", "out"]
    done = signaled(command, tmp_path, signal.SIGHUP, lambda: any(map(_size, folder.glob("*.part"))))
    assert done.code == 129, done.err
    assert "ended by SIGHUP" in done.err
    assert [path.name for path in folder.iterdir()] == []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@pytest.mark.slow
def test_a_second_signal_does_not_break_the_saving(store):
    done = signaled(arguments(store.folder), store.folder, signal.SIGINT, checkpointed(store.folder), times=2)
    assert done.code == 130, done.err
    assert "still saving what was computed; once more ends at once" in done.err
    assert load_policy("run/policy").record.interrupted


@pytest.mark.slow
@BY_NAME
@pytest.mark.parametrize("algorithm", list(SETTINGS))
@pytest.mark.parametrize("round_", range(3))
def test_signals_at_random_moments(number, algorithm, round_, store):
    """While modules load, patients are drawn, the policy learns, is judged or saved; a run that goes on ends the same."""
    chance = random.Random(f"{number}{algorithm}{round_}{os.getpid()}")
    frames = {"ppo": LONG, "sac": 2_000}[algorithm]
    begun = signaled(arguments(store.folder, algorithm, frames), store.folder, number, after(chance.uniform(0.5, 20.0)))
    check_ended(begun, number, store.folder)
    if checkpointed(store.folder)():
        train(config("run", algorithm, total_steps=frames, track=True), resume=True)
        train(config("whole", algorithm, total_steps=frames))
        assert outcome(Path("run")) == outcome(Path("whole"))


@pytest.mark.slow
@BY_NAME
@pytest.mark.parametrize(
    "command",
    [
        ["compare", "fixed", "pid", "-n", "200", "--out", "out", "--no-track"],
        ["evaluate", "fixed", "-n", "300", "--out", "out", "--trail", "--transitions", "--no-track"],
        ["attack", "--workers", "2", "--out", "attack.json"],
        ["validate", "--json"],
        ["demo", "--quick", "--out", "out"],
        ["warmup"],
    ],
    ids=lambda command: command[0],
)
def test_every_long_command_ends(command, number, tmp_path):
    done = signaled(command, tmp_path, number, after(random.Random(f"{command}{number}").uniform(2.0, 15.0)))
    check_ended(done, number, tmp_path)


@pytest.mark.slow
def test_a_killed_training_loses_what_came_after_its_checkpoint(store):
    done = signaled(arguments(store.folder), store.folder, signal.SIGKILL, checkpointed(store.folder))
    assert done.code == -signal.SIGKILL
    train(config("run", total_steps=LONG, track=True), resume=True)
    train(config("whole", total_steps=LONG))
    assert outcome(Path("run")) == outcome(Path("whole"))
