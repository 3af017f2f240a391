"""One tick of the shield as a solver sees it: state, pump, input and request as symbols, and the induction hypothesis.

The decision enters by what ``decisions.py`` proves of it, under the names it has there; everything else is read as it stands.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import z3

from thecal.core.layout import TICKS_PER_DAY
from thecal.safety.proofs.terms import Reading, record
from thecal.safety.records import DAYS_BACK, NEVER, REQUEST_LIMIT, SHIELD_INPUT, SHIELD_PAR, SHIELD_STATE, WINDOW

_COUNTERS = (
    "ticks", "since_increase", "since_bolus", "since_command", "errors", "gap", "bolus_count", "prev_rate", "highest24",
    "baseline", "lock_rate", "lock_age", "lock_cut", "rr_same", "rr_age", "spo2_age", "sbp_total", "sbp_count",
    "spo2_same", "co2_same", "co2_age", "bp_age", "hr_age", "calm", "since_change", "owed", "excess",
)  # fmt: skip
_FLAGS = ("lock_resp", "warn", "stale", "blind", "jumped", "escalated")
_CAPPED = ("since_increase", "since_bolus", "since_command", "since_change", "calm", "owed")
_SAMPLES = ("warn_samples", "lock_samples")


class Ring:
    """A ring of solver integers, read and written at symbolic places."""

    def __init__(self, term: Any) -> None:
        self.term = term

    def __getitem__(self, place: Any) -> Any:
        return z3.Select(self.term, place)

    def __setitem__(self, place: Any, value: Any) -> None:
        self.term = z3.Store(self.term, place, value)


class Tick:
    """A state, a pump, input and a request as symbols, one tick of the shield's code, and what it left."""

    def __init__(self) -> None:
        self.choice = z3.Function("rate_of", z3.IntSort(), z3.IntSort())
        self.size = z3.Function("bolus_of", z3.IntSort(), z3.IntSort(), z3.IntSort())
        self.rate_marks = z3.Function("rate_marks", z3.IntSort(), z3.IntSort())
        self.bolus_marks = z3.Function("bolus_marks", z3.IntSort(), z3.IntSort(), z3.IntSort())
        self.allowed = z3.Function("allowed", z3.IntSort(), z3.BoolSort())
        self.allowed_bolus = z3.Function("allowed_bolus", z3.IntSort(), z3.IntSort(), z3.BoolSort())
        # On the grid, and can be held under every cap; after an excess also the pump's lowest, see ``searches.py``.
        self.proper = z3.Function("proper", z3.IntSort(), z3.BoolSort())
        self.calls: list[tuple[Any, ...]] = []
        self.tops: list[Any] = []  # the monitored top that each decision was given
        # The most that can be held of the rate in force, the wait between monitored rises, and their highest rate.
        self.most, self.wait, self.quick = z3.Ints("held_most quick_wait quick_rate")
        self.reading = Reading(
            replace={
                "decide_rate": self._rate, "decide_bolus": self._bolus, "bounded": self._bounded,
                "next_highest": self._highest, "unshielded": self._unshielded, "held_rate": self._held,
                "titration_wait": lambda *_: self.wait, "nearness": lambda *_: z3.Int("near"),
                "quick_share": lambda *_: z3.Int("share"), "quick_ceiling": self._quick,
            }
        )  # fmt: skip
        self.par = record("par", SHIELD_PAR.names or (), n_caps=1, conc=[z3.Int("conc")], cap_pg=[z3.Int("cap")])
        self.received = record("received", SHIELD_INPUT.names or ())
        scalars = (name for name in SHIELD_STATE.names or () if not SHIELD_STATE[name].shape)
        self.before = record("state", scalars)
        for name in ("bolus_flag", "rate_hist", "day_rate", "week_rate", "week_nrs"):
            setattr(self.before, name, Ring(z3.Array(f"state.{name}", z3.IntSort(), z3.IntSort())))
        for name in _SAMPLES:
            setattr(self.before, name, [z3.Int(f"state.{name}{i}") for i in range(3)])
        self.before.ledger = [[z3.Int(f"state.mass{i}") for i in range(WINDOW)]]
        self.before.dose24 = [z3.Int("state.dose24")]
        self.request, self.bolus, self.valid = z3.Ints("request bolus valid")
        self.raw, self.raw_bolus = z3.Ints("raw raw_bolus")  # the request on the pump's grid
        self.after = self.run(self.request, self.bolus, self.valid)
        # The pump counted more than was allowed, and the rate in force can be held no longer.
        self.over = z3.And(self.after.excess > 0, self.most < self.before.prev_rate)

    def run(self, request: Any, bolus: Any, valid: Any) -> Any:
        """The state after one tick from ``before``."""
        after = SimpleNamespace(**vars(self.before))
        for name in ("bolus_flag", "rate_hist", "day_rate", "week_rate", "week_nrs"):
            setattr(after, name, Ring(getattr(self.before, name).term))
        for name in _SAMPLES:
            setattr(after, name, list(getattr(self.before, name)))
        after.ledger, after.dose24 = [list(self.before.ledger[0])], list(self.before.dose24)
        self.reading.code.shield_tick(after, self.par, self.received, request, bolus, valid)
        return after

    # ------------------------------------------------------------------------------------------- contracts of what is called

    def _bounded(self, request: Any, step: Any) -> Any:
        # A request that is on the grid and within range already stays what it is; any other becomes some such number.
        if request is self.request:
            return self.raw
        return self.raw_bolus if request is self.bolus else request

    def _unshielded(self, par: Any, request: Any, bolus: Any) -> Any:
        return z3.Ints("free_rate free_bolus")

    def _highest(self, ring: Any, n: Any, rate: Any, leaving: Any, highest: Any) -> Any:
        found = z3.FreshInt("highest")
        self.reading.known.append(found >= rate)
        return found

    def _held(self, state: Any, par: Any, prev: Any, ask: Any) -> Any:
        """What ``functions.py`` proves of the most that can be held."""
        self.reading.known += [self.most >= 0, self.most <= prev]
        return self.most

    def _quick(self, prev: Any, *_: Any) -> Any:
        self.reading.known.append(self.quick >= prev)
        return self.quick

    def _rate(self, state: Any, par: Any, long_ago: Any, request: Any, holds: Any, locked: Any, lock_rate: Any) -> Any:
        """What ``decisions.py`` proves of a decision, whatever is asked; ``choice`` is one function for every call."""
        self.calls.append((request, holds, locked, lock_rate, state.prev_rate, long_ago))
        self.tops.append(state.quick_top)
        rate, prev = self.choice(request), state.prev_rate
        lowest = z3.If(prev <= par.min_rate, prev, par.min_rate)
        marks = self.rate_marks(request)
        self.reading.known += [
            z3.And(lowest <= rate, rate <= par.max_rate, rate >= 0),  # envelope
            z3.Implies(rate > prev, holds == 0),  # holds
            z3.Implies(locked, z3.Or(rate <= lock_rate, rate <= lowest)),  # lock
            z3.Or(rate <= request, rate <= prev),  # never more than asked
            self.proper(rate),  # cap, grid
            self.choice(rate) == rate,  # idempotence
            z3.Implies(
                z3.And(self.allowed(request), z3.Not(locked)), z3.And(rate == request, marks == 0)
            ),  # minimal interference
            z3.Implies(
                z3.And(
                    rate != request, z3.Or(z3.Not(locked), request <= lock_rate), z3.Or(holds == 0, request <= prev)
                ),
                marks != 0,
            ),  # every change is marked
            marks >= 0,
        ]
        points = [z for asked, *_ in self.calls for z in (asked, self.choice(asked))]
        self.reading.known += [
            z3.Implies(one <= other, self.choice(one) <= self.choice(other))  # monotonicity
            for one in (request, rate)
            for other in points
        ] + [
            z3.Implies(other <= one, self.choice(other) <= self.choice(one))
            for one in (request, rate)
            for other in points
        ]
        return rate, marks

    def _bolus(self, state: Any, par: Any, left: Any, rate: Any, bolus: Any, denies: Any) -> Any:
        given, marks = self.size(rate, bolus), self.bolus_marks(rate, bolus)
        self.reading.known += [
            given >= 0,
            z3.Implies(given > 0, z3.And(given <= bolus, given + rate <= par.max_rate, denies == 0)),
            z3.Implies(self.allowed_bolus(rate, bolus), z3.And(given == bolus, z3.Or(bolus == 0, marks == 0))),
            z3.Implies(z3.And(given != bolus, denies == 0), marks != 0),
            z3.Implies(z3.And(given > 0), z3.And(state.since_bolus >= par.lockout, state.bolus_count < par.bolus_most)),
            self.size(rate, given) == given,
            marks >= 0,
        ]
        return given, marks

    # -------------------------------------------------------------------------------------------------------- what is known

    def pump(self) -> list[Any]:
        """What holds of every parameter record."""
        p = self.par
        names = ("min_rate", "stale", "flat", "watch", "lock_permille", "restart_permille", "bolus_most", "errors_most",
                 "conc", "rr_jump", "spo2_jump", "co2_jump", "co2_warn", "co2_lock")  # fmt: skip
        positive = [value >= 0 for name in names for value in ([p.conc[0]] if name == "conc" else [getattr(p, name)])]
        return [
            *positive, p.min_rate <= p.max_rate, p.rate_step >= 1, p.lock_permille <= 1000, p.restart_permille <= 1000,
            p.errors_most >= 1, p.mode >= 0, p.mode <= 4, p.stage >= 0, p.stage <= 3, self.proper(p.min_rate),
        ]  # fmt: skip

    def reachable(self, state: Any, where: Any) -> list[Any]:
        """The induction hypothesis: what holds of every state the shield can reach; of the rings at the place ``where``."""
        held = [getattr(state, name) >= 0 for name in _COUNTERS]
        flags = [z3.Or(getattr(state, name) == 0, getattr(state, name) == 1) for name in _FLAGS]
        samples = [z3.And(x >= 0, x <= 7) for name in _SAMPLES for x in getattr(state, name)]
        entries = [state.day_rate[where] >= 0, state.rate_hist[where] >= 0, state.week_rate[where] >= 0]
        return [
            *held, *flags, *samples, *entries, state.hemo_samples >= 0, state.hemo_samples <= 7, state.sbp_count <= 96,
            state.prev_rate <= self.par.max_rate, state.highest24 >= state.prev_rate, self.proper(state.prev_rate),
            *(mass >= 0 for mass in state.ledger[0]),
            *(getattr(state, name) <= NEVER for name in _CAPPED), state.excess <= WINDOW,
        ]  # fmt: skip

    def known(self) -> tuple[Any, ...]:
        """Everything a goal may assume."""
        b = self.before
        flag = z3.And(b.bolus_flag[b.ticks % TICKS_PER_DAY] >= 0, b.bolus_flag[b.ticks % TICKS_PER_DAY] <= b.bolus_count,
                      b.bolus_flag[b.ticks % TICKS_PER_DAY] <= 1)  # fmt: skip
        read = [b.day_rate[place] >= 0 for place in ((b.ticks / TICKS_PER_DAY + 1) % (DAYS_BACK + 1),
                                                     b.ticks / TICKS_PER_DAY % (DAYS_BACK + 1))]  # fmt: skip
        grid = [self.raw >= -2 * REQUEST_LIMIT, self.raw <= REQUEST_LIMIT, self.raw_bolus <= REQUEST_LIMIT]
        return (
            *self.pump(), *self.reachable(b, z3.Int("where")), flag, *read, *grid, *self.reading.known,
        )  # fmt: skip

    def limited(self) -> tuple[Any, ...]:
        """The same for the modes in which limits bind."""
        return (*self.known(), self.par.mode <= 2)
