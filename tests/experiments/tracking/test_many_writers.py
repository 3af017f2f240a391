"""Several processes and one store: first runs together, locks that pass, locks that stay, processes that are killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from thecal.core.errors import StoreError
from thecal.experiments.tracking import client, schema, store
from thecal.experiments.tracking.address import sqlite_file
from thecal.experiments.tracking.census import census
from thecal.experiments.tracking.schema import State, make_store
from thecal.experiments.tracking.store import check_store
from thecal.experiments.tracking.tracker import Tracker

from support.tracked import at_once, start


def _together(folder: Path, count: int, rounds: int) -> None:
    """First runs together, then, in further rounds, as many in the store that is there."""
    for held in range(count, count * rounds + 1, count):
        ended = at_once(folder, count)
        assert [(one.code, one.err) for one in ended] == [(0, "")] * count
        with closing(sqlite3.connect(folder / "mlruns" / "mlflow.db")) as connection:
            assert connection.execute("SELECT status, count(*) FROM runs GROUP BY 1").fetchall() == [("FINISHED", held)]
            names = connection.execute("SELECT name FROM experiments ORDER BY 1").fetchall()
            assert names == [("Default",), ("thecal",)]
        assert len(list(folder.rglob("a.json"))) == held
    assert sorted(path.name for path in (folder / "mlruns").iterdir()) == ["artifacts", "mlflow.db"]


def test_three_first_runs_at_once(tmp_path):
    _together(tmp_path, 3, rounds=1)


@pytest.mark.slow
def test_ten_first_runs_at_once(tmp_path):
    _together(tmp_path, 10, rounds=2)


def _hold(path: Path, seconds: float) -> threading.Thread:
    """Lock a database for writing and reading for a while, from another thread."""
    locked = threading.Event()

    def work() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            locked.set()
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    thread = threading.Thread(target=work)
    thread.start()
    locked.wait()
    return thread


def test_a_run_outlasts_a_lock(store):
    path = store.folder / "mlruns" / "mlflow.db"
    held = _hold(path, 1.0)
    with Tracker("thecal", "a run") as tracker:
        held.join()
        held = _hold(path, 1.0)
        tracker.metrics({"a": 1.0})
    held.join()
    assert store.run(tracker.run_id).data.metrics == {"a": 1.0}


@pytest.mark.slow
def test_a_run_outlasts_a_lock_of_a_minute(store):
    path = store.folder / "mlruns" / "mlflow.db"
    with Tracker("thecal", "a run") as tracker:
        held = _hold(path, 58.0)
        tracker.metrics({"a": 1.0})
    held.join()
    assert store.run(tracker.run_id).data.metrics == {"a": 1.0}


def test_a_call_is_repeated_while_the_store_is_locked(store, monkeypatch):
    with Tracker("thecal", "a run") as tracker:
        real, calls = tracker._client.log_batch, []

        def locked_twice(*args, **more):
            calls.append(1)
            if len(calls) < 3:
                raise RuntimeError("(sqlite3.OperationalError) database is locked")
            return real(*args, **more)

        monkeypatch.setattr(tracker._client, "log_batch", locked_twice)
        tracker.metrics({"a": 1.0})
        assert len(calls) == 3


def test_a_lock_that_stays_is_one_sentence(store, monkeypatch):
    path = store.folder / "mlruns" / "mlflow.db"
    monkeypatch.setattr(client, "WAIT_S", 0.3)

    def locked(*_args, **_more):
        raise RuntimeError("database is locked")

    with Tracker("thecal", "a run") as tracker, monkeypatch.context() as patch:
        patch.setattr(tracker._client, "log_batch", locked)
        with pytest.raises(StoreError, match=rf"{path} is locked by another program"):
            tracker.metrics({"a": 1.0})
        begin = time.monotonic()
        with pytest.raises(StoreError, match="is locked"):
            tracker.metrics({"a": 1.0})
        assert time.monotonic() - begin < 0.2, "a store that was waited for in vain is not waited for again"


def test_a_lock_that_stays_is_found_before_work(tmp_path, monkeypatch):
    path = tmp_path / "m.db"
    monkeypatch.setattr(store, "WAIT_S", 0.1)
    sqlite3.connect(path).close()
    held = _hold(path, 1.0)
    with pytest.raises(StoreError, match=r"is locked by another program for more than 0 s: end that program"):
        check_store(f"sqlite:///{path}")
    held.join()
    check_store(f"sqlite:///{path}")


def test_a_run_whose_process_was_killed_is_known(store):
    running = start(store.folder, "thecal", "hang")
    assert running.stdout is not None
    run_id = running.stdout.readline().split('"')[3]
    path = store.folder / "mlruns" / "mlflow.db"
    before = census(path, 1.0)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    after = census(path, 1.0)
    assert (before.left, before.running) == ((), 1)
    assert (after.state, after.left, after.running, after.runs) == (State.READY, (run_id,), 0, before.runs)


def test_a_number_used_again_is_another_process(monkeypatch):
    from thecal.experiments.tracking import owner

    mine = owner.tags()
    assert owner.is_gone(mine) is False
    assert owner.is_gone({**mine, owner.BEGUN: "another boot:1"}) is True
    assert owner.is_gone({**mine, owner.HOST: "elsewhere"}) is None
    assert owner.is_gone({}) is None


def test_the_tables_are_made_by_one_process_and_whole(tmp_path):
    """A maker that fails leaves nothing; of two at once, one makes the tables and the other uses them."""
    path, made = tmp_path / "m.db", []

    def broken(address: str) -> None:
        sqlite3.connect(address.removeprefix("sqlite:///")).close()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        make_store(path, broken)
    assert list(tmp_path.iterdir()) == []

    def slow(address: str) -> None:
        made.append(address)
        with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as connection, connection:
            connection.executescript("CREATE TABLE runs (x); CREATE TABLE alembic_version (version_num);")
            time.sleep(0.3)

    makers = [threading.Thread(target=make_store, args=(path, slow)) for _ in range(3)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(made) == 1
    assert os.listdir(tmp_path) == ["m.db"]


def test_a_maker_that_was_killed_leaves_nothing_in_the_way(tmp_path):
    path = tmp_path / "m[1].db"
    for name in (".m[1].db.123.new", ".m[1].db.123.new-journal", "m[1].db.lock", "m[1].db"):
        (tmp_path / name).touch()

    def quick(address: str) -> None:
        with closing(sqlite3.connect(sqlite_file(address))) as connection, connection:
            connection.executescript("CREATE TABLE runs (x); CREATE TABLE alembic_version (version_num);")

    make_store(path, quick)
    assert os.listdir(tmp_path) == ["m[1].db"]


def test_without_locks_the_first_to_finish_makes_the_store(tmp_path, monkeypatch):
    import fcntl

    def none(*_args):
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    path = tmp_path / "m.db"

    def slow(address: str) -> None:
        with closing(sqlite3.connect(sqlite_file(address))) as connection, connection:
            connection.executescript("CREATE TABLE runs (x); CREATE TABLE alembic_version (version_num);")
        path.write_bytes(b"of another")

    monkeypatch.setattr(schema, "_is_new", lambda _: True)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    make_store(path, slow)
    assert path.read_bytes() == b"of another", "what another process made since is not overwritten"


def test_a_store_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(client, "make_store", full)
    with pytest.raises(StoreError, match="failed .*No space left on device"), Tracker("thecal", "a run"):
        pass
