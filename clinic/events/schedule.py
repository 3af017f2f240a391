"""What a patient's doses mean to the kernel: rates and boluses by pump tick."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.clinic.events.expand import expanded
from thecal.clinic.events.table import EventTable
from thecal.core.errors import ConfigError
from thecal.core.layout import MAX_DRUGS, TICK_H

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """Ticks in a row under one rate, with a bolus at their start: ``rate_ug_per_h`` and ``bolus_ug`` are ``[MAX_DRUGS]``."""

    first: int
    last: int  # exclusive
    rate_ug_per_h: Floats
    bolus_ug: Floats


@dataclass(frozen=True)
class Schedule:
    """Doses of one patient from zero to ``ticks``, and the drugs in the order of the arrays."""

    drugs: tuple[str, ...]
    stretches: tuple[Stretch, ...]
    ticks: int


def tick(time_h: float) -> int:
    """The pump tick nearest to a time."""
    return round(time_h / TICK_H)


def schedule_of(table: EventTable, until_h: float | None = None, drugs: tuple[str, ...] = ()) -> Schedule:
    """The doses of a table of one patient as stretches; times move to the nearest pump tick, and no drug is lost by it.

    An infusion with an end gives its amount at its rate; where its length is no whole number of ticks, the rate changes by
    less than a tick's share, so that the amount is exact.

    Raises:
        ConfigError: the table has several patients or more drugs than an admixture holds.
    """
    if len(table.patients) != 1:
        raise ConfigError(f"a schedule is that of one patient, not of {len(table.patients)}")
    single = expanded(table)
    drugs = drugs or single.drugs or ("morphine",)
    if len(drugs) > MAX_DRUGS:
        raise ConfigError(f"an admixture holds one to {MAX_DRUGS} drugs, not {len(drugs)}")
    end = max(1, tick(max(row.time_h for row in single.rows) if until_h is None else until_h))
    rate, bolus = np.zeros((end, MAX_DRUGS)), np.zeros((end, MAX_DRUGS))
    for row in single.rows:
        start = tick(row.time_h)
        if not row.is_dose or start >= end:
            continue
        slot = drugs.index(row.drug)
        if not row.rate_ug_per_h:
            bolus[start, slot] += row.amount_ug
        elif math.isinf(row.hours):
            rate[start:, slot] += row.rate_ug_per_h
        else:
            stop = max(start + 1, tick(row.time_h + row.hours))
            rate[start:stop, slot] += row.amount_ug / ((stop - start) * TICK_H)
    return Schedule(tuple(drugs), tuple(_stretches(rate, bolus)), end)


def _stretches(rate: Floats, bolus: Floats) -> list[Stretch]:
    new = np.any(np.diff(rate, axis=0) != 0.0, axis=1) | np.any(bolus[1:] > 0.0, axis=1)
    starts = [0, *(np.flatnonzero(new) + 1).tolist()]
    ends = [*starts[1:], len(rate)]
    return [Stretch(a, b, rate[a].copy(), bolus[a].copy()) for a, b in zip(starts, ends, strict=True)]
