"""Every decision of a policy on one patient in one plain sentence: what was asked, what was given, and why not the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.dashboard.reasons import Limits, Moment, clauses
from thecal.dashboard.tables import Shelf, Table
from thecal.envs.clinician import words_of
from thecal.safety.invariants import Fallback

NEEDED = ("time_h", "requested_rate", "allowed_rate", "binding")
_MORE = (
    "requested_bolus_ul", "allowed_bolus_ul", "intervened", "fallback", "clinician", "delivered_rate", "alive_h",
    "start_rate_ml_per_d", "start_cap_ug",
)  # fmt: skip
SAME = 0.005  # share of the rate below which two rates are the same: a step of a pump's grid at a low rate
_STOPPED = 0.05  # share of the allowed rate below which the pump did not deliver
Column = NDArray[Any]


@dataclass(frozen=True)
class Decision:
    """One decision.

    Attributes:
        step: its number.
        begin_h: since the start.
        day: of the calendar, 0 that of the start.
        asked, given: change of the rate, share of what was in force; NaN from a stopped pump.
        binding: bits of the limits that changed the request.
        refused: whether less or something else was given than asked.
        text: the sentence.
    """

    step: int
    begin_h: float
    day: int
    asked: float
    given: float
    binding: int
    refused: bool
    text: str

    @property
    def changes(self) -> bool:
        """Whether anything was asked, given or refused."""
        return self.refused or not max(abs(self.asked), abs(self.given)) <= SAME


def decisions(shelf: Shelf, table: Table, patient: int, limits: Limits | None) -> Iterator[Decision]:
    """Every decision on a patient until death.

    Raises:
        StoreError: the table cannot be read.
    """
    drug = f"dose24_ug_{table.task.drugs[0]}"
    found = shelf.of_patient(table, patient, (*NEEDED, *_MORE, drug))
    missing = np.zeros(len(found["time_h"]))
    at = {name: found.get(name, missing) for name in (*NEEDED, *_MORE, drug)}
    before = np.concatenate(([at["start_rate_ml_per_d"][0]], at["allowed_rate"][:-1])).astype(np.float64)
    last_rise: float | None = None
    for k, end in enumerate(at["time_h"].tolist()):
        if "alive_h" in found and at["alive_h"][k] <= 0:
            return
        begin = end - table.task.tick_h
        since = None if last_rise is None else begin - last_rise
        dose = float(at[drug][k - 1]) / 1000.0 if k else 0.0
        cap = float(at["start_cap_ug"][k]) / 1000.0 if "start_cap_ug" in found else float("nan")
        row = {name: column[k].item() for name, column in at.items()}
        yield _decision(k, begin, row, float(before[k]), table, Moment(begin, since, dose, cap), limits)
        if row["allowed_rate"] > before[k] * (1.0 + SAME):
            last_rise = begin


def _decision(
    k: int, begin: float, row: dict[str, Any], before: float, table: Table, moment: Moment, limits: Limits | None
) -> Decision:
    asked, given = _share(row["requested_rate"], before), _share(row["allowed_rate"], before)
    bolus_asked, bolus_given = row["requested_bolus_ul"], row["allowed_bolus_ul"]
    refused = bool(row["binding"]) and (
        bool(row["intervened"]) or abs(asked - given) > SAME or bolus_given < bolus_asked * (1.0 - SAME)
    )
    day, clock = divmod(begin + table.task.start_clock_h, 24.0)
    head = f"Day {day:.0f}, {int(clock):02d}:{round(clock % 1.0 * 60):02d}"
    said = _rate_words(asked, given, row, before, refused)
    if bolus_asked > 0.0 and bolus_given < bolus_asked * (1.0 - SAME):
        said += f"; a bolus of {bolus_asked:.3g} µL was asked for, {bolus_given:.3g} allowed"
    why = clauses(int(row["binding"]), limits, moment) if refused else []
    if row["fallback"]:
        why.append(f"the shield fell back to {Fallback(int(row['fallback'])).name.lower().replace('_', ' ')}")
    more = [words_of(int(row["clinician"]))] if row["clinician"] else []
    if row["allowed_rate"] > 0.0 and row["delivered_rate"] < _STOPPED * row["allowed_rate"]:
        more.append("the pump delivered nothing")
    text = f"{head}: {said}" + (f": {'; '.join(why)}" if why else "") + "".join(f"; {one}" for one in more if one)
    return Decision(k, begin, int(day), asked, given, int(row["binding"]), refused, f"{text}.")


def _share(rate: float, before: float) -> float:
    return rate / before - 1.0 if before > 0.0 else float("nan") if rate > 0.0 else 0.0


def _rate_words(asked: float, given: float, row: dict[str, Any], before: float, refused: bool) -> str:
    if not (np.isfinite(asked) and np.isfinite(given)):
        return f"asked {row['requested_rate']:.3g} mL/d from a stopped pump, given {row['allowed_rate']:.3g} mL/d"
    if not refused and abs(asked) <= SAME and abs(given) <= SAME:
        return f"asked no change and got none ({before:.3g} mL/d)"
    rounded = " (as far as the pump's grid goes)" if not refused and abs(asked - given) > SAME else ""
    return f"asked {_percent(asked)}, given {_percent(given)}{rounded}"


def _percent(share: float) -> str:
    if abs(share) <= SAME:
        return "0"
    size = 100.0 * abs(share)
    return f"{'+' if share > 0 else '−'}{size:.0f} %" if size >= 10.0 else f"{'+' if share > 0 else '−'}{size:.1f} %"
