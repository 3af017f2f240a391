"""Absolute ceilings above every profile: what no profile may hold, whatever its file says and whoever proved it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from thecal.core.errors import ParameterError
from thecal.core.parameters import Quantity, read_parameters
from thecal.safety.profile_schema import WITHIN_CAP

Side = Literal["most", "least"]
OTHER = "other"  # stands for a drug or an option that the file does not name
_WORDS = {"most": "above", "least": "below"}


class Ceiling(NamedTuple):
    """How far a limit may go, and to which side it becomes dangerous."""

    side: Side
    quantity: Quantity

    def value(self, unit: str) -> float:
        """In another unit."""
        return self.quantity.to(unit)


@cache
def ceilings() -> dict[str, Ceiling]:
    """Every ceiling by the dotted key of its limit.

    Raises:
        ParameterError: the shipped file is corrupt.
    """
    file = read_parameters(files("thecal.safety").joinpath("data", "ceilings.toml"))
    file.fixed()
    found: dict[str, Ceiling] = {}
    for key, quantity in file.items():
        side, _, limit = key.partition(".")
        if side not in _WORDS or limit in found:
            raise ParameterError(f"{file.path}: {key}: stated for each limit once, under most or under least")
        found[limit] = Ceiling("most" if side == "most" else "least", quantity)
    return found


def ceiling_of(key: str) -> Ceiling | None:
    """The ceiling of a limit by its dotted key; a drug that the file does not name has that of any other."""
    found = ceilings()
    drug, _, name = key.partition(".")
    general = "cap" if name in WITHIN_CAP else name
    return (
        found.get(key) or (found.get(f"{drug}.cap") if name in WITHIN_CAP else None) or found.get(f"{OTHER}.{general}")
    )


def is_looser(key: str, value: float, than: float) -> bool:
    """Whether one value of a limit allows more than another."""
    ceiling = ceiling_of(key)
    return ceiling is not None and (value > than if ceiling.side == "most" else value < than)


def over_ceiling(key: str, value: float, unit: str) -> str:
    """Why a value is refused, with the ceiling and where it comes from; empty where it is none too far."""
    ceiling = ceiling_of(key)
    if ceiling is None or not is_looser(key, value, ceiling.value(unit)):
        return ""
    shown = f"{value:g} {unit} is {_WORDS[ceiling.side]} the ceiling of {ceiling.value(unit):g} {unit}"
    return f"{shown}, which no profile may pass ({ceiling.quantity.source})"
