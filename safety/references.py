"""What review, label and consensus say of a limit, beside each other, and the doses of studies that are no limits."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from thecal.core.errors import ParameterError
from thecal.core.parameters import Quantity, read_parameters

COLUMNS = ("review", "label", "consensus")  # what they state is a limit
STUDY = "study"  # what this states is a dose that somebody gave


@cache
def references() -> dict[str, dict[str, Quantity]]:
    """Columns by name, each with what it states by the dotted key of the limit; the column :data:`STUDY` binds nothing.

    Raises:
        ParameterError: the shipped file is corrupt.
    """
    file = read_parameters(files("thecal.safety").joinpath("data", "references.toml"))
    file.fixed()
    found: dict[str, dict[str, Quantity]] = {name: {} for name in (*COLUMNS, STUDY)}
    for key, quantity in file.items():
        column, _, limit = key.partition(".")
        if column not in found:
            raise ParameterError(f"{file.path}: {key}: no column of this name")
        found[column][limit] = quantity
    return found
