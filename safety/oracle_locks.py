"""The auditor's own reading of the vital signs: when they withheld rises and boluses, and when a lock forced the rate down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from thecal.safety.oracle_case import PER_DAY, PER_HOUR, SILENT, USABLE, Case

_NO_TOP = 1 << 60


@dataclass
class Locks:
    """Per tick: what was withheld (by invariant), whether a lock or restart forced the rate, and to how much at most.

    ``bound`` is the most that a lapsed lease (39) or missing vital signs (23) leave, before floor and lowest rate.
    """

    withheld: dict[int, NDArray[np.bool_]]
    forced: NDArray[np.bool_]
    restart: NDArray[np.bool_]
    top: NDArray[np.int64]
    bound: dict[int, NDArray[np.int64]]


@dataclass
class _Signal:
    """The last three believed values of a vital sign, newest last; ``health`` is the side on which a leap is not believed."""

    limit_warn: float
    limit_lock: float
    jump: float
    health: int = 1
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
        if self.last is not None and self.health * (value - self.last) > self.jump + 1e-9:
            self.leapt = True
            self.age += 1
        else:
            self.values = [*self.values[-2:], value]
            self.age = 0
        self.last = value

    def bad(self, limit: float) -> set[int]:
        """Places (0 the newest) that hold a value beyond the limit."""
        return {place for place, value in enumerate(reversed(self.values)) if self.health * (value - limit) < 0.0}


def follow_locks(case: Case) -> Locks:
    """Read a trajectory tick by tick, as someone at the bedside with the profile in hand would."""
    n = case.rate.size
    limits, received = case.limits, {name: values.tolist() for name, values in case.received.items()}
    rr = _Signal(limits["breathing.rate_warn"], limits["breathing.rate_lock"], limits["breathing.rate_jump"])
    spo2 = _Signal(
        limits["breathing.saturation_warn"], limits["breathing.saturation_lock"], limits["breathing.saturation_jump"]
    )
    co2 = _Signal(limits["breathing.co2_warn"], limits["breathing.co2_lock"], limits["breathing.co2_jump"], health=-1)
    old = math.floor(limits["breathing.stale"] / 60.0 * PER_HOUR + 1e-9)
    flat = math.floor(limits["breathing.flat"] / 60.0 * PER_HOUR + 1e-9)
    share, restart_share = limits["breathing.reduce_to"], limits["restart.share"]
    watch, pocket_watch = limits["breathing.watch"] * PER_HOUR, limits["refill.pocket_watch"] * PER_HOUR
    vaso = any(limits.get(f"{d}.vasoactive", 0.0) > 0.0 for d in case.who["drugs"])
    held = {k: np.zeros(n, bool) for k in (1, 19, 20, 21, 23, 24)}
    bound = {23: np.full(n, _NO_TOP), 39: np.full(n, _NO_TOP)}
    locks = Locks(held, np.zeros(n, bool), np.zeros(n, bool), np.full(n, _NO_TOP), bound)
    latched, since, top, gap, bad, silent = False, 0, _NO_TOP, 0, 0, 0
    lease, seen = math.floor(limits["automation.lease"] * PER_HOUR + 1e-9), int(case.who["start_rate_nl"])
    pressures, own = list[bool](), list[int]()
    for t in range(n):
        poss, clear = received["poss"][t], received["clear"][t]
        rr.see(received["rr"][t])
        spo2.see(received["spo2"][t])
        co2.see(received["co2"][t])
        silent = 0 if case.valid[t] == USABLE else silent + 1
        bad = _unusable(bad, int(case.valid[t]), bool(clear), limits["automation.errors"])
        warned = len(rr.bad(rr.limit_warn) | spo2.bad(spo2.limit_warn) | co2.bad(co2.limit_warn)) >= 2
        depressed = len(rr.bad(rr.limit_lock) | spo2.bad(spo2.limit_lock) | co2.bad(co2.limit_lock)) >= 2
        stale = rr.age > old or spo2.age > old or rr.same >= flat
        sedated = poss >= limits["sedation.hold"]
        pocket = sedated and received["since_refill"][t] < pocket_watch
        if latched:
            since += 1
            latched = not (clear and since >= watch and not warned and not stale and not sedated)
        elif depressed or poss >= limits["sedation.lock"] or pocket:
            latched, since = True, 0
            top = min(case.before[t], case.who["min_rate_nl"]) if pocket else math.floor(case.before[t] * share + 1e-9)
        if latched and pocket:
            top = min(top, case.who["min_rate_nl"])
        pressures = _pressures(pressures, received, t, limits, own)
        if received["sbp"][t] >= 0 and len(own) < PER_DAY:
            own.append(received["sbp"][t])
        restart = received["stopped"][t] == 0 and gap > limits["restart.gap"] * PER_HOUR
        gap = gap + 1 if received["stopped"][t] else 0
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
        held[24][t] = rr.leapt or spo2.leapt or co2.leapt
        back = min(int(case.before[t]), seen)
        if rr.age > 2 * old or spo2.age > 2 * old:
            bound[23][t] = back
        if silent >= lease:
            bound[39][t] = back
        if clear and not latched:
            seen = int(case.rate[t])
    return locks


def _unusable(bad: int, valid: int, clear: bool, most: float) -> int:
    """Unusable requests in a row: a usable one ends the count, silence does not, and at the most only a clinician does."""
    if bad >= most:
        return 0 if clear else bad
    return 0 if valid == USABLE else bad if valid == SILENT else bad + 1


def _pressures(
    last: list[bool], received: dict[str, list[int]], t: int, limits: Mapping[str, float], own: list[int]
) -> list[bool]:
    """The last three ticks with any value of pressure or pulse: whether one was low, also against the patient's own level."""
    names = (("sbp", "circulation.systolic"), ("map", "circulation.mean"), ("hr", "circulation.heart_rate"))
    shown = [(received[name][t], limits[key]) for name, key in names if received[name][t] >= 0]
    keep = 1000 - math.floor(1000.0 * limits["circulation.fall"] + 1e-9)
    fallen = len(own) == PER_DAY and 0 <= 1000 * PER_DAY * received["sbp"][t] < keep * sum(own)
    return [*last[-2:], fallen or any(value / 10.0 < limit for value, limit in shown)] if shown else last
