"""Names that file systems and tracking stores take, whatever a thing was called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.core.names import LONGEST, safe_name

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@pytest.mark.parametrize("name", ["ppo", "max_request", "s0-1.5", "A" * LONGEST], ids=["a", "b", "c", "longest"])
def test_a_safe_name_stays(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "begins"),
    [("lr=3e-4", "lr_3e-4-"), ("été 📁", "ete-"), ("../etc", "etc-"), ("a/b", "a_b-"), ("📁", "unnamed-"), ("", "unnamed-")],
    ids=["equals", "accents", "dots", "slash", "only_a_picture", "empty"],
)  # fmt: skip
def test_another_name_stays_readable(name: str, begins: str) -> None:
    assert re.fullmatch(re.escape(begins) + "[0-9a-f]{8}", safe_name(name))


@given(st.text(), st.integers(16, 200))
def test_every_name_is_safe_short_and_safe_again(text: str, longest: int) -> None:
    name = safe_name(text, longest)
    assert SAFE.fullmatch(name)
    assert len(name) <= longest
    assert not name.endswith(".")
    assert safe_name(name, longest) == name


@given(st.lists(st.text(), unique=True, max_size=5))
def test_different_texts_have_different_names(texts: list[str]) -> None:
    assert len({safe_name(text) for text in texts}) == len(texts)


def test_a_file_of_such_a_name_can_be_made(tmp_path: Path) -> None:
    (tmp_path / f"{safe_name('x/' * 300)}.parquet").write_text("")
