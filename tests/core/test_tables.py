"""Tables in terminals of any width: no word and no head is ever broken, and every cell is there."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from thecal.core.tables import PlainTable, plain_table

WORDS = st.lists(st.from_regex("[a-zA-Z0-9µ≤%]{1,12}", fullmatch=True), max_size=12).map(" ".join)


def drawn(table: PlainTable, width: int) -> str:
    file = io.StringIO()
    Console(file=file, width=width).print(table)
    return file.getvalue()


def words(text: str) -> list[str]:
    return [word.rstrip(":") for word in text.split() if not set(word) <= set("─")]


@given(st.lists(WORDS, min_size=1, max_size=5), st.data(), st.integers(20, 120), st.booleans())
def test_no_word_is_broken_and_none_is_lost(heads: list[str], data: st.DataObject, width: int, numbers: bool) -> None:
    table = plain_table("Title", heads, numbers=numbers)
    row = st.lists(WORDS, min_size=len(heads), max_size=len(heads))
    rows = data.draw(st.lists(row, min_size=1, max_size=4))
    for cells in rows:
        table.add_row(*cells)
    shown = words(drawn(table, width))
    whole = {word for text in (*heads, *(cell for row in rows for cell in row)) for word in text.split()}
    assert set(shown) <= whole | {"Title", "(simulation", "only)"} | set(words(table._terms()))
    cells = {word for row in rows for cell in row for word in cell.split()}
    assert cells <= set(shown)


@given(st.integers(20, 160))
def test_lines_are_no_longer_than_the_terminal(width: int) -> None:
    table = plain_table("A title of some length", ["one", "two"], caption="said below the table in some words")
    table.add_row("a", "some words to wrap between, again and again and again")
    assert max(len(line) for line in drawn(table, width).splitlines()) <= width


def test_wide_is_a_table_and_narrow_a_list() -> None:
    table = plain_table("Rates", ["policy", "mean pain"], numbers=True)
    table.add_row("guideline", "3.93")
    assert re.search(r"^guideline +3\.93", drawn(table, 40), re.MULTILINE)
    long = plain_table("Rates", ["policy", "what it does"])
    long.add_row("guideline", "raises or lowers " * 12)
    assert "\n  what it does: raises or lowers" in drawn(long, 40)


def test_texts_in_brackets_are_no_markup_and_styles_stay() -> None:
    table = plain_table("T", ["a", "b"])
    table.add_row("[red]x[/]", Text("y", style="red"))
    assert "[red]x[/]" in drawn(table, 40)


@pytest.mark.parametrize(("explain", "there"), [(True, True), (False, False)])
def test_terms_are_explained_below(explain: bool, there: bool) -> None:
    table = PlainTable("T", ["a", "b"], explain=explain)
    table.add_row("x", "POSS 3")
    assert ("Pasero" in drawn(table, 100)) is there
