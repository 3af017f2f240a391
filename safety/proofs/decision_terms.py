"""One decision of the shield as symbols: a state, a pump, a request, and the kernel's answer to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import z3

from thecal.safety.proofs.terms import Held, Reading, record
from thecal.safety.records import SHIELD_PAR, SHIELD_STATE

PROFILE_FIELDS = ("step_permille", "rise_permille", "keep_permille", "bolus_permille")  # shares, which stand as numbers


class Decision:
    """A state, a pump and a request as symbols, and the kernel's answer to them."""

    def __init__(self, limits: Mapping[str, int], *notches: Any, caps: int = 1) -> None:
        self.notch, self.notch_lowest = z3.Ints("notch notch_lowest")
        # What can be held is one set of rates for each cap; with one cap every search is about the same set.
        self.held, self.room = Held(), Held()
        self.each = [(Held(), Held()) for _ in range(caps)] if caps > 1 else [(self.held, self.room)]
        stand_ins: dict[str, Any] = {"sustainable": self._sustainable, "bolus_room": self._room}
        self.reading = Reading(replace=stand_ins, watched=(*notches, self.notch, self.notch_lowest))
        fixed = {name: limits[name] for name in PROFILE_FIELDS}
        symbols = (name for name in SHIELD_PAR.names or () if name not in ("conc", "cap_pg", "n_caps"))
        conc, cap = ([z3.Int(f"{name}{d}") for d in range(caps)] for name in ("conc", "cap"))
        self.par = record("par", symbols, n_caps=caps, conc=conc, cap_pg=cap, **fixed)
        scalars = (name for name in SHIELD_STATE.names or () if not SHIELD_STATE[name].shape)
        self.state = record("state", scalars, ledger=list(range(caps)))
        self.long_ago, self.holds, self.lock_rate, self.left = z3.Ints("long_ago holds lock_rate left")
        self.locked = z3.Bool("locked")

    def _sustainable(self, ledger: int, w: int, cap: Any, conc: Any, top: Any, ask: Any) -> Any:
        return self.each[ledger][0](ledger, w, cap, conc, top, ask)

    def _room(self, ledger: int, w: int, cap: Any, conc: Any, rate: Any, ask: Any) -> Any:
        return self.each[ledger][1](ledger, w, cap, conc, None, ask)

    def rate(self, request: Any) -> tuple[Any, Any]:
        """(rate, bits) for a request."""
        answer: tuple[Any, Any] = self.reading.code.decide_rate(
            self.state, self.par, self.long_ago, request, self.holds, self.locked, self.lock_rate
        )
        return answer

    def bolus(self, rate: Any, bolus: Any, denies: Any) -> tuple[Any, Any]:
        """(bolus, bits) for a request beside a rate."""
        answer: tuple[Any, Any] = self.reading.code.decide_bolus(self.state, self.par, self.left, rate, bolus, denies)
        return answer

    def before(self) -> list[Any]:
        """What holds of every reachable state and every pump; the induction hypothesis of the rate."""
        s, p = self.state, self.par
        not_negative = (
            s.prev_rate, s.since_increase, s.since_bolus, s.ticks, s.bolus_count, p.min_rate, p.step_abs, p.transit_nl,
            p.bolus_abs, p.bolus_eligible, p.interval, p.exposed_after, p.lockout, p.bolus_most, p.reserve_nl, self.holds,
            self.long_ago, self.lock_rate,
        )  # fmt: skip
        return [
            *(value >= 0 for value in not_negative),
            s.prev_rate <= p.max_rate,
            s.prev_rate == self.notch * p.rate_step,
            s.highest24 >= s.prev_rate,
            s.quick_top >= s.prev_rate,
            p.rate_step >= 1,
            p.bolus_step >= 1,
            p.min_rate <= p.max_rate,
            p.bolus_eligible <= 1,
            p.min_rate == self.notch_lowest * p.rate_step,
        ]
