"""The levels of an event table as profiles for :mod:`~thecal.experiments.fitting.nca`: one a patient and kind."""

from __future__ import annotations

from dataclasses import dataclass

from thecal.clinic.events.columns import OBSERVED
from thecal.clinic.events.expand import expanded
from thecal.clinic.events.table import EventTable
from thecal.core.errors import ConfigError
from thecal.experiments.fitting.nca import Figures, figures


@dataclass(frozen=True)
class Profile:
    """Whose levels, of what, the dose they follow, and the figures."""

    patient: str
    what: str
    dose_ug: float
    found: Figures


@dataclass(frozen=True)
class Skipped:
    """A patient's levels that give no figures, and why."""

    patient: str
    what: str
    reason: str


def profiles(
    table: EventTable, *, start: str = "zero", part_h: tuple[float, float] | None = None
) -> tuple[list[Profile], list[Skipped]]:
    """Figures for every patient and kind of level of a table; times count from the dose.

    The figures are those of one dose, so a patient with several doses before the last level is skipped.

    Raises:
        ConfigError: the table holds no level.
    """
    levels = [name for name, kind in OBSERVED.items() if kind.level]
    found, skipped = [], []
    for patient in table.patients:
        own = expanded(table.of(patient))
        for what in levels:
            rows = [row for row in own.rows if row.what == what]
            if not rows:
                continue
            try:
                found.append(_profile(own, patient, what, start, part_h))
            except ConfigError as error:
                skipped.append(Skipped(patient, what, str(error)))
    if not found and not skipped:
        raise ConfigError(f"the table holds no level ({' or '.join(levels)})")
    return found, skipped


def _profile(own: EventTable, patient: str, what: str, start: str, part_h: tuple[float, float] | None) -> Profile:
    rows = [row for row in own.rows if row.what == what]
    doses = [row for row in own.rows if row.is_dose and row.time_h < rows[-1].time_h]
    if len(doses) != 1:
        raise ConfigError(f"{len(doses)} doses before the last level; these figures are those of one")
    dose = doses[0]
    if not dose.amount_ug:
        raise ConfigError("the dose is an infusion without an end")
    after = [row for row in rows if row.time_h >= dose.time_h]
    got = figures(
        [row.time_h - dose.time_h for row in after], [row.value or 0.0 for row in after], dose.amount_ug,
        censored=[row.censored for row in after], infusion_h=dose.hours, start=start, part_h=part_h,
    )  # fmt: skip
    return Profile(patient, what, dose.amount_ug, got)
