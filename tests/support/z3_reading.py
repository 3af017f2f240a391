"""The solver's reading of the shield on plain numbers, so that it can be compared with the readings that run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import z3

from thecal.safety.proofs.terms import Reading


def number(term: Any) -> int:
    """The integer that a solver term without symbols stands for."""
    if not isinstance(term, z3.ExprRef):
        return int(term)
    value = z3.simplify(term)
    assert z3.is_int_value(value), value
    return int(value.as_long())


class OnNumbers(Reading):
    """The same reading where divisor and bits are numbers, so that nothing is left open."""

    def _union(self, a: Any, b: Any) -> Any:
        return z3.IntVal(number(a) | number(b))

    def _fdiv(self, a: Any, b: Any) -> Any:
        return a / z3.IntVal(number(b)) if isinstance(a, z3.ExprRef) else z3.IntVal(a) / z3.IntVal(number(b))


class Places(list[Any]):
    """A ring of terms whose places may be terms too."""

    def __getitem__(self, place: Any) -> Any:
        return super().__getitem__(number(place))

    def __setitem__(self, place: Any, value: Any) -> None:
        super().__setitem__(number(place), value)


def terms(row: np.void, *, whole: tuple[str, ...] = ()) -> SimpleNamespace:
    """A record as solver integers; the fields of ``whole`` stay Python's, for loops over them."""
    found = {}
    for name in row.dtype.names or ():
        value = row[name].tolist()
        found[name] = value if name in whole else _term(value)
    return SimpleNamespace(**found)


def _term(value: Any) -> Any:
    if not isinstance(value, list):
        return z3.IntVal(value)
    rows = [_term(entry) for entry in value]
    return rows if value and isinstance(value[0], list) else Places(rows)


def numbers(state: SimpleNamespace) -> dict[str, Any]:
    """A record of terms as plain numbers."""
    return {name: _number(value) for name, value in vars(state).items()}


def _number(value: Any) -> Any:
    return [_number(entry) for entry in list.__iter__(value)] if isinstance(value, list) else number(value)
