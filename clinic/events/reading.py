"""Reads event tables: every cell checked, and every row that cannot be is refused by itself, with its number and the reason."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from thecal.clinic.events.cells import Sidecar, read_cells, read_sidecar, sidecar_of, split_head
from thecal.clinic.events.columns import (
    BLANK,
    COLUMNS,
    COMMENT,
    DOSE_KINDS,
    KINDS,
    NEEDED,
    NUMBERED,
    OBSERVED,
    TIP,
    UNITS,
)
from thecal.clinic.events.order import in_order
from thecal.clinic.events.table import Cell, Event, EventTable, EventTableError, Refused
from thecal.core.errors import ParameterError, did_you_mean
from thecal.core.units import factor
from thecal.physiology.population import drug_names

# float() takes more: 1_000, digits of other scripts, blanks.
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_MOST_DOSES = 100_000  # of one row
_LONGEST_H = 24.0 * 3660  # ten years
_TIES = 1e-9


class _BadCellError(ValueError):
    """What is wrong with one cell."""

    def __init__(self, column: str, reason: str) -> None:
        self.column = column
        super().__init__(reason)


@dataclass(frozen=True)
class Read:
    """What a file gave: the rows that were taken and those that were not."""

    table: EventTable
    refused: tuple[Refused, ...]


def read_events(path: str | Path, sidecar: str | Path | None = None, *, keep_good: bool = False) -> Read:
    """Read a table of events.

    Units stand in the header (``AMT [mg]``) or in a sidecar, ``<name>.units.toml`` beside the table unless another is named;
    without either, times are hours, and a table with doses or rates is refused.

    Raises:
        EventTableError: rows are refused and ``keep_good`` is not set, or none is left.
        ParameterError: the header or the sidecar is wrong.
        StoreError: a file cannot be read.
    """
    place = Path(path)
    beside = sidecar_of(place)
    named = sidecar if sidecar is not None else (beside if beside.is_file() else None)
    said = Sidecar() if named is None else read_sidecar(named)
    head, lines = read_cells(place)
    names, units = split_head(head)
    _check_head(place.name, names)
    scales = _scales(place.name, names, {**said.units, **units})
    rows, refused = _rows(names, lines, said, scales)
    rows, late = in_order(rows)
    refused = sorted([*refused, *late], key=lambda one: one.row)
    if refused and not (keep_good and rows):
        raise EventTableError(place.name, refused)
    if not rows:
        raise ParameterError(f"{place.name}: holds no row")
    extra = tuple(name for name in names if name not in COLUMNS and name not in (COMMENT, "DRUG", "LLOQ"))
    return Read(EventTable(tuple(rows), extra), tuple(refused))


def _check_head(name: str, names: Sequence[str]) -> None:
    for column in NEEDED:
        if column not in names:
            raise ParameterError(f"{name}: {column}: missing{did_you_mean(column, names)}")
    for column in names:
        if not column:
            raise ParameterError(f"{name}: a column without a name")
        if names.count(column) > 1:
            raise ParameterError(f"{name}: {column}: stands twice")
    if "AMT" not in names and "DV" not in names:
        raise ParameterError(f"{name}: neither AMT nor DV: nothing is given and nothing is observed")


def _scales(name: str, names: Sequence[str], units: Mapping[str, str]) -> dict[str, float]:
    """Factors to the units inside; a rate without one is an amount per time, an interval a time."""
    time, amount = units.get("TIME", "h"), units.get("AMT", "")
    own = {"TIME": time, "II": units.get("II", time), "AMT": amount}
    own["RATE"] = units.get("RATE", f"{amount}/{time}" if amount else "")
    found = {}
    for column, inside in UNITS.items():
        if column not in names:
            continue
        if not own[column]:
            raise ParameterError(
                f"{name}: {column}: states no unit; write it into the header ({column} [mg]) or into "
                f"{Path(name).with_suffix('.units.toml').name}"
            )
        try:
            found[column] = factor(own[column], inside)
        except ParameterError as error:
            raise ParameterError(f"{name}: {column}: {error}") from error
    return found


def _rows(
    names: list[str], lines: list[list[str]], said: Sidecar, scales: Mapping[str, float]
) -> tuple[list[Event], list[Refused]]:
    rows, refused = [], []
    for number, line in enumerate(lines, 2):
        if not line or all(not cell.strip() for cell in line):
            continue
        if len(line) != len(names):
            refused.append(Refused(number, "row", f"has {len(line)} cells, the header {len(names)}"))
            continue
        cells = {name: cell.strip() for name, cell in zip(names, line, strict=True)}
        if cells.get(COMMENT, "") not in BLANK:
            continue
        try:
            rows.append(_event(number, cells, said, scales))
        except _BadCellError as error:
            refused.append(Refused(number, error.column, str(error)))
    return rows, refused


def _number(cells: Mapping[str, str], column: str, low: float = 0.0, high: float = math.inf) -> float | None:
    text = cells.get(column, "")
    if text in BLANK:
        return None
    if not _NUMBER.fullmatch(text):
        hint = " (a point before the decimals, nothing between thousands)" if "," in text else ""
        raise _BadCellError(column, f"{text!r} is not a number{hint}")
    value = float(text)
    if not low <= value <= high:
        raise _BadCellError(column, f"{value:g} is outside {low:g} to {high:g}")
    return value


def _whole(cells: Mapping[str, str], column: str, allowed: Sequence[int] | None = None, high: int = _MOST_DOSES) -> int:
    value = _number(cells, column, -math.inf) or 0.0
    if not value.is_integer() or (allowed is None and not 0 <= value <= high):
        raise _BadCellError(column, f"{value:g} is not a whole number from 0 to {high}")
    if allowed is not None and int(value) not in allowed:
        raise _BadCellError(column, f"{value:g} is not one of {', '.join(map(str, allowed))}")
    return int(value)


def _event(number: int, cells: Mapping[str, str], said: Sidecar, scales: Mapping[str, float]) -> Event:
    if cells["ID"] in BLANK:
        raise _BadCellError("ID", "is blank")
    time = _number(cells, "TIME")
    if time is None:
        raise _BadCellError("TIME", "is blank")
    time_h = time * scales["TIME"]
    if time_h > _LONGEST_H:
        raise _BadCellError("TIME", f"{time:g} lies past ten years")
    amount = _number(cells, "AMT") or 0.0
    kind = _whole(cells, "EVID", KINDS) if cells.get("EVID", "") not in BLANK else int(amount > 0.0)
    other = {
        name: _covariate(cell)
        for name, cell in cells.items()
        if name not in COLUMNS and name not in (COMMENT, "DRUG", "LLOQ")
    }
    base = Event(cells["ID"], time_h, kind, covariates=other, row=number)
    if kind in DOSE_KINDS:
        return _dose(base, amount, cells, said, scales)
    for column in ("AMT", "RATE", "ADDL", "SS"):
        if _number(cells, column, -math.inf):
            raise _BadCellError(column, f"is given in a row with EVID {kind}, which is no dose")
    return _observation(base, cells, said) if kind == 0 else base


def _dose(base: Event, amount: float, cells: Mapping[str, str], said: Sidecar, scales: Mapping[str, float]) -> Event:
    rate = _number(cells, "RATE", -math.inf) or 0.0
    if rate in (-1.0, -2.0):
        raise _BadCellError(
            "RATE", f"{rate:g} asks the model for rate or length of the infusion, and this one has none"
        )
    if rate < 0.0:
        raise _BadCellError("RATE", f"{rate:g} is negative")
    if amount == 0.0 and rate == 0.0:
        raise _BadCellError("AMT", "a dose of nothing")
    if cells.get("DV", "") not in BLANK and _number(cells, "DV", -math.inf) and _whole(cells, "MDV", (0, 1)) == 0:
        raise _BadCellError("DV", "is given in a row with a dose; give the observation a row of its own")
    more, steady = _whole(cells, "ADDL"), _whole(cells, "SS", (0, 1))
    interval = (_number(cells, "II") or 0.0) * scales.get("II", 1.0)
    amount_ug, rate_ug = amount * scales.get("AMT", 1.0), rate * scales.get("RATE", 1.0)
    if more and not interval:
        raise _BadCellError("II", "is missing: ADDL repeats a dose at this interval")
    if steady and not interval and amount:
        raise _BadCellError("II", "is missing: SS needs the interval of the doses before")
    if steady and interval and not amount:
        raise _BadCellError("II", "is given for a steady infusion without an end")
    if interval and rate_ug and amount_ug / rate_ug > interval * (1.0 + _TIES):
        raise _BadCellError(
            "RATE", f"the infusion takes {amount_ug / rate_ug:g} h and begins again after {interval:g} h"
        )
    if base.time_h + more * interval > _LONGEST_H:
        raise _BadCellError("ADDL", "its last dose lies past ten years")
    drug = _drug(cells, said)
    return Event(
        base.patient, base.time_h, base.kind, amount_ug, rate_ug, interval, more, steady, drug,
        covariates=base.covariates, row=base.row,
    )  # fmt: skip


def _drug(cells: Mapping[str, str], said: Sidecar) -> str:
    number = cells.get("CMT", "")
    known = said.cmt or {str(TIP): said.drug}
    if number in BLANK:
        number = next(iter(known))
    number = number.removesuffix(".0")
    if number not in known:
        raise _BadCellError("CMT", f"{number} is no place where a dose can go (known: {', '.join(known)}, the tip)")
    named = cells.get("DRUG", "")
    if named not in BLANK and named not in drug_names():
        raise _BadCellError("DRUG", f"{named!r} is no drug{did_you_mean(named, drug_names())}")
    return known[number] if named in BLANK else named


def _observation(base: Event, cells: Mapping[str, str], said: Sidecar) -> Event:
    text = cells.get("DV", "")
    missing = _whole(cells, "MDV", (0, 1))
    if missing or text in BLANK:
        if cells.get("MDV", "") not in BLANK and not missing:
            raise _BadCellError("DV", "is blank in a row with MDV 0")
        return Event(base.patient, base.time_h, 2, covariates=base.covariates, row=base.row)
    what = _what(cells, said)
    kind = OBSERVED[what]
    scale = factor(said.dv_units.get(what, kind.unit), kind.unit)
    value = _number(cells, "DV", -math.inf)
    assert value is not None
    value *= scale
    if not kind.low <= value <= kind.high:
        raise _BadCellError("DV", f"{value:g} is outside {kind.low:g} to {kind.high:g} {kind.unit}")
    censored = _whole(cells, "CENS", (0, 1))
    if censored and not kind.level:
        raise _BadCellError("CENS", f"{what} has no limit of quantification")
    limit = _number(cells, "LLOQ")
    if censored and limit is not None:
        value = limit * scale
    if kind.level and value <= 0.0:
        raise _BadCellError("DV", "a level of 0: give the limit of quantification as DV, and CENS 1")
    return Event(
        base.patient, base.time_h, 0, what=what, value=value, censored=censored, covariates=base.covariates,
        row=base.row,
    )  # fmt: skip


def _what(cells: Mapping[str, str], said: Sidecar) -> str:
    text = cells.get("DVID", "")
    if text in BLANK:
        if len(said.dvid) > 1:
            raise _BadCellError("DVID", "is blank, and the table has several kinds of observation")
        return next(iter(said.dvid.values()), "nrs")
    number = text.removesuffix(".0")
    found = {**NUMBERED, **{name: name for name in OBSERVED}, **said.dvid}.get(number)
    if found is None:
        raise _BadCellError(
            "DVID", f"{text!r} is no observation{did_you_mean(text, OBSERVED)}; known: {', '.join(OBSERVED)}"
        )
    return found


def _covariate(text: str) -> Cell:
    if text in BLANK:
        return None
    return float(text) if _NUMBER.fullmatch(text) else text
