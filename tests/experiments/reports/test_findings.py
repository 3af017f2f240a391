"""Findings in words: never stronger than the numbers, and read from what policies say of themselves."""

from __future__ import annotations

import pytest

from thecal.agents.info import PolicyInfo
from thecal.experiments.reports.findings import findings, in_the_way
from thecal.experiments.reports.words import number

from support.reports import changed, judged, synthetic_data


@pytest.fixture(scope="module")
def data():
    return synthetic_data(n=40, hours=48)


def with_result(data, result):
    return data.model_copy(update={"result": result})


def with_info(data, policy, **changes):
    one = data.of(policy)
    info = PolicyInfo(**{**one.info.model_dump(), **changes})
    return changed(data, policies={**data.result.policies, policy: one.model_copy(update={"info": info})})


@pytest.mark.parametrize(
    ("primary", "harm", "tone", "phrase", "passes"),
    [
        ("superior", "non-inferior", "good", "did better than", True),
        ("superior", "inferior", "good", "did better than", False),
        ("superior", "inconclusive", "good", "did better than", False),
        ("inferior", "non-inferior", "bad", "did worse than", False),
        ("inconclusive", "non-inferior", "open", "No difference", False),
    ],
)
def test_claim_needs_efficacy_and_no_worse_harm(data, primary, harm, tone, phrase, passes):
    shown = with_result(data, judged(primary, {"resp_hours": harm}))
    assert shown.decision("ppo").better is passes
    assert bool(in_the_way(shown, "ppo")) is not passes
    found = findings(shown)
    assert found[0].tone == tone
    assert phrase in found[0].lead
    supported = [item for item in found if "is supported" in item.lead]
    assert bool(supported) is passes


def test_what_stands_in_the_way_is_named(data):
    shown = with_result(data, judged("inconclusive", {"resp_hours": "inferior", "died": "inconclusive"}))
    assert in_the_way(shown, "ppo") == (
        "superiority was not shown; worse: depressed breathing; not ruled out with 4 patients: deaths"
    )


def test_unshielded_rules_are_not_said_to_pass(data):
    shown = with_result(data, judged("superior", {}, shield_mode="off"))
    assert in_the_way(shown, "ppo") == "the shield was off"
    rule = with_info(shown, "ppo", kind="rule")
    brief = next(item for item in findings(rule) if item.lead.startswith("PPO"))
    assert brief.tone == "open"
    assert "the shield was off" in brief.text


def test_few_training_seeds_are_said_to_be_few(data):
    assert any("not a verdict on the method" in item.lead for item in findings(data))
    ppo = data.of("ppo").model_copy(update={"training_seeds": 10})
    enough = findings(changed(data, policies={**data.result.policies, "ppo": ppo}))
    assert not any("not a verdict" in item.lead for item in enough)


def test_a_policy_from_outside_is_a_rule_never_a_trained_one(data):
    outside = with_info(data, "ppo", name="ppo", label="Somebody's rule", kind="rule")
    assert outside.learned == []
    assert any("No trained policy" in item.lead for item in findings(outside))


def test_sanity_baselines_are_known_by_their_kind(data):
    text = next(item.text for item in findings(data) if "sanity baselines" in item.lead)
    assert "Random requests" in text
    assert "Maximal requests" in text
    alone = with_info(with_info(data, "random", kind="rule"), "max_request", kind="rule")
    assert not any("sanity baselines" in item.lead for item in findings(alone))


def test_the_best_rule_is_that_of_the_primary_outcome(data):
    assert data.best_rules("ppo", "fixed")[0] == "pid"
    assert any("the best rule, PID control" in item.lead for item in findings(data))
    oracle = with_info(data, "pid", privileged=True)
    assert oracle.best_rules("ppo", "fixed")[0] == "guideline_ptm"


def test_the_best_rule_follows_the_direction_of_the_outcome(data):
    outcomes = [data.primary.model_copy(update={"better": -1}), *data.outcomes[1:]]
    assert changed(data, outcomes=tuple(outcomes)).best_rules()[0] == "fixed"


def test_a_learned_reference_is_not_compared_with_itself(data):
    gaps = {"fixed": data.gaps("ppo")}
    policies = {name: data.of(name) for name in ("ppo", "fixed")}
    found = findings(changed(data, reference="ppo", policies=policies, differences=gaps))
    assert not any("is better than" in item.lead for item in found)


@pytest.mark.parametrize(
    ("value", "digits", "sign", "text"),
    [
        (1234.5, 0, False, "1\u2009234"), (-0.04, 1, True, "0.0"), (-1.25, 2, True, "−1.25"), (3.0, 1, True, "+3.0"),
        (float("nan"), 1, False, "–"), (float("inf"), 1, False, "–"),
    ],
)  # fmt: skip
def test_numbers_in_words(value, digits, sign, text):
    assert number(value, digits, sign=sign) == text
