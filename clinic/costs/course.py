"""Courses of cost over months: what is spent at once and what every month, discounted, and when one course meets another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.core.errors import ConfigError

Floats = NDArray[np.float64]
MONTHS_PER_YEAR = 12.0
DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / MONTHS_PER_YEAR
MOST_MONTHS = 1200


@dataclass(frozen=True)
class Course:
    """Expected spending on one patient: ``spent[0]`` at the start, ``spent[m]`` over the m-th month; ``[months + 1]``.

    With uncertain prices the last axis is the month, and axes before it are draws.
    """

    spent: Floats

    @property
    def months(self) -> int:
        """Length."""
        return int(self.spent.shape[-1]) - 1

    def cumulative(self, discount_per_year: ArrayLike = 0.0) -> Floats:
        """What has been spent by the end of every month, ``[..., months + 1]``, a month's spending discounted from its middle."""
        return np.asarray(np.cumsum(self.spent * discount_factors(self.months, discount_per_year), axis=-1))

    def total(self, discount_per_year: ArrayLike = 0.0) -> Floats:
        """The last of :meth:`cumulative`."""
        return np.asarray(self.cumulative(discount_per_year)[..., -1])


def discount_factors(months: int, per_year: ArrayLike = 0.0) -> Floats:
    """Weights ``[..., months + 1]``: 1 at the start, and (1 + rate) ** -t at the middle of every month.

    Raises:
        ConfigError: the rate is negative, or there are no months or too many.
    """
    rate = np.asarray(per_year, np.float64)
    if (rate < 0.0).any() or not np.isfinite(rate).all():
        raise ConfigError(f"a discount rate cannot be {per_year!r}")
    if not 1 <= months <= MOST_MONTHS:
        raise ConfigError(f"a course lasts from 1 to {MOST_MONTHS} months, not {months}")
    years = np.maximum(np.arange(months + 1) - 0.5, 0.0) / MONTHS_PER_YEAR
    return np.asarray((1.0 + rate[..., None]) ** -years)


def course(
    months: int, *, once: ArrayLike = 0.0, monthly: ArrayLike = 0.0, early: ArrayLike = 0.0, early_months: int = 3
) -> Course:
    """A course of ``once`` at the start, ``monthly`` ever after, and ``early`` spread over the first months.

    Args:
        months: length.
        once, monthly, early: amounts, or ``[draws]`` of them.
        early_months: over how many months ``early`` is spread; all of it falls within the course.
    """
    at_once, each, soon = np.broadcast_arrays(*(np.asarray(one, np.float64) for one in (once, monthly, early)))
    spent = np.repeat(each[..., None], months + 1, axis=-1)
    spent[..., 0] = at_once
    first = min(early_months, months)
    spent[..., 1 : first + 1] += soon[..., None] / first
    return Course(spent)


def with_replacements(base: Course, price: ArrayLike, life_months: ArrayLike) -> Course:
    """A course with a replacement at the end of every life of the pump that ends before the course does.

    Args:
        base: without them.
        price: of one, a number or ``[draws]``.
        life_months: of a pump, the same.

    Raises:
        ConfigError: a life is not positive.
    """
    price, life = np.asarray(price, np.float64), np.asarray(life_months, np.float64)
    if (life <= 0.0).any():
        raise ConfigError("the life of a pump must be positive")
    done = np.floor(np.arange(base.months + 1) / life[..., None] + 1e-12)
    # A life that ends with the course needs no new pump.
    done[..., -1] = np.minimum(done[..., -1], np.ceil(base.months / life - 1e-12) - 1.0)
    return Course(base.spent + np.diff(done, axis=-1, prepend=0.0) * price[..., None])


def break_even(course_: Course, other: Course, discount_per_year: float = 0.0) -> float:
    """The month, fractions included, from which on ``course_`` has cost no more than ``other`` until the end of both.

    Spending within a month is spread evenly over it. 0 where it never costs more, infinite where it still does at the end.

    Raises:
        ConfigError: the courses are of different length, or hold draws.
    """
    if course_.spent.ndim != 1 or course_.spent.shape != other.spent.shape:
        raise ConfigError("a break-even needs two courses of one patient over the same months")
    ahead = course_.cumulative(discount_per_year) - other.cumulative(discount_per_year)
    above = np.flatnonzero(ahead > 0.0)
    if above.size == 0:
        return 0.0
    last = int(above[-1])
    if last == course_.months:
        return math.inf
    return float(last + ahead[last] / (ahead[last] - ahead[last + 1]))


def solved_course(total: float, months: int, even_at: float, other_monthly: float) -> tuple[float, float]:
    """What must be spent at once and monthly to cost ``total`` by ``months`` and to meet a steady other at ``even_at``.

    Undiscounted; two equations with two unknowns.

    Returns:
        What is spent at once, and monthly.

    Raises:
        ConfigError: the months are the same, or not positive.
    """
    if not 0.0 < even_at < months:
        raise ConfigError(f"a break-even within {months} months cannot be at {even_at:g}")
    met = other_monthly * even_at
    monthly = (total - met) / (months - even_at)
    return met - monthly * even_at, monthly


def as_rows(one: Course, discount_per_year: float, every: int = 12) -> list[dict[str, Any]]:
    """The cumulative course as rows for a table: the start, every ``every`` months, and the end."""
    upto = one.cumulative(discount_per_year)
    shown = sorted({*range(0, one.months + 1, every), one.months})
    return [{"month": month, "cost": float(upto[month])} for month in shown]
