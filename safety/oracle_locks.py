"""The auditor's own reading of the vital signs: when they withheld rises and boluses, and when a lock forced the rate down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from thecal.safety.oracle import Case

PER_HOUR = 4
WEEK = 7 * 24 * PER_HOUR
_NO_TOP = 1 << 60


@dataclass
class Locks:
    """Per tick: what was withheld (by invariant), whether a lock or restart forced the rate, and to how much at most."""

    withheld: dict[int, NDArray[np.bool_]]
    forced: NDArray[np.bool_]
    restart: NDArray[np.bool_]
    top: NDArray[np.int64]


@dataclass
class _Signal:
    """The last three believed values of a vital sign, newest last."""

    limit_warn: float
    limit_lock: float
    jump: float
    values: list[float] = field(default_factory=list)
    last: float | None = None
    age: int = 0
    same: int = 0
    leapt: bool = False

    def see(self, tenths: int) -> None:
        """One tick's value in tenths, -1 when missing."""
        self.leapt = False
        if tenths < 0:
            self.age += 1
            return
        value = tenths / 10.0
        self.same = self.same + 1 if self.last is not None and value == self.last else 0
        if self.last is not None and value > self.last + self.jump + 1e-9:
            self.leapt = True
            self.age += 1
        else:
            self.values = [*self.values[-2:], value]
            self.age = 0
        self.last = value

    def low(self, limit: float) -> set[int]:
        """Places (0 the newest) that hold a value under the limit."""
        return {place for place, value in enumerate(reversed(self.values)) if value < limit}


def follow_locks(case: Case) -> Locks:
    """Read a trajectory tick by tick, as someone at the bedside with the profile in hand would."""
    n = case.rate.size
    limits, facts = case.limits, {name: values.tolist() for name, values in case.facts.items()}
    rr = _Signal(limits["breathing.rate_warn"], limits["breathing.rate_lock"], limits["breathing.rate_jump"])
    spo2 = _Signal(
        limits["breathing.saturation_warn"], limits["breathing.saturation_lock"], limits["breathing.saturation_jump"]
    )
    old = math.floor(limits["breathing.stale"] / 60.0 * PER_HOUR + 1e-9)
    flat = math.floor(limits["breathing.flat"] / 60.0 * PER_HOUR + 1e-9)
    share, restart_share = limits["breathing.reduce_to"], limits["restart.share"]
    watch, pocket_watch = limits["breathing.watch"] * PER_HOUR, limits["refill.pocket_watch"] * PER_HOUR
    vaso = any(limits.get(f"{d}.vasoactive", 0.0) > 0.0 for d in case.who["drugs"])
    held = {k: np.zeros(n, bool) for k in (1, 19, 20, 21, 23, 24)}
    locks = Locks(held, np.zeros(n, bool), np.zeros(n, bool), np.full(n, _NO_TOP))
    latched, since, top, gap, bad = False, 0, _NO_TOP, 0, 0
    pressures: list[bool] = []
    for t in range(n):
        poss, clear = facts["poss"][t], facts["clear"][t]
        rr.see(facts["rr"][t])
        spo2.see(facts["spo2"][t])
        bad = (0 if clear else bad) if bad >= limits["automation.errors"] else (0 if case.valid[t] > 0 else bad + 1)
        warned = len(rr.low(rr.limit_warn) | spo2.low(spo2.limit_warn)) >= 2
        depressed = len(rr.low(rr.limit_lock) | spo2.low(spo2.limit_lock)) >= 2
        stale = rr.age > old or spo2.age > old or rr.same >= flat
        sedated = poss >= limits["sedation.hold"]
        pocket = sedated and facts["since_refill"][t] < pocket_watch
        if latched:
            since += 1
            latched = not (clear and since >= watch and not warned and not stale and not sedated)
        elif depressed or poss >= limits["sedation.lock"] or pocket:
            latched, since = True, 0
            top = min(case.before[t], case.who["min_rate_nl"]) if pocket else math.floor(case.before[t] * share + 1e-9)
        pressures = _pressures(pressures, facts, t, limits)
        restart = facts["stopped"][t] == 0 and gap > limits["restart.gap"] * PER_HOUR
        gap = gap + 1 if facts["stopped"][t] else 0
        locks.forced[t] = latched or restart
        locks.restart[t] = restart
        locks.top[t] = min(
            top if latched else _NO_TOP, math.floor(case.before[t] * restart_share + 1e-9) if restart else _NO_TOP
        )
        held[1][t] = bad >= limits["automation.errors"]
        held[19][t] = latched or warned
        held[20][t] = sedated
        held[21][t] = vaso and sum(pressures) >= 2
        held[23][t] = stale
        held[24][t] = rr.leapt or spo2.leapt
    return locks


def _pressures(last: list[bool], facts: dict[str, list[int]], t: int, limits: Mapping[str, float]) -> list[bool]:
    """The last three ticks with any value of pressure or pulse: whether one of them was low."""
    names = (("sbp", "circulation.systolic"), ("map", "circulation.mean"), ("hr", "circulation.heart_rate"))
    shown = [(facts[name][t], limits[key]) for name, key in names if facts[name][t] >= 0]
    return [*last[-2:], any(value / 10.0 < limit for value, limit in shown)] if shown else last
