"""The numbers of trials: read and checked once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from thecal.core.parameters import ParameterFile, read_parameters

METHODS = {
    "single_shot": "a single shot",
    "several_boluses": "several boluses",
    "continuous_intrathecal": "a continuous intrathecal infusion",
}
RULES = {
    "fifty_clean": "half less pain without side effects",
    "fifty": "half less pain",
    "thirty": "30 % or 2 points less pain",
    "smith20": "20 % less pain",
}
BY_BOLUS = ("single_shot", "several_boluses")
OBSERVATIONS = ("pacc", "label")
_SUCCESS = {"fall": "percent", "points": "dimensionless", "clean": "dimensionless"}
NUMBERS = {
    "baseline.days": "day",
    "baseline.every": "hour",
    "dose.over_start": "dimensionless",
    "dose.naive": "ug",
    "window.from": "hour",
    "window.to": "hour",
    "boluses.count": "dimensionless",
    "boluses.first": "dimensionless",
    "boluses.rise": "dimensionless",
    "infusion.days": "day",
    "infusion.step": "dimensionless",
    "side_effects.nausea": "dimensionless",
    "side_effects.itch": "dimensionless",
    "side_effects.retention": "dimensionless",
    "side_effects.depressed": "hour",
    **{f"success.{rule}.{key}": unit for rule in RULES for key, unit in _SUCCESS.items()},
    **{f"observation.{name}": "hour" for name in OBSERVATIONS},
    "year.rise": "dimensionless",
    "year.cut": "dimensionless",
    "year.judged": "day",
    "year.harmed": "dimensionless",
}


@cache
def trial_numbers() -> ParameterFile:
    """The shipped numbers; raises :class:`ParameterError` where one is missing, unknown or of another unit."""
    file = read_parameters(files("thecal.clinic") / "data" / "trialing.toml")
    file.only(NUMBERS, "trials")
    file.fixed()
    for key, unit in NUMBERS.items():
        file.get_in(key, unit, minimum=0.0)
    return file


def number(key: str) -> float:
    """A number of trials in the unit of :data:`NUMBERS`."""
    return trial_numbers().get_in(key, NUMBERS[key])
