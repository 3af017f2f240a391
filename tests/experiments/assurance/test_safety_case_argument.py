"""How confidence is carried up the argument, and how indicators stand against their thresholds."""

from __future__ import annotations

from typing import Any

import pytest

from thecal.experiments.assurance.case_argument import Node, flat, indicators, tree
from thecal.experiments.assurance.case_data import CURRENT, MISSING, STALE, Record
from thecal.experiments.assurance.case_links import OK, References, state_of

LEVELS = ["none", "low", "medium", "high"]


def recorded(attack: str = CURRENT, **data: Any) -> dict[str, Record]:
    """Records of which only the attack matters."""
    found = {name: Record(name, {}, MISSING) for name in ("proof", "mutation", "wiring", "end_to_end", "indicators")}
    return {**found, "attack": Record("attack", {} if attack == MISSING else {"violations": 0, **data}, attack)}


def node(name: str, under: str, kind: str = "claim", **more: Any) -> dict[str, Any]:
    return {"id": name, "kind": kind, "under": under, "text": name, **more}


def leaf(name: str, under: str, confidence: str, *evidence: str) -> dict[str, Any]:
    return node(name, under, "evidence", confidence=confidence, reason="so", evidence=list(evidence))


def carried(
    *nodes: dict[str, Any], defeaters: Any = (), attack: str = CURRENT, **stands: tuple[str, str]
) -> dict[str, Node]:
    """The nodes of a tree by id."""
    ids = {"hazard": [], "gap": [], "node": [], "indicator": list(stands)}
    data = {"levels": LEVELS, "node": [node("C", ""), *nodes], "defeater": list(defeaters)}
    return {one.id: one for one in flat(tree(data, References(recorded(attack), ids, stands)))}


def against(name: str, state: str, leaves: str = "", *by: str) -> dict[str, Any]:
    found = {"id": "D", "against": name, "type": "rebutting", "text": "but", "state": state, "by": list(by)}
    return {**found, "leaves": leaves} if leaves else found


@pytest.mark.parametrize(("join", "level"), [("all", "low"), ("any", "high")])
def test_a_claim_has_the_lowest_or_of_any_leg_the_highest(join: str, level: str) -> None:
    found = carried(node("S", "C", "strategy", join=join), leaf("E", "S", "low"), leaf("F", "S", "high"))
    assert found["S"].confidence == found["C"].confidence == level


def test_what_qualifies_does_not_carry() -> None:
    found = carried(leaf("E", "C", "high"), node("A", "C", "assumption"))
    assert found["C"].confidence == "high"
    assert found["A"].confidence == ""


@pytest.mark.parametrize(("state", "level"), [(CURRENT, "high"), (STALE, "none"), (MISSING, "none")])
def test_a_leaf_on_an_old_record_has_none(state: str, level: str) -> None:
    found = carried(leaf("E", "C", "high", "attack:violations"), attack=state)
    assert found["E"].confidence == found["C"].confidence == level


def test_a_key_that_a_record_lacks_waits() -> None:
    assert carried(leaf("E", "C", "high", "attack:tested.cap"))["E"].confidence == "none"


def test_an_indicator_that_is_not_met_leaves_little() -> None:
    assert carried(leaf("E", "C", "high", "indicator:x"), x=("against", "not met"))["C"].confidence == "low"
    assert carried(leaf("E", "C", "high", "indicator:x"), x=("waits", "not measured"))["C"].confidence == "none"
    assert carried(leaf("E", "C", "high", "indicator:x"), x=(OK, ""))["C"].confidence == "high"


def test_a_residual_defeater_leaves_no_more_than_it_says() -> None:
    found = carried(leaf("E", "C", "high"), leaf("F", "C", "low"), defeaters=[against("E", "residual", "medium")])
    assert found["E"].confidence == "medium"
    assert found["C"].confidence == "low"


def test_an_answer_that_waits_for_a_record_answers_nothing() -> None:
    answered = against("E", "eliminated", "", "attack:violations")
    assert carried(leaf("E", "C", "high"), defeaters=[answered])["C"].confidence == "high"
    assert carried(leaf("E", "C", "high"), defeaters=[answered], attack=STALE)["C"].confidence == "low"


def test_an_unknown_reference_is_the_worst() -> None:
    references = References(recorded(), {"gap": ["known"]}, {})
    assert state_of(references.of("gap:known")) == OK
    assert state_of(references.every(["gap:known", "gap:strange"])) == "unknown"
    assert references.of("nonsense:x")[0].state == "unknown"


RATE = {
    "id": "v",
    "text": "t",
    "record": "attack",
    "unit": "u",
    "basis": "b",
    "top": "violations",
    "bottom": "ticks",
    "scale": 1e6,
}


@pytest.mark.parametrize(
    ("data", "state", "threshold", "standing"),
    [
        ({"ticks": 2_000_000}, CURRENT, "at most", "met"),
        ({"ticks": 2_000_000, "violations": 1}, CURRENT, "at most", "not met"),
        ({"ticks": 2_000_000, "violations": 1}, STALE, "at most", "stale (not met then)"),
        ({"ticks": 2_000_000, "violations": 1}, CURRENT, "at least", "met"),
        ({}, CURRENT, "at most", "not measured"),
        ({}, MISSING, "at most", "not measured"),
    ],
)
def test_a_rate_stands_against_its_bound(data: dict[str, Any], state: str, threshold: str, standing: str) -> None:
    entry = {**RATE, "threshold": threshold, "bound": 0.0}
    (found,) = indicators({"indicator": [entry]}, recorded(state, **data))
    assert found.state == standing
    if data.get("violations"):
        assert found.rows == [("the record", "0.5", "-", "2,000,000")]


def test_runs_under_stress_are_shown_and_not_judged() -> None:
    runs = [
        {"task": "T", "policy": "p", "faults": faults, "values": {"x": {"value": value, "se": 0.125, "of": 40.0}}}
        for faults, value in (("reference", 0.25), ("stress", 9.0))
    ]
    entry = {
        "id": "x",
        "text": "t",
        "record": "indicators",
        "unit": "u",
        "basis": "b",
        "value": "x",
        "threshold": "at most",
        "bound": 1.0,
    }
    records = {**recorded(), "indicators": Record("indicators", {"runs": runs}, CURRENT)}
    (found,) = indicators({"indicator": [entry]}, records)
    assert found.state == "met"
    assert found.rows == [("T, p, faults reference", "0.25", "0.12", "40"), ("T, p, faults stress", "9", "0.12", "40")]


def test_runs_without_a_case_say_so() -> None:
    none = {"value": None, "se": None, "of": 0.0}
    records = {
        **recorded(),
        "indicators": Record("indicators", {"runs": [{"task": "T", "policy": "p", "values": {"x": none}}]}, CURRENT),
    }
    entry = {**RATE, "record": "indicators", "value": "x", "threshold": "at most", "bound": 1.0}
    (found,) = indicators({"indicator": [entry]}, records)
    assert (found.state, found.stands) == ("no case seen", ("against", "no case seen"))


def test_a_share_of_rows_is_counted() -> None:
    entry = {**RATE, "count": "strength", "where": "found", "threshold": "at least", "bound": 1.0}
    (found,) = indicators({"indicator": [entry]}, recorded(strength=[{"found": True}, {"found": False}]))
    assert (found.state, found.rows[0][1]) == ("not met", "0.5")
