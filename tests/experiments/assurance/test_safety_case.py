"""The safety case's page and data: everything it names exists, both directions are covered, what is missing is said."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from thecal.core.errors import ConfigError, StoreError
from thecal.devices.fault_records import FAULT_NAMES
from thecal.experiments.assurance import case_argument, case_data, case_hazards, safety_case
from thecal.experiments.assurance.case_catalog import GAPS, with_gaps
from thecal.experiments.assurance.case_data import RECORDS, read
from thecal.safety.certificate import kernel_hash
from thecal.safety.invariants import Invariant
from thecal.safety.profiles import load_profile
from thecal.safety.proofs.verify import profile_goals, shared_goals

ROOT = Path(__file__).resolve().parents[3]
HAZARDS, ARGUMENT, LEFT = read("hazards.toml"), read("argument.toml"), read("gaps.toml")
BASES = ("preset: ", "measured: ", "judged", "proof: ")


class Anchors(HTMLParser):
    """Every id, and every link within the page or away from it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name in ("src", "action", "style") or name.startswith("on"):
                self.loads.append(f"{tag} {name}")


def altered(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Let ``change(name, text)`` stand in for what a data file holds."""
    text = case_data.text
    monkeypatch.setattr(case_data, "text", lambda name: change(name, text(name)))


def test_a_missing_jinja_is_one_sentence_before_any_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setattr(safety_case, "records", lambda: pytest.fail("work was begun"))
    with pytest.raises(ConfigError, match=r"pip install 'thecal\[report\]'"):
        safety_case.write_safety_case(tmp_path / "case.html")
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_is_missing_or_old_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(name: str, text: str) -> str:
        if name == "mutation.json":
            return json.dumps({**json.loads(text), "kernel": "old"})
        return "" if name == "attack.json" else text

    altered(monkeypatch, change)
    page = safety_case.render()
    attack, mutation = (page.partition(f'id="record-{name}"')[2][:120] for name in ("attack", "mutation"))
    assert "Not recorded for this version." in attack
    assert "Recorded for another version of the kernel." in mutation
    assert "<b>?</b>violations" in page


def test_it_is_rendered_with_nothing_but_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    optional = {*RECORDS.values(), "mutants.toml", "wiring_survivors.toml"} - {"proof.json"}
    altered(monkeypatch, lambda name, text: "" if name in optional else text)
    page = safety_case.render()
    assert page.count('<span class="bad">missing</span>') == len(RECORDS) - 1
    assert "not measured" in page
    altered(monkeypatch, lambda name, text: "" if name in RECORDS.values() else text)
    with pytest.raises(StoreError, match="make proof"):
        safety_case.render()


def with_wiring(monkeypatch: pytest.MonkeyPatch, digest: str) -> str:
    """The page with a small record of wiring mutants, and one of the oracle at the pump."""
    name = "envs.kernel.step"
    wired = {
        "modules": {name: digest},
        "mutants": 9,
        "judged": 3,
        "killed": {f"{name}.f: a": "test: t", f"{name}.g: b": "ended"},
    }
    wired["survived"] = [f"{name}.h: c", f"{name}.h: d"]
    pumped = {"kernel": kernel_hash(), "cases": [{}, {}], "ticks": 1234567, "rises": 8, "boluses": 9, "violations": 0}
    given = {"wiring.json": json.dumps(wired), "end_to_end.json": json.dumps(pumped)}
    given["wiring_survivors.toml"] = f'"{name}.h: c" = "the same by symmetry"'
    altered(monkeypatch, lambda file, text: given.get(file, text))
    return safety_case.render()


def test_wiring_and_the_oracle_at_the_pump_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    own = hashlib.sha256((ROOT / "envs" / "kernel" / "step.py").read_bytes()).hexdigest()
    page = with_wiring(monkeypatch, own)
    assert (
        "2 of 3 mutants of the wiring that were judged are found (9 were made); 2 survive, of which 1 are not argued."
        in page
    )
    assert "<td>envs.kernel.step</td><td>2</td><td>4</td>" in page
    assert "<td>envs.kernel.step.h: c</td><td>the same by symmetry</td>" in page
    assert "<td>ticks</td><td>1,234,567</td>" in page
    assert "<td>cases</td><td>2</td>" in page
    assert case_data.records()["wiring"].state == case_data.records()["end_to_end"].state == case_data.CURRENT


def test_wiring_of_other_modules_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    page = with_wiring(monkeypatch, "another text")
    assert "Recorded for another version of the kernel." in page.partition('id="record-wiring"')[2][:120]


def test_a_file_that_is_no_data_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    altered(monkeypatch, lambda name, text: "{" if name == "wiring.json" else text)
    with pytest.raises(StoreError, match=r"safety/data/wiring.json: cannot be read"):
        safety_case.render()


def test_cells_are_escaped_and_name_code(monkeypatch: pytest.MonkeyPatch) -> None:
    cause = HAZARDS["hazard"][0]["cause"]
    hostile = "<script>`a < b` & `c`"
    altered(monkeypatch, lambda name, text: text.replace(cause, hostile) if name == "hazards.toml" else text)
    page = safety_case.render()
    assert "<dd>&lt;script&gt;<code>a &lt; b</code> &amp; <code>c</code></dd>" in page
    assert page.count("<script") == 1


def test_every_link_of_the_page_leads_somewhere() -> None:
    page = safety_case.render()
    found = Anchors(page)
    assert [name for name, count in Counter(found.ids).items() if count > 1] == []
    assert [link for link in found.links if not link.startswith("#")] == []
    assert {link[1:] for link in found.links} - set(found.ids) == set()
    assert found.loads == []
    assert len(page) < 1_500_000
    assert safety_case.policy_of(*(safety_case._resource(name) for name in safety_case._FILES)) in page.replace(
        "&#39;", "'"
    )


def test_every_fault_and_every_invariant_has_a_hazard() -> None:
    faults = {name for hazard in HAZARDS["hazard"] for name in hazard.get("faults", ())}
    invariants = {k for hazard in HAZARDS["hazard"] for k in hazard["invariants"]}
    assert faults == set(FAULT_NAMES)
    assert invariants == {int(i) for i in Invariant}
    assert len(HAZARDS["hazard"]) >= 60
    claimed = {k for node in ARGUMENT["node"] for k in node.get("invariants", ())}
    assert claimed == {int(i) for i in Invariant}


def every_reference() -> set[str]:
    """Whatever hazards and argument refer to."""
    found = {reference for hazard in HAZARDS["hazard"] for reference in hazard["evidence"]}
    found |= {reference for node in ARGUMENT["node"] for reference in node.get("evidence", ())}
    return found | {reference for defeater in ARGUMENT["defeater"] for reference in defeater["by"]}


def existing_tests() -> set[str]:
    """``file::test`` of every test of the repository, as parsed."""
    found = set()
    for path in ROOT.glob("tests/**/test_*.py"):
        names = [
            n.name for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.FunctionDef)
        ]
        found |= {f"{path.stem}::{name}" for name in names}
    return found


def test_every_reference_is_known() -> None:
    goals = {goal.name for goal in shared_goals()}
    goals |= {goal.name.rpartition(" per mille: ")[2] for goal in profile_goals(load_profile("seed_2025"))}
    known = {
        "goal": goals,
        "test": existing_tests(),
        "hazard": {hazard["id"] for hazard in HAZARDS["hazard"]},
        "indicator": {one["id"] for one in ARGUMENT["indicator"]},
        "gap": {one["id"] for one in (*LEFT["limit"], *LEFT["gap"])},
    }
    unknown = []
    for reference in every_reference():
        kind, _, name = reference.partition(":")
        if kind in RECORDS:
            continue
        begins = name.endswith("*") and any(one.startswith(name[:-1]) for one in known[kind])
        if name not in known[kind] and not begins:
            unknown.append(reference)
    assert sorted(unknown) == []


def test_records_that_are_there_hold_the_keys_named() -> None:
    recorded = case_data.records()
    for reference in every_reference():
        kind, _, key = reference.partition(":")
        # A rule that is newer than the attack is not in its record yet.
        if kind in RECORDS and recorded[kind].state == case_data.CURRENT:
            assert recorded[kind].at(key) is not None, reference


def test_every_hazard_is_whole() -> None:
    words = ("category", "hazard", "cause", "harm", "residual", "reason")
    severities, probabilities = (case_hazards.names(HAZARDS, axis) for axis in ("severity", "probability"))
    assert len(severities) == len(probabilities) == 5
    for entry in HAZARDS["hazard"]:
        assert all(entry[word].strip() for word in words), entry["id"]
        assert entry["controls"], entry["id"]
        assert entry["evidence"], entry["id"]
        assert entry["severity"] in severities, entry["id"]
        for when in ("before", "after"):
            assert entry[when] in probabilities, entry["id"]
            assert entry[f"{when}_basis"].startswith(BASES), f"{entry['id']}: a basis says what it is"
        assert probabilities.index(entry["after"]) <= probabilities.index(entry["before"]), entry["id"]
    assert len({entry["id"] for entry in HAZARDS["hazard"]}) == len(HAZARDS["hazard"])


def test_no_verdict_is_milder_than_the_matrix() -> None:
    order = case_hazards.ORDER
    for entry in HAZARDS["hazard"]:
        cell = case_hazards.allowed(HAZARDS, entry["severity"], entry["after"])
        assert order.index(case_hazards.VERDICTS[entry["verdict"]]) >= order.index(cell), entry["id"]
    for when in ("before", "after"):
        inside = [link.words for _, cells in case_hazards.matrix(HAZARDS, when) for _, links in cells for link in links]
        assert sorted(inside) == sorted(f"hazard {entry['id']}" for entry in HAZARDS["hazard"])


def test_a_class_from_the_preset_is_that_of_its_figure() -> None:
    rates = case_hazards.preset_rates(case_hazards.refills(HAZARDS))
    assert rates["occlusion"] == pytest.approx(0.015)
    assert rates["pocket_fill"] == pytest.approx(10.6 * 0.0003)
    seen = set()
    for entry in HAZARDS["hazard"]:
        found = re.match(r"preset: (\w+)", entry["before_basis"])
        if found:
            seen.add(found[1])
            assert entry["before"] == case_hazards.class_of(HAZARDS, rates[found[1]]), entry["id"]
        if entry["after_basis"].startswith("preset: unchanged"):
            assert entry["after"] == entry["before"], entry["id"]
    assert len(seen) >= 25


def test_the_docs_show_the_same_gaps() -> None:
    page = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    assert page == with_gaps(page), "run docs/generate.py"
    for gap in LEFT["gap"]:
        assert f"- {gap['text']}\n" in page.partition(GAPS)[2]
    rest = f"# A\n\n{GAPS}\n- old\n\n## After\n\nstays\n"
    assert with_gaps(rest).endswith("\n## After\n\nstays\n")
    assert "- old\n" not in with_gaps(rest)


def test_every_margin_of_the_attack_is_explained() -> None:
    explained = {
        Invariant(int(number)).name.lower() for number, entry in read("catalogue.toml").items() if "margin" in entry
    }
    assert set(read("attack.json")["margins"]) <= explained


def test_every_node_has_its_place() -> None:
    nodes = {node["id"]: node for node in ARGUMENT["node"]}
    assert len(nodes) == len(ARGUMENT["node"])
    assert [node["id"] for node in ARGUMENT["node"] if not node["under"]] == ["C1"]
    for node in ARGUMENT["node"]:
        assert not node["under"] or node["under"] in nodes
        leaf = node["kind"] == "evidence"
        assert leaf == bool(node.get("confidence")), f"{node['id']}: confidence is that of a leaf"
        assert not leaf or (node["reason"] and node["evidence"]), node["id"]
        below = [
            child
            for child in ARGUMENT["node"]
            if child["under"] == node["id"] and child["kind"] in case_argument.CARRIED
        ]
        assert leaf != bool(below) or node["kind"] not in case_argument.CARRIED, f"{node['id']} rests on nothing"
    for defeater in ARGUMENT["defeater"]:
        assert defeater["against"] in nodes
        assert defeater["type"] in ("rebutting", "undercutting", "undermining")
        assert (defeater["state"] == "residual") == ("leaves" in defeater), defeater["id"]
        assert defeater["by"], defeater["id"]
