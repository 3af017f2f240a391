"""The first screen: never stronger than the decision rule, and its numbers are those of the tables."""

from __future__ import annotations

import re

import pytest

from thecal.experiments.reports.brief import brief
from thecal.experiments.reports.page import render
from thecal.experiments.reports.tables import outcome_groups

from support.reports import changed, each, judged, synthetic_data

NUMBER = re.compile(r"[+−]?\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def data():
    return synthetic_data(n=40, hours=48)


def said(data):
    found = brief(data)
    return found.verdict, dict(found.answers)


def told(data, result):
    return data.model_copy(update={"result": result, "groups": {}})


def test_a_claim_is_made_only_where_the_rule_allows_it(data):
    good = told(data, judged("superior", {}))
    assert brief(good).tone == "good"
    assert said(good)[0].startswith("PPO (trained) is better than Fixed rate in these virtual patients.")
    for result in (
        judged("inconclusive", {}), judged("inferior", {}), judged("superior", {"sed_hours": "inferior"}),
        judged("superior", {"died": "inconclusive"}), judged("superior", {}, shield_mode="off"),
    ):  # fmt: skip
        shown = brief(told(data, result))
        assert shown.tone == "open"
        assert "PPO (trained) is better" not in shown.verdict
        assert "in its way:" in shown.verdict


def test_the_better_one_leads_where_nothing_was_learned(data):
    rules = {name: one for name, one in data.result.policies.items() if one.info.kind != "learned"}
    gaps = {name: data.result.differences[name] for name in rules if name != "fixed"}
    bare = changed(data, policies=rules, differences=gaps)
    assert bare.lead == bare.ranked[0]
    assert bare.of(bare.lead).info.kind == "rule"
    assert "max_request" not in bare.ranked
    assert brief(bare).policy == bare.lead


def test_four_questions_are_answered(data):
    _, answers = said(data)
    assert list(answers) == ["By how much", "At what harm", "For whom", "Why"]
    assert "Better in 1 and worse in 0 of 2 subgroups" in answers["For whom"]
    assert "Most in “age: below 65 y” (20 patients, +9" in answers["For whom"]
    assert "PPO (trained) gave" in answers["Why"]
    assert "the shield changed none of its decisions" in answers["Why"]


def test_its_numbers_stand_in_the_tables(data):
    cells = [
        text
        for group in outcome_groups(data)
        for table in ("means", "differences")
        for row in group[table].values()
        for cell in row
        for text in (cell.value, cell.interval)
    ]
    known = {number for cell in cells for number in NUMBER.findall(cell)}
    primary = data.gaps(data.lead)[data.primary.key]
    known |= {
        "95",
        "0.001",
        f"{primary.p_adjusted:.3f}",
        f"{primary.improved:.2f}",
        *map(str, range(len(data.outcomes) + 1)),
        "40",
    }
    _, answers = said(data)
    for question in ("By how much", "At what harm", "Why"):
        assert set(NUMBER.findall(answers[question])) - known == set(), question


def test_harms_seen_in_nobody_are_folded_into_a_bound(data):
    page = render(data)
    assert "24-h dose above the cap" not in page.partition('id="outcomes"')[0]
    groups = {group["title"]: group for group in outcome_groups(data)}
    assert {outcome.key for outcome in groups["Harms"]["outcomes"]}.isdisjoint(
        outcome.key for outcome in groups.get("Harms seen in nobody", {"outcomes": []})["outcomes"]
    )
    nothing = {
        key: one.model_copy(update={"mean": 0.0, "low": 0.0, "high": 1.2})
        for key, one in data.of("fixed").estimates.items()
    }
    quiet = each(data, estimates=nothing)
    assert "None of these occurred in any of the 40 patients" in render(quiet)
    (group,) = [group for group in outcome_groups(quiet) if group["quiet"]]
    assert all("(at most 1.2" in bound for bound in group["bounds"])
    assert "Harms" not in {group["title"] for group in outcome_groups(quiet)}


def test_the_reference_alone_is_no_comparison(data):
    alone = changed(data, policies={"fixed": data.of("fixed")}, differences={}).model_copy(update={"stories": []})
    assert brief(alone).policy == ""
    assert "nothing to compare" in render(alone)
