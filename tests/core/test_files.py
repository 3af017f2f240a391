"""Files written whole: a crash leaves the old one; and data of any kind as JSON that every reader takes."""

from __future__ import annotations

import errno
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from thecal.core.errors import StoreError
from thecal.core.files import as_json, drafted, plain, write_whole

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


class Part(BaseModel):
    """A model inside other data."""

    score: float
    names: tuple[str, ...] = ("a", "b")


@dataclass(frozen=True)
class Holder:
    """A dataclass that holds a model."""

    part: Part
    path: Path = Path("x/y")


def test_a_file_is_written_with_its_folders_as_text_or_bytes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "file.txt"
    assert write_whole(path, "µg é\n") == path
    assert path.read_bytes() == "µg é\n".encode()
    assert write_whole(str(path), b"\r\n\x00").read_bytes() == b"\r\n\x00"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


@given(content=st.binary() | st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_written_is_read_back(content: str | bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write_whole(tmp_path_factory.getbasetemp() / "round.trip", content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("moment", ["write_bytes", "replace"])
def test_a_crash_in_the_middle_leaves_the_old_file(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_whole(tmp_path / "file", "old")

    def half(self: Path, data: bytes) -> None:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise KeyboardInterrupt

    def never(*_: object) -> None:
        raise KeyboardInterrupt

    if moment == "write_bytes":
        monkeypatch.setattr(Path, "write_bytes", half)
    else:
        monkeypatch.setattr(os, "replace", never)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "something new")
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_what_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError, match=r"file/inner: cannot be written \(.+\)"):
        write_whole(tmp_path / "file" / "inner", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match=r"folder: cannot be written \(Is a directory\)"):
        write_whole(tmp_path / "folder", "text")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


@given(DATA)
def test_plain_data_comes_back_from_json_as_it_was(data: Any) -> None:
    assert plain(data) == data
    assert json.loads(as_json(data)) == data
    assert json.loads(as_json(data, indent=None)) == data


@given(st.lists(st.floats()))
def test_a_number_that_is_not_finite_becomes_null(numbers: list[float]) -> None:
    expected = [number if math.isfinite(number) else None for number in numbers]
    for form in (numbers, tuple(numbers), np.array(numbers)):
        assert json.loads(as_json({"x": form})) == {"x": expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Part(score=math.nan), {"score": None, "names": ["a", "b"]}),
        (Holder(Part(score=1.0)), {"part": {"score": 1.0, "names": ["a", "b"]}, "path": "x/y"}),
        ({1: np.int64(2), "b": np.bool_(True)}, {"1": 2, "b": True}),
        (np.zeros((2, 1), np.float32), [[0.0], [0.0]]),
        (np.float64("inf"), None),
        (np.array([(1, np.nan)], [("a", "i8"), ("b", "f8")]), [[1, None]]),
        (frozenset({3}), [3]),
    ],
)
def test_models_dataclasses_and_arrays_are_taken_apart(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert json.loads(as_json(value)) == expected


def test_a_document_ends_with_a_line_and_keeps_letters() -> None:
    assert as_json({"unit": "µg"}, indent=None) == '{"unit": "µg"}\n'


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("moment", ["write_bytes", "fsync", "replace"])
def test_a_full_disk_leaves_what_was_there_and_says_so(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_whole(tmp_path / "file", "old")
    monkeypatch.setattr(Path if moment == "write_bytes" else os, moment, full)
    with pytest.raises(StoreError, match=r"file: cannot be written \(No space left on device; make room, or name"):
        write_whole(path, "something new")
    with pytest.raises(StoreError):
        write_whole(tmp_path / "another", "something new")
    assert [(entry.name, entry.read_text(encoding="utf-8")) for entry in tmp_path.iterdir()] == [("file", "old")]


def test_a_file_written_bit_by_bit_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with drafted(path) as place:
        place.write_text("half", encoding="utf-8")
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "half"
    with pytest.raises(RuntimeError), drafted(path) as place:
        place.write_text("other", encoding="utf-8")
        raise RuntimeError
    assert [(entry.name, entry.read_text(encoding="utf-8")) for entry in tmp_path.iterdir()] == [("log", "half")]


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path: Path) -> None:
    target = write_whole(tmp_path / "target", "old")
    (tmp_path / "link").symlink_to(target)
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert target.read_text(encoding="utf-8") == "new"
    before = os.stat(os.devnull)
    write_whole(os.devnull, "nobody reads this")
    assert os.stat(os.devnull).st_rdev == before.st_rdev
    if Path("/dev/full").exists():
        with pytest.raises(StoreError, match="/dev/full: cannot be written"):
            write_whole("/dev/full", "x" * 10)


def test_the_longest_name_has_room_for_its_draft(tmp_path: Path) -> None:
    name = "x" * 255
    assert write_whole(tmp_path / name, "text").read_text(encoding="utf-8") == "text"
    with pytest.raises(StoreError, match="File name too long"):
        write_whole(tmp_path / (name + "x"), "text")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_many_threads_write_one_file_and_one_of_them_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: write_whole(path, str(k) * 1000), range(40)))
    assert len(set(path.read_text(encoding="utf-8"))) <= 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
