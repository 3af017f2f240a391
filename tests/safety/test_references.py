"""What the references say: the strict profile holds the strictest that is a limit, and each other profile its own."""

from __future__ import annotations

import pytest

from thecal.core.parameters import Quantity
from thecal.safety.ceilings import ceiling_of, is_looser
from thecal.safety.profile_schema import DRUG_LIMITS, DRUG_OPTIONS
from thecal.safety.profiles import load_profile
from thecal.safety.references import COLUMNS, STUDY, references

KEYS = sorted({key for name in COLUMNS for key in references()[name]})


def _unit(key: str) -> str:
    name = key.partition(".")[2]
    return DRUG_LIMITS[name] if name in DRUG_LIMITS else DRUG_OPTIONS[name][0]


def _value(quantity: Quantity, key: str) -> float:
    return quantity.to(_unit(key))


@pytest.mark.parametrize("key", KEYS)
def test_the_strict_profile_takes_the_strictest_limit(key: str) -> None:
    held = _value(load_profile("seed_2025").file[key], key)
    stated = [_value(references()[name][key], key) for name in COLUMNS if key in references()[name]]
    assert not any(is_looser(key, held, value) for value in stated if abs(held - value) > 1e-9 * abs(value))
    assert any(held == pytest.approx(value) for value in stated), "and none of its own"


@pytest.mark.parametrize(("profile", "column"), [("label_us", "label"), ("pacc_2017", "consensus")])
def test_a_profile_agrees_with_its_name(profile: str, column: str) -> None:
    held = load_profile(profile)
    for key, quantity in references()[column].items():
        value = _value(held.file[key], key)
        if quantity.range is None:
            assert value == pytest.approx(_value(quantity, key)), key
        else:
            scale = _value(quantity, key) / quantity.value
            assert quantity.range[0] <= value / scale * (1 + 1e-9) <= quantity.range[1] * (1 + 1e-6), key


def test_doses_of_studies_are_said_to_be_none() -> None:
    study = references()[STUDY]
    assert {key.partition(".")[0] for key in study} >= {"fentanyl", "sufentanil", "bupivacaine", "midazolam"}
    assert all("no limit" in quantity.source for quantity in study.values())


def test_what_is_recalled_is_no_source() -> None:
    for column in references().values():
        for key, quantity in column.items():
            assert ("recalled" not in quantity.source) or quantity.kind == "memory", key
            assert ceiling_of(key) is not None, key


def test_a_reference_s_range_holds_its_strict_end() -> None:
    for name in COLUMNS:
        for key, quantity in references()[name].items():
            if quantity.range is not None:
                assert quantity.value in quantity.range
                other = next(end for end in quantity.range if end != quantity.value)
                assert is_looser(key, other, quantity.value), key
