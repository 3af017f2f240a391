"""Goals about the whole tick: what runs is a decision, on the facts of this tick, and what is remembered is what happened.

The decision enters by what ``decisions.py`` proves of it, under the names it has there; everything else is read as it stands.
All limits are symbols. Nothing is assumed of requests and facts.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import z3

from thecal.safety import bits
from thecal.safety.invariants import Invariant
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.terms import Reading, record
from thecal.safety.records import (
    DAYS_BACK,
    NEVER,
    REQUEST_LIMIT,
    SHIELD_FACTS,
    SHIELD_PAR,
    SHIELD_STATE,
    TICKS_PER_DAY,
    WEEKS_BACK,
    WINDOW,
)

_I = Invariant
_RATE = (_I.ENVELOPE, _I.CAP_24H, _I.CALENDAR_DAY, _I.ADMIXTURE, _I.SEDATIVE, _I.STEP_UP, _I.INTERVAL, _I.FLOOR, _I.RISE_28D)
_BOLUS = (_I.CAP_24H, _I.BOLUS_SIZE, _I.LOCKOUT, _I.BOLUS_COUNT, _I.BOLUS_ELIGIBLE, _I.RESERVOIR)
_COUNTERS = (
    "ticks", "since_increase", "since_bolus", "since_command", "errors", "gap", "bolus_count", "prev_rate", "highest24",
    "baseline", "lock_rate", "lock_age", "rr_same", "rr_age", "spo2_age", "sbp_total", "sbp_count",
)  # fmt: skip
_FLAGS = ("lock_resp", "warn", "stale", "blind", "jumped", "escalated")
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
    """A state, a pump, facts and a request as symbols, one tick of the shield's code, and what it left."""

    def __init__(self) -> None:
        self.choice = z3.Function("rate_of", z3.IntSort(), z3.IntSort())
        self.size = z3.Function("bolus_of", z3.IntSort(), z3.IntSort(), z3.IntSort())
        self.rate_marks = z3.Function("rate_marks", z3.IntSort(), z3.IntSort())
        self.bolus_marks = z3.Function("bolus_marks", z3.IntSort(), z3.IntSort(), z3.IntSort())
        self.allowed = z3.Function("allowed", z3.IntSort(), z3.BoolSort())
        self.allowed_bolus = z3.Function("allowed_bolus", z3.IntSort(), z3.IntSort(), z3.BoolSort())
        self.proper = z3.Function("proper", z3.IntSort(), z3.BoolSort())  # on the grid, and can be held under every cap
        self.calls: list[tuple[Any, ...]] = []
        self.reading = Reading(
            replace={
                "decide_rate": self._rate, "decide_bolus": self._bolus, "bounded": self._bounded,
                "next_highest": self._highest, "unshielded": self._unshielded,
            }
        )  # fmt: skip
        self.par = record("par", SHIELD_PAR.names or (), n_caps=1, conc=[z3.Int("conc")])
        self.facts = record("facts", SHIELD_FACTS.names or ())
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

    def run(self, request: Any, bolus: Any, valid: Any) -> Any:
        """The state after one tick from ``before``."""
        after = SimpleNamespace(**vars(self.before))
        for name in ("bolus_flag", "rate_hist", "day_rate", "week_rate", "week_nrs"):
            setattr(after, name, Ring(getattr(self.before, name).term))
        for name in _SAMPLES:
            setattr(after, name, list(getattr(self.before, name)))
        after.ledger, after.dose24 = [list(self.before.ledger[0])], list(self.before.dose24)
        self.reading.code.shield_tick(after, self.par, self.facts, request, bolus, valid)
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

    def _rate(self, state: Any, par: Any, long_ago: Any, request: Any, holds: Any, locked: Any, lock_rate: Any) -> Any:
        """What ``decisions.py`` proves of a decision, whatever is asked; ``choice`` is the same function in every call of a state."""
        self.calls.append((request, holds, locked, lock_rate, state.prev_rate, long_ago))
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
            z3.Implies(z3.And(self.allowed(request), z3.Not(locked)), z3.And(rate == request, marks == 0)),  # minimal interference
            z3.Implies(
                z3.And(rate != request, z3.Or(z3.Not(locked), request <= lock_rate), z3.Or(holds == 0, request <= prev)),
                marks != 0,
            ),  # every change is marked
            marks >= 0,
        ]
        points = [z for asked, *_ in self.calls for z in (asked, self.choice(asked))]
        self.reading.known += [
            z3.Implies(one <= other, self.choice(one) <= self.choice(other))  # monotonicity
            for one in (request, rate)
            for other in points
        ] + [z3.Implies(other <= one, self.choice(other) <= self.choice(one)) for one in (request, rate) for other in points]
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
            *held, *flags, *samples, *entries, state.haemo_samples >= 0, state.haemo_samples <= 7, state.sbp_count <= 96,
            state.prev_rate <= self.par.max_rate, state.highest24 >= state.prev_rate, self.proper(state.prev_rate),
            *(mass >= 0 for mass in state.ledger[0]),
            *(getattr(state, name) <= NEVER for name in ("since_increase", "since_bolus", "since_command")),
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


def goals() -> list[Goal]:
    """Every goal about the whole tick."""
    t = Tick()
    return [
        *_induction(t), *_what_runs(t), *_on_these_facts(t), *_who_may_act(t), *_locked(t), *_interference(t), *_again(),
        *_books(t), *_rings(),
    ]  # fmt: skip


def _limited(t: Tick) -> Any:
    return t.par.mode <= 2


def _induction(t: Tick) -> list[Goal]:
    """Every part of the hypothesis holds of the state after the tick, and at the call of the decision."""
    where = z3.Int("where")
    known = (*t.known(), _limited(t))
    parts = t.reachable(t.after, where)
    called = [z3.And(holds >= 0, lock_rate >= 0, prev == t.before.prev_rate, long_ago >= 0)
              for _, holds, _, lock_rate, prev, long_ago in t.calls]  # fmt: skip
    split = [parts[i : i + 12] for i in range(0, len(parts), 12)]
    return [
        *(Goal(f"induction: every reachable state leads to a reachable one, part {i + 1}", known, z3.And(*some), (_I.META,))
          for i, some in enumerate(split)),
        Goal("induction: what a decision assumes holds where it is called", known, z3.And(*called), (_I.META,)),
        Goal("not vacuous: a rise and a bolus in one tick", known,
             z3.And(t.after.prev_rate > t.before.prev_rate, t.after.allowed_bolus > 0), possible=True),
        Goal("not vacuous: a lock closes, and a lease lapses", known,
             z3.And(t.before.lock_resp == 0, t.after.lock_resp == 1, t.after.since_command >= t.par.lease,
                    t.after.allowed_rate < t.before.prev_rate), possible=True),
    ]  # fmt: skip


def _what_runs(t: Tick) -> list[Goal]:
    """The link from the tick to the decision, over which every claim about decisions passes."""
    a, prev = t.after, t.before.prev_rate
    known = (*t.known(), _limited(t))
    chosen = z3.Or(*(a.allowed_rate == t.choice(request) for request, *_ in t.calls))
    sizes = [z3.And(a.allowed_rate == t.choice(request), a.allowed_bolus == t.size(t.choice(request), bolus))
             for request in (t.calls[0][0],) for bolus in (t.raw_bolus, z3.IntVal(0))]  # fmt: skip
    return [
        Goal("what runs is a decision: the rate", known, chosen, _RATE),
        Goal("what runs is a decision: the bolus beside that rate, or none", known,
             z3.Or(a.allowed_bolus == 0, *sizes), _BOLUS),
        Goal("what runs is what is remembered", known,
             z3.And(a.prev_rate == a.allowed_rate, a.ticks == t.before.ticks + 1), (_I.META,)),
        Goal("rate and bolus together stay within the pump's flow", known,
             z3.And(a.allowed_rate >= 0, a.allowed_bolus >= 0, a.allowed_rate + a.allowed_bolus <= t.par.max_rate),
             (_I.ENVELOPE,)),
        Goal("a bolus is never more than was asked for", known, z3.Or(a.allowed_bolus == 0, a.allowed_bolus <= t.raw_bolus),
             (_I.META, _I.BOLUS_SIZE)),
        Goal("a rate is never more than was asked for, nor than the rate in force", known,
             z3.Or(a.allowed_rate <= prev, z3.And(t.valid == 1, a.allowed_rate <= t.raw)), (_I.META,)),
    ]  # fmt: skip


def _on_these_facts(t: Tick) -> list[Goal]:
    """Nothing rises and no bolus is given against a fact of this very tick."""
    a, p, f, b = t.after, t.par, t.facts, t.before
    up, some = a.allowed_rate > b.prev_rate, a.allowed_bolus > 0
    known = (*t.known(), _limited(t))
    either = {
        _I.FINITE: (a.errors < p.errors_most),
        _I.CLOCK: z3.And(f.skew_s <= p.skew_s, -f.skew_s <= p.skew_s),
        _I.RESPIRATORY_LOCK: z3.And(a.lock_resp == 0, a.warn == 0),
        _I.SEDATION_LOCK: f.poss < p.poss_hold,
        _I.NEURO_LOCK: z3.And(f.weakness < p.neuro_hold, f.confusion < p.neuro_hold),
        _I.STALE: z3.And(a.rr_age <= p.stale, a.spo2_age <= p.stale, a.rr_same < p.flat),
        _I.IMPLAUSIBLE: z3.And(*(z3.Or(new < 0, last < 0, z3.Not(leap)) for new, last, leap in (
            (f.rr, b.rr_last, f.rr > b.rr_last + p.rr_jump), (f.spo2, b.spo2_last, f.spo2 > b.spo2_last + p.spo2_jump),
            (f.co2, b.co2_last, f.co2 < b.co2_last - p.co2_jump)))),
        _I.STOPPED: f.stopped <= 0,
        _I.MRI: f.mri <= 0,
        _I.BRIDGE: f.bridging <= 0,
    }  # fmt: skip
    rises = {
        _I.STABILITY: f.fill_age <= p.shelf,
        _I.BATTERY: f.battery <= 0,
        _I.POST_REFILL: f.since_refill >= p.refill_hold,
        _I.VOLUME_BALANCE: z3.And(f.residual <= p.balance_permille, -f.residual <= p.balance_permille),
        _I.ESCALATION: a.escalated == 0,
    }
    boluses = {
        _I.BOLUS_EXCLUSIVE: z3.And(f.bolus_running <= 0, f.alarms <= 0, f.unverified <= 0),
        _I.POST_REFILL: f.since_refill >= p.lockout,
        _I.BATTERY: f.battery <= 1,
        _I.AUTHORITY: p.stage >= 1,
        _I.LOCKOUT: b.since_bolus >= p.lockout,
        _I.BOLUS_COUNT: b.bolus_count < p.bolus_most,
    }
    twice = z3.Or(*(a.haemo_samples == x for x in (3, 5, 6, 7)))
    return [
        *(Goal(f"a rise or a bolus needs {i.name.lower()}", known, z3.Implies(z3.Or(up, some), rule), (i,))
          for i, rule in either.items()),
        *(Goal(f"a rise needs {i.name.lower()}", known, z3.Implies(up, rule), (i,)) for i, rule in rises.items()),
        *(Goal(f"a bolus needs {i.name.lower()}", known, z3.Implies(some, rule), (i,)) for i, rule in boluses.items()),
        Goal("a rise or a bolus of a vasoactive drug needs pressure", known,
             z3.Implies(z3.And(z3.Or(up, some), p.vasoactive >= 1), z3.Not(twice)), (_I.HAEMODYNAMIC_LOCK,)),
    ]  # fmt: skip


def _who_may_act(t: Tick) -> list[Goal]:
    a, p, b = t.after, t.par, t.before
    known = (*t.known(), _limited(t))
    lapsed = a.since_command >= p.lease
    back = z3.And(a.allowed_rate <= b.prev_rate, z3.Or(*(a.allowed_rate == t.choice(r) for r, *_ in t.calls)))
    refused = z3.And(t.valid != 1, t.valid != 2)
    return [
        Goal("an unusable request raises nothing and gives no bolus", known,
             z3.Implies(refused, z3.And(a.allowed_rate <= b.prev_rate, a.allowed_bolus == 0, a.fallback >= 1)),
             (_I.FINITE, _I.UNITS, _I.COMMAND)),
        Goal("an unusable request is marked by its reason", known,
             z3.Implies(refused, a.binding >= z3.If(t.valid == -1, bits.UNITS, z3.If(t.valid == -2, bits.COMMAND, bits.FINITE))),
             (_I.FINITE, _I.UNITS, _I.COMMAND)),
        Goal("where nobody asks nothing rises", known, z3.Implies(t.valid == 2, a.allowed_rate <= b.prev_rate),
             (_I.LEASE, _I.AUTHORITY)),
        Goal("a lapsed lease and a blind shield ask for no more than the clinician's rate", known,
             z3.Implies(z3.Or(lapsed, a.blind == 1), z3.And(back, t.calls[0][0] <= b.baseline)), (_I.LEASE, _I.STALE)),
        Goal("advice changes nothing by itself", known,
             z3.Implies(p.stage == 0, z3.And(a.allowed_bolus == 0, t.calls[0][0] <= b.prev_rate)), (_I.AUTHORITY,)),
        Goal("confirmation waits for a clinician, in the tick", known,
             z3.Implies(z3.And(p.stage == 1, t.facts.clear <= 0), a.allowed_rate <= b.prev_rate), (_I.AUTHORITY,)),
        Goal("a lowering stage raises nothing", known, z3.Implies(p.stage == 2, a.allowed_rate <= b.prev_rate),
             (_I.AUTHORITY,)),
        Goal("the clinician's rate is noted where a clinician looks and no lock holds", known,
             a.baseline == z3.If(z3.And(t.facts.clear > 0, a.lock_resp == 0), a.allowed_rate, b.baseline), (_I.LEASE,)),
        Goal("an unshielded mode runs nothing that could not be used", (*t.known(), t.par.mode >= 3, refused),
             z3.And(a.allowed_rate == b.prev_rate, a.allowed_bolus == 0), (_I.FINITE,)),
        Goal("replacing runs the request or holds", (*known, p.mode == 1),
             z3.Or(z3.And(a.allowed_bolus == 0, a.allowed_rate <= b.prev_rate),
                   z3.And(a.allowed_bolus == t.raw_bolus,
                          a.allowed_rate == z3.If(t.valid == 1, t.raw, b.prev_rate)), refused), (_I.META,)),
    ]  # fmt: skip


def _locked(t: Tick) -> list[Goal]:
    a, p, f, b = t.after, t.par, t.facts, t.before
    known = (*t.known(), _limited(t))
    lowest = z3.If(b.prev_rate <= p.min_rate, b.prev_rate, p.min_rate)
    pocket = z3.And(f.poss >= p.poss_hold, f.since_refill < p.pocket_watch)
    low = [[x / 2**i % 2 == 1 for i in range(3)] for x in a.lock_samples]
    hit = [z3.Or(*places) for places in zip(*low, strict=True)]
    depressed = z3.Or(z3.And(hit[0], hit[1]), z3.And(hit[0], hit[2]), z3.And(hit[1], hit[2]))
    trigger = z3.Or(depressed, f.poss >= p.poss_lock, pocket)
    well = z3.And(a.warn == 0, a.stale == 0, f.poss < p.poss_hold)
    opens = z3.And(f.clear > 0, well, b.lock_age + 1 >= p.watch)
    restart = z3.And(f.stopped == 0, b.gap > p.gap_most)
    under = z3.Or(a.allowed_rate <= lowest, a.allowed_rate <= a.lock_rate)
    fresh = z3.And(b.lock_resp == 0, a.lock_resp == 1)
    return [
        Goal("the lock closes exactly on depression, deep sedation or a pocket fill", known,
             z3.Implies(b.lock_resp == 0, (a.lock_resp == 1) == trigger), (_I.RESPIRATORY_LOCK, _I.SEDATION_LOCK, _I.POST_REFILL)),
        Goal("the lock opens exactly for a clinician, after the watch, in a well patient", known,
             z3.Implies(b.lock_resp == 1, (a.lock_resp == 0) == opens), (_I.RESPIRATORY_LOCK,)),
        Goal("a locked patient gets what the lock leaves and no bolus", known,
             z3.Implies(a.lock_resp == 1, z3.And(under, a.allowed_bolus == 0)), (_I.RESPIRATORY_LOCK, _I.SEDATION_LOCK)),
        Goal("a lock that closes leaves its share of the rate", known,
             z3.Implies(z3.And(fresh, z3.Not(pocket)), 1000 * a.lock_rate <= b.prev_rate * p.lock_permille),
             (_I.RESPIRATORY_LOCK,)),
        Goal("a pocket fill leaves the pump's lowest rate, also in a locked patient", known,
             z3.Implies(pocket, z3.And(a.lock_resp == 1, a.lock_rate <= p.min_rate)), (_I.POST_REFILL,)),
        Goal("what a closed lock leaves never grows", known,
             z3.Implies(z3.And(b.lock_resp == 1, a.lock_resp == 1), a.lock_rate <= b.lock_rate), (_I.RESPIRATORY_LOCK,)),
        Goal("a restart leaves its share of the rate", known,
             z3.Implies(restart, z3.Or(a.allowed_rate <= lowest, 1000 * a.allowed_rate <= b.prev_rate * p.restart_permille)),
             (_I.RESTART,)),
    ]  # fmt: skip


def _interference(t: Tick) -> list[Goal]:
    a, p, f, b = t.after, t.par, t.facts, t.before
    known = (*t.known(), _limited(t))
    free = z3.And(t.valid == 1, p.stage == 3, a.blind == 0, a.lock_resp == 0, z3.Or(f.stopped != 0, b.gap <= p.gap_most),
                  p.lease >= 1, t.allowed(t.raw), z3.Or(t.raw <= b.prev_rate, a.holds == 0))  # fmt: skip
    fits = z3.Or(t.raw_bolus == 0, z3.And(t.allowed_bolus(t.raw, t.raw_bolus), a.denies == 0))
    ran = z3.And(a.allowed_rate == t.raw, a.allowed_bolus == t.raw_bolus)
    nothing = t.size(t.raw, 0) == 0  # a request for no bolus gives none
    return [
        Goal("minimal interference: an allowed request passes the whole tick unchanged and unmarked", (*known, nothing),
             z3.Implies(z3.And(free, fits), z3.And(ran, a.violations == 0, a.binding == 0, a.fallback == 0)), (_I.META,)),
        Goal("every change of a usable request is marked by the tick", known,
             z3.Implies(z3.And(t.valid == 1, z3.Not(ran)), a.violations != 0), (_I.META,)),
        Goal("not vacuous: an allowed request", (*known, nothing), z3.And(free, fits, t.raw > b.prev_rate, t.raw_bolus > 0),
             possible=True),
    ]  # fmt: skip


def _again() -> list[Goal]:
    """Two ticks from one state and the same facts: the second asks for what the first allowed, or for more."""
    t = Tick()
    first = t.after
    rate, bolus = first.allowed_rate, first.allowed_bolus
    again = t.run(rate, bolus, z3.IntVal(1))
    known = (*t.known(), t.par.mode <= 2, t.valid == 1, t.par.lease >= 1)
    u = Tick()
    other, other_bolus = z3.Ints("raw_other bolus_other")
    more = u.run(other, other_bolus, z3.IntVal(1))
    rising = (*u.known(), z3.Or(u.par.mode == 0, u.par.mode == 2), u.valid == 1, u.raw <= other, other <= REQUEST_LIMIT)
    return [
        Goal("idempotence of the tick: asking for what was allowed gives the same", (*known, t.par.stage >= 2),
             z3.And(again.allowed_rate == rate, again.allowed_bolus == bolus), (_I.META,)),
        Goal("monotonicity of the tick: a higher request gives no lower rate", rising,
             u.after.allowed_rate <= more.allowed_rate, (_I.META,)),
    ]  # fmt: skip


def _books(t: Tick) -> list[Goal]:
    a, b = t.after, t.before
    known = (*t.known(), _limited(t))
    where = z3.Int("elsewhere")
    day, week = b.ticks / TICKS_PER_DAY, b.ticks / (7 * TICKS_PER_DAY)
    today, this_week = day % (DAYS_BACK + 1), week % (WEEKS_BACK + 1)
    mass = (a.allowed_rate + a.allowed_bolus) * t.par.conc[0]
    shifted = z3.And(*(a.ledger[0][k] == b.ledger[0][k + 1] for k in range(WINDOW - 1)))
    first = b.ticks % TICKS_PER_DAY == 0
    lowest = z3.If(z3.Or(first, a.allowed_rate <= b.day_rate[today]), a.allowed_rate, b.day_rate[today])
    opened = b.ticks % (7 * TICKS_PER_DAY) == 0
    return [
        Goal("the ledger shifts by one tick and gains what was commanded", known,
             z3.And(shifted, a.ledger[0][WINDOW - 1] == mass), (_I.CAP_24H, _I.CALENDAR_DAY)),
        Goal("the dose of 24 h gains this tick and loses the one that left", known,
             a.dose24[0] == b.dose24[0] + mass - b.ledger[0][1], (_I.CAP_24H,)),
        Goal("the day's entry is the lowest rate of the day", known,
             z3.And(a.day_rate[today] == lowest,
                    z3.Implies(where != today, a.day_rate[where] == b.day_rate[where])), (_I.RISE_28D,)),
        Goal("the entry compared with is that of 28 days before", (b.ticks >= 28 * TICKS_PER_DAY,),
             (day + 1) % (DAYS_BACK + 1) == (day - 28) % (DAYS_BACK + 1), (_I.RISE_28D,)),
        Goal("the week's entry is rate and pain of its first tick", known,
             z3.And(*(ring[this_week] == z3.If(opened, new, old[this_week]) for ring, old, new in (
                 (a.week_rate, b.week_rate, a.allowed_rate), (a.week_nrs, b.week_nrs, t.facts.nrs))),
                    z3.Implies(where != this_week, a.week_rate[where] == b.week_rate[where])), (_I.ESCALATION,)),
        Goal("the week compared with is that of 13 weeks before", (week >= 13,),
             (week + 1) % (WEEKS_BACK + 1) == (week - 13) % (WEEKS_BACK + 1), (_I.ESCALATION,)),
        Goal("escalation is read after 13 weeks from that entry", known,
             a.escalated == z3.If(z3.And(week >= 13, b.week_rate[(week + 1) % 14] > 0, t.facts.nrs >= 0,
                                         b.week_nrs[(week + 1) % 14] >= 0, t.facts.nrs >= b.week_nrs[(week + 1) % 14],
                                         1000 * b.prev_rate >= (1000 + t.par.escalation_permille) * b.week_rate[(week + 1) % 14]),
                                  1, 0), (_I.ESCALATION,)),
        Goal("waits are counted from what ran", known,
             z3.And(a.since_increase == z3.If(a.allowed_rate > b.prev_rate, 1, z3.If(b.since_increase < NEVER, b.since_increase + 1, NEVER)),
                    a.since_bolus == z3.If(a.allowed_bolus > 0, 0, z3.If(b.since_bolus < NEVER, b.since_bolus + 1, NEVER))),
             (_I.INTERVAL, _I.LOCKOUT)),
        Goal("a patient's own pressure is learnt from the first values only", known,
             z3.And(a.sbp_total == b.sbp_total + z3.If(z3.And(t.facts.sbp >= 0, b.sbp_count < 96), t.facts.sbp, 0),
                    a.sbp_count == z3.If(z3.And(t.facts.sbp >= 0, b.sbp_count < 96), b.sbp_count + 1, b.sbp_count)),
             (_I.HAEMODYNAMIC_LOCK,)),
    ]  # fmt: skip


class _Slots:
    """A ring of named solver integers, so that their sum can be written; read and written at a symbolic place."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, int):
            return self.values[place]
        found = self.values[0]
        for i, value in enumerate(self.values):
            found = z3.If(place == i, value, found)
        return found

    def __setitem__(self, place: Any, new: Any) -> None:
        self.values = [z3.If(place == i, new, value) for i, value in enumerate(self.values)]


def _rings() -> list[Goal]:
    """The number of a day's boluses and the highest rate of a day are what the rings say."""
    slot, bolus, count, rate, highest, most = z3.Ints("slot bolus count rate highest most")
    flags = [z3.Int(f"flag{i}") for i in range(TICKS_PER_DAY)]
    rates = [z3.Int(f"rate{i}") for i in range(TICKS_PER_DAY)]
    code = Reading().code
    state = SimpleNamespace(ticks=z3.Int("ticks"), bolus_count=count, bolus_flag=_Slots(flags), rate_hist=_Slots(rates))
    state.highest24, state.ledger, state.dose24 = highest, [], []
    for name in ("day_rate", "week_rate", "week_nrs"):
        setattr(state, name, Ring(z3.Array(name, z3.IntSort(), z3.IntSort())))
    state.since_increase, state.since_bolus, state.baseline, state.prev_rate, state.lock_resp = z3.Ints("a b c d e")
    ticks = state.ticks
    code.book(state, SimpleNamespace(n_caps=0), record("facts", ("nrs", "clear")), rate, bolus)
    place = (ticks >= 0,)
    binary = tuple(z3.Or(flag == 0, flag == 1) for flag in flags)
    ring, ran = state.rate_hist.values, z3.Int("n")
    known = (*(value <= highest for value in rates), z3.Or(*(value == highest for value in rates)))
    entered = [z3.If(ran == i, rate, value) for i, value in enumerate(rates)]
    leaving = _Slots(rates)[ran]
    highest_now = code.next_highest(_Slots(entered), TICKS_PER_DAY, rate, leaving, highest)
    return [
        Goal("the number of boluses is the sum of the day's ring", (*place, *binary, count == z3.Sum(flags)),
             state.bolus_count == z3.Sum(state.bolus_flag.values), (_I.BOLUS_COUNT,)),
        Goal("the number of boluses stays within its most", (*place, *binary, count == z3.Sum(flags), count <= most,
             z3.Implies(bolus > 0, count < most)), z3.And(state.bolus_count <= most, state.bolus_count >= 0), (_I.BOLUS_COUNT,)),
        Goal("the ring of rates holds the last 96", place,
             z3.And(*(new == z3.If(ticks % TICKS_PER_DAY == i, rate, old) for i, (new, old) in enumerate(zip(ring, rates, strict=True)))),
             (_I.FLOOR,)),
        Goal("the highest rate of a day is over every one of them", (*known, ran >= 0, ran < TICKS_PER_DAY),
             z3.And(*(value <= highest_now for value in entered)), (_I.FLOOR,)),
        Goal("the highest rate of a day is one of them", (*known, ran >= 0, ran < TICKS_PER_DAY),
             z3.Or(*(value == highest_now for value in entered)), (_I.FLOOR,)),
    ]  # fmt: skip
