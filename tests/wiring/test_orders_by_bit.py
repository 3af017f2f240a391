"""Orders of the clinic bit by bit and word by word: what differs, in which drug, by how much, and what passes."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from thecal.core.errors import ConfigError, ProfileError
from thecal.safety.orders import Fill, order_bits, prime_bits, prime_faults, refill_faults

from support.kernel_copies import Spy, plainly

PATIENT, LOT, EXPIRED, DRUGS, AMOUNT, UNIT, CONCENTRATION = 1, 2, 4, 8, 16, 32, 512
PROGRAMMED = 8  # times the bit of what was filled
CATHETER, PRIMED, VOLUME = 1024, 2048, 4096
NAN = math.nan


def bits(ordered: float, label: float, programmed: float, most: float = 1e9) -> int:
    """Of an order of one drug, with nothing else wrong; a second one that does not count is all wrong."""
    order = plainly(order_bits)
    return int(order((ordered, 1.0), (label, 5.0), (programmed, 0.0), (most, 2.0), 1, True, True, False))


def test_who_what_lot_and_day_have_their_bits() -> None:
    order = plainly(order_bits)
    for patient, lot, expired in itertools.product((True, False), repeat=3):
        found = order((5.0,), (5.0,), (5.0,), (5.0,), 1, patient, lot, expired)
        assert found == PATIENT * (not patient) + LOT * (not lot) + EXPIRED * expired


@pytest.mark.parametrize("base", [0.5, 1.0, 400.0])
def test_a_ratio_decides_what_is_wrong_with_an_amount(base: float) -> None:
    for ratio, what in (
        (1.0, 0), (1.0099, 0), (0.9901, 0), (1.0101, AMOUNT), (0.9899, AMOUNT), (1.015, AMOUNT), (0.1, AMOUNT | UNIT),
        (0.5, AMOUNT | UNIT), (2.0, AMOUNT | UNIT), (10.0, AMOUNT | UNIT), (100.0, AMOUNT | UNIT), (1_000.0, AMOUNT | UNIT),
        (2.018, AMOUNT | UNIT), (1.982, AMOUNT | UNIT), (2.021, AMOUNT), (1.979, AMOUNT), (0.01, AMOUNT), (0.001, AMOUNT),
        (5.0, AMOUNT), (1.2, AMOUNT), (21.0, AMOUNT), (-1.0, AMOUNT), (NAN, AMOUNT),
    ):  # fmt: skip
        label = ratio * base
        assert bits(base, base, label) == what * PROGRAMMED, ratio
        wrong = CONCENTRATION if not label > 0.0 else 0
        again = 0 if label > 0.0 else AMOUNT * PROGRAMMED  # what is no amount equals nothing, not even itself
        assert bits(base, label, label) == what | wrong | again, ratio


def test_a_drug_that_is_missing_or_too_many_is_named() -> None:
    assert bits(5.0, 0.0, 0.0) == bits(0.0, 5.0, 5.0) == bits(1.0, 0.0, 0.0) == bits(0.0, 1.0, 1.0) == DRUGS
    assert bits(5.0, 5.0, 0.0) == bits(1.0, 1.0, 0.0) == DRUGS * PROGRAMMED
    assert bits(0.0, 0.0, 5.0) == bits(0.0, 0.0, 1.0) == DRUGS * PROGRAMMED
    assert bits(0.0, 0.0, 0.0) == 0
    assert bits(5.0, 0.0, 5.0) == DRUGS | DRUGS * PROGRAMMED
    # Below zero there is no drug and no unit that could be mistaken.
    assert bits(-1.0, -1.0, -1.0) == AMOUNT | AMOUNT * PROGRAMMED | CONCENTRATION
    assert bits(-1.0, -2.0, -4.0) == AMOUNT | AMOUNT * PROGRAMMED | CONCENTRATION
    assert bits(0.0, -1.0, -1.0) == DRUGS | AMOUNT * PROGRAMMED | CONCENTRATION
    assert bits(-1.0, 0.0, 0.0) == DRUGS
    assert bits(0.0, 0.0, -1.0) == DRUGS * PROGRAMMED
    assert bits(NAN, NAN, NAN) == AMOUNT | AMOUNT * PROGRAMMED | CONCENTRATION


def test_the_label_is_held_to_the_highest_concentration() -> None:
    for label, most, over in (
        (5.0, 5.0, False), (5.01, 5.0, True), (0.5, 1.0, False), (1.0, 1.0, False), (1.0, 0.9, True), (5.0, NAN, True),
    ):  # fmt: skip
        assert bits(label, label, label, most) == (CONCENTRATION if over else 0), (label, most)
    assert bits(0.0, 0.0, 0.0, NAN) == 0, "a drug that is not there has no strength"


def test_every_drug_that_counts_is_compared() -> None:
    order = plainly(order_bits)
    for k, (room, found) in itertools.product(
        range(3), ((0, AMOUNT), (1, AMOUNT | AMOUNT * PROGRAMMED), (2, AMOUNT * PROGRAMMED), (3, CONCENTRATION))
    ):
        solutions = [[5.0, 7.0, 9.0] for _ in range(4)]
        solutions[room][k] *= 0.7 if room else 1 / 0.7
        if room == 1:
            solutions[0] = [5.0, 7.0, 9.0]
        assert order(*solutions, 3, True, True, False) == found, (k, room)
        assert order(*solutions, k, True, True, False) == 0


def test_a_prime_fits_an_empty_catheter_that_had_none() -> None:
    prime = plainly(prime_bits)
    for volume, wrong in ((0.3, 0), (0.375, 0), (0.376, VOLUME), (0.0, VOLUME), (-0.1, VOLUME), (NAN, VOLUME)):
        for empty, before in itertools.product((True, False), repeat=2):
            assert prime(volume, 0.375, empty, before) == wrong + CATHETER * (not empty) + PRIMED * before
    assert prime_faults(0.3, 0.375, catheter_empty=True, primed_before=False) == []
    assert prime_faults(0.5, 0.375, catheter_empty=False, primed_before=True) == [
        "the catheter is not proven empty: a prime would push its drug into the patient",
        "primed once already",
        "0.5 mL is not within the 0.375 mL between reservoir and tip",
    ]
    assert prime_faults(0.3, 0.375, catheter_empty=False, primed_before=False) == [
        "the catheter is not proven empty: a prime would push its drug into the patient"
    ]


ORDER = Fill("p5", "L5", 60.0, {"morphine": 400.0, "clonidine": 1.0})


def words(
    label: Fill, programmed: Any = None, order: Fill = ORDER, today: float = 50.0, most: float = 1e9
) -> list[str]:
    """What is wrong with a refill under a profile that lists every admixture and allows so much of a drug."""
    profile: Any = SimpleNamespace(require_mixture=Spy(), max_concentration=Spy(most))
    found = refill_faults(profile, order, label, dict(label.drugs) if programmed is None else programmed, today)
    assert profile.require_mixture.made == [(tuple(label.drugs),)]
    assert profile.max_concentration.made == [(drug,) for drug in label.drugs]
    return found


def test_a_label_is_the_orders_and_lasts_until_its_day() -> None:
    assert words(ORDER) == words(ORDER, today=60.0) == []
    assert words(ORDER, today=60.1) == ["expired"]
    assert words(replace(ORDER, expires_d=NAN)) == ["expired"]
    for other in ("p4", "p6", ""):
        assert words(replace(ORDER, patient=other)) == ["another patient's"]
    for other in ("L4", "L6", ""):
        assert words(replace(ORDER, lot=other)) == ["another lot"]
    assert words(replace(ORDER, patient="p", lot="L", expires_d=1.0)) == ["another patient's", "another lot", "expired"]


def test_what_was_filled_and_programmed_is_said_apart() -> None:
    less = {"morphine": 400.0}
    assert words(replace(ORDER, drugs=less), dict(ORDER.drugs)) == [
        "filled: morphine instead of clonidine, morphine",
        "programmed: clonidine, morphine instead of morphine",
    ]
    assert words(ORDER, {"morphine": 40.0, "clonidine": 1.3}) == [
        "programmed: morphine is 0.1 times what it should be (a common unit error)",
        "programmed: clonidine is 1.3 times what it should be",
    ]
    assert words(replace(ORDER, drugs={"morphine": 400.0, "clonidine": 1_000.0})) == [
        "filled: clonidine is 1e+03 times what it should be (a common unit error)"
    ]
    assert words(replace(ORDER, drugs={"morphine": 404.02, "clonidine": 1.0})) == [
        "filled: morphine is 1.01 times what it should be"
    ]
    assert words(replace(ORDER, drugs={"morphine": 403.9, "clonidine": 0.9901})) == []


def test_small_amounts_and_those_named_at_zero_are_told_apart() -> None:
    small = replace(ORDER, drugs={"morphine": 0.5})
    assert words(small, order=small) == []
    assert words(replace(small, drugs={"morphine": 1.0}), order=small) == [
        "filled: morphine is 2 times what it should be (a common unit error)"
    ]
    none = replace(ORDER, drugs={"morphine": 0.0})
    assert words(none, order=none) == [
        "filled: morphine is inf times what it should be",
        "programmed: morphine is inf times what it should be",
        "morphine at 0 ug/mL is over its limit",
    ]
    assert words(small, {"morphine": 0.0}, order=small) == ["programmed: morphine is 0 times what it should be"]


def test_an_order_over_a_limit_or_beside_the_list_is_refused() -> None:
    assert words(ORDER, most=400.0) == []
    assert words(ORDER, most=399.9) == ["morphine at 400 ug/mL is over its limit"]
    assert words(ORDER, most=0.5) == [
        "morphine at 400 ug/mL is over its limit",
        "clonidine at 1 ug/mL is over its limit",
    ]
    for error in (ProfileError("not listed"), ConfigError("not known")):

        def refuse(_: Any, error: Exception = error) -> None:
            raise error

        profile: Any = SimpleNamespace(require_mixture=refuse, max_concentration=lambda _: 0.1)
        label = replace(ORDER, lot="L6")
        assert refill_faults(profile, ORDER, label, ORDER.drugs, 50.0) == ["another lot", str(error)]
