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

    ``bound`` is the most that a lapsed lease (39) or missing vital signs (23) leave, before floor and lowest rate; ``ages`` the
    ticks since each vital sign was last believed, ``calm`` those since anything withheld rises and boluses alike.
    """

    withheld: dict[int, NDArray[np.bool_]]
    forced: NDArray[np.bool_]
    restart: NDArray[np.bool_]
    top: NDArray[np.int64]
    bound: dict[int, NDArray[np.int64]]
    ages: dict[str, NDArray[np.int64]]
    calm: NDArray[np.int64]


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


@dataclass
class _Lock:
    """A latched lock: what it leaves of the rate, and when it last cut it."""

    share: float
    recut: float  # ticks
    lowest: int
    on: bool = False
    age: int = 0
    cut: int = 0
    top: int = _NO_TOP

    def step(self, before: int, harm: bool, pocket: bool, opens: bool, watch: float) -> None:
        """One tick: it closes on harm, cuts again while harm lasts, and opens for a clinician after its watch."""
        if self.on:
            self.age, self.cut = self.age + 1, self.cut + 1
            self.on = not (opens and self.age >= watch)
            if self.on and harm and self.cut >= self.recut:
                self._cut(min(before, self.top), pocket)
        elif harm:
            self.on, self.age = True, 0
            self._cut(before, pocket)
        if self.on and pocket:
            self.top = min(self.top, self.lowest)

    def _cut(self, of: int, pocket: bool) -> None:
        self.top, self.cut = min(of, self.lowest) if pocket else math.floor(of * self.share + 1e-9), 0


def follow_locks(case: Case) -> Locks:
    """Read a trajectory tick by tick, as someone at the bedside with the profile in hand would."""
    n = case.rate.size
    limits, facts = case.limits, {name: values.tolist() for name, values in case.facts.items()}
    rr = _Signal(limits["breathing.rate_warn"], limits["breathing.rate_lock"], limits["breathing.rate_jump"])
    spo2 = _Signal(
        limits["breathing.saturation_warn"], limits["breathing.saturation_lock"], limits["breathing.saturation_jump"]
    )
    co2 = _Signal(limits["breathing.co2_warn"], limits["breathing.co2_lock"], limits["breathing.co2_jump"], health=-1)
    minutes = (limits["breathing.stale"], limits["breathing.flat"], limits["breathing.flat_other"])
    old, flat, flat_other = (math.floor(value / 60.0 * PER_HOUR + 1e-9) for value in minutes)
    watch, pocket_watch = limits["breathing.watch"] * PER_HOUR, limits["refill.pocket_watch"] * PER_HOUR
    vaso = any(value > 0.0 for value in case.of_drugs("vasoactive", 0.0))
    lock = _Lock(limits["breathing.reduce_to"], limits["breathing.recut"] * PER_HOUR - 1e-9, case.who["min_rate_nl"])
    held = {k: np.zeros(n, bool) for k in (1, 19, 20, 21, 23, 24)}
    bound = {23: np.full(n, _NO_TOP), 39: np.full(n, _NO_TOP)}
    ages = {name: np.zeros(n, np.int64) for name in ("rr", "spo2", "co2", "pressure", "pulse")}
    locks = Locks(held, np.zeros(n, bool), np.zeros(n, bool), np.full(n, _NO_TOP), bound, ages, np.zeros(n, np.int64))
    gap, bad, silent = 0, 0, 0
    lease, seen = math.floor(limits["automation.lease"] * PER_HOUR + 1e-9), int(case.who["start_rate_nl"])
    pressures, own = list[bool](), list[int]()
    age = dict.fromkeys(ages, 0)
    for t in range(n):
        poss, clear, before = facts["poss"][t], facts["clear"][t], int(case.before[t])
        for name, signal in (("rr", rr), ("spo2", spo2), ("co2", co2)):
            signal.see(facts[name][t])
            age[name] = signal.age if name != "co2" or co2.last is not None else 0
        age["pressure"] = 0 if max(facts["sbp"][t], facts["map"][t]) >= 0 else age["pressure"] + 1
        age["pulse"] = 0 if facts["hr"][t] >= 0 else age["pulse"] + 1
        silent = 0 if case.valid[t] == USABLE else silent + 1
        bad = _unusable(bad, int(case.valid[t]), bool(clear), limits["automation.errors"])
        warned = len(rr.bad(rr.limit_warn) | spo2.bad(spo2.limit_warn) | co2.bad(co2.limit_warn)) >= 2
        depressed = len(rr.bad(rr.limit_lock) | spo2.bad(spo2.limit_lock) | co2.bad(co2.limit_lock)) >= 2
        still = rr.same >= flat or spo2.same >= flat_other or co2.same >= flat_other
        stale = rr.age > old or spo2.age > old or still
        sedated = poss >= limits["sedation.hold"]
        pocket = sedated and facts["since_refill"][t] < pocket_watch
        harm = depressed or poss >= limits["sedation.lock"] or pocket
        lock.step(before, harm, pocket, bool(clear) and not (warned or stale or sedated), watch)
        pressures = _pressures(pressures, facts, t, limits, own)
        if facts["sbp"][t] >= 0 and len(own) < PER_DAY:
            own.append(facts["sbp"][t])
        restart = facts["stopped"][t] == 0 and gap > limits["restart.gap"] * PER_HOUR
        gap = gap + 1 if facts["stopped"][t] else 0
        low = math.floor(before * limits["restart.share"] + 1e-9) if restart else _NO_TOP
        locks.forced[t], locks.restart[t] = lock.on or restart, restart
        locks.top[t] = min(lock.top if lock.on else _NO_TOP, low)
        held[1][t] = bad >= limits["automation.errors"]
        held[19][t] = lock.on or warned
        held[20][t] = sedated
        held[21][t] = vaso and sum(pressures) >= 2
        held[23][t] = stale
        held[24][t] = rr.leapt or spo2.leapt or co2.leapt
        for name, value in age.items():
            ages[name][t] = value
        back = min(before, seen)
        if rr.age > 2 * old or spo2.age > 2 * old:
            bound[23][t] = back
        if silent >= lease:
            bound[39][t] = back
        if clear and not lock.on:
            seen = int(case.rate[t])
    locks.calm[:] = _calm(case, held)
    return locks


def _calm(case: Case, held: Mapping[int, NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Ticks since anything withheld rises and boluses alike, each tick without it counting."""
    facts, limits = case.facts, case.limits
    stands = np.logical_or.reduce(list(held.values()))
    stands |= np.maximum(facts["weakness"], facts["confusion"]) >= limits["neurology.hold"]
    stands |= np.abs(facts["skew_s"]) > limits["automation.clock"]
    stands |= (facts["stopped"] + facts["mri"] + facts["bridging"]) > 0
    count = np.arange(1, stands.size + 1)
    found: NDArray[np.int64] = count - np.maximum.accumulate(np.where(stands, count, 0))
    return found


def _unusable(bad: int, valid: int, clear: bool, most: float) -> int:
    """Unusable requests in a row: a usable one ends the count, silence does not, and at the most only a clinician does."""
    if bad >= most:
        return 0 if clear else bad
    return 0 if valid == USABLE else bad if valid == SILENT else bad + 1


def _pressures(
    last: list[bool], facts: dict[str, list[int]], t: int, limits: Mapping[str, float], own: list[int]
) -> list[bool]:
    """The last three ticks with any value of pressure or pulse: whether one was low, also against the patient's own level."""
    names = (("sbp", "circulation.systolic"), ("map", "circulation.mean"), ("hr", "circulation.heart_rate"))
    shown = [(facts[name][t], limits[key]) for name, key in names if facts[name][t] >= 0]
    keep = 1000 - math.floor(1000.0 * limits["circulation.fall"] + 1e-9)
    fallen = len(own) == PER_DAY and 0 <= 1000 * PER_DAY * facts["sbp"][t] < keep * sum(own)
    return [*last[-2:], fallen or any(value / 10.0 < limit for value, limit in shown)] if shown else last
