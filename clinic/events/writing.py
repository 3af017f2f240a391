"""Writes event tables so that they read back as they were: the units inside stand in the header."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from thecal.clinic.events.columns import COLUMNS, TIP, UNITS
from thecal.clinic.events.table import Event, EventTable
from thecal.core.documents import has_suffix
from thecal.core.errors import ConfigError
from thecal.core.extras import importing
from thecal.core.files import write_whole


def write_events(path: str | Path, table: EventTable) -> Path:
    """Write a table as .csv or .parquet, whole or not at all; numbers to the last digit.

    Raises:
        ConfigError: the ending is neither.
        StoreError: it cannot be written.
    """
    place = Path(path)
    columns = as_columns(table)
    if has_suffix(place, ".csv"):
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(
            [["" if cell is None else cell for cell in row] for row in zip(*columns.values(), strict=True)]
        )
        return write_whole(place, text.getvalue())
    if not has_suffix(place, ".parquet"):
        raise ConfigError(f"{place}: the ending must be .csv or .parquet")
    with importing("a Parquet table", "track"):
        import pyarrow
        import pyarrow.parquet
    content = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({name: _one_kind(cells) for name, cells in columns.items()}), content)
    return write_whole(place, content.getvalue())


def as_columns(table: EventTable) -> dict[str, list[Any]]:
    """Columns by head, ``[rows]`` each; None where a row has no such thing."""
    heads = {
        name: f"{name} [{UNITS[name]}]" if name in UNITS else name for name in (*COLUMNS[:9], "DRUG", *COLUMNS[9:])
    }
    rows = [_cells(row) for row in table.rows]
    found = {head: [row.get(name) for row in rows] for name, head in heads.items()}
    return found | {name: [row.covariates.get(name) for row in table.rows] for name in table.covariates}


def _cells(row: Event) -> dict[str, Any]:
    cells: dict[str, Any] = {"ID": row.patient, "TIME": row.time_h, "EVID": row.kind, "MDV": int(row.value is None)}
    if row.is_dose:
        cells |= {"AMT": row.amount_ug, "RATE": row.rate_ug_per_h, "II": row.interval_h, "ADDL": row.more}
        cells |= {"SS": row.steady, "CMT": TIP, "DRUG": row.drug}
    if row.value is not None:
        cells |= {"DVID": row.what, "DV": row.value, "CENS": row.censored}
    return cells


def _one_kind(cells: list[Any]) -> list[Any]:
    """Parquet has one type to a column: a column with a text is all text."""
    if any(isinstance(cell, str) for cell in cells):
        return [cell if cell is None or isinstance(cell, str) else repr(cell) for cell in cells]
    return cells
