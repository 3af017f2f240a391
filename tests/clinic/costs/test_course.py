"""Courses of cost against sums done by hand: discounting, replacements, and the month in which one meets another."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from thecal.clinic.costs.course import (
    as_rows,
    break_even,
    course,
    discount_factors,
    solved_course,
    with_replacements,
)
from thecal.core.errors import ConfigError

amounts = some.floats(0.0, 1e5)


def test_a_course_adds_up():
    one = course(4, once=100.0, monthly=10.0, early=6.0, early_months=3)
    assert one.cumulative().tolist() == [100.0, 112.0, 124.0, 136.0, 146.0]
    assert one.total() == 146.0


def test_what_is_early_falls_within_a_short_course():
    assert course(2, early=6.0, early_months=3).total() == 6.0


def test_a_year_is_discounted_from_its_months():
    spent = course(12, monthly=100.0).total(0.05)
    by_hand = sum(100.0 / 1.05 ** ((m + 0.5) / 12.0) for m in range(12))
    assert spent == pytest.approx(by_hand, rel=1e-12)
    assert course(12, once=7.0).total(0.05) == 7.0  # the start is not discounted


@given(some.floats(0.0, 0.2), some.integers(1, 240))
def test_discounting_never_adds(rate, months):
    factors = discount_factors(months, rate)
    assert factors[0] == 1.0
    assert (np.diff(factors) <= 0.0).all()
    assert (factors > 0.0).all()


@pytest.mark.parametrize(
    ("months", "life", "new"), [(60, 70.8, 0), (60, 60.0, 0), (61, 60.0, 1), (120, 24.0, 4), (36, 12.5, 2)]
)
def test_a_pump_is_replaced_when_it_ends_before_the_course(months, life, new):
    found = with_replacements(course(months), 1000.0, life)
    assert found.total() == pytest.approx(1000.0 * new)


def test_replacements_of_draws_are_those_of_each():
    lives = np.array([10.0, 24.0, 100.0])
    found = with_replacements(course(48, monthly=np.zeros(3)), np.array([1.0, 2.0, 3.0]), lives)
    assert found.total().tolist() == [4.0, 2.0, 0.0]


def test_break_even_lies_where_the_lines_cross():
    pump, other = course(60, once=1200.0, monthly=50.0), course(60, monthly=100.0)
    assert break_even(pump, other) == pytest.approx(24.0, abs=1e-9)
    assert break_even(course(60, once=1225.0, monthly=50.0), other) == pytest.approx(24.5, abs=1e-9)


def test_break_even_is_the_last_crossing():
    """A replacement that puts the pump behind once more counts."""
    pump = with_replacements(course(60, once=100.0), 4000.0, 30.0)
    other = course(60, monthly=100.0)
    assert 40.0 < break_even(pump, other) < 42.0


def test_break_even_can_be_at_once_or_never():
    dear, cheap = course(12, once=10.0, monthly=5.0), course(12, monthly=1.0)
    assert math.isinf(break_even(dear, cheap))
    assert break_even(cheap, dear) == 0.0


@given(some.floats(10.0, 1000.0), some.floats(1.0, 59.0), some.floats(1.0, 500.0))
def test_a_solved_course_meets_what_it_was_solved_for(other_monthly, even_at, less):
    total = other_monthly * 60.0 - less * (60.0 - even_at)
    once, monthly = solved_course(total, 60, even_at, other_monthly)
    found = course(60, once=once, monthly=monthly)
    assert found.total() == pytest.approx(total, rel=1e-9, abs=1e-6)
    if once > 1.0:
        assert break_even(found, course(60, monthly=other_monthly)) == pytest.approx(even_at, abs=1e-6)


def test_the_table_shows_start_and_end():
    rows = as_rows(course(30, monthly=1.0), 0.0)
    assert [row["month"] for row in rows] == [0, 12, 24, 30]
    assert rows[-1]["cost"] == 30.0


WRONG = {
    "negative rate": lambda: discount_factors(12, -0.1),
    "no month": lambda: discount_factors(0),
    "too many": lambda: discount_factors(10**6),
    "no life": lambda: with_replacements(course(3), 1.0, 0.0),
    "at the end": lambda: solved_course(1.0, 12, 12.0, 1.0),
    "other months": lambda: break_even(course(3), course(4)),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_no_course_is_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()
