"""Runs land in the folder they were started in, whatever its name, and can be read from there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from thecal.core.errors import StoreError
from thecal.experiments.tracking.client import download, find_run
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


def test_a_moved_store_is_read_where_it_is(store, monkeypatch):
    assert store_uri() == f"sqlite:///{store.folder}/mlruns/mlflow.db"
    with pytest.raises(StoreError, match="there is no tracking store"):
        monkeypatch.chdir(store.folder / "mlruns")
        find_run("0" * 32)
    assert sorted(path.name for path in (store.folder / "mlruns").iterdir()) == ["mlflow.db"]
