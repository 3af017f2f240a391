"""What counts as a sign of overdose that somebody sees: the one list that rules and the memory in the observation read."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

from thecal.core.parameters import read_parameters

_UNITS = {"poss_limit": "dimensionless", "rr_limit": "breath/minute", "spo2_limit": "percent"}


class Signs(NamedTuple):
    """From which sedation score on, and below which breathing rate (1/min) and saturation (%), there is a sign."""

    poss_limit: float
    rr_limit: float
    spo2_limit: float


@cache
def sign_limits() -> Signs:
    """The shipped limits; ``data/signs.toml`` gives source and confidence of each."""
    file = read_parameters(files("thecal.envs") / "data" / "signs.toml")
    file.only(_UNITS, "the signs")
    file.fixed()
    return Signs(**{name: file.get_in(name, unit, minimum=0.0) for name, unit in _UNITS.items()})
