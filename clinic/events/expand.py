"""Repeated and steady-state doses as the single doses they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from thecal.clinic.events.table import Event, EventTable

# Doses before a steady state stand for so many days: several half-lives of the slowest kinetics. Tolerance has no steady state
# within weeks, so it goes on from what these days leave.
RUN_IN_D = 14.0
_DAY_H = 24.0


def expanded(table: EventTable, run_in_d: float = RUN_IN_D) -> EventTable:
    """A table of single doses.

    ADDL becomes rows of its own; SS becomes the doses of ``run_in_d`` days before, and where they would lie before the
    patient's zero, all of the patient's times move later by as much.
    """
    rows: list[Event] = []
    for patient in table.patients:
        own = [new for row in table.of(patient).rows for new in _single(row, run_in_d)]
        early = -min(0.0, min(row.time_h for row in own))
        moved = [replace(row, time_h=row.time_h + early) for row in own] if early else own
        rows += sorted(moved, key=lambda row: row.time_h)
    return EventTable(tuple(rows), table.covariates)


def _single(row: Event, run_in_d: float) -> Iterator[Event]:
    if not row.is_dose:
        yield row
        return
    one = replace(row, interval_h=0.0, more=0, steady=0)
    if row.steady and not row.amount_ug:  # an infusion without an end has run for all that time
        yield replace(one, time_h=row.time_h - run_in_d * _DAY_H)
        return
    before = round(run_in_d * _DAY_H / row.interval_h) if row.steady else 0
    for k in range(-before, row.more + 1):
        yield replace(one, time_h=row.time_h + k * row.interval_h)
