"""A store that goes away in the middle of a run: one sentence, exit code 4, and what went wrong before is never hidden."""

from __future__ import annotations

import base64
import shutil
import sqlite3
import warnings

import pytest

from thecal.core.errors import StoreError
from thecal.experiments.cli import run
from thecal.experiments.tracking.tracker import Tracker

from support.fake_server import fake_server


def fails(error: Exception):
    """A method of a client that fails."""

    def work(*_args, **_more):
        raise error

    return work


def test_the_folder_of_the_store_is_deleted(store):
    with (
        pytest.raises(StoreError, match=r"mlflow\.db is gone: .*--out") as error,
        Tracker("thecal", "a run") as tracker,
    ):
        shutil.rmtree(store.folder / "mlruns")
        tracker.metrics({"a": 1.0})
    assert "\n" not in str(error.value)


def test_the_folder_is_deleted_and_nothing_more_is_tracked(store):
    with pytest.raises(StoreError, match=r"mlflow\.db is gone"), Tracker("thecal", "a run"):
        shutil.rmtree(store.folder / "mlruns")
    assert not (store.folder / "mlruns").exists(), "no half of a store comes back"


def test_a_full_disk(store, monkeypatch):
    error = sqlite3.OperationalError("database or disk is full")

    def work() -> None:
        with Tracker("thecal", "a run") as tracker, monkeypatch.context() as patch:
            patch.setattr(tracker._client, "log_batch", fails(error))
            tracker.metrics({"a": 1.0})

    with pytest.raises(StoreError, match=r"failed \(OperationalError: database or disk is full\)$") as raised:
        work()
    assert raised.value.exit_code == 4
    assert store.only_run().info.status == "FAILED"


class Ended(KeyboardInterrupt):
    """A signal."""


@pytest.mark.parametrize(
    "failure", [RuntimeError("gone"), KeyboardInterrupt(), SystemExit(1)], ids=lambda one: type(one).__name__
)
def test_the_error_that_ended_a_run_is_never_hidden(store, failure, monkeypatch):
    def work() -> None:
        with Tracker("thecal", "a run") as tracker:
            monkeypatch.setattr(tracker._client, "set_terminated", fails(failure))
            raise Ended

    with pytest.warns(RuntimeWarning), pytest.raises(Ended):
        work()
    with warnings.catch_warnings(), pytest.raises(Ended) as raised:
        warnings.simplefilter("error")
        work()
    assert raised.value.__notes__


def test_signals_end_a_run_as_killed(store):
    for error in (Ended, SystemExit):
        with pytest.raises(error), Tracker("thecal", "a run") as tracker:
            raise error
        assert store.run(tracker.run_id).info.status == "KILLED"


def test_the_numbers_of_a_command_outlive_its_store(store, monkeypatch, capsys):
    """Everything is on disk before the store is asked to keep it."""
    monkeypatch.setattr(
        Tracker, "artifact", lambda self, *_args: self._call(fails(OSError(28, "No space left on device")))
    )
    assert run(["evaluate", "fixed", "-n", "2", "--out", "kept"]) == 4
    assert "No space left on device" in capsys.readouterr().err
    assert {"estimates.json", "trajectories.parquet"} <= {path.name for path in (store.folder / "kept").iterdir()}


def test_an_experiment_without_a_name_is_refused_before_work():
    from thecal.core.errors import ConfigError

    for name in ("", "  ", "x" * 501):
        with pytest.raises(ConfigError, match="the name of an experiment has 1 to 500 characters"):
            Tracker(name, "a run")
    Tracker("", "a run", enabled=False)


def test_two_make_the_same_experiment(store, monkeypatch):
    with Tracker("new", "a run") as first:
        pass
    asked = []
    real = store.client.get_experiment_by_name

    def late(name: str):
        asked.append(name)
        return None if len(asked) == 1 else real(name)

    second = Tracker("new", "a run")
    monkeypatch.setattr(type(store.client), "get_experiment_by_name", lambda _self, name: late(name))
    with second:
        pass
    monkeypatch.undo()
    runs = [store.run(one.run_id).info.experiment_id for one in (first, second)]
    assert runs[0] == runs[1]
    assert len(asked) == 2


@pytest.fixture
def server(monkeypatch):
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with fake_server() as found:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://anna:Tr0ub4dor%21@127.0.0.1:{found.port}")
        yield found


def test_a_server_gets_the_password_and_prints_nothing(server, capsys):
    with Tracker("thecal", "a run") as tracker:
        tracker.metrics({"a": 1.0})
    name = base64.b64encode(b"anna:Tr0ub4dor!").decode()
    assert {who for _, who in server.asked} == {f"Basic {name}"}
    assert {"runs/create", "runs/log-batch", "runs/update"} <= {path for path, _ in server.asked}
    assert capsys.readouterr() == ("", "")


def test_a_server_that_goes_away(server, capsys):
    def work() -> None:
        with Tracker("thecal", "a run") as tracker:
            server.silent = True
            tracker.metrics({"a": 1.0})

    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(StoreError, match=r"http://\*\*\*@127\.0\.0\.1:\d+ failed") as error,
    ):
        work()
    texts = [str(error.value), str(error.value.__cause__), *capsys.readouterr()]
    assert all("Tr0ub4dor" not in text for text in texts)
    assert "\n" not in str(error.value)
