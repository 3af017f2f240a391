"""Goals about the whole tick: what runs is a decision, on the input of this tick, by whoever may act.

All limits are symbols. Nothing is assumed of requests and received.
"""

from __future__ import annotations

import z3

from thecal.safety import bits
from thecal.safety.invariants import Invariant
from thecal.safety.proofs import tick_books, tick_signs, tick_verdicts
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.tick_terms import Tick
from thecal.safety.records import REQUEST_LIMIT

_I = Invariant
_RATE = (
    _I.ENVELOPE,
    _I.CAP_24H,
    _I.CALENDAR_DAY,
    _I.ADMIXTURE,
    _I.SEDATIVE,
    _I.STEP_UP,
    _I.INTERVAL,
    _I.FLOOR,
    _I.RISE_28D,
)
_BOLUS = (_I.CAP_24H, _I.BOLUS_SIZE, _I.LOCKOUT, _I.BOLUS_COUNT, _I.BOLUS_ELIGIBLE, _I.RESERVOIR)


def goals() -> list[Goal]:
    """Every goal about the whole tick."""
    t = Tick()
    return [
        *_induction(t), *_what_runs(t), *_on_this_input(t), *_who_may_act(t), *_interference(t), *_again(),
        *tick_signs.goals(t), *tick_verdicts.goals(t), *tick_books.goals(t),
    ]  # fmt: skip


def _induction(t: Tick) -> list[Goal]:
    """Every part of the hypothesis holds of the state after the tick, and at the call of the decision."""
    where = z3.Int("where")
    known = t.limited()
    parts = t.reachable(t.after, where)
    called = [z3.And(holds >= 0, lock_rate >= 0, prev == t.before.prev_rate, long_ago >= 0, top >= prev)
              for (_, holds, _, lock_rate, prev, long_ago), top in zip(t.calls, t.tops, strict=True)]  # fmt: skip
    split = [parts[i : i + 12] for i in range(0, len(parts), 12)]
    return [
        *(Goal(f"induction: every reachable state leads to a reachable one, part {i + 1}", known, z3.And(*some), (_I.META,))
          for i, some in enumerate(split)),
        Goal("induction: what a decision assumes holds where it is called", known, z3.And(*called), (_I.META,)),
        Goal("not vacuous: a rise and a bolus in one tick", known,
             z3.And(t.after.prev_rate > t.before.prev_rate, t.after.allowed_bolus > 0), possible=True),
        Goal("not vacuous: an excess brings the rate below the withdrawal floor's", known,
             z3.And(t.over, t.after.allowed_rate == t.most, t.after.allowed_rate > t.par.min_rate),
             (_I.READ_BACK,), possible=True),
        Goal("not vacuous: a rise of monitored titration", known,
             z3.And(t.tops[0] == t.quick, t.after.allowed_rate > t.before.prev_rate, t.after.allowed_rate <= t.quick,
                    t.before.since_increase < t.par.interval), (_I.MONITORED,), possible=True),
        Goal("not vacuous: a lock closes, and a lease lapses", known,
             z3.And(t.before.lock_resp == 0, t.after.lock_resp == 1, t.after.since_command >= t.par.lease,
                    t.after.allowed_rate < t.before.prev_rate), possible=True),
    ]  # fmt: skip


def _what_runs(t: Tick) -> list[Goal]:
    """The link from the tick to the decision, over which every claim about decisions passes."""
    a, prev = t.after, t.before.prev_rate
    known = t.limited()
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


def _on_this_input(t: Tick) -> list[Goal]:
    """Nothing rises and no bolus is given against a fact of this very tick."""
    a, p, f, b = t.after, t.par, t.received, t.before
    up, some = a.allowed_rate > b.prev_rate, a.allowed_bolus > 0
    known = t.limited()
    either = {
        _I.FINITE: (a.errors < p.errors_most),
        _I.CLOCK: z3.And(f.skew_s <= p.skew_s, -f.skew_s <= p.skew_s),
        _I.RESPIRATORY_LOCK: z3.And(a.lock_resp == 0, a.warn == 0),
        _I.SEDATION_LOCK: f.poss < p.poss_hold,
        _I.NEURO_LOCK: z3.And(f.weakness < p.neuro_hold, f.confusion < p.neuro_hold),
        _I.STALE: z3.And(a.rr_age <= p.stale, a.spo2_age <= p.stale, a.rr_same < p.flat,
                         a.spo2_same < p.flat_other, a.co2_same < p.flat_other),
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
        _I.READ_BACK: f.unverified <= 0,
    }
    boluses = {
        _I.BOLUS_EXCLUSIVE: z3.And(f.bolus_running <= 0, f.alarms <= 0, f.unverified <= 0),
        _I.POST_REFILL: f.since_refill >= p.lockout,
        _I.BATTERY: f.battery <= 1,
        _I.AUTHORITY: p.stage >= 1,
        _I.LOCKOUT: b.since_bolus >= p.lockout,
        _I.BOLUS_COUNT: b.bolus_count < p.bolus_most,
    }
    twice = z3.Or(*(a.hemo_samples == x for x in (3, 5, 6, 7)))
    return [
        *(Goal(f"a rise or a bolus needs {i.name.lower()}", known, z3.Implies(z3.Or(up, some), rule), (i,))
          for i, rule in either.items()),
        *(Goal(f"a rise needs {i.name.lower()}", known, z3.Implies(up, rule), (i,)) for i, rule in rises.items()),
        *(Goal(f"a bolus needs {i.name.lower()}", known, z3.Implies(some, rule), (i,)) for i, rule in boluses.items()),
        Goal("a rise or a bolus of a vasoactive drug needs pressure", known,
             z3.Implies(z3.And(z3.Or(up, some), p.vasoactive >= 1), z3.Not(twice)), (_I.HEMODYNAMIC_LOCK,)),
    ]  # fmt: skip


def _who_may_act(t: Tick) -> list[Goal]:
    a, p, b = t.after, t.par, t.before
    known = t.limited()
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
             z3.Implies(z3.Or(lapsed, a.blind == 1), z3.And(back, *(request <= b.baseline for request, *_ in t.calls))),
             (_I.LEASE, _I.STALE)),
        Goal("advice changes nothing by itself", known,
             z3.Implies(p.stage == 0, z3.And(a.allowed_bolus == 0, t.calls[0][0] <= b.prev_rate)), (_I.AUTHORITY,)),
        Goal("confirmation waits for a clinician's word, in the tick", known,
             z3.Implies(z3.And(p.stage == 1, t.received.confirms <= 0), a.allowed_rate <= b.prev_rate), (_I.AUTHORITY,)),
        Goal("a lowering stage raises nothing", known, z3.Implies(p.stage == 2, a.allowed_rate <= b.prev_rate),
             (_I.AUTHORITY,)),
        Goal("the clinician's rate is noted where a clinician looks and no lock holds", known,
             a.baseline == z3.If(z3.And(t.received.clear > 0, a.lock_resp == 0), a.allowed_rate, b.baseline), (_I.LEASE,)),
        Goal("an unshielded mode runs nothing that could not be used", (*t.known(), t.par.mode >= 3, refused),
             z3.And(a.allowed_rate == b.prev_rate, a.allowed_bolus == 0), (_I.FINITE,)),
        Goal("replacing runs the request or holds", (*known, p.mode == 1),
             z3.Or(z3.And(a.allowed_bolus == 0, a.allowed_rate <= b.prev_rate),
                   z3.And(a.allowed_bolus == t.raw_bolus,
                          a.allowed_rate == z3.If(t.valid == 1, t.raw, b.prev_rate)), refused), (_I.META,)),
    ]  # fmt: skip


def _interference(t: Tick) -> list[Goal]:
    a, p, f, b = t.after, t.par, t.received, t.before
    known = t.limited()
    free = z3.And(t.valid == 1, p.stage == 3, a.blind == 0, a.lock_resp == 0, z3.Not(t.over),
                  z3.Or(f.stopped != 0, b.gap <= p.gap_most),
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
    """Two ticks from one state and the same input: the second asks for what the first allowed, or for more."""
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
