"""What is found under a root: empty, many, being written, deleted, damaged, foreign and linked."""

from __future__ import annotations

import json
import os
import shutil
import time

import pytest

from thecal.dashboard import index as looked
from thecal.dashboard.index import Index, UnknownRunError

from support.dashboards import store


@pytest.fixture(autouse=True)
def _always_look(monkeypatch):
    monkeypatch.setattr(looked, "LOOK_AGAIN_S", -1.0)


def kinds(index):
    return sorted((entry.kind, entry.place) for entry in index.entries())


def test_a_root_that_is_not_there_is_empty(tmp_path):
    assert Index([tmp_path / "none"]).entries() == []
    assert Index([tmp_path]).entries() == []


def test_each_kind_of_run_tells_its_head(tmp_path):
    index = Index([store(tmp_path)])
    assert kinds(index) == [("comparison", "small"), ("evaluation", "alone")]
    head = next(entry.head for entry in index.entries() if entry.kind == "comparison")
    assert (head["task"], head["patients"], head["days"], head["shield_mode"]) == (
        "CancerDoseFinding",
        3,
        8.0,
        "project",
    )
    assert [one["name"] for one in head["policies"]] == ["fixed", "guideline", "pid"]
    assert head["policies"][0]["verdict"] == "reference"
    assert head["primary"]["key"] == "well_treated"


def test_a_run_keeps_its_id_and_a_deleted_one_has_none(tmp_path):
    root = store(tmp_path)
    index = Index([root])
    (id_,) = [entry.id for entry in index.entries() if entry.place == "small"]
    assert Index([root]).entry(id_).place == "small"
    with pytest.raises(UnknownRunError, match="not there"):
        index.entry(id_, "leaderboard")
    shutil.rmtree(root / "small")
    with pytest.raises(UnknownRunError, match="deleted or moved"):
        index.entry(id_)
    assert kinds(index) == [("evaluation", "alone")]


def test_a_run_appears_while_it_is_written(tmp_path):
    root = store(tmp_path)
    index = Index([root])
    new = root / "deep" / "new"
    new.mkdir(parents=True)
    assert len(index.entries()) == 2
    (new / ".12-ab-0.part").write_bytes(b"half")
    assert ("unfinished", "deep/new") in kinds(index)
    shutil.copy(root / "small" / "comparison.json", new)
    (entry,) = [one for one in index.entries() if one.place == "deep/new"]
    assert (entry.kind, entry.writing) == ("comparison", True)
    (new / ".12-ab-0.part").unlink()
    assert not next(one for one in index.entries() if one.place == "deep/new").writing


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"schema": 1}',
        '{"schema": 99, "thecal": "9.9"}',
        "[" * 100_000,
        "\0",
        '{"schema": 1, "spec": 3}',
    ],
)
def test_a_damaged_result_is_listed_with_its_reason(tmp_path, text):
    (tmp_path / "comparison.json").write_text(text, encoding="utf-8")
    (entry,) = Index([tmp_path]).entries()
    assert entry.kind == "comparison"
    assert entry.problem
    assert entry.head == {}


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"kind": "other"}', "[" * 100_000])
def test_other_json_is_passed_over(tmp_path, text):
    (tmp_path / "notes.json").write_text(text, encoding="utf-8")
    assert Index([tmp_path]).entries() == []


def test_no_link_is_followed(tmp_path):
    outside = store(tmp_path)
    root = tmp_path / "root"
    root.mkdir()
    (root / "folder").symlink_to(outside / "small", target_is_directory=True)
    (root / "comparison.json").symlink_to(outside / "small" / "comparison.json")
    (root / "itself").symlink_to(root, target_is_directory=True)
    assert Index([root]).entries() == []


def test_a_changed_file_is_read_anew_and_an_old_one_is_not(tmp_path, monkeypatch):
    root = store(tmp_path)
    index = Index([root])
    index.entries()
    read = []
    honest = looked.read_text
    monkeypatch.setattr(looked, "read_text", lambda path, **more: read.append(path.name) or honest(path, **more))
    index.entries()
    assert read == []
    path = root / "small" / "comparison.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(values | {"split": "tune"}), encoding="utf-8")
    assert "tune" in [entry.head["split"] for entry in index.entries()]
    assert read == ["comparison.json"]


@pytest.mark.slow
def test_a_thousand_runs_are_looked_through_quickly(tmp_path):
    one = store(tmp_path) / "small" / "comparison.json"
    for k in range(1000):
        place = tmp_path / "many" / f"{k % 20}" / f"{k}"
        place.mkdir(parents=True)
        os.link(one, place / "comparison.json")
    index = Index([tmp_path / "many"])
    assert len(index.entries()) == 1000
    begin = time.process_time()
    assert len({entry.id for entry in index.entries()}) == 1000
    assert time.process_time() - begin < 1.0
