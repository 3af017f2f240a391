"""Every decision of a policy on one patient in one plain sentence: what was asked, what was given, and why not the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.dashboard.reasons import Limits, Moment, clauses
from thecal.dashboard.tables import Shelf, Table
from thecal.envs.clinician import CONFIRMED, DECLINED, RESUMED_PUMP, STOPPED_PUMP, words_of
from thecal.safety.invariants import Fallback, ShieldMode, names

NEEDED = ("time_h", "requested_rate", "allowed_rate", "binding")
_MORE = (
    "requested_bolus_ul", "allowed_bolus_ul", "fallback", "clinician", "delivered_rate", "alive_h", "start_rate_ml_per_d",
    "start_cap_ug", "violations",
)  # fmt: skip
SAME = 0.005  # share of the rate below which two rates are the same: a step of a pump's grid at a low rate
_STOPPED = 0.05  # share of the allowed rate below which the pump did not deliver
_TOLD_ACTS = CONFIRMED | DECLINED | STOPPED_PUMP | RESUMED_PUMP  # clearing is a daily routine
Column = NDArray[Any]


@dataclass(frozen=True)
class Decisions:
    """All decisions on one patient until death, ``[T]`` each.

    Attributes:
        begin_h: since the start.
        day: of the calendar, 0 that of the start.
        asked, given: change of the rate, share of what was in force; NaN from a stopped pump.
        before: rate in force, mL/d.
        since_rise_h: since the last rise; NaN where there was none.
        refused: whether a limit bound and less or something else was given than asked.
        changes: whether a change was asked, or something else given.
        row: stored fields.
        shielded: whether limits bind at all.
        drug: name of the first drug's column of the last 24 h.
        tick_h, clock_h: length of a decision, and of the clock at the start.
    """

    begin_h: Column
    day: Column
    asked: Column
    given: Column
    before: Column
    since_rise_h: Column
    refused: Column
    changes: Column
    row: Mapping[str, Column]
    shielded: bool
    drug: str
    clock_h: float

    def text(self, k: int, limits: Limits | None) -> str:
        """The sentence of one of them; without ``limits``, limits are named by what the catalog says of them."""
        day, clock = divmod(float(self.begin_h[k]) + self.clock_h, 24.0)
        minutes = round(clock * 60.0)
        said = f"Day {day:.0f}, {minutes // 60:02d}:{minutes % 60:02d}: {self._rate_words(k)}{self._bolus_words(k)}"
        why = clauses(int(self.row["binding"][k]), limits, self._moment(k)) if self.refused[k] else []
        if self.row["fallback"][k]:
            why.append(
                f"the shield fell back to {Fallback(int(self.row['fallback'][k])).name.lower().replace('_', ' ')}"
            )
        more = []
        if not self.shielded and (broken := names(int(self.row["violations"][k]))):
            more.append(f"nothing bound it; it broke {', '.join(broken).replace('_', ' ')}")
        if int(self.row["clinician"][k]) & _TOLD_ACTS:
            more.append(words_of(int(self.row["clinician"][k])))
        if self.row["delivered_rate"][k] < _STOPPED * self.row["allowed_rate"][k]:
            more.append("the pump delivered nothing")
        return said + (f": {'; '.join(why)}" if why else "") + "".join(f"; {one}" for one in more) + "."

    def _moment(self, k: int) -> Moment:
        since = float(self.since_rise_h[k])
        return Moment(
            begin_h=float(self.begin_h[k]),
            since_rise_h=None if np.isnan(since) else since,
            dose24_mg=float(self.row[self.drug][k - 1]) / 1000.0 if k else 0.0,
            cap_mg=float(self.row["start_cap_ug"][k]) / 1000.0 or float("nan"),
            lowered=bool(self.row["requested_rate"][k] < self.row["allowed_rate"][k]),
        )

    def _rate_words(self, k: int) -> str:
        asked, given = float(self.asked[k]), float(self.given[k])
        rates = f"{self.row['requested_rate'][k]:.3g}", f"{self.row['allowed_rate'][k]:.3g}"
        if not (np.isfinite(asked) and np.isfinite(given)):
            return f"asked {rates[0]} mL/d from a stopped pump, given {rates[1]} mL/d"
        if not self.refused[k] and abs(asked) <= SAME and abs(given) <= SAME:
            return f"asked no change and got none ({float(self.before[k]):.3g} mL/d)"
        rounded = " (as far as the pump's grid goes)" if not self.refused[k] and abs(asked - given) > SAME else ""
        return f"asked {_percent(asked)}, given {_percent(given)}{rounded}"

    def _bolus_words(self, k: int) -> str:
        asked, given = float(self.row["requested_bolus_ul"][k]), float(self.row["allowed_bolus_ul"][k])
        if not given < asked * (1.0 - SAME):
            return ""
        return f"; a bolus of {asked:.3g} µL was asked for, {f'{given:.3g} µL' if given > 0.0 else 'none'} allowed"


def decisions(shelf: Shelf, table: Table, patient: int) -> Decisions:
    """Every decision on a patient until death.

    Raises:
        StoreError: the table cannot be read.
    """
    drug = f"dose24_ug_{table.task.drugs[0]}"
    found = shelf.of_patient(table, patient, (*NEEDED, *_MORE, drug))
    missing = np.zeros(len(found["time_h"]))
    alive = found["alive_h"] > 0 if "alive_h" in found else np.ones(len(missing), np.bool_)
    end = len(missing) if alive.all() else int(np.argmin(alive))
    row = {name: found.get(name, missing)[:end] for name in (*NEEDED, *_MORE, drug)}
    if "delivered_rate" not in found:
        row["delivered_rate"] = row["allowed_rate"]
    begin = np.asarray(row["time_h"], np.float64) - table.task.tick_h
    before = np.concatenate((row["start_rate_ml_per_d"][:1], row["allowed_rate"][:-1])).astype(np.float64)
    asked, given = _share(row["requested_rate"], before), _share(row["allowed_rate"], before)
    cut = row["allowed_bolus_ul"] < row["requested_bolus_ul"] * (1.0 - SAME)
    differs = ~(np.abs(asked - given) <= SAME) & (row["requested_rate"] != row["allowed_rate"])
    refused = (row["binding"] != 0) & (differs | cut)
    return Decisions(
        begin_h=begin,
        day=np.floor((begin + table.task.start_clock_h) / 24.0 + 1e-6).astype(np.int64),
        asked=asked,
        given=given,
        before=before,
        since_rise_h=_since(row["allowed_rate"] > before * (1.0 + SAME), begin),
        refused=refused,
        changes=refused | ~(np.abs(asked) <= SAME) | ~(np.abs(given) <= SAME),
        row=row,
        shielded=ShieldMode.of(table.scenario.shield_mode).shielded,
        drug=drug,
        clock_h=table.task.start_clock_h,
    )


def _share(rate: Column, before: Column) -> Column:
    """Change of a rate as a share of what was in force; from none, 0 to none and NaN to any."""
    rates = np.asarray(rate, np.float64)
    from_none = np.where(rates > 0.0, np.nan, 0.0)
    return np.where(before > 0.0, rates / np.where(before > 0.0, before, 1.0) - 1.0, from_none)


def _since(rises: Column, begin: Column) -> Column:
    """Time since the last earlier rise; NaN before the first."""
    at = np.where(rises, begin, -np.inf)
    last = np.concatenate(([-np.inf], np.maximum.accumulate(at)[:-1])) if len(at) else at
    return np.where(np.isfinite(last), begin - last, np.nan)


def _percent(share: float) -> str:
    if abs(share) <= SAME:
        return "0"
    size = 100.0 * abs(share)
    return f"{'+' if share > 0 else '−'}{size:.0f} %" if size >= 10.0 else f"{'+' if share > 0 else '−'}{size:.1f} %"
