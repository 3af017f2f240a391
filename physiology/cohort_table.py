"""Cohort tables: charts of patients from CSV or Parquet, checked cell by cell with every problem reported at once."""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.documents import check_regular, has_suffix, read_text
from thecal.core.errors import ConfigError, ParameterError, StoreError
from thecal.core.extras import importing
from thecal.core.files import write_whole
from thecal.physiology.covariates import COVARIATES, Covariate

SPLITS = ("train", "tune", "test")
_SEXES = {"m": True, "male": True, "f": False, "female": False}
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_BMI = (10.0, 80.0)  # outside of it a height or a weight is wrong
_SHOWN = 20
_LARGEST = 1024**3  # bytes of a CSV file: millions of patients
# float() takes more: 1_000, digits of other scripts, blanks.
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a table; ``row`` as a spreadsheet shows it (the header is row 1; 0 where no row is meant)."""

    row: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        where = f"row {self.row}, {self.column}" if self.row else self.column
        return f"{where}: {self.value!r} {self.reason}" if self.value else f"{where}: {self.reason}"


class CohortTableError(ParameterError):
    """A cohort table with problems; all of them are in ``problems``, the text shows the first twenty."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [f"{path.name}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"]
        lines += [f"  {problem}" for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            lines.append(f"  ... and {len(problems) - _SHOWN} more")
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class CohortTable:
    """Checked charts: columns by covariate (``[n]`` each), identities as written, and the split of each row where given."""

    path: Path
    columns: Columns
    ids: list[str]
    splits: NDArray[np.str_] | None

    def __len__(self) -> int:
        return len(self.ids)


def read_table(path: Path) -> CohortTable:
    """Read and check a table of charts.

    Columns are those of ``covariates.COVARIATES`` by name, with units as stated there; ``sex`` (M/F) may stand for ``male``.
    ``patient`` (identity) and ``split`` (train, tune or test) are optional. A column is given for every patient or not at
    all: what a table lacks is drawn from the base cohort.

    Raises:
        CohortTableError: anything is wrong; every problem is listed with its row.
        ConfigError: the ending is neither .csv nor .parquet.
        StoreError: the file cannot be read.
    """
    header, rows = _cells(path)
    problems = list(_check_header(header, rows))
    if problems:
        raise CohortTableError(path, problems)
    columns: Columns = {}
    for at, name in enumerate(header):
        cells = [row[at] for row in rows]
        if name == "sex":
            columns["male"] = _convert("sex", cells, _parse_sex, np.bool_, problems)
        elif name in COVARIATES:
            covariate = COVARIATES[name]
            columns[name] = _convert(name, cells, _parser(covariate), _TYPES[covariate.kind], problems)
    ids = _identities(header, rows, problems)
    splits = _splits(header, rows, problems)
    if not problems:
        problems += _check_bodies(columns)
    if problems:
        raise CohortTableError(path, sorted(problems, key=lambda problem: problem.row))
    return CohortTable(path, columns, ids, splits)


def write_table(path: Path, columns: Columns, ids: Sequence[str], splits: Sequence[str] | None = None) -> None:
    """Write charts so that :func:`read_table` reads them back; the file appears whole or not at all.

    Raises:
        ConfigError: the ending is neither .csv nor .parquet.
        StoreError: the file cannot be written.
    """
    named: dict[str, list[Any]] = {"patient": list(ids)}
    if splits is not None:
        named["split"] = list(splits)
    named |= {name: values.tolist() for name, values in columns.items()}
    if has_suffix(path, ".csv"):
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(named)
        writer.writerows(zip(*named.values(), strict=True))
        write_whole(path, text.getvalue())
        return
    arrow, parquet = _arrow(path)
    content = io.BytesIO()
    parquet.write_table(arrow.table(named), content)
    write_whole(path, content.getvalue())


def _arrow(path: Path) -> tuple[Any, Any]:
    if not has_suffix(path, ".parquet"):
        raise ConfigError(f"{path}: the ending must be .csv or .parquet")
    with importing("a Parquet table", "track"):
        import pyarrow
        import pyarrow.parquet
    return pyarrow, pyarrow.parquet


def _cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows as text, whatever the format."""
    try:
        if has_suffix(path, ".csv"):
            return _csv_cells(path)
        _, parquet = _arrow(path)
        check_regular(path)
        table = parquet.read_table(path)
        columns = [["" if cell is None else str(cell) for cell in column.to_pylist()] for column in table.columns]
        return list(table.column_names), [list(row) for row in zip(*columns, strict=True)]
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (csv.Error, ValueError, NotImplementedError) as error:
        raise CohortTableError(path, [Problem(0, "file", "", f"cannot be read ({error})")]) from error


def _csv_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        text = read_text(path, largest=_LARGEST)
    except ConfigError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from error
        raise CohortTableError(path, [Problem(0, "file", "", str(error).removeprefix(f"{path.name}: "))]) from error
    lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    return ([cell.strip() for cell in lines[0]], lines[1:]) if lines else ([], [])


def _check_header(header: list[str], rows: list[list[str]]) -> Iterable[Problem]:
    known = [*COVARIATES, "sex", "patient", "split"]
    if not rows:
        yield Problem(0, "file", "", "holds no patient")
    for mark, words in _SEPARATORS.items():
        if len(header) == 1 and mark in header[0]:
            yield Problem(1, "file", "", f"its columns are separated by {words}; save it with commas")
            return
    for name in header:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            yield Problem(1, name or "(blank)", "", "no such column" + (f"; meant {near[0]}?" if near else ""))
        elif header.count(name) > 1 and name:
            yield Problem(1, name, "", "stands twice")
    if "sex" in header and "male" in header:
        yield Problem(1, "sex", "", "stands beside 'male'; give one of them")
    for name, covariate in COVARIATES.items():
        if covariate.required and name not in header and not (name == "male" and "sex" in header):
            yield Problem(1, name, "", f"is missing ({covariate.text})")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            yield Problem(number, "row", "", f"has {len(row)} cells, the header {len(header)}")


def _parse_sex(text: str) -> bool:
    if text.lower() not in _SEXES:
        raise ValueError("is neither M nor F")
    return _SEXES[text.lower()]


def _parse_flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError("is neither true nor false")
    return _FLAGS[text.lower()]


def _parser(covariate: Covariate) -> Any:
    def number(text: str) -> float:
        if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
            raise ValueError("is not finite")
        if not _NUMBER.fullmatch(text):
            hint = " (a point before the decimals, nothing between thousands)" if "," in text or "_" in text else ""
            raise ValueError(f"is not a number{hint}")
        value = float(text)
        if not math.isfinite(value):
            raise ValueError("is not finite")
        if not covariate.low <= value <= covariate.high:
            raise ValueError(f"is outside {covariate.low:g} to {covariate.high:g} {covariate.unit}".rstrip())
        return value

    def whole(text: str) -> int:
        value = number(text)
        if not value.is_integer():
            raise ValueError("is not a whole number")
        return int(value)

    def choice(text: str) -> str:
        if text not in covariate.choices:
            near = difflib.get_close_matches(text, covariate.choices, 1, 0.5)
            raise ValueError(f"is not one of {', '.join(covariate.choices)}" + (f"; meant {near[0]}?" if near else ""))
        return text

    return {"number": number, "whole": whole, "flag": _parse_flag, "choice": choice}[covariate.kind]


_TYPES: dict[str, Any] = {"number": np.float64, "whole": np.int64, "flag": np.bool_, "choice": np.str_}


def _convert(name: str, cells: list[str], parse: Any, kind: Any, problems: list[Problem]) -> NDArray[Any]:
    values = []
    for row, cell in enumerate(cells, 2):
        text = cell.strip()
        try:
            if not text:
                raise ValueError("is blank; give it for every patient or leave the column out")
            values.append(parse(text))
        except ValueError as error:
            problems.append(Problem(row, name, text, str(error)))
    return np.array(values, kind)


def _identities(header: list[str], rows: list[list[str]], problems: list[Problem]) -> list[str]:
    if "patient" not in header:
        return [str(i) for i in range(len(rows))]
    at = header.index("patient")
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        name = row[at].strip()
        if not name:
            problems.append(Problem(number, "patient", "", "is blank"))
        elif name in seen:
            problems.append(Problem(number, "patient", name, f"stands already in row {seen[name]}"))
        seen.setdefault(name, number)
    return [row[at].strip() for row in rows]


def _splits(header: list[str], rows: list[list[str]], problems: list[Problem]) -> NDArray[np.str_] | None:
    if "split" not in header:
        return None
    at = header.index("split")
    for number, row in enumerate(rows, 2):
        if row[at].strip() not in SPLITS:
            problems.append(Problem(number, "split", row[at].strip(), f"is not one of {', '.join(SPLITS)}"))
    return np.array([row[at].strip() for row in rows])


def _check_bodies(columns: Columns) -> Iterable[Problem]:
    bmi = columns["weight_kg"] / (columns["height_cm"] / 100.0) ** 2
    for row, value in enumerate(bmi.tolist(), 2):
        if not _BMI[0] <= value <= _BMI[1]:
            yield Problem(row, "weight_kg", "", f"gives a body mass index of {value:.0f} kg/m² with the height")
