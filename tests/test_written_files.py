"""What is written into a file is read, or refused in one sentence with file and key: every shipped file of every format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from thecal.core.errors import ConfigError

from support.spoiled_tables import at, spoiled, write
from support.written_files import FORMATS, Format

_EVERY = [(form, name) for form in FORMATS for name in form.shipped]
_IDS = [f"{form.name}-{name}" for form, name in _EVERY]
_NO_FILES = {
    "nul": b"\0", "bytes": b"\xff\xfe", "deep": b"a = " + b"[" * 100_000, "huge": b"a = " + b"9" * 5000, "no": b"= 1",
}  # fmt: skip
_FEW = 30  # of a file's many faults, in the usual run


def _said(form: Format, path: Path, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What loading complains about; None when it does not. Any other exception fails the test."""
    with monkeypatch.context() as patch:
        try:
            form.load(path, patch)
        except ConfigError as error:
            return str(error) if type(error) is form.error else f"not a {form.error.__name__}: {error!r}"
    return None


def _judge(form: Format, name: str, folder: Path, patch: pytest.MonkeyPatch, step: int) -> None:
    table: dict[str, Any] = form.shipped[name]
    apart = any("source" in entry for entry in _tables_in(table))
    wrong = []
    for number, (what, place, bad) in enumerate(spoiled(table, numbers_apart=apart)):
        if (number % step and what != "unknown") or number % max(1, step // 4):
            continue
        said = _said(form, write(folder / name, bad), patch)
        key = ".".join(map(str, place))
        if said is None:
            if what != "left out" or not re.fullmatch(form.optional, key):
                wrong.append(f"{what} {key}: taken")
        elif (
            not said.startswith(f"{name}: ")
            or "\n" in said
            or (what != "left out" and not any(str(part) in said for part in place[-2:]))
        ):
            wrong.append(f"{what} {key}: {said}")
    assert not wrong, "\n".join(wrong[:20])


def _tables_in(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        return []
    return [value, *(inner for entry in value.values() for inner in _tables_in(entry))]


@pytest.mark.parametrize(("form", "name"), _EVERY, ids=_IDS)
def test_a_shipped_file_is_read_as_it_is(form, name, tmp_path, monkeypatch):
    assert _said(form, write(tmp_path / name, form.shipped[name]), monkeypatch) is None


@pytest.mark.parametrize(("form", "name"), _EVERY, ids=_IDS)
def test_some_faults_of_a_file_are_refused(form, name, tmp_path, monkeypatch):
    count = sum(1 for _ in spoiled(form.shipped[name], numbers_apart=True))
    _judge(form, name, tmp_path, monkeypatch, max(1, count // _FEW))


@pytest.mark.slow
@pytest.mark.parametrize(("form", "name"), _EVERY, ids=_IDS)
def test_every_fault_of_a_file_is_refused(form, name, tmp_path, monkeypatch):
    _judge(form, name, tmp_path, monkeypatch, 1)


@pytest.mark.parametrize("form", FORMATS, ids=[form.name for form in FORMATS])
def test_a_byte_order_mark_and_crlf_change_nothing(form, tmp_path, monkeypatch):
    name = next(iter(form.shipped))
    path = write(tmp_path / name, form.shipped[name])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert _said(form, path, monkeypatch) is None


@pytest.mark.parametrize("form", FORMATS, ids=[form.name for form in FORMATS])
@pytest.mark.parametrize("content", _NO_FILES.values(), ids=_NO_FILES)
def test_what_is_no_such_file_is_refused(form, content, tmp_path, monkeypatch):
    name = next(iter(form.shipped))
    path = tmp_path / name
    path.write_bytes(content)
    said = _said(form, path, monkeypatch)
    assert said is not None
    assert said.startswith(f"{name}: ")


def test_every_shipped_table_belongs_to_a_format():
    known = {name for form in FORMATS for name in form.shipped}
    root = Path(__file__).parents[1]
    rooms = (
        "agents",
        "clinic",
        "dashboard",
        "devices",
        "envs",
        "experiments",
        "physiology",
        "docs/examples",
        "safety/data/profiles",
    )
    shipped = {path.name for room in rooms for path in (root / room).rglob("*.toml")}
    assert shipped <= known


def test_at_reaches_into_lists():
    assert at({"a": [{"b": 1}]}, ("a", 0, "b")) == 1
