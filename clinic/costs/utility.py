"""Utility from pain, sedation, function and harm, and quality-adjusted life years; of pain alone the mapping is published."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.core.errors import ConfigError, ParameterError
from thecal.core.parameters import read_parameters

Floats = NDArray[np.float64]
DAYS_PER_YEAR = 365.25
_LEVELS = tuple(f"pain.nrs_{level}" for level in range(1, 11))
_STATES = ("sedation", "function", "nausea", "breathing", "withdrawal", "weakness", "confusion")


class Weights(NamedTuple):
    """Numbers of the mapping: decrement of utility at NRS 0 to 10, and what each state takes of what is left."""

    pain: Floats
    state: dict[str, float]


@cache
def weights() -> Weights:
    """The shipped numbers.

    Raises:
        ParameterError: the file is corrupt, or a decrement is less than that of less pain.
    """
    file = read_parameters(files("thecal.clinic.costs") / "data" / "utility.toml")
    names = (*_LEVELS, *(f"state.{name}" for name in _STATES))
    file.only(names, "the mapping to utility")
    found = {name: file.get_in(name, "dimensionless", minimum=0.0, maximum=1.0) for name in names}
    file.fixed()
    pain = np.array([0.0, *(found[name] for name in _LEVELS)])
    falls = np.flatnonzero(np.diff(pain) < 0.0)
    if falls.size:
        raise ParameterError(f"{file.path}: pain.nrs_{falls[0] + 1}: less than that of less pain")
    return Weights(pain, {name: found[f"state.{name}"] for name in _STATES})


def pain_decrement(nrs: ArrayLike) -> Floats:
    """Decrement of utility by pain, linear between whole NRS levels: Dixon 2011 (Health Qual Life Outcomes 9:96).

    Convex over most of the scale: from 8 to 4 it gives back 0.454, from 4 to 0 only 0.121.

    Raises:
        ConfigError: a value lies outside 0 to 10.
    """
    values = np.asarray(nrs, np.float64)
    if not ((values >= 0.0) & (values <= 10.0)).all():
        raise ConfigError("pain lies between 0 and 10 for its utility")
    return np.asarray(np.interp(values, np.arange(11.0), weights().pain))


def utility(
    nrs: ArrayLike,
    *,
    sedation: ArrayLike = 0.0,
    function: ArrayLike = 100.0,
    nausea: ArrayLike = 0.0,
    breathing: ArrayLike = 0.0,
    withdrawal: ArrayLike = 0.0,
    weakness: ArrayLike = 0.0,
    confusion: ArrayLike = 0.0,
    alive: ArrayLike = 1.0,
) -> Floats:
    """Utility of days: what pain leaves, of which every state takes its share; 0 when dead. Arrays broadcast.

    Args:
        nrs: mean felt pain of the day.
        sedation, breathing, withdrawal: share of the day over-sedated, with depressed breathing, in withdrawal.
        function: 0 to 100; nausea: 0 to 10.
        weakness, confusion: mean motor block and cognitive effect, 0 to 1.
        alive: share of the day alive.
    """
    burden = {
        "sedation": sedation,
        "function": 1.0 - np.asarray(function, np.float64) / 100.0,
        "nausea": np.asarray(nausea, np.float64) / 10.0,
        "breathing": breathing,
        "withdrawal": withdrawal,
        "weakness": weakness,
        "confusion": confusion,
    }
    found = 1.0 - pain_decrement(nrs)
    for name, share in burden.items():
        found = found * (1.0 - weights().state[name] * np.clip(np.asarray(share, np.float64), 0.0, 1.0))
    return np.asarray(found * np.asarray(alive, np.float64))


def qalys(daily: Floats, discount_per_year: float = 0.0) -> Floats:
    """Quality-adjusted life years ``[B]`` from daily utilities ``[days, B]``, each day discounted from its middle."""
    years = (np.arange(len(daily)) + 0.5) / DAYS_PER_YEAR
    factors = (1.0 + discount_per_year) ** -years / DAYS_PER_YEAR
    return np.asarray(factors @ daily)
