"""``safety-case`` as a user runs it: one page that claims no conformity, and the record of the indicators."""

from __future__ import annotations

import json
from itertools import product

from thecal.experiments.assurance.indicators import FAULTS, POLICIES, TASKS
from thecal.experiments.assurance.safety_case import render
from thecal.experiments.cli import run
from thecal.safety.certificate import kernel_hash
from thecal.safety.invariants import Invariant


def test_the_safety_case_is_one_page_that_claims_no_conformity(tmp_path):
    assert run(["safety-case", "--out", str(tmp_path / "case.html")]) == 0
    page = (tmp_path / "case.html").read_text(encoding="utf-8")
    assert page == render()
    assert "No conformity with any standard is claimed" in page
    assert "NOT PROVED" not in page
    assert "http:" not in page
    assert "https:" not in page
    for invariant in Invariant:
        assert f'id="invariant-{int(invariant)}"' in page
    (tmp_path / "file").write_text("")
    assert run(["safety-case", "--out", str(tmp_path / "file" / "case.html")]) == 4


def test_the_indicators_are_measured_into_a_record(tmp_path):
    target = tmp_path / "indicators.json"
    assert run(["safety-case", "--measure", str(target), "-n", "2", "--seeds", "1"]) == 0
    found = json.loads(target.read_text(encoding="utf-8"))
    assert found["note"] == "simulation only"
    assert found["patients"] == 2
    assert found["kernel"] == kernel_hash()
    assert {(one["task"], one["policy"], one["faults"]) for one in found["runs"]} == set(
        product(TASKS, POLICIES, FAULTS)
    )
    assert run(["safety-case", "--measure", str(tmp_path / "indicators.txt")]) == 2
