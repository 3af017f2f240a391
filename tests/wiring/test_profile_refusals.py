"""What a limit profile is refused for, word for word, and what lies at the edge of each rule and is none too far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from thecal.core.errors import ProfileError
from thecal.core.parameters import ParameterFile, Quantity
from thecal.safety.profiles import LimitProfile

from support.limits import Change, made_file, made_profile

STEPS = {
    "baclofen.patient_bolus": 0.0, "baclofen.sedative": 1.0,
    "baclofen.cap": 900.0, "baclofen.concentration": 1_900.0, "baclofen.bolus": 90.0,
    "baclofen.step_spinal": 0.31, "baclofen.step_cerebral": 0.12, "baclofen.rise_28d": 0.5, "baclofen.escalation": 0.6,
}  # fmt: skip
EACH_OR_NONE = "steps by indication are stated for each or for none"
WHOLE = "missing: monitored titration is stated whole or not at all"
ORAL = "missing: oral_ratio says nothing of who took no opioid by mouth"
ORDERED = "two or three drugs in alphabetical order"

Case = tuple[Mapping[str, Change], str]
REFUSED: tuple[Case, ...] = (
    ({"Water.cap": 1.0}, "Water: a drug is named in small letters"),
    ({"_water.cap": 1.0}, "_water: a drug is named in small letters"),
    ({"wa-ter.cap": 1.0}, "wa-ter: a drug is named in small letters"),
    ({"water.cap": 1.0}, "water.concentration: missing"),
    ({"water.cap": 9.0, "water.concentration": 9.0}, "water.bolus: missing"),
    ({"cancer.stepp": 0.1}, "cancer.stepp: no limit of this name (did you mean 'cancer.step'?)"),
    ({"monitored.fresch": 0.1}, "monitored.fresch: no limit of this name (did you mean 'monitored.fresh'?)"),
    ({"morphine.capp": 0.1}, "morphine.capp: no limit of this name (did you mean 'morphine.cap'?)"),
    ({"morphine.sedativ": 0.1}, "morphine.sedativ: no limit of this name (did you mean 'morphine.sedative'?)"),
    ({"cancer.cap": 0.1}, "cancer.cap: no limit of this name (did you mean 'cancer.step'?)"),
    ({"mixture": 1.0}, "mixture: no limit of this name"),
    ({"mixture.": 1.0}, "mixture.: no limit of this name"),
    ({"morphine.cap": 0.0}, "morphine.cap: a limit of 0 allows nothing"),
    ({"morphine.concentration": 0.0}, "morphine.concentration: a limit of 0 allows nothing"),
    ({"bupivacaine.bolus": 0.0}, "bupivacaine.bolus: a limit of 0 allows nothing"),
    ({"morphine.patient_bolus": 0.5}, "morphine.patient_bolus: neither 0 nor 1"),
    ({"morphine.sedative": 0.5}, "morphine.sedative: neither 0 nor 1"),
    ({"bupivacaine.vasoactive": 0.99}, "bupivacaine.vasoactive: neither 0 nor 1"),
    ({"morphine.cap": (409.9, "ug/day"), "morphine.step_abs": None}, "morphine.bolus: one bolus would exceed the 24-h cap"),
    ({"morphine.step_abs": (11_300.1, "ug/day")}, "morphine.step_abs: one step would exceed the 24-h cap"),
    ({"morphine.start": 11_300.1}, "morphine.start: the first dose would exceed the 24-h cap"),
    ({"bupivacaine.start_naive": 12_100.1}, "bupivacaine.start_naive: the first dose would exceed the 24-h cap"),
    ({"morphine.oral_ratio": 300.0}, f"morphine.start_naive: {ORAL}"),
    ({"morphine.oral_ratio": 0.5}, f"morphine.start_naive: {ORAL}"),
    ({**STEPS, "baclofen.step_cerebral": None}, f"baclofen.step_cerebral: {EACH_OR_NONE}"),
    ({**STEPS, "baclofen.step_spinal": None}, f"baclofen.step_cerebral: {EACH_OR_NONE}"),
    ({"noncancer.rise_28d": 0.13}, "noncancer.step: above noncancer.rise_28d, so the shield refuses the first step of 28 days"),
    ({"cancer.escalation": 0.17}, "cancer.step: above cancer.escalation, so the shield takes one step for a loss of effect"),
    (
        {"breathing.saturation_lock": 92.61},
        "breathing.saturation_lock: above breathing.saturation_warn, so the shield locks before it warns",
    ),
    ({"morphine.step": 0.45}, "morphine.step: one step of noncancer would be above the rise over 28 days"),
    (
        {"morphine.step": 0.45, "noncancer.rise_28d": 0.46, "noncancer.escalation": 0.44},
        "morphine.step: one step of noncancer would be above a loss of effect",
    ),
    ({"morphine.rise_28d": 0.17}, "morphine.step: one step of cancer would be above the rise over 28 days"),
    ({"morphine.escalation": 0.17}, "morphine.step: one step of cancer would be above a loss of effect"),
    ({**STEPS, "baclofen.rise_28d": 0.3}, "baclofen.step: one step of cancer would be above the rise over 28 days"),
    ({**STEPS, "baclofen.escalation": 0.3}, "baclofen.step: one step of cancer would be above a loss of effect"),
    (
        {**STEPS, "baclofen.step_spinal": 0.1, "baclofen.step_cerebral": 0.15, "baclofen.rise_28d": 0.14},
        "baclofen.step: one step of cancer would be above the rise over 28 days",
    ),
    ({"monitored.step": None}, f"monitored.step: {WHOLE}"),
    ({"monitored.near": None}, f"monitored.near: {WHOLE}"),
    ({"monitored.day": None, "monitored.quiet": None}, f"monitored.day: {WHOLE}"),
    ({"monitored.near": 1.0}, "monitored.near: 1.0 dimensionless is outside [0.0, 0.999]"),
    ({"monitored.step": 1.5}, "monitored.step: 1.5 dimensionless is outside [0.0, 1.0]"),
    ({"mixture.bupivacaine+morphine": 0.5}, "mixture.bupivacaine+morphine: neither 0 nor 1"),
    ({"mixture.bupivacaine+morphine": 2.0}, "mixture.bupivacaine+morphine: 2.0 dimensionless is outside [0.0, 1.0]"),
    ({"mixture.bupivacaine+morphine": -1.0}, "mixture.bupivacaine+morphine: -1.0 dimensionless is outside [0.0, 1.0]"),
    ({"mixture.morphine+wine+beer": 1.0}, "mixture.morphine+wine+beer: beer has no limits"),
    ({"mixture.morphine": 1.0}, f"mixture.morphine: {ORDERED}"),
    ({"mixture.morphine+bupivacaine": 1.0}, f"mixture.morphine+bupivacaine: {ORDERED}"),
    ({"mixture.morphine+morphine": 1.0}, f"mixture.morphine+morphine: {ORDERED}"),
    (
        {"mixture.bupivacaine+clonidine+hydromorphone+morphine": 0.0},
        f"mixture.bupivacaine+clonidine+hydromorphone+morphine: {ORDERED}",
    ),
    ({"cancer.step": None}, "cancer.step: missing"),
    ({"command.age": None}, "command.age: missing"),
    ({"cancer.step": 1.01}, "cancer.step: 1.01 dimensionless is outside [0.0, 1.0]"),
    ({"command.age": -1.0}, "command.age: -1.0 minute is outside [0.0, 525960.0]"),
)  # fmt: skip


@pytest.mark.parametrize("part", range(4))
def test_each_fault_is_told_in_its_words(part: int) -> None:
    for changes, words in REFUSED[part::4]:
        with pytest.raises(ProfileError) as caught:
            made_profile(changes)
        assert str(caught.value) == f"made.toml: {words}", changes


# At the edge of a rule, and allowed.
ALLOWED: tuple[Mapping[str, Change], ...] = (
    {},
    {"water_2.cap": 0.4, "water_2.concentration": 0.3, "water_2.bolus": 0.2},
    {"morphine.cap": (0.41, "mg/day"), "morphine.step_abs": None},
    {"morphine.cap": 0.64, "morphine.start": 640.0, "morphine.start_naive": 640.0},
    {"morphine.patient_bolus": 1.0, "morphine.sedative": 0.0, "morphine.vasoactive": 0.0},
    {"morphine.patient_bolus": 0.0, "morphine.sedative": 1.0, "morphine.vasoactive": 1.0},
    {"morphine.oral_ratio": 0.0},
    {"morphine.oral_ratio": 300.0, "morphine.start_naive": 100.0},
    {"morphine.classes_before": 1.5, "morphine.interval": 0.5},
    STEPS,
    {**STEPS, "baclofen.rise_28d": 0.31, "baclofen.escalation": 0.31},
    {"cancer.rise_28d": 0.18, "cancer.escalation": 0.18, "noncancer.rise_28d": 0.14, "noncancer.escalation": 0.14},
    {"breathing.rate_lock": 10.4, "breathing.saturation_lock": 92.6, "breathing.co2_warn": 57.9, "sedation.lock": 3.0},
    {"breathing.stale": 60.0, "breathing.flat": 60.0, "circulation.mean": 91.2},
    {f"monitored.{name}": None for name in ("step", "interval", "day", "fresh", "quiet", "settle", "sedation", "near")},
    {"mixture.bupivacaine+morphine": 0.0, "mixture.bupivacaine+clonidine+morphine": 1.0},
    {f"mixture.{name}+morphine": None for name in ("bupivacaine", "clonidine", "hydromorphone")},
)


@pytest.mark.parametrize("part", range(2))
def test_what_lies_at_the_edge_of_a_rule_is_allowed(part: int) -> None:
    for changes in ALLOWED[part::2]:
        profile = made_profile(changes)
        heads = {key.partition(".")[0] for key in changes if "." in key}
        extra = heads & {"water_2", "baclofen"}
        assert profile.drugs == tuple(sorted({"bupivacaine", "clonidine", "hydromorphone", "morphine"} | extra)), (
            changes
        )


def test_texts_are_a_title_or_a_base() -> None:
    words = "neither a limit with value, unit and source nor a title"
    cases: tuple[dict[str, Any], ...] = (
        {"note": "x"},
        {"title": []},
        {"title": "Good", "cancer.step": "much"},
        {"base": {}},
    )
    for texts in cases:
        wrong = next(key for key in texts if texts[key] != "Good")
        with pytest.raises(ProfileError) as caught:
            made_profile(texts=texts)
        assert str(caught.value) == f"made.toml: {wrong}: {words}"
    assert made_profile(texts={"title": "Good", "base": "seed_2025"}).title == "Good"


def test_a_limit_has_no_spread() -> None:
    file = made_file()
    for key in ("cancer.step", "monitored.near", "morphine.daily_fall", "mixture.bupivacaine+morphine"):
        spread: dict[str, Any] = {"cv": 0.1, "distribution": "normal", "source": "made up", "confidence": "low"}
        wide = Quantity(value=file[key].value, unit=file[key].unit, **spread)
        with pytest.raises(ProfileError) as caught:
            LimitProfile("made", ParameterFile("made.toml", {**file, key: wide}, {}))
        assert str(caught.value) == f"made.toml: {key}: a limit has no spread"


def test_a_profile_limits_at_least_one_drug() -> None:
    general = {
        key: None for key in made_file() if key.partition(".")[0] in ("bupivacaine", "clonidine", "hydromorphone")
    }
    morphine = {key: None for key in made_file() if key.startswith(("morphine.", "mixture."))}
    mixtures = {key: None for key in made_file() if key.startswith("mixture.")}
    assert made_profile({**general, **mixtures}).drugs == ("morphine",)
    with pytest.raises(ProfileError) as caught:
        made_profile({**general, **morphine})
    assert str(caught.value) == "made.toml: no drug has limits"


def test_no_limit_passes_its_ceiling() -> None:
    cases: tuple[tuple[str, float, str], ...] = (
        ("cancer.step", 0.61, "0.61 dimensionless is above the ceiling of 0.6 dimensionless"),
        ("noncancer.interval", 11.9, "11.9 hour is below the ceiling of 12 hour"),
        ("monitored.near", 0.81, "0.81 dimensionless is above the ceiling of 0.8 dimensionless"),
        ("hydromorphone.concentration", 20.5, "20500 ug/mL is above the ceiling of 20000 ug/mL"),
        ("hydromorphone.equivalence", 4.9, "4.9 dimensionless is below the ceiling of 5 dimensionless"),
    )
    for key, value, words in cases:
        with pytest.raises(ProfileError) as caught:
            made_profile({key: value})
        assert str(caught.value).startswith(f"made.toml: {key}: {words}, which no profile may pass ("), key


# Each stands for one check; a profile with all these faults is told the first, then the next.
TOLD: tuple[tuple[str, float, str], ...] = (
    ("command.age", -1.0, "command.age: -1.0 minute"),
    ("cancer.other", 1.0, "cancer.other: no limit"),
    ("sedation.lock", 2.5, "sedation.hold: above sedation.lock"),
    ("bupivacaine.vasoactive", 0.5, "bupivacaine.vasoactive: neither"),
    ("mixture.bupivacaine+morphine", 0.5, "mixture.bupivacaine+morphine: neither"),
    ("monitored.near", 1.0, "monitored.near: 1.0"),
    ("noncancer.interval", 11.9, "noncancer.interval: 11.9 hour is below the ceiling"),
)


def test_of_several_faults_the_first_is_told() -> None:
    for k, (_, _, words) in enumerate(TOLD):
        with pytest.raises(ProfileError) as caught:
            made_profile({key: value for key, value, _ in TOLD[k:]})
        assert str(caught.value).startswith(f"made.toml: {words}")
