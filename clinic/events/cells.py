"""Event tables as files: cells of CSV and Parquet, units in the header, and the sidecar that says what the header cannot."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from thecal.clinic.events.columns import ALIASES, OBSERVED, UNITS
from thecal.core.documents import check_regular, has_suffix, read_tables, read_text
from thecal.core.errors import ConfigError, ParameterError, StoreError, did_you_mean
from thecal.core.extras import importing
from thecal.core.models import Strict, checked
from thecal.core.units import factor
from thecal.physiology.population import drug_names

_LARGEST = 1024**3  # bytes of a CSV file
_HEAD = re.compile(r"\s*([^\[\]()]+?)\s*(?:[\[(]([^\[\]()]*)[\])])?\s*")
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_Text = Annotated[str, Field(min_length=1, max_length=60)]


class Sidecar(Strict):
    """What a file beside the table says: units by column, drugs by CMT or for all, and observations by DVID."""

    drug: _Text = "morphine"
    units: dict[str, _Text] = {}
    cmt: dict[str, _Text] = {}
    dvid: dict[str, _Text] = {}
    dv_units: dict[str, _Text] = {}

    @field_validator("drug")
    @classmethod
    def _known_drug(cls, name: str) -> str:
        return _one_of(name, drug_names(), "drug")

    @field_validator("cmt")
    @classmethod
    def _known_drugs(cls, drugs: dict[str, str]) -> dict[str, str]:
        return {number: _one_of(name, drug_names(), "drug") for number, name in drugs.items()}

    @field_validator("dvid")
    @classmethod
    def _known_observations(cls, names: dict[str, str]) -> dict[str, str]:
        return {number: _one_of(name, list(OBSERVED), "observation") for number, name in names.items()}

    @field_validator("units")
    @classmethod
    def _units_fit(cls, units: dict[str, str]) -> dict[str, str]:
        for column, unit in units.items():
            _fits(unit, UNITS[_one_of(column, list(UNITS), "column with a unit")], column)
        return units

    @field_validator("dv_units")
    @classmethod
    def _values_fit(cls, units: dict[str, str]) -> dict[str, str]:
        for name, unit in units.items():
            _fits(unit, OBSERVED[_one_of(name, list(OBSERVED), "observation")].unit, name)
        return units


def _one_of(name: str, known: list[str], what: str) -> str:
    if name not in known:
        raise ValueError(f"{name!r} is no {what}{did_you_mean(name, known)}; known: {', '.join(known)}")
    return name


def _fits(unit: str, inside: str, what: str) -> None:
    try:
        factor(unit, inside)
    except ParameterError as error:
        raise ValueError(f"{what}: {error}") from error


def sidecar_of(path: Path) -> Path:
    """Where the sidecar of a table is looked for: the same name with the ending .units.toml."""
    return path.with_suffix(".units.toml")


def read_sidecar(path: str | Path) -> Sidecar:
    """Read a sidecar.

    Raises:
        ParameterError: it is not valid; the text names the key and the reason.
    """
    return checked(Sidecar, read_tables(path, ParameterError, kind="TOML"), Path(path).name, ParameterError)


def read_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows as text.

    Raises:
        ParameterError: the file is no table.
        ConfigError: the ending is neither .csv nor .parquet.
        StoreError: it cannot be read.
    """
    try:
        if has_suffix(path, ".csv"):
            return _csv(path)
        if not has_suffix(path, ".parquet"):
            raise ConfigError(f"{path}: the ending must be .csv or .parquet")
        return _parquet(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (csv.Error, ValueError, NotImplementedError) as error:
        raise ParameterError(f"{path.name}: cannot be read ({error})") from error


def _csv(path: Path) -> tuple[list[str], list[list[str]]]:
    text = read_text(path, ParameterError, largest=_LARGEST)
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    if not lines:
        return [], []
    head = lines[0]
    for mark, words in _SEPARATORS.items():
        if len(head) == 1 and mark in head[0]:
            raise ParameterError(f"{path.name}: its columns are separated by {words}; save it with commas")
    # Blank lines stay, so that a row keeps its number.
    return head, lines[1:]


def _parquet(path: Path) -> tuple[list[str], list[list[str]]]:
    with importing("a Parquet table", "track"):
        import pyarrow.parquet
    check_regular(path)
    table = pyarrow.parquet.read_table(path)
    columns = [[_text(cell) for cell in column.to_pylist()] for column in table.columns]
    return list(table.column_names), [list(row) for row in zip(*columns, strict=True)]


def _text(cell: Any) -> str:
    return "" if cell is None else repr(cell) if isinstance(cell, float) else str(cell)


def split_head(cells: list[str]) -> tuple[list[str], dict[str, str]]:
    """Names of the columns, in capitals where they are known, and the units that stand behind them in brackets."""
    names, units = [], {}
    for cell in cells:
        found = _HEAD.fullmatch(cell)
        name, unit = (found.group(1), found.group(2)) if found else (cell.strip(), None)
        upper = ALIASES.get(name.upper(), name.upper())
        names.append(upper)
        if unit:
            units[upper] = unit
    return names, units
