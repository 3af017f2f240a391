"""What the end-to-end judge reads at the bedside and at the pump: which signs surely withhold, and which surely cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.assurance.end_to_end_limits import Limits

TICK = 15.0  # minutes
_TINY = 1e-9
Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]
_PRESSURES = (("sbp", "systolic"), ("map", "mean"), ("hr", "heart_rate"))
_CRITICAL = 2 | 4 | 32 | 64 | 128  # alarms of a pump that delivers nothing: empty, stalled, spent, reset, valve shut
_SCAN, _BRIDGE, _ERI, _SPENT = 2, 4, 16, 32


def _push(ring: Mask, new: Mask, where: Mask) -> None:
    """Let ``new`` follow as the newest of three in the columns ``where``."""
    for k, follower in enumerate((ring[1], ring[2], new)):
        np.copyto(ring[k], follower, where=where)


def _once(ring: Mask) -> Mask:
    found: Mask = ring[0] | ring[1] | ring[2]
    return found


def _twice(ring: Mask) -> Mask:
    found: Mask = (ring[0] & ring[1]) | (ring[0] & ring[2]) | (ring[1] & ring[2])
    return found


class _Sign:
    """One sign of breathing: its last three samples that surely count, how long it was away, how long it stood still."""

    def __init__(self, limits: Limits, name: str, jump: str, still: str, worse: int, n: int) -> None:
        of = limits.of
        self.warn, self.lock, self.jump = (
            of[f"breathing.{name}_warn"],
            of[f"breathing.{name}_lock"],
            of[f"breathing.{jump}"],
        )
        self.still_most, self.worse = of[f"breathing.{still}"], worse
        self.last, self.age, self.same = np.full(n, np.nan), np.zeros(n), np.zeros(n)
        self.warned, self.locked = np.zeros((3, n), bool), np.zeros((3, n), bool)

    def begin(self, which: Mask) -> None:
        self.last[which], self.age[which], self.same[which] = np.nan, 0.0, 0.0
        self.warned[:, which] = self.locked[:, which] = False

    def see(self, value: Numbers) -> None:
        """A sample is read to the tenth; a leap towards health is none."""
        value = np.where(np.isfinite(value), np.round(np.maximum(value, 0.0), 1), np.nan)
        there = ~np.isnan(value)
        with np.errstate(invalid="ignore"):
            leap = there & (self.worse * (self.last - value) > self.jump + 1e-6)
            counts = there & ~leap
            for ring, limit in ((self.warned, self.warn), (self.locked, self.lock)):
                bad = counts & (self.worse * (value - limit) > 1e-6)
                _push(ring, bad, counts)
            self.same = np.where(there, np.where(np.abs(value - self.last) < 1e-6, self.same + 1.0, 0.0), self.same)
        self.age = np.where(there, 0.0, self.age + 1.0)
        self.last = np.where(there, value, self.last)
        self.leapt = leap

    @property
    def stale(self) -> Mask:
        found: Mask = TICK * self.same >= self.still_most - _TINY
        return found


class Signs:
    """Reads the columns of one tick after another; see :class:`thecal.experiments.assurance.end_to_end_judge.Judge`."""

    def __init__(self, limits: Limits, n: int) -> None:
        self.limits, self.n = limits, n
        self.rr = _Sign(limits, "rate", "rate_jump", "flat", -1, n)
        self.spo2 = _Sign(limits, "saturation", "saturation_jump", "flat_other", -1, n)
        self.co2 = _Sign(limits, "co2", "co2_jump", "flat_other", 1, n)
        self.pressure_low = np.zeros((3, n), bool)
        self.pressure_age, self.pulse_age = np.zeros(n), np.zeros(n)
        self.harm, self.pocket = np.zeros(n, bool), np.zeros(n, bool)
        self.last_reason = np.full(n, -(10**9))
        # Since something was last allowed, which shows that no lock stood: the first sign of harm, and whether it was confirmed.
        self.first_bad, self.harmed = np.full(n, -1), np.zeros(n, bool)

    def begin(self, which: Mask) -> None:
        """A new episode in the columns ``which``."""
        for sign in (self.rr, self.spo2, self.co2):
            sign.begin(which)
        self.pressure_low[:, which] = False
        self.pressure_age[which] = self.pulse_age[which] = 0.0
        self.last_reason[which], self.first_bad[which], self.harmed[which] = -(10**9), -1, False

    def note_more(self, which: Mask) -> None:
        """A rise or a bolus ran in the columns ``which``: no lock stood in that tick."""
        self.first_bad[which], self.harmed[which] = -1, False

    def age(self) -> Numbers:
        """Minutes since the oldest of the signs that monitored titration needs was last there."""
        oldest = np.maximum.reduce([self.rr.age, self.spo2.age, self.pressure_age, self.pulse_age])
        aged: Numbers = TICK * oldest
        return aged

    def read(
        self, now: dict[str, Any], then: dict[str, Any], tick: NDArray[np.int64]
    ) -> dict[str, tuple[Mask, bool, bool]]:
        """By rule: where it surely withholds in this tick, and whether rises and boluses."""
        of = self.limits.of
        for sign, name in ((self.rr, "rr"), (self.spo2, "spo2"), (self.co2, "co2")):
            sign.see(now[name])
        rr, spo2, co2 = self.rr, self.spo2, self.co2
        warned = _twice(rr.warned) | _twice(spo2.warned) | _twice(co2.warned)
        depressed = _twice(rr.locked) | _twice(spo2.locked) | _twice(co2.locked)
        sedated = now["poss"] >= of["sedation.hold"]
        self.pocket = sedated & (now["since_fill"] < of["refill.pocket_watch"] - _TINY)
        self.harm = depressed | (now["poss"] >= of["sedation.lock"]) | self.pocket
        sign_of_harm = _once(rr.locked) | _once(spo2.locked) | _once(co2.locked) | sedated
        self.first_bad = np.where(sign_of_harm & (self.first_bad < 0), tick, self.first_bad)
        self.harmed |= self.harm
        old = TICK * np.maximum(self.rr.age, self.spo2.age) > of["breathing.stale"] + _TINY
        still = self.rr.stale | self.spo2.stale | self.co2.stale
        leapt = self.rr.leapt | self.spo2.leapt | self.co2.leapt
        alarms = now["alarms"] & then["alarms"]  # what stands before and after a tick stood in it
        stopped = alarms & _CRITICAL != 0
        bad = _once(rr.warned) | _once(spo2.warned) | _once(co2.warned)
        trouble = bad | sedated | ((now["alarms"] | then["alarms"]) & _CRITICAL != 0)
        self.last_reason = np.where(trouble, tick, self.last_reason)
        watched = self.harmed & (TICK * (tick - self.first_bad) < of["breathing.watch"] - _TINY)
        skew = np.minimum(np.abs(now["offset"]), np.abs(then["offset"])) > of["automation.clock"] + 1.0 / 60.0
        skew &= np.sign(now["offset"]) == np.sign(then["offset"])
        fill = now["since_fill"]
        everything, rises, boluses = (True, True), (True, False), (False, True)
        found = {
            "breathing": (warned, everything), "lock stands": (watched, everything), "sedation": (sedated, everything),
            "stale": (old, everything), "frozen": (still, everything), "leap": (leapt, everything),
            "circulation": (self._low_pressure(now), everything),
            "nerves": (np.maximum(now["weakness"], now["confusion"]) >= of["neurology.hold"], everything),
            "stopped": (stopped, everything), "alarm": (alarms != 0, boluses),
            "scan": (now["halt"] & then["halt"] & _SCAN != 0, everything),
            "bridge": ((now["mode"] == _BRIDGE) & (then["mode"] == _BRIDGE), everything), "clock": (skew, everything),
            "battery": (alarms & (_ERI | _SPENT) != 0, rises), "refill": (fill < of["refill.hold"] - _TINY, rises),
            "refill and bolus": (fill < of["bolus.lockout"] - _TINY, boluses),
            "balance": (np.abs(now["residual"]) > of["refill.balance"] + 6e-4, rises),
        }  # fmt: skip
        return {name: (where, *what) for name, (where, what) in found.items()}

    def _low_pressure(self, now: dict[str, Any]) -> Mask:
        """Two of the last three ticks with any reading had a low one, in a patient with such a drug."""
        shown = {name: np.round(now[name], 1) for name, _ in _PRESSURES}
        with np.errstate(invalid="ignore"):
            low = np.logical_or.reduce(
                [shown[name] < self.limits.of[f"circulation.{key}"] - 1e-6 for name, key in _PRESSURES]
            )
        there = {name: np.isfinite(value) for name, value in shown.items()}
        pressure = there["sbp"] | there["map"]
        self.pressure_age = np.where(pressure, 0.0, self.pressure_age + 1.0)
        self.pulse_age = np.where(there["hr"], 0.0, self.pulse_age + 1.0)
        any_there = pressure | there["hr"]
        ring = self.pressure_low
        _push(ring, low, any_there)
        return _twice(ring) & self.limits.vasoactive
