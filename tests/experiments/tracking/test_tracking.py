"""Tracked runs: where they go, how they end, what they keep, and what is said when the store fails."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from pathlib import Path

import pytest

from thecal.core.errors import StoreError
from thecal.experiments.tracking.sb3_writer import sb3_writer
from thecal.experiments.tracking.store import sqlite_file
from thecal.experiments.tracking.tracker import Tracker, check_store, store_uri


def tracked(**options) -> Tracker:
    return Tracker("thecal", "a run", **options)


def test_the_first_run_of_a_folder_makes_the_store_silently(first_store):
    assert first_store.printed == ""
    assert first_store.database.exists()


def test_default_place_is_under_the_working_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    assert store_uri() == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert store_uri() == "http://elsewhere:5000"


def test_a_finished_run(store):
    with tracked(tags={"kind": "test"}) as tracker:
        tracker.params({"config": {"seed": 3, "settings": {"gamma": 0.99}}})
        tracker.tags({"git": {"commit": "abc"}, "long": "x" * 9000})
        tracker.metrics({"a": 1.0, "b": float("nan"), "c": float("inf")}, step=2)
        tracker.metrics({"a": 2.0}, step=4)
    run = store.run(tracker.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "a run"
    assert run.data.params == {"config.seed": "3", "config.settings.gamma": "0.99"}
    assert run.data.metrics == {"a": 2.0}
    assert [(m.step, m.value) for m in store.client.get_metric_history(tracker.run_id, "a")] == [(2, 1.0), (4, 2.0)]
    assert run.data.tags["simulation_only"] == "true"
    assert run.data.tags["kind"] == "test"
    assert run.data.tags["git.commit"] == "abc"
    assert len(run.data.tags["long"]) == 5000


def test_a_thousand_metrics_and_three_hundred_parameters(store):
    with tracked() as tracker:
        tracker.metrics({f"m{k}": float(k) for k in range(2000)})
        tracker.params({f"p{k}": k for k in range(300)})
    run = store.run(tracker.run_id)
    assert (len(run.data.metrics), len(run.data.params)) == (2000, 300)


def test_ctrl_c_is_killed(store):
    with pytest.raises(KeyboardInterrupt), tracked() as tracker:
        raise KeyboardInterrupt
    assert store.run(tracker.run_id).info.status == "KILLED"


def test_an_error_is_failed_and_passes_on(store):
    with pytest.raises(ZeroDivisionError), tracked() as tracker:
        raise ZeroDivisionError
    assert store.run(tracker.run_id).info.status == "FAILED"


def test_a_run_that_saved_after_ctrl_c_is_killed(store):
    with tracked() as tracker:
        tracker.killed()
    assert store.run(tracker.run_id).info.status == "KILLED"


def test_artifacts_lie_beside_the_database(store, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "policy.json").write_text("{}")
    with tracked() as tracker:
        tracker.artifact(tmp_path / "made")
        tracker.artifact(tmp_path / "made" / "policy.json", "copies")
        tracker.document({"a": [1, 2]}, "notes/a.json")
    assert store.artifacts(tracker.run_id) == {"policy.json", "copies", "notes"}
    assert store.artifacts(tracker.run_id, "copies") == {"copies/policy.json"}
    (kept,) = (store.folder / "mlruns" / "artifacts").rglob("a.json")
    assert json.loads(kept.read_text()) == {"a": [1, 2]}


def test_a_second_run_joins_the_experiment(store):
    ids = []
    for _ in range(2):
        with tracked() as tracker:
            ids.append(store.run(tracker.run_id).info.experiment_id)
    assert ids[0] == ids[1]


def test_a_run_goes_on_where_the_store_has_it(store):
    with pytest.raises(KeyboardInterrupt), tracked() as first:
        raise KeyboardInterrupt
    client = store.client
    client.set_tag(first.run_id, "thecal.pid", "1")
    with tracked(resume=first.run_id) as second:
        assert store.run(first.run_id).info.status == "RUNNING"
        assert store.run(first.run_id).data.tags["thecal.pid"] == str(os.getpid())
    assert (second.run_id, second.resumed) == (first.run_id, True)
    assert store.run(first.run_id).info.status == "FINISHED"
    client.delete_run(first.run_id)
    for gone in (first.run_id, "0" * 32, "no id"):
        with tracked(resume=gone) as third:
            pass
        assert third.resumed is False
        assert third.run_id != gone


def test_no_telemetry_and_no_system_metrics(store):
    with tracked() as tracker:
        pass
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert not any(key.startswith("system/") for key in store.run(tracker.run_id).data.metrics)


def test_without_tracking_nothing_is_written(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "mlflow", None)  # importing it would raise
    with tracked(enabled=False) as tracker:
        tracker.params({"a": 1})
        tracker.tags({"a": 1})
        tracker.metrics({"a": 1.0})
        tracker.document({}, "a.json")
        tracker.artifact(tmp_path)
    assert tracker.run_id is None
    assert list(tmp_path.iterdir()) == []


def test_a_relative_store_named_by_the_environment(store, monkeypatch):
    (store.folder / "mlruns" / "mlflow.db").rename(store.folder / "mine.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mine.db")
    with tracked() as tracker:
        tracker.document({}, "a.json")
    assert list((store.folder / "artifacts").rglob("a.json"))


def _a_file(folder: Path) -> str:
    (folder / "file").write_text("x")
    return f"sqlite:///{folder}/file/mlflow.db"


def _not_a_database(folder: Path) -> str:
    (folder / "text.db").write_text("this is a text, not a database, and it is long enough to have a header")
    return f"sqlite:///{folder}/text.db"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (_a_file, "cannot be written .*set MLFLOW_TRACKING_URI"),
        (_not_a_database, "cannot be written .*not a database"),
        (lambda _: "sqlite:////proc/none/mlflow.db", "cannot be written"),
        (lambda folder: f"sqlite:///{folder}", "cannot be written"),
        (lambda _: "http://127.0.0.1:9", "tracking server .* cannot be reached"),
        (lambda folder: f"nonsense://{folder}", "nonsense:, which is no kind of tracking store"),
    ],
)
def test_a_bad_store_is_one_sentence_before_any_work(place, said, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place(tmp_path))
    worked = False
    with pytest.raises(StoreError, match=said) as error, tracked():
        worked = True
    assert not worked
    assert "\n" not in str(error.value)


def test_a_locked_database_is_not_writable(tmp_path, monkeypatch):
    path = tmp_path / "mlflow.db"
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: real(*args, **{**more, "timeout": 0.01}))
    with real(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            check_store(f"sqlite:///{path}")
    check_store(f"sqlite:///{path}")


def test_the_check_leaves_nothing_in_the_database(store):
    before = (store.folder / "mlruns" / "mlflow.db").read_bytes()
    check_store(store_uri())
    assert (store.folder / "mlruns" / "mlflow.db").read_bytes() == before


def test_options_of_a_sqlite_uri_are_no_part_of_its_path():
    assert sqlite_file("sqlite:////a/b.db?timeout=5") == Path("/a/b.db")


class _BrokenClient:
    """A store that stopped working after the run began."""

    def __getattr__(self, name):
        def fail(*_args, **_more):
            raise RuntimeError("disk full\nat some place")

        return fail


def broken(tracker: Tracker) -> None:
    """Let the store of a running run fail from now on."""
    tracker._client = _BrokenClient()


def test_a_store_that_fails_later_is_one_sentence(store):
    with tracked() as tracker:
        real = tracker._client
        broken(tracker)
        with pytest.raises(StoreError, match=r"failed \(RuntimeError: disk full\)$"):
            tracker.metrics({"a": 1.0})
        tracker._client = real


def test_an_end_that_cannot_be_noted_is_an_error(store):
    tracker = tracked().__enter__()
    broken(tracker)
    with pytest.raises(StoreError, match="disk full"):
        tracker.__exit__(None, None, None)


def test_a_broken_store_does_not_hide_what_went_wrong(store):
    def work():
        with tracked() as tracker:
            broken(tracker)
            raise ZeroDivisionError

    with pytest.warns(RuntimeWarning, match="disk full"), pytest.raises(ZeroDivisionError):
        work()


def test_sb3_numbers_become_one_batch_a_dump(store):
    from stable_baselines3.common.logger import Logger

    with tracked() as tracker:
        calls = []
        real = tracker._client.log_batch
        tracker._client.log_batch = lambda *args, **more: (calls.append(1), real(*args, **more))
        logger = Logger(folder=None, output_formats=[sb3_writer(tracker)])
        for step in (10, 20):
            logger.record("train/loss", 0.5 * step)
            logger.record("time/fps", 100)
            logger.record("note", "words")
            logger.dump(step)
    assert len(calls) == 2
    run = store.run(tracker.run_id)
    assert run.data.metrics == {"train/loss": 10.0, "time/fps": 100.0}
    assert [m.step for m in store.client.get_metric_history(tracker.run_id, "train/loss")] == [10, 20]


def test_training_outlives_its_store(store):
    with tracked() as tracker:
        real = tracker._client
        broken(tracker)
        writer = sb3_writer(tracker)
        with pytest.warns(RuntimeWarning, match="training goes on without tracking"):
            writer.write({"a": 1.0}, {}, 1)
        writer.write({"a": 1.0}, {}, 2)  # warned once, then quiet
        tracker._client = real
