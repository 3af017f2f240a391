"""The end-to-end judge: it sees the command at the pump, raw sensors and the profile's text, and nothing of the shield.

It knows neither facts nor ledger nor trail, and imports nothing of the shield or the environments (a layer contract holds that).
Each rule is a necessary one, stated from the profile: what it calls a violation is one, whatever else may have been withheld.
Where the pump itself changed its program (lost or repeated commands, a programming error, a reset), what it runs says nothing of
the shield in that tick; what was counted before is still part of every cap.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.assurance.end_to_end_limits import Limits
from thecal.experiments.assurance.end_to_end_signs import TICK, Signs

DAY, MONTH = 96, 28 * 96
TINY = 1e-9
Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass
class Verdict:
    """What the judge counted and found."""

    ticks: int = 0
    rises: int = 0
    boluses: int = 0
    excused: int = 0  # ticks in which the pump itself changed its program
    found: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    tested: Counter[str] = field(default_factory=Counter)  # ticks on which a rule withheld

    @property
    def violations(self) -> int:
        """Ticks on which a rule was broken, of all rules."""
        return sum(self.found.values())


class Judge:
    """Judges ``n`` patients tick by tick.

    Args:
        limits: of the program that all of them have.
        stage: what the policy may do.
        n: number of patients.
    """

    def __init__(self, limits: Limits, stage: str, n: int) -> None:
        self.limits, self.stage, self.n = limits, stage, n
        self.verdict = Verdict()
        self.signs = Signs(limits, n)
        caps = len(limits.caps)
        self.flow, self.jump = np.zeros((DAY + 1, n, caps)), np.zeros((DAY + 1, n, caps))
        self.history, self.seen = np.zeros((MONTH, n)), 0  # a ring that is not moved
        self.given = np.zeros((DAY + 1, n), bool)
        self.rate, self.before, self.tick = np.zeros(n), np.zeros((5, n)), np.zeros(n, np.int64)
        self.last_rise, self.last_change, self.last_bolus, self.last_fault, self.fault_began = (
            np.zeros(n, np.int64) for _ in range(5)
        )
        self.recent = np.zeros((DAY, n))  # rates of the last day
        self._weights = np.array([weights for _, weights in limits.caps])
        self._caps = np.array([cap for cap, _ in limits.caps])

    def begin(self, which: Mask, now: dict[str, Any]) -> None:
        """A new episode in the columns ``which``, whose state is ``now``."""
        for ring in (self.flow, self.jump, self.given):
            ring[:, which] = 0
        for ring in (self.history, self.before, self.recent):
            ring[:, which] = now["rate"][which]
        self.rate[which] = now["rate"][which]
        self.tick[which] = self.last_rise[which] = self.last_change[which] = self.fault_began[which] = 0
        self.last_bolus[which] = self.last_fault[which] = -(10**9)
        self.signs.begin(which)

    def see(self, now: dict[str, Any], then: dict[str, Any], bolus: Numbers, begun: Mask, judged: Mask) -> None:
        """One tick: what stood before it, what stands after it, and the bolus that was programmed in it.

        Args:
            now, then: columns of a recording, see ``end_to_end_record``.
            bolus: µL.
            begun: where the pump itself changed its program.
            judged: columns in which this tick can be read at all.
        """
        verdict = self.verdict
        judged = judged & ~now["dead"]
        device = now["device"] | then["device"] | begun
        withheld = self.signs.read(now, then, self.tick)
        known = judged & ~device
        rate = then["rate"]
        rise, given = known & (rate > self.rate + TINY), known & (bolus > 0.0)
        changed = known & (np.abs(rate - self.rate) > TINY)
        # What the pump took up while it changed its program itself is seen here a tick late, under other signs.
        moved = np.abs(rate - now["rate"]) > TINY
        risen = rise & moved
        verdict.ticks += int(judged.sum())
        verdict.rises += int(rise.sum())
        verdict.boluses += int(given.sum())
        verdict.excused += int((judged & device).sum())
        for name, (stands, rises, boluses) in withheld.items():
            self._note(name, stands & ((risen & rises) | (given & boluses)))
            verdict.tested[name] += int((stands & known).sum())
        grain = now["conc"] @ self._weights.T  # µg of each cap in a µL
        if (rise | given).any():
            self._judge_caps(rise | given, rate, bolus, grain, now)
        if rise.any():
            self._judge_rise(rise, moved, rate, now)
        if given.any():
            self._judge_bolus(given, rate, bolus, now)
        self._judge_envelope(known, rate, bolus)
        self._judge_harm(known, rate)
        self._judge_fall(changed & (rate < self.rate), rate)
        self._judge_stage(known, risen, given, now)
        self.signs.note_more(rise | given)
        self._go_on(judged, device, rate, rise, moved, given, grain, now, then)

    def _note(self, name: str, broken: Mask) -> None:
        if broken.any():
            column = int(np.flatnonzero(broken)[0])
            self.verdict.found[name] += int(broken.sum())
            self.verdict.first.setdefault(name, f"column {column}, tick {int(self.tick[column])}")

    def _judge_caps(self, more: Mask, rate: Numbers, bolus: Numbers, grain: Numbers, now: dict[str, Any]) -> None:
        """On the minute grid: every 24 h that end with this tick or in the coming day, if the rate is held."""
        where = np.flatnonzero(more)
        held = np.repeat((TICK * rate[where, None] * grain[where])[None], DAY + 1, 0)
        flows = np.concatenate((self.flow[:, where], held))
        jumps = np.concatenate((self.jump[:, where], np.zeros_like(held)))
        jumps[DAY + 1] = bolus[where, None] * grain[where]
        flowed, jumped = (np.concatenate((np.zeros_like(x[:1]), np.cumsum(x, 0))) for x in (flows, jumps))
        # The flow of 24 h is largest where they begin with a tick; what came at once counts at both ends.
        late, soon = flowed[98:195] - flowed[2:99], flowed[97:194] - flowed[1:98]
        worst = (np.maximum(late, soon) + jumped[98:195] - jumped[1:98]).max(0)
        allowed = self._caps * np.where(now["sedated"][where, None], self.limits.shrinks, 1.0)
        broken = np.zeros(self.n, bool)
        broken[where] = (worst > allowed * (1.0 + 1e-9)).any(1)
        self._note("cap, on top of what was counted", broken)

    def _judge_rise(self, rise: Mask, moved: Mask, rate: Numbers, now: dict[str, Any]) -> None:
        limits, of = self.limits, self.limits.of
        share = np.where(rise, rate / np.maximum(self.rate, TINY) - 1.0, 0.0)
        since = TICK * (self.tick - self.last_rise)
        soon = since < limits.wait_min - TINY
        large = share > limits.step + TINY
        daily = 1440.0 * (rate - self.rate)[:, None] * now["conc"]
        large |= (daily > np.array(limits.step_ug_per_d) + 1e-6).any(1)
        if limits.monitored:
            quick = rise & (soon | large)
            bad = (since < of["monitored.interval"] - TINY) | (share > of["monitored.step"] + TINY)
            bad |= moved & (self.signs.age() > of["monitored.fresh"] + TINY)
            bad |= moved & (now["poss"] > of["monitored.sedation"])
            bad |= moved & (TICK * (self.tick - self.last_change) < of["monitored.settle"] - TINY)
            bad |= rate > self.recent[0] * (1.0 + of["monitored.day"]) + TINY
            self._note("monitored titration", quick & bad)
        else:
            self._note("step", rise & large)
            self._note("interval", rise & soon)
        self._note("rise of 28 days", rise & (rate > self.history[self.seen % MONTH] * (1.0 + limits.rise_28d) + TINY))

    def _judge_bolus(self, given: Mask, rate: Numbers, bolus: Numbers, now: dict[str, Any]) -> None:
        limits, of = self.limits, self.limits.of
        self._note("bolus size", given & (bolus[:, None] * now["conc"] > np.array(limits.bolus_ug) + 1e-6).any(1))
        self._note("bolus share", given & (bolus > of["bolus.share"] * 1440.0 * rate + 1e-6))
        self._note("bolus of such a drug", given & (not limits.eligible))
        self._note("lockout", given & (TICK * (self.tick - self.last_bolus) < of["bolus.lockout"] - TINY))
        self._note("bolus count", given & (self.given[1:].sum(0) + 1 > of["bolus.count"]))
        left = now["left"] - 1440.0 * rate - bolus
        self._note("reserve", given & (left < of["reservoir.reserve"] - 1e-3))

    def _judge_envelope(self, known: Mask, rate: Numbers, bolus: Numbers) -> None:
        limits = self.limits
        if not limits.adjustable:
            return
        low = (rate < limits.least - TINY) & (rate < self.rate - TINY)
        steps, sizes = rate / limits.grid, bolus / limits.bolus_grid
        off = (np.abs(steps - np.round(steps)) > 1e-6) | (np.abs(sizes - np.round(sizes)) > 1e-6)
        high = rate + bolus / TICK > limits.most + 1e-6
        self._note("envelope", known & (low | off | high))

    def _judge_harm(self, known: Mask, rate: Numbers) -> None:
        """Confirmed harm has cut the rate within the time of a cut, and closes a lock for its watch."""
        of, harm = self.limits.of, self.signs.harm
        ticks = max(1, int(of["breathing.recut"] / TICK + TINY))
        back = self.before[-min(ticks, len(self.before)) :].max(0)
        calm = TICK * (self.tick - self.last_fault) > of["breathing.recut"] + 2.0 * TICK
        lowest = np.minimum(back, self.limits.least)
        most = np.where(self.signs.pocket, lowest, np.maximum(back * of["breathing.reduce_to"], lowest))
        if self.limits.adjustable and ticks <= len(self.before):
            self._note("lock", known & calm & harm & (rate > most + TINY))
        self.verdict.tested["lock"] += int((known & harm).sum())

    def _judge_fall(self, fell: Mask, rate: Numbers) -> None:
        of = self.limits.of
        fall = min(of.get(f"{drug}.daily_fall", of["withdrawal.daily_fall"]) for drug in self.limits.drugs)
        deep = rate < self.recent.max(0) * (1.0 - fall) - TINY
        exposed = TICK * self.tick >= of["withdrawal.exposed_after"]
        quiet = (self.tick - self.signs.last_reason > 2 * DAY) & (self.tick - self.last_fault > 2 * DAY)
        self._note("withdrawal", fell & deep & exposed & quiet)

    def _judge_stage(self, known: Mask, rise: Mask, given: Mask, now: dict[str, Any]) -> None:
        if self.stage == "auto":
            return
        alone = ~now["clinic"] if self.stage == "confirm" else np.ones(self.n, bool)
        self._note("stage", (rise & alone) | (given & (self.stage == "advise")))
        self.verdict.tested["stage"] += int((known & alone).sum())

    def _go_on(
        self, judged: Mask, device: Mask, rate: Numbers, rise: Mask, moved: Mask, given: Mask, grain: Numbers,
        now: dict[str, Any], then: dict[str, Any],
    ) -> None:  # fmt: skip
        """Remember this tick."""
        for ring in (self.flow, self.jump, self.given, self.recent, self.before):
            ring[:-1] = ring[1:]
        flow = TICK * rate
        ran = np.where(judged, np.maximum(then["counted"] - now["counted"], 0.0), 0.0)
        self.flow[-1] = np.minimum(flow, ran)[:, None] * grain
        self.jump[-1] = np.maximum(ran - flow, 0.0)[:, None] * grain
        self.given[-1] = given
        clean = judged & (self.tick - self.last_fault > DAY + 1) & ~device & ~then["device"]
        total = self.flow.sum(0) - np.minimum(self.flow[0], self.flow[-1]) + self.jump.sum(0)
        allowed = self._caps * np.where(now["sedated"][:, None], self.limits.shrinks, 1.0)
        if self.limits.adjustable:
            self._note("cap", clean & (total > allowed * (1.0 + 1e-9)).any(1))
        back = ~device & (self.last_fault == self.tick - 1)
        self.last_rise = np.where(rise, np.where(back, self.fault_began, self.tick), self.last_rise)
        self.last_change = np.where(judged & moved, self.tick, self.last_change)
        self.last_bolus = np.where(given, self.tick, self.last_bolus)
        self.fault_began = np.where(device & (self.last_fault < self.tick - 1), self.tick, self.fault_began)
        self.last_fault = np.where(device | now["primed"] | then["primed"], self.tick, self.last_fault)
        self.rate = np.where(device, self.rate, rate)
        self.recent[-1] = self.before[-1] = np.maximum(self.rate, np.where(device, rate, 0.0))
        self.history[self.seen % MONTH] = self.recent[-1]
        self.seen += 1
        self.tick += 1
