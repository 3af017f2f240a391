"""An event table in memory: rows by patient and time, in the units inside (h, ug), and what is wrong with a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from thecal.clinic.events.columns import DOSE_KINDS
from thecal.core.errors import ParameterError

Cell = float | str | None
_SHOWN = 20


@dataclass(frozen=True)
class Event:
    """One row.

    Attributes:
        patient: identity as written.
        time_h: since the patient's own zero, h.
        kind: EVID.
        amount_ug, rate_ug_per_h: of a dose; a rate of 0 is a bolus, an amount of 0 with a rate an infusion without an end.
        interval_h, more: II and ADDL, the doses that follow.
        steady: SS, 1 for a dose that finds its own steady state.
        drug: which drug the dose is of; the compartment is always the tip of the catheter.
        what: DVID, a key of ``columns.OBSERVED``.
        value: DV in the unit of ``columns.OBSERVED``; of a censored row the limit of quantification.
        censored: CENS, 1 where the value lies below the limit.
        covariates: other columns as they stand.
        row: of the file, the header being row 1; 0 of a row that was made.
    """

    patient: str
    time_h: float
    kind: int
    amount_ug: float = 0.0
    rate_ug_per_h: float = 0.0
    interval_h: float = 0.0
    more: int = 0
    steady: int = 0
    drug: str = ""
    what: str = ""
    value: float | None = None
    censored: int = 0
    covariates: Mapping[str, Cell] = field(default_factory=dict)
    row: int = field(default=0, compare=False)

    @property
    def is_dose(self) -> bool:
        """Whether something is given."""
        return self.kind in DOSE_KINDS

    @property
    def hours(self) -> float:
        """Length of an infusion; infinite without an end, 0 of a bolus."""
        if not self.rate_ug_per_h:
            return 0.0
        return self.amount_ug / self.rate_ug_per_h if self.amount_ug else float("inf")


@dataclass(frozen=True)
class Refused:
    """A row that is not taken; ``row`` as a spreadsheet counts, the header being row 1, and 0 where none is meant."""

    row: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f"row {self.row}, {self.column}" if self.row else self.column
        return f"{where}: {self.reason}"


class EventTableError(ParameterError):
    """An event table with rows that are refused; all are in ``refused``, the text shows the first twenty."""

    def __init__(self, name: str, refused: Sequence[Refused]) -> None:
        self.refused = tuple(refused)
        lines = [f"{name}: {len(refused)} row{'s' if len(refused) > 1 else ''} cannot be taken"]
        lines += [f"  {one}" for one in refused[:_SHOWN]]
        if len(refused) > _SHOWN:
            lines.append(f"  ... and {len(refused) - _SHOWN} more")
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class EventTable:
    """Rows in order of patient and time, with the names of the columns that are covariates."""

    rows: tuple[Event, ...]
    covariates: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def patients(self) -> tuple[str, ...]:
        """Identities in order of appearance."""
        return tuple(dict.fromkeys(row.patient for row in self.rows))

    @property
    def drugs(self) -> tuple[str, ...]:
        """Drugs in order of appearance."""
        return tuple(dict.fromkeys(row.drug for row in self.rows if row.is_dose))

    def of(self, patient: str) -> EventTable:
        """The rows of one patient.

        Raises:
            ParameterError: there is none of that name.
        """
        rows = tuple(row for row in self.rows if row.patient == patient)
        if not rows:
            raise ParameterError(f"the table has no patient {patient!r}; it has {', '.join(self.patients) or 'none'}")
        return EventTable(rows, self.covariates)

    def at(self, name: str, time_h: float) -> Cell:
        """A covariate at a time: the last value given until then, before the first that one; None if never given."""
        given = [(row.time_h, row.covariates[name]) for row in self.rows if row.covariates.get(name) is not None]
        before = [value for when, value in given if when <= time_h]
        return before[-1] if before else (given[0][1] if given else None)
