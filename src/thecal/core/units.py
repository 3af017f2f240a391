"""Units at the border: pint converts what files and users give into the one internal unit of each quantity."""

from __future__ import annotations

import re
import tokenize
from functools import lru_cache

import pint

from thecal.core.errors import ParameterError

# Names and small powers of them, multiplied or divided. Pint's own parser takes any arithmetic: it would read "mg//day" as
# mg/day, leave out what stands behind a "#", and work on "9**9**9" for ever.
_FACTOR = r"(?:1|%|[A-Za-zµμ_]+(?:(?:\*\*|\^)-?\d)?)"
_UNIT = re.compile(rf" ?{_FACTOR}(?:(?: ?[*/] ?| ){_FACTOR})* ?")
_LONGEST = 60
# What pint lets through from its parser on text such as "mL/" or "mL/0".
_UNREADABLE = (ArithmeticError, AssertionError, tokenize.TokenError)


@lru_cache(maxsize=1)
def registry() -> pint.UnitRegistry[float]:
    """The registry, with the field's own units (NRS points, breaths and beats as counts)."""
    units: pint.UnitRegistry[float] = pint.UnitRegistry(cache_folder=None)
    units.define("nrs = []")
    units.define("breath = []")
    units.define("beat = []")
    units.define("episode = []")
    return units


@lru_cache(maxsize=4096)
def factor(unit: str, internal: str) -> float:
    """The number by which a value in ``unit`` is multiplied to be in ``internal``.

    Raises:
        ParameterError: either unit is unknown, or they measure different things.
    """
    if len(unit) > _LONGEST or not _UNIT.fullmatch(unit):
        raise ParameterError(f"unit {unit[:_LONGEST]!r} cannot be read as {internal!r} (not units joined by * and /)")
    try:
        units = registry()
        return float(units.Quantity(1.0, unit).to(internal).magnitude)
    except (pint.errors.PintError, AttributeError, ValueError, TypeError, *_UNREADABLE) as error:
        raise ParameterError(f"unit {unit!r} cannot be read as {internal!r} ({error})") from error
