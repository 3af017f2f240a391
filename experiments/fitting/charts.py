"""What of a patient's chart an event table states in its covariates."""

from __future__ import annotations

from typing import Any

from thecal.clinic.events.table import Cell, EventTable
from thecal.core.errors import ParameterError
from thecal.physiology.covariates import COVARIATES, Covariate

# The field's usual names of columns.
ALIASES = {
    "AGE": "age_y", "SEX": "male", "WT": "weight_kg", "HT": "height_cm", "SCR": "creatinine_mg_per_dl",
    "DIAG": "diagnosis", "MEDD": "medd_mg_per_d",
}  # fmt: skip
_SEXES = {"m": True, "male": True, "f": False, "female": False}


def chart_of(table: EventTable) -> dict[str, Any]:
    """Covariates at the patient's zero, by name of ``covariates.COVARIATES``; columns of other names say nothing here.

    Raises:
        ParameterError: a value is none that the covariate can have, or two columns state the same one.
    """
    chart: dict[str, Any] = {}
    for column in table.covariates:
        name = ALIASES.get(column, column.lower())
        if name not in COVARIATES:
            continue
        cell = table.at(column, 0.0)
        if cell is None:
            continue
        if name in chart:
            raise ParameterError(f"{column}: another column states {name} already")
        chart[name] = _value(column, COVARIATES[name], cell)
    return chart


def _value(column: str, kind: Covariate, cell: Cell) -> Any:
    if kind.name == "male" and isinstance(cell, str):
        if cell.lower() not in _SEXES:
            raise ParameterError(f"{column}: {cell!r} is neither M nor F")
        return _SEXES[cell.lower()]
    if kind.kind == "choice":
        if cell not in kind.choices:
            raise ParameterError(f"{column}: {cell!r} is not one of {', '.join(kind.choices)}")
        return str(cell)
    if kind.kind == "flag":
        if cell not in (0.0, 1.0):
            raise ParameterError(f"{column}: {cell!r} is neither 0 nor 1")
        return bool(cell)
    if isinstance(cell, str) or cell is None:
        raise ParameterError(f"{column}: {cell!r} is not a number")
    if not kind.low <= cell <= kind.high:
        raise ParameterError(f"{column}: {cell:g} is outside {kind.low:g} to {kind.high:g} {kind.unit}".rstrip())
    if kind.kind == "whole":
        if not cell.is_integer():
            raise ParameterError(f"{column}: {cell:g} is not a whole number")
        return int(cell)
    return float(cell)
