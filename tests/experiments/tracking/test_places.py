"""Runs land in the folder they were started in, whatever its name, and can be read from there."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from thecal.core.errors import StoreError
from thecal.experiments.tracking import owner
from thecal.experiments.tracking.address import sqlite_file
from thecal.experiments.tracking.census import census
from thecal.experiments.tracking.client import download, find_run
from thecal.experiments.tracking.schema import installed_revisions, make_store
from thecal.experiments.tracking.store import check_store
from thecal.experiments.tracking.tracker import Tracker, store_uri

from support.tracked import Ended, start

NAMES = {
    "escaped": "a%20b", "space": "a b", "hash": "a#b", "question": "a?b", "percent": "%", "semicolon": ";;", "and": "a&b",
    "plus": "a+b", "umlaut": "üß", "emoji": "📁", "dot": "end.", "newline": "a\nb", "colon": ":c@d", "quote": "it's \"so\"",
    "backslash": "a\\b", "dots": "%2e%2e", "markup": "[red]", "dash": "-n", "tilde": "~",
}  # fmt: skip


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_database_and_artifacts_land_in_the_folder(name, first_store, tmp_path, monkeypatch):
    place = tmp_path / name
    (place / "mlruns").mkdir(parents=True)
    shutil.copy(first_store.database, place / "mlruns" / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(place)
    (tmp_path / name / "made.txt").write_text("x")
    with Tracker("thecal", "a run") as tracker:
        tracker.document({"a": 1}, "a.json")
        tracker.artifact("made.txt", "kept")
    kept = f"mlruns/artifacts/{tracker.run_id}/artifacts"
    assert _files(tmp_path) == {
        f"{name}/{path}" for path in ("made.txt", "mlruns/mlflow.db", f"{kept}/a.json", f"{kept}/kept/made.txt")
    }
    client, run = find_run(tracker.run_id)
    copied = download(client, run, "a.json", tmp_path)
    assert copied is not None
    assert copied.read_bytes() == (place / kept / "a.json").read_bytes()
    assert download(client, run, "nothing.json", tmp_path) is None


def test_a_first_run_in_the_oddest_folder(tmp_path):
    place = tmp_path / "".join(NAMES.values())[:80]
    place.mkdir()
    running = start(place, "Default")  # MLflow's own first experiment: its artifacts lie there too
    ended = Ended(running.wait(timeout=500), *running.communicate())
    assert (ended.code, ended.err) == (0, "")
    kept = f"{place.name}/mlruns/artifacts/{ended.run_id}/artifacts/a.json"
    assert _files(tmp_path) == {f"{place.name}/mlruns/mlflow.db", kept}


def test_a_folder_that_is_no_unicode_is_refused(tmp_path, monkeypatch):
    place = Path(os.fsdecode(bytes(tmp_path) + b"/a\xff"))
    try:
        place.mkdir()
    except OSError:
        pytest.skip("this file system takes only Unicode")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(place)
    with pytest.raises(StoreError, match=r"\\udcff.* is not Unicode") as error, Tracker("thecal", "a run"):
        pass
    assert str(error.value).isprintable()
    assert list(place.iterdir()) == []


def test_a_relative_address_with_an_escape(store, monkeypatch):
    (store.folder / "a b").mkdir()
    shutil.copy(store.folder / "mlruns" / "mlflow.db", store.folder / "a b" / "m.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///a%20b/m.db")
    with Tracker("thecal", "a run") as tracker:
        tracker.document({}, "a.json")
    assert not (store.folder / "a%20b").exists()
    assert list((store.folder / "a b" / "artifacts").rglob("a.json"))


def test_folders_of_files_as_the_installed_mlflow_has_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "a%20b")
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    with pytest.raises(StoreError, match="MLFLOW_ALLOW_FILE_STORE=true"), Tracker("thecal", "a run"):
        pass
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    with Tracker("thecal", "a run") as tracker:
        tracker.document({}, "a.json")
        tracker.metrics({"lr=1e-4/x": 1.0})
    assert [path.name for path in tmp_path.iterdir()] == ["a%20b"]
    client, run = find_run(tracker.run_id)
    assert download(client, run, "a.json", tmp_path / "a%20b") == tmp_path / "a%20b" / "a.json"


def test_nothing_is_made_where_there_is_no_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(StoreError, match="there is no tracking store"):
        find_run("0" * 32)
    assert list(tmp_path.iterdir()) == []


def test_a_copied_store_keeps_its_own(store, tmp_path, monkeypatch):
    """New artifacts go beside the copy, old ones are read from it, and the original gets nothing."""
    (store.folder / "kept").mkdir()
    (store.folder / "kept" / "a.txt").write_text("x")
    with Tracker("thecal", "before") as before:
        before.document({"a": 1}, "a.json")
        before.artifact(store.folder / "kept", "kept")
    copy = tmp_path / "copy of it"
    shutil.copytree(store.folder / "mlruns", copy / "mlruns")
    was = _files(store.folder / "mlruns")
    monkeypatch.chdir(copy)
    with Tracker("thecal", "after") as after:
        after.document({"b": 2}, "b.json")
    assert _files(store.folder / "mlruns") == was
    assert (copy / "mlruns" / "artifacts" / after.run_id / "artifacts" / "b.json").exists()
    shutil.rmtree(store.folder / "mlruns")
    client, run = find_run(before.run_id)
    (tmp_path / "read").mkdir()
    assert download(client, run, "a.json", tmp_path / "read") == tmp_path / "read" / "a.json"
    assert (download(client, run, "kept", tmp_path / "read") / "a.txt").read_text() == "x"
    client, run = find_run(after.run_id)
    assert download(client, run, "b.json", tmp_path / "read") == tmp_path / "read" / "b.json"


def test_artifacts_of_another_experiment_go_where_it_says(store, tmp_path):
    store.client.create_experiment("theirs", (tmp_path / "elsewhere").as_uri())
    with Tracker("theirs", "a run") as tracker:
        tracker.document({}, "a.json")
    assert (tmp_path / "elsewhere" / tracker.run_id / "artifacts" / "a.json").exists()


def test_a_deleted_experiment_is_refused(store):
    store.client.delete_experiment(store.client.create_experiment("thecal"))
    with (
        pytest.raises(StoreError, match="was deleted: name another .*mlflow experiments restore"),
        Tracker("thecal", "a"),
    ):
        pass


def test_a_thousand_runs_make_no_run_slower(store):
    with Tracker("thecal", "first") as tracker:
        tracker.metrics({"a": 1.0})
    path = store.folder / "mlruns" / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        row = dict(zip(*_row(connection, tracker.run_id), strict=True))
        for k in range(1000):
            row["run_uuid"] = f"{k:032x}"
            names = ", ".join(row)
            connection.execute(f"INSERT INTO runs ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    assert census(path, 1.0).runs > 1000
    begin = time.process_time()
    with Tracker("thecal", "a run") as tracker:
        tracker.metrics({"a": 1.0})
    assert time.process_time() - begin < 0.5
    assert store.run(tracker.run_id).info.status == "FINISHED"


def _row(connection: sqlite3.Connection, run_id: str | None) -> tuple[list[str], tuple[object, ...]]:
    found = connection.execute("SELECT * FROM runs WHERE run_uuid = ?", (run_id,))
    return [column[0] for column in found.description], found.fetchone()


def test_what_is_looked_at_before_a_run_takes_no_time(store):
    installed_revisions.cache_clear()
    begin = time.process_time()
    check_store(store_uri())
    make_store(sqlite_file(store_uri()), lambda _: None)
    owner.tags()
    assert time.process_time() - begin < 0.2
