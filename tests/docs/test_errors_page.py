"""The table of exit codes says what the code does, and the page is linked from where people look."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from thecal.core import errors
from thecal.core.errors import ThecalError

from support.modules import modules

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "errors.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([\d, ]+) \| (?:`(\w+)`)? *\|", PAGE, re.MULTILINE)
CODES = {int(code): name for cell, name in ROWS for code in cell.split(",")}


def _classes(base: type[ThecalError] = ThecalError) -> Iterator[type[ThecalError]]:
    yield base
    for below in base.__subclasses__():
        yield from _classes(below)


def test_every_code_is_there_once() -> None:
    assert sorted(CODES) == [0, 1, 2, 3, 4, 5, 70, 129, 130, 143]


@pytest.mark.parametrize("name", ["ThecalError", "ConfigError", "ParameterError", "StoreError", "MissingExtraError"])
def test_a_class_has_the_code_of_the_table(name: str) -> None:
    assert {code for code, of in CODES.items() if of == name} == {getattr(errors, name).exit_code}


def test_every_class_has_a_code_of_the_table() -> None:
    for name in modules():
        if name.rpartition(".")[2] in ("errors", "certificate", "signals"):
            importlib.import_module(name)
    found = {one.__name__: one.exit_code for one in _classes() if one.__module__.startswith("thecal.")}
    assert len(found) > 6
    assert {name: code for name, code in found.items() if code not in CODES} == {}


@pytest.mark.parametrize("page", ["index.md", "guide.md"])
def test_the_page_is_linked(page: str) -> None:
    assert "](errors.md" in (DOCS / page).read_text(encoding="utf-8")
