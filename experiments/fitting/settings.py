"""The settings of a fit, from data/fit.toml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from thecal.core.errors import ParameterError
from thecal.core.parameters import ParameterFile, read_parameters
from thecal.experiments.fitting.likelihood import Errors

_WHOLE = ("data.fewest", "search.particles", "search.moves", "search.last_moves", "search.temperatures", "peak.generations",
          "peak.effects", "peak.population")  # fmt: skip
_SHARES = ("data.misfit", "search.effective", "search.accepted", "known.spread")
_OTHERS = ("error.level_cv", "error.rate_sd", "search.apart")


@dataclass(frozen=True)
class Settings:
    """See the notes beside the numbers in ``data/fit.toml``."""

    errors: Errors
    fewest: int
    misfit: float
    particles: int
    moves: int
    last_moves: int
    effective: float
    accepted: float
    temperatures: int
    apart: float
    generations: int
    effects: int
    population: int
    spread: float


@cache
def load_settings() -> Settings:
    """The shipped settings.

    Raises:
        ParameterError: the file is corrupt; the text names the key and the reason.
    """
    return settings_of(read_parameters(files("thecal.experiments.fitting") / "data" / "fit.toml"))


def settings_of(file: ParameterFile) -> Settings:
    """The settings that a parameter file states.

    Raises:
        ParameterError: as :func:`load_settings`.
    """
    file.only((*_WHOLE, *_SHARES, *_OTHERS), "a fit")
    file.fixed()
    whole: dict[str, Any] = {}
    for key in _WHOLE:
        value = file.get_in(key, "dimensionless", minimum=2.0, maximum=100_000.0)
        if not value.is_integer():
            raise ParameterError(f"{file.path}: {key}: {value:g} is not a whole number")
        whole[key.partition(".")[2]] = int(value)
    shares: dict[str, Any] = {
        key.partition(".")[2]: file.get_in(key, "dimensionless", minimum=1e-12, maximum=1.0) for key in _SHARES
    }
    errors = Errors(
        file.get_in("error.level_cv", "dimensionless", minimum=1e-3, maximum=2.0),
        file.get_in("error.rate_sd", "breath/min", minimum=1e-3, maximum=20.0),
    )
    apart = file.get_in("search.apart", "dimensionless", minimum=1.0, maximum=10.0)
    return Settings(errors=errors, apart=apart, **whole, **shares)
