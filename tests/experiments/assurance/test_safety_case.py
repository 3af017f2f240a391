"""The safety case's page: its template escapes, names code, says what is missing, and asks for Jinja2 before it works."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from thecal.core.errors import ConfigError
from thecal.experiments.assurance import safety_case


def test_a_missing_jinja_is_one_sentence_before_any_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setattr(safety_case, "shipped_proof", lambda: pytest.fail("work was begun"))
    with pytest.raises(ConfigError, match=r"pip install 'thecal\[report\]'"):
        safety_case.write_safety_case(tmp_path / "case.html")
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_is_missing_or_old_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    data = safety_case._data

    def without(name: str) -> Any:
        return (
            {} if name == "attack.json" else {**data(name), "kernel": "old"} if name == "mutation.json" else data(name)
        )

    monkeypatch.setattr(safety_case, "_data", without)
    page = safety_case.render()
    assert page.count("Not recorded for this version.") == 1
    assert page.count("Recorded for another version of the kernel.") == 1
    assert "<b>?</b>violations" in page


def test_cells_are_escaped_and_name_code(monkeypatch: pytest.MonkeyPatch) -> None:
    data = safety_case._data

    def hostile(name: str) -> Any:
        found = data(name)
        if name == "hazards.toml":
            found["hazard"][0]["cause"] = "<script>`a < b` & `c`"
        return found

    monkeypatch.setattr(safety_case, "_data", hostile)
    page = safety_case.render()
    assert "<td>&lt;script&gt;<code>a &lt; b</code> &amp; <code>c</code></td>" in page
    assert "<script" not in page
