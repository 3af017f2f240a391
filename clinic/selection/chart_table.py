"""Charts from CSV or Parquet and back: every row is judged by itself, and good rows can be kept where others are refused."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thecal.clinic.selection.fields import ALLERGIES, COLUMNS, FIELDS, NO_DRUG, Chart, contradictions
from thecal.core.documents import has_suffix
from thecal.core.extras import importing
from thecal.core.files import write_whole
from thecal.physiology.cohort_table import CohortTableError, Problem, _cells, _parser
from thecal.physiology.population import drug_names

_PARSERS = {name: _parser(field) for name, field in FIELDS.items()}
_FIRST_ROW = 2  # as a spreadsheet counts, below the header


@dataclass(frozen=True)
class ChartTable:
    """Charts that may be used, and what is wrong with the rows that may not."""

    charts: tuple[Chart, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def refused(self) -> int:
        """How many rows were refused."""
        return len({problem.row for problem in self.problems})


def read_charts(path: Path, *, keep_good: bool = False) -> ChartTable:
    """Read a table of charts.

    Columns are ``fields.COLUMNS``, each once, in any order. A cell that is blank, no number or out of bounds, an identity that
    stands twice, and values that contradict each other refuse their row.

    Args:
        path: .csv or .parquet.
        keep_good: keep the rows without a problem where others have one.

    Raises:
        CohortTableError: the header is wrong, no row is good, or one is bad and ``keep_good`` is not set; all problems are in it.
        ConfigError: the ending is neither .csv nor .parquet.
        StoreError: the file cannot be read.
    """
    header, rows = _cells(path)
    wrong = list(_check_header(header, rows))
    if wrong:
        raise CohortTableError(path, wrong)
    charts: list[Chart] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, _FIRST_ROW):
        found = _read_row(header, row, number, seen)
        if isinstance(found, Chart):
            charts.append(found)
        else:
            problems += found
    if problems and not (keep_good and charts):
        raise CohortTableError(path, problems)
    return ChartTable(tuple(charts), tuple(problems))


def write_charts(path: Path, charts: Sequence[Chart]) -> None:
    """Write charts so that :func:`read_charts` reads them back; the file appears whole or not at all.

    Raises:
        MissingExtraError: the ending is .parquet and pyarrow is not there.
        StoreError: it cannot be written.
    """
    rows = [chart.row() for chart in charts]
    if has_suffix(path, ".parquet"):
        with importing("a Parquet table", "track"):
            import pyarrow
            import pyarrow.parquet
        content = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.table({name: [row[name] for row in rows] for name in COLUMNS}), content)
        write_whole(path, content.getvalue())
        return
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def _check_header(header: list[str], rows: list[list[str]]) -> Iterable[Problem]:
    if not rows:
        yield Problem(0, "file", "", "holds no patient")
    for name in header:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, 1, 0.5)
            yield Problem(1, name or "(blank)", "", "no such column" + (f"; meant {near[0]}?" if near else ""))
        elif header.count(name) > 1:
            yield Problem(1, name, "", "stands twice")
    for name in COLUMNS:
        if name not in header:
            text = FIELDS[name].text if name in FIELDS else "identity, or drugs joined by +"
            yield Problem(1, name, "", f"is missing ({text})")


def _read_row(header: list[str], row: list[str], number: int, seen: dict[str, int]) -> Chart | list[Problem]:
    """The chart of one row, or all that is wrong with it."""
    if len(row) != len(header):
        return [Problem(number, "row", "", f"has {len(row)} cells, the header {len(header)}")]
    cells = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name in FIELDS:
        try:
            values[name] = _value(name, cells[name])
        except ValueError as error:
            problems.append(Problem(number, name, cells[name], str(error)))
    patient = cells["patient"]
    if not patient or patient in seen:
        reason = f"stands already in row {seen[patient]}" if patient else "is blank"
        problems.append(Problem(number, "patient", patient, reason))
    seen.setdefault(patient, number)
    drugs, wrong = _drugs(cells[ALLERGIES])
    if wrong:
        problems.append(Problem(number, ALLERGIES, cells[ALLERGIES], wrong))
    if problems:
        return problems
    chart = Chart(patient, values, drugs)
    return [Problem(number, name, str(values[name]), reason) for name, reason in contradictions(chart)] or chart


def _value(name: str, text: str) -> Any:
    if not text:
        raise ValueError("is blank")
    return _PARSERS[name](text)


def _drugs(text: str) -> tuple[tuple[str, ...], str]:
    """Drugs joined by +, and what is wrong with the text; nothing where it is right."""
    if not text:
        return (), f"is blank; write {NO_DRUG}"
    names = () if text == NO_DRUG else tuple(text.split("+"))
    unknown = [name for name in names if name not in drug_names()]
    if unknown:
        return (), f"{unknown[0]!r} is no known drug"
    return names, "names a drug twice" if len(set(names)) < len(names) else ""
