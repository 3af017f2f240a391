"""Orders of the clinic: a refill that is not what was ordered, and a prime that would push drug into the patient."""

from __future__ import annotations

from dataclasses import replace

import pytest

from thecal.safety.orders import Fill, prime_faults, refill_faults
from thecal.safety.profiles import load_profile

ORDER = Fill("p1", "L7", 100.0, {"morphine": 10_000.0})


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
        (replace(ORDER, drugs={"morphine": 20_000.0}), None, "2 times what it should be (a slip of the unit)"),
        (replace(ORDER, drugs={"morphine": 10_200.0}), None, "1.02 times"),
        (ORDER, {"morphine": 1_000.0}, "programmed: morphine is 0.1 times"),
        (ORDER, {}, "programmed"),
        (replace(ORDER, drugs={"morphine": float("nan")}), None, "morphine is nan times"),
    ],
)
def test_a_refill_that_differs_is_named(label: Fill, programmed: dict[str, float] | None, reason: str) -> None:
    given = dict(label.drugs) if programmed is None else programmed
    assert any(reason in words for words in refill_faults(load_profile("seed_2025"), ORDER, label, given, 50.0))


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
