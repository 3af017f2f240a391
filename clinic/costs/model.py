"""The expected course of a pump and of a comparator from prices and model inputs: one number for each, or draws of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.clinic.costs.comparators import Comparator, comparator
from thecal.clinic.costs.course import DAYS_PER_MONTH, MONTHS_PER_YEAR, Course, break_even, course, with_replacements
from thecal.clinic.costs.draws import draw_all, quantiles
from thecal.clinic.costs.economics import Acceptability, Increment, acceptability, increment, net_benefit
from thecal.clinic.costs.prices import Prices
from thecal.clinic.costs.rows import Evidence, read_rows
from thecal.clinic.costs.utility import utility
from thecal.core.errors import ConfigError, ParameterError, did_you_mean

Floats = NDArray[np.float64]
DRUG = "morphine"  # of the expected course, whose daily dose is an input
WORTHS = (0.0, 10_000.0, 20_000.0, 30_000.0, 50_000.0, 75_000.0, 100_000.0, 150_000.0)
# Every input with its unit; shares lie between 0 and 1, and nothing is negative.
INPUTS = {
    "discount_costs": "1/year", "discount_effects": "1/year", "trial_pass": "1", "pump_life": "month",
    "refills_per_year": "1/year", "visits_per_year": "1/year", "drug_mg_per_day": "mg/day",
    "catheter_revisions": "1/year", "pump_revisions": "1/year", "infections": "1", "granulomas": "1/year",
    "emergencies": "1/year", "nrs_pump": "nrs", "nrs_conventional": "nrs",
}  # fmt: skip
_PER_YEAR = {
    "refill": "refills_per_year", "visit": "visits_per_year", "catheter_revision": "catheter_revisions",
    "pump_revision": "pump_revisions", "granuloma": "granulomas", "emergency": "emergencies",
}  # fmt: skip
_PUMP_ITEMS = ("trial", "implant", "replacement", "systemic_month", "infection", *_PER_YEAR)


class Input(Evidence):
    """A number of the model."""

    name: str
    value: float
    unit: str

    @property
    def center(self) -> float:
        """The number."""
        return self.value


def read_inputs(source: Any = None) -> dict[str, Input]:
    """Model inputs by name, the shipped ones where no path is given.

    Raises:
        ParameterError: a row is missing, unknown, in another unit or out of its bounds.
    """
    place = files("thecal.clinic.costs") / "data" / "model.toml" if source is None else source
    found = read_rows(place, Input, lambda row: str(row.get("name", "?")), _judge, whole=_check_head)
    for name in INPUTS:
        if name not in found.kept:
            raise ParameterError(f"{getattr(place, 'name', place)}: row: no row named {name}")
    return found.kept


@cache
def shipped_inputs() -> dict[str, Input]:
    """What :func:`read_inputs` reads without a path."""
    return read_inputs()


def _check_head(head: Mapping[str, Any]) -> None:
    if not isinstance(head.get("title"), str) or not str(head["title"]).strip():
        raise ParameterError("title: missing, or no text")
    for key in head:
        if key != "title":
            raise ParameterError(f"{key}: unknown; known: title, row")


def _judge(row: Input, _kept: dict[str, Input], _head: Mapping[str, Any]) -> str:
    if row.name not in INPUTS:
        return f"name: {row.name!r} is unknown{did_you_mean(row.name, INPUTS)}"
    if row.unit != INPUTS[row.name]:
        return f"unit: {row.name} is given in {INPUTS[row.name]}, not in {row.unit!r}"
    most = {"1": 1.0, "nrs": 10.0, "month": 1200.0}.get(row.unit, 10_000.0)
    least = 1.0 if row.unit == "month" else 0.0
    if row.name.startswith("discount"):
        most = 0.2
    if not least <= row.value <= most or (row.name == "trial_pass" and row.value == 0.0):
        return f"value: {row.value:g} {row.unit} is implausible, not between {least:g} and {most:g}"
    return ""


@dataclass(frozen=True)
class Setting:
    """What is compared over how long.

    Attributes:
        months: horizon.
        against: name of the comparator.
        worth: of a quality-adjusted life year, in the table's currency.
    """

    months: int = 60
    against: str = "conventional"
    worth: float = 50_000.0


Numbers = Mapping[str, Any]


def numbers_of(prices: Prices, inputs: Mapping[str, Input], setting: Setting) -> dict[str, Evidence]:
    """Every row that the comparison reads, by name.

    Raises:
        ConfigError: the table lacks a price; the text names all that it lacks.
    """
    other = comparator(setting.against)
    wanted = (*_PUMP_ITEMS, f"drug:{DRUG}", *other.items)
    lacking = [item for item in wanted if item not in prices.rows]
    if lacking:
        raise ConfigError(f"{prices.name}: no price for {', '.join(lacking)}, which the comparison needs")
    return {**{item: prices.rows[item] for item in wanted}, **inputs}


def pump_course(of: Numbers, months: int) -> Course:
    """The course of a pump; of the numbers as they are, or of draws ``[n]`` of them.

    Everybody who gets a pump pays for the trials of those who do not, too.
    """
    yearly = sum(np.asarray(of[rate]) * np.asarray(of[item]) for item, rate in _PER_YEAR.items())
    daily = np.asarray(of["drug_mg_per_day"]) * np.asarray(of[f"drug:{DRUG}"])
    monthly = yearly / MONTHS_PER_YEAR + daily * DAYS_PER_MONTH + np.asarray(of["systemic_month"])
    once = np.asarray(of["trial"]) / np.asarray(of["trial_pass"]) + np.asarray(of["implant"])
    early = np.asarray(of["infections"]) * np.asarray(of["infection"])
    return with_replacements(
        course(months, once=once, monthly=monthly, early=early), of["replacement"], of["pump_life"]
    )


def other_course(of: Numbers, months: int, other: Comparator) -> Course:
    """The course of a comparator, as :func:`pump_course`."""
    once = sum((np.asarray(of[item]) for item in other.once), np.zeros(()))
    return course(months, once=once, monthly=sum((np.asarray(of[item]) for item in other.monthly), np.zeros(())))


def effects(of: Numbers, months: int) -> tuple[Floats, Floats]:
    """Quality-adjusted life years of pain alone over the months, with a pump and without; deaths are not counted."""
    years = (np.arange(months) + 0.5) / MONTHS_PER_YEAR
    weights = (1.0 + np.asarray(of["discount_effects"])[..., None]) ** -years / MONTHS_PER_YEAR
    found = [
        utility(np.clip(np.asarray(of[name], np.float64), 0.0, 10.0)) * weights.sum(axis=-1)
        for name in ("nrs_pump", "nrs_conventional")
    ]
    return found[0], found[1]


@dataclass(frozen=True)
class Comparison:
    """A pump against a comparator by expected numbers.

    Attributes:
        setting: what was asked for.
        pump, other: courses of cost.
        discount: of costs, a year.
        break_even: month, undiscounted; infinite where there is none.
        first_year: cost of the first 12 months with a pump, ``first_year_more`` what it is above the comparator's.
        result: incremental cost, effect and ratio, discounted.
        net_benefit: incremental, at the worth of the setting.
    """

    setting: Setting
    pump: Course
    other: Course
    discount: float
    break_even: float
    first_year: float
    first_year_more: float
    result: Increment
    net_benefit: float


def compare_courses(prices: Prices, inputs: Mapping[str, Input], setting: Setting) -> Comparison:
    """Expected courses and what follows from them.

    Raises:
        ConfigError: a price is missing, the comparator is unknown, or the horizon is out of bounds.
    """
    of = {name: row.center for name, row in numbers_of(prices, inputs, setting).items()}
    return _compared(of, setting)


def _compared(of: Numbers, setting: Setting) -> Comparison:
    pump = pump_course(of, setting.months)
    other = other_course(of, setting.months, comparator(setting.against))
    rate = float(of["discount_costs"])
    gained, without = effects(of, setting.months)
    found = increment(float(pump.total(rate)), float(gained), float(other.total(rate)), float(without))
    year = min(12, setting.months)
    first, first_other = (float(one.cumulative()[year]) for one in (pump, other))
    return Comparison(
        setting, pump, other, rate, break_even(pump, other), first, first - first_other, found,
        float(net_benefit(found.cost, found.effect, setting.worth)),
    )  # fmt: skip


@dataclass(frozen=True)
class Uncertainty:
    """What the choice rests on.

    Attributes:
        draws, seed: of the probabilistic analysis.
        cost, effect: incremental, ``[draws]``.
        curve: acceptability by worth.
        tornado: by number, the incremental net benefit at its 2.5 and 97.5 % quantile with all others at their means, the
            widest first.
    """

    draws: int
    seed: int
    cost: Floats
    effect: Floats
    curve: list[Acceptability]
    tornado: list[tuple[str, float, float]]


def sensitivity(
    prices: Prices, inputs: Mapping[str, Input], setting: Setting, draws: int = 5000, seed: int = 0
) -> Uncertainty:
    """Probabilistic sensitivity analysis and tornado of a comparison.

    Raises:
        ConfigError: as :func:`compare_courses`, or the number of draws is out of bounds.
    """
    rows = numbers_of(prices, inputs, setting)
    drawn = draw_all(rows, draws, seed)
    drawn["pump_life"] = np.maximum(drawn["pump_life"], 1.0)
    drawn["trial_pass"] = np.maximum(drawn["trial_pass"], 0.01)  # a clinic that implants nobody has no course
    pump = pump_course(drawn, setting.months).total(drawn["discount_costs"])
    other = other_course(drawn, setting.months, comparator(setting.against)).total(drawn["discount_costs"])
    gained, without = effects(drawn, setting.months)
    more, better = np.asarray(pump - other), np.asarray(gained - without)
    curve = acceptability(more, better, sorted({*WORTHS, setting.worth}))
    return Uncertainty(draws, seed, more, better, curve, _tornado(rows, setting))


def _tornado(rows: Mapping[str, Evidence], setting: Setting) -> list[tuple[str, float, float]]:
    base = {name: row.center for name, row in rows.items()}
    found = []
    for name, row in rows.items():
        ends = quantiles(row)
        if ends[0] == ends[1]:
            continue
        low, high = (_compared(base | {name: end}, setting).net_benefit for end in ends)
        found.append((name, low, high))
    return sorted(found, key=lambda one: -abs(one[1] - one[2]))
