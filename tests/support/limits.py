"""Limit profiles made up number by number, without a file; those of ``support.distinct`` where a test changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from thecal.core.parameters import ParameterFile, Quantity
from thecal.safety.profile_schema import DRUG_LIMITS, DRUG_OPTIONS
from thecal.safety.profiles import LimitProfile

from support.distinct import NUMBERS

Change = float | tuple[float, str] | None
_UNITS = {name: unit for name, (unit, *_) in DRUG_OPTIONS.items()} | DRUG_LIMITS


def _quantity(value: float, unit: str) -> Quantity:
    return Quantity(value=value, unit=unit, source="made up for a test", confidence="low")


@cache
def _numbers() -> dict[str, Quantity]:
    return {f"{table}.{key}": _quantity(*number) for table, part in NUMBERS.items() for key, number in part.items()}


def made_file(changes: Mapping[str, Change] | None = None, texts: Mapping[str, Any] | None = None) -> ParameterFile:
    """A parsed file with changed numbers: a value in the unit that is usual there, one with its unit, or ``None`` (left out)."""
    quantities = dict(_numbers())
    for key, change in (changes or {}).items():
        old = quantities.pop(key, None)
        if isinstance(change, tuple):
            quantities[key] = _quantity(*change)
        elif change is not None:
            quantities[key] = _quantity(
                change, old.unit if old else _UNITS.get(key.rpartition(".")[2], "dimensionless")
            )
    return ParameterFile("made.toml", quantities, texts or {})


def made_profile(changes: Mapping[str, Change] | None = None, texts: Mapping[str, Any] | None = None) -> LimitProfile:
    """The checked profile of such a file."""
    return LimitProfile("made", made_file(changes, texts))
