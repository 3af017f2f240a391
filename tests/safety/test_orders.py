"""Orders of the clinic: a refill that is not what was ordered, and a prime that would push drug into the patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.safety.orders import Fill, OrderFault, order_bits, prime_bits, prime_faults, refill_faults
from thecal.safety.profiles import load_profile

ORDER = Fill("p1", "L7", 100.0, {"morphine": 10_000.0})
DRUGS = ("bupivacaine", "clonidine", "morphine")
STRENGTHS = st.sampled_from(
    [5.0, 10.0, 10.05, 50.0, 100.0, 120.0, 1_000.0, 10_000.0, 1e9, -1.0, float("nan"), float("inf")]
)
SOLUTIONS = st.dictionaries(st.sampled_from(DRUGS), STRENGTHS, max_size=3)


def _faults(
    label: Fill, programmed: dict[str, float] | None = None, order: Fill = ORDER, today: float = 50.0
) -> list[str]:
    return refill_faults(load_profile("seed_2025"), order, label, programmed or dict(label.drugs), today)


def test_a_refill_as_ordered_passes() -> None:
    assert _faults(ORDER) == []
    assert _faults(replace(ORDER, drugs={"morphine": 10_099.0})) == []


@pytest.mark.parametrize(
    ("label", "programmed", "reason"),
    [
        (replace(ORDER, patient="p2"), None, "another patient"),
        (replace(ORDER, lot="L8"), None, "another lot"),
        (replace(ORDER, expires_d=49.0), None, "expired"),
        (replace(ORDER, expires_d=float("nan")), None, "expired"),
        (replace(ORDER, drugs={"hydromorphone": 10_000.0}), None, "hydromorphone instead of morphine"),
        (replace(ORDER, drugs={"morphine": 20_000.0}), None, "2 times what it should be (a common unit error)"),
        (replace(ORDER, drugs={"morphine": 10_200.0}), None, "1.02 times"),
        (ORDER, {"morphine": 1_000.0}, "programmed: morphine is 0.1 times"),
        (ORDER, {}, "programmed"),
        (replace(ORDER, drugs={"morphine": float("nan")}), None, "morphine is nan times"),
    ],
)
def test_a_refill_that_differs_is_named(label: Fill, programmed: dict[str, float] | None, reason: str) -> None:
    pumped = dict(label.drugs) if programmed is None else programmed
    assert any(reason in words for words in refill_faults(load_profile("seed_2025"), ORDER, label, pumped, 50.0))


def test_a_drug_named_at_zero_is_no_absent_drug() -> None:
    none = replace(ORDER, drugs={"morphine": 0.0})
    words = _faults(none, order=none)
    assert any("inf times" in text for text in words)
    assert any("over its limit" in text for text in words)


@given(SOLUTIONS, SOLUTIONS, SOLUTIONS, st.booleans(), st.booleans(), st.sampled_from([49.0, 50.0, float("nan")]))
def test_bits_and_words_of_a_refill_agree(
    ordered: dict[str, float],
    filled: dict[str, float],
    programmed: dict[str, float],
    own: bool,
    lot: bool,
    expires: float,
) -> None:
    profile = load_profile("seed_2025")
    order = Fill("p1", "L7", 60.0, ordered)
    label = Fill("p1" if own else "p2", "L7" if lot else "L8", expires, filled)
    words = refill_faults(profile, order, label, programmed, 50.0)
    arrays = [[solution.get(drug, 0.0) for drug in DRUGS] for solution in (ordered, filled, programmed)]
    most = [profile.max_concentration(drug) for drug in DRUGS]
    bits = OrderFault(order_bits(*map(np.array, arrays), np.array(most), len(DRUGS), own, lot, not expires >= 50.0))
    assert bits == order_bits.py_func(*arrays, most, len(DRUGS), own, lot, not expires >= 50.0)  # type: ignore[attr-defined]
    listed = any("not listed" in text for text in words)

    def said(text: str) -> bool:
        return any(text in found for found in words)

    assert bool(bits) == bool([text for text in words if "not listed" not in text]) or listed
    assert said("another patient") == bool(bits & OrderFault.PATIENT)
    assert said("another lot") == bool(bits & OrderFault.LOT)
    assert said("expired") == bool(bits & OrderFault.EXPIRED)
    assert listed or said("over its limit") == bool(bits & OrderFault.CONCENTRATION)
    for what, drugs, amount, unit in (
        ("filled:", OrderFault.FILLED_DRUGS, OrderFault.FILLED_AMOUNT, OrderFault.FILLED_UNIT),
        ("programmed:", OrderFault.PROGRAMMED_DRUGS, OrderFault.PROGRAMMED_AMOUNT, OrderFault.PROGRAMMED_UNIT),
    ):
        own_words = [text for text in words if text.startswith(what)]
        assert any("instead of" in text for text in own_words) == bool(bits & drugs)
        if not bits & drugs:
            assert any("times" in text for text in own_words) == bool(bits & amount)
            assert any("common unit error" in text for text in own_words) == bool(bits & unit)


def test_an_order_itself_keeps_concentration_and_admixture() -> None:
    strong = replace(ORDER, drugs={"morphine": 21_000.0})
    assert any("over its limit" in words for words in _faults(strong, order=strong))
    odd = replace(ORDER, drugs={"fentanyl": 100.0, "morphine": 10_000.0})
    assert any("not listed" in words for words in _faults(odd, order=odd))
    unknown = replace(ORDER, drugs={"ketamine": 100.0})
    assert any("ketamine" in words for words in _faults(unknown, order=unknown))


@pytest.mark.parametrize(
    ("volume", "empty", "before", "reason"),
    [(0.3, False, False, "not proven empty"), (0.3, True, True, "once already"), (0.5, True, False, "not within"),
     (0.0, True, False, "not within"), (float("nan"), True, False, "not within")],
)  # fmt: skip
def test_a_prime_needs_an_empty_catheter(volume: float, empty: bool, before: bool, reason: str) -> None:
    assert prime_faults(0.3, 0.375, catheter_empty=True, primed_before=False) == []
    assert any(reason in words for words in prime_faults(volume, 0.375, catheter_empty=empty, primed_before=before))


@given(st.floats(), st.floats(), st.booleans(), st.booleans())
def test_bits_and_words_of_a_prime_agree(volume: float, dead: float, empty: bool, before: bool) -> None:
    bits = OrderFault(prime_bits(volume, dead, empty, before))
    words = prime_faults(volume, dead, catheter_empty=empty, primed_before=before)
    assert len(words) == len([fault for fault in OrderFault if fault in bits])
    assert bool(bits & OrderFault.VOLUME) == any("not within" in text for text in words)
