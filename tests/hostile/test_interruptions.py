"""Signals at any moment, commands side by side in one store, and what is begun again after it was broken off."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from support.calls import CALLS, Call, Ran, complaints, do, end, finish, start

pytestmark = pytest.mark.usefixtures("untouched")
ENDED = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}
LONG = [
    call
    for call in CALLS
    if call.words[0] in ("evaluate", "compare", "train", "demo", "verify", "validate", "calibrate")
]
EVALUATE, TRAIN, DEMO = (
    next(call for call in CALLS if call.words[0] == verb) for verb in ("evaluate", "train", "demo")
)
SIGNALS = [pytest.param(number, id=number.name.lower()) for number in ENDED]


def stopped(call: Call, number: signal.Signals, after_s: float, folder: Path, inputs: Path) -> Ran:
    """A command that receives a signal after a while; nothing of it may live on."""
    process = start(call, folder, inputs, start_new_session=True)
    time.sleep(after_s)
    end(process, number)
    ran = finish(process, folder, inputs)
    assert not alive(process.pid), "a process of it lives on"
    return ran


def alive(group: int, within_s: float = 10.0) -> bool:
    """Whether a group of processes still has a member after a while."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


def states(store: Path) -> list[str]:
    """Of every run in a store."""
    if not store.exists():
        return []
    with closing(sqlite3.connect(store)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        return [row[0] for row in connection.execute("SELECT status FROM runs")] if "runs" in tables else []


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("call", [pytest.param(call, id=call.name) for call in LONG])
def test_a_signal_at_any_moment(call: Call, seed: int, number: signal.Signals, made: Path, tmp_path: Path) -> None:
    moment = random.Random(f"{call.name}{seed}{number}").uniform(0.0, 12.0)
    ran = stopped(call, number, moment, tmp_path, made)
    # Before the program's own code runs, the interpreter ends by the signal itself.
    assert complaints(ran) == [] or (moment < 1.0 and ran.code == ENDED[number])
    assert ran.code in {call.code, ENDED[number]}
    assert "RUNNING" not in states(tmp_path / "mlruns" / "mlflow.db")


@pytest.mark.parametrize("number", [signal.SIGTERM], ids=["sigterm"])
def test_a_scheduler_ends_a_training(number: signal.Signals, made: Path, tmp_path: Path) -> None:
    longer = Call((*TRAIN.words, "--frames", "2000000"))
    process = start(longer, tmp_path, made, start_new_session=True)
    until = time.monotonic() + 120.0
    while not states(tmp_path / "mlruns" / "mlflow.db") and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(5.0)
    end(process, number)
    ran = finish(process, tmp_path, made)
    assert ran.code == ENDED[number]
    assert complaints(ran) == []
    assert states(tmp_path / "mlruns" / "mlflow.db") == ["KILLED"]
    assert (tmp_path / "learned" / "policy" / "policy.json").is_file()


@pytest.mark.slow
def test_ten_at_once_in_a_new_store(made: Path, tmp_path: Path) -> None:
    running = []
    for k in range(10):
        words = [f"kept{k}" if word == "kept" else word for word in EVALUATE.words]
        running.append(start(Call(tuple(words)), tmp_path, made))
    ended = [finish(process, tmp_path, made) for process in running]
    assert [ran.code for ran in ended] == [0] * 10, "\n".join(ran.err for ran in ended)
    assert states(tmp_path / "mlruns" / "mlflow.db") == ["FINISHED"] * 10
    assert complaints(ended[-1]) == []


@pytest.mark.slow
def test_a_store_that_is_locked_for_a_while(made: Path, tmp_path: Path) -> None:
    assert do(EVALUATE, tmp_path, made).code == 0
    store = tmp_path / "mlruns" / "mlflow.db"
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        process = start(EVALUATE, tmp_path, made)
        time.sleep(25.0)
        other.execute("ROLLBACK")
    ran = finish(process, tmp_path, made)
    assert ran.code == 0, ran.err
    assert states(store) == ["FINISHED", "FINISHED"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_demo_begun_again(seed: int, made: Path, tmp_path: Path) -> None:
    moment = random.Random(seed).uniform(5.0, 25.0)
    stopped(DEMO, signal.SIGTERM, moment, tmp_path, made)
    ran = do(DEMO, tmp_path, made)
    assert ran.code == 0, ran.err
    assert complaints(ran) == []
    assert (tmp_path / DEMO.writes[0]).is_file()


@pytest.mark.slow
def test_a_store_with_a_thousand_runs(made: Path, tmp_path: Path) -> None:
    begin = time.monotonic()
    assert do(EVALUATE, tmp_path, made).code == 0
    alone = time.monotonic() - begin
    filled(f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}", 1000)
    begin = time.monotonic()
    assert do(EVALUATE, tmp_path, made).code == 0
    assert time.monotonic() - begin < 2.0 * alone + 5.0


def filled(uri: str, runs: int) -> None:
    """Put many runs into a store."""
    from thecal.experiments.tracking.tracker import open_client

    client = open_client(uri)
    experiment = client.get_experiment_by_name("thecal").experiment_id
    for k in range(runs):
        run = client.create_run(experiment, run_name=f"filler {k}")
        client.set_terminated(run.info.run_id)
