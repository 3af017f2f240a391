"""Selection against the review's own words: each of its criteria restated here, decided one at a time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.clinic.selection.fields import FIELDS, Chart
from thecal.clinic.selection.rules import STAGES, payer_names, payer_rules, read_rules, selection_rules
from thecal.clinic.selection.verdict import funnel, judge
from thecal.core.errors import ParameterError, UnknownNameError

from support.clinic_people import cancer, chart

Make = Callable[..., Chart]


def verdict(one: Chart, payer: str | None = None) -> Any:
    return judge(one, {**selection_rules(), **(payer_rules(payer) if payer else {})})


def fired(one: Chart, payer: str | None = None) -> list[str]:
    return [reason.rule for reason in verdict(one, payer).reasons]


@pytest.mark.parametrize("make", [chart, cancer])
def test_somebody_whom_nothing_speaks_against_is_eligible(make: Make) -> None:
    assert verdict(make()).answer == "eligible"
    assert fired(make()) == []


# Section 2 and Table 1: absolute contraindications, of every path.
@pytest.mark.parametrize("make", [chart, cancer])
@pytest.mark.parametrize(
    "change",
    [
        {"coagulopathy": True},
        {"immunosuppression": True},
        {"iv_drug_use": True},
        {"psychosis": True, "psychological_screening": "failed"},
        {"dementia": True},
        {"life_expectancy_months": 3.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_absolute_contraindication_is_final(make: Make, change: dict[str, Any]) -> None:
    assert verdict(make(**change)).answer == "not"


def test_an_infection_is_waited_out() -> None:
    found = verdict(cancer(systemic_infection=True))
    assert found.answer == "after"
    assert "infection is cured" in found.sentence


# Section 2 says 3 months or less, section 6 more than three months.
@pytest.mark.parametrize(("months", "answer"), [(2.9, "not"), (3.0, "not"), (3.1, "eligible")])
def test_life_expectancy_must_be_above_three_months(months: float, answer: str) -> None:
    assert verdict(cancer(life_expectancy_months=months)).answer == answer


# Table 1: widespread pain, headache, facial pain are advised against, not ruled out.
@pytest.mark.parametrize(
    "change", [{"pain_distribution": "widespread"}, {"diagnosis": "headache"}, {"diagnosis": "facial_pain"}], ids=str
)
def test_limited_efficacy_is_weighed(change: dict[str, Any]) -> None:
    assert verdict(chart(**change)).answer == "after"


# Section 2: conditions that warrant a pump.
@pytest.mark.parametrize(
    "diagnosis",
    ["crps", "spondylolisthesis", "spondylosis", "failed_back_surgery", "neuropathic", "spinal_stenosis", "compression_fracture"],
)  # fmt: skip
def test_every_condition_of_the_review_is_an_indication(diagnosis: str) -> None:
    assert verdict(chart(diagnosis=diagnosis)).answer == "eligible"


def test_a_diagnosis_that_no_list_has_is_none() -> None:
    assert fired(chart(diagnosis="unclear_pain")) == ["indication_noncancer"]
    assert verdict(chart(diagnosis="unclear_pain")).answer == "not"


# Section 1: pain of more than 3-6 months is chronic; a course of cancer pain need not be.
def test_chronic_begins_at_three_months() -> None:
    assert fired(chart(pain_months=2.9, failed_treatment_months=1.0)) == ["chronic"]
    assert fired(chart(pain_months=3.0, failed_treatment_months=1.0)) == []
    assert fired(cancer(pain_months=1.0, failed_treatment_months=0.5)) == []


# Section 6: screening is not required in cancer and other terminal conditions.
def test_psychological_screening_is_asked_without_cancer() -> None:
    assert fired(chart(psychological_screening="not_done")) == ["screening"]
    assert fired(cancer(psychological_screening="not_done")) == []
    assert fired(chart(psychological_screening="not_done", terminal=True)) == []
    assert verdict(chart(psychological_screening="failed")).answer == "after"


# Section 6: trialing is part of selection without cancer, and optional with it.
def test_a_trial_is_asked_without_cancer() -> None:
    untried = {"trial": "not_done", "trial_method": "none", "trial_relief_percent": 0.0, "trial_function": False}
    assert fired(chart(**untried)) == ["trial_needed"]
    assert fired(cancer()) == []
    assert verdict(chart(trial="failed", trial_relief_percent=20.0)).answer == "not"


def test_spasticity_asks_for_a_screening_dose() -> None:
    base = {"diagnosis": "spasticity_spinal", "pain_nrs": 2.0, "psychological_screening": "not_done"}
    assert fired(chart(**base)) == []
    untried = {"trial": "not_done", "trial_method": "none", "trial_relief_percent": 0.0, "trial_function": False}
    assert fired(chart(**(base | untried))) == ["screening_dose"]


# Section 6: the tumor must not encroach on the thecal sac; opioid taken regularly and raised without relief.
def test_what_cancer_asks_for() -> None:
    assert verdict(cancer(tumor_encroachment=True)).answer == "not"
    assert fired(cancer(escalated=False)) == ["opioid_tried"]
    assert fired(cancer(systemic_opioid=False, medd_mg_per_d=0.0, escalated=False)) == ["opioid_tried"]
    assert fired(chart(escalated=False)) == []


# Section 6: a trial makes it necessary to stop anticoagulants; days as read in published tables.
@pytest.mark.parametrize(
    ("drug", "words"),
    [("warfarin", "5 days"), ("direct_oral", "3 days"), ("clopidogrel", "7 days"), ("heparin", "1 day ")],
)
def test_an_anticoagulant_is_stopped_first(drug: str, words: str) -> None:
    found = verdict(cancer(anticoagulant=drug))
    assert found.answer == "after"
    assert words in found.sentence
    assert [reason.stage for reason in verdict(cancer(anticoagulant=drug, thrombosis_risk=True)).reasons] == [
        "anticoagulation"
    ] * (1 if drug == "heparin" else 2)


# Medicare: temporary catheter; an example of a stricter payer: half less pain, six months, half the opioid.
def test_a_payer_asks_for_more() -> None:
    assert fired(chart(trial_method="single_shot"), "us_medicare") == ["medicare_trial"]
    assert fired(chart(), "us_medicare") == fired(chart(), "us_manager") == []
    assert fired(chart(failed_treatment_months=5.9), "us_manager") == ["manager_months"]
    assert fired(chart(agrees_to_wean=False), "us_manager") == ["manager_wean"]
    assert fired(chart(trial_relief_percent=49.0), "us_manager") == ["manager_trial"]
    assert fired(cancer(), "us_manager") == ["manager_trial_cancer"]
    assert fired(cancer(terminal=True), "us_manager") == []


def test_every_reason_is_one_sentence_with_a_source() -> None:
    every = [*selection_rules().values(), *(rule for name in payer_names() for rule in payer_rules(name).values())]
    assert len(every) > 30
    for rule in every:
        for make in (chart, cancer):
            text = rule.sentence(make())
            assert text.endswith(".")
            assert "{" not in text
            assert "None" not in text
        assert rule.source
        assert "{" not in rule.condition


_VALUES = {
    "flag": lambda field: st.booleans(),
    "choice": lambda field: st.sampled_from(field.choices),
    "number": lambda field: st.floats(field.low, field.high),
}
_CHARTS = st.fixed_dictionaries({name: _VALUES[field.kind](field) for name, field in FIELDS.items()})


@settings(max_examples=40, deadline=None)
@given(st.lists(_CHARTS, min_size=1, max_size=8))
def test_a_funnel_loses_nobody(people: list[dict[str, Any]]) -> None:
    verdicts = [verdict(Chart(str(i), values), "us_manager") for i, values in enumerate(people)]
    stages = funnel(verdicts)
    assert [one.stage for one in stages] == list(STAGES)
    assert stages[0].came == len(people)
    for before, after in pairwise(stages):
        assert before.went_on == after.came
    assert stages[-1].went_on == sum(one.answer != "not" for one in verdicts)
    assert all((one.answer == "eligible") == (not one.reasons) for one in verdicts)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


GOOD = """title = "Mine"
[rule.mine]
title = "t"
stage = "payer"
kind = "absolute"
paths = ["cancer"]
when = [{ field = "dementia", yes = true }]
until = ""
reason = "No."
source = "made up for a test"
confidence = "low"
evidence = "proposed"
"""


def test_a_payer_of_your_own_is_read(tmp_path: Path) -> None:
    assert list(payer_rules(str(_file(tmp_path, GOOD)))) == ["mine"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"dementia"', '"dementa"', "a chart has no 'dementa' (did you mean 'dementia'?)"),
        ("yes = true", "most = 3", "most: dementia takes yes"),
        (", yes = true", "", "nothing is asked of it"),
        ('yes = true', 'yes = true, one_of = ["a"]', "one_of: dementia takes yes"),
        ('"No."', '"No. Never."', "is not one sentence"),
        ('"No."', '"No {weight}."', "names {weight}"),
        ('kind = "absolute"', 'kind = "relative"', "says what lifts it"),
        ('until = ""', 'until = "after {wait}"', "names {wait} where a wait is given"),
        ('"payer"', '"trial"', "rule.mine.stage: a payer's rules are of the stage payer"),
        ("rule.mine", "rule.dementia", "a shipped rule has this key"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in GOOD
    with pytest.raises(ParameterError, match="mine.toml: ") as caught:
        payer_rules(str(_file(tmp_path, GOOD.replace(old, new, 1))))
    assert said in str(caught.value)


def test_an_unknown_payer_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="us_medicare"):
        payer_rules("medicare")


def test_a_file_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="at least 1"):
        read_rules(_file(tmp_path, 'title = "Mine"\n[rule]\n'))
