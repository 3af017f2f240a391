"""Goals about locks and words: when a lock closes, opens and lowers, what the verdict says, and what stands unshielded."""

from __future__ import annotations

import z3

from thecal.core.layout import TICKS_PER_DAY
from thecal.safety import bits
from thecal.safety.invariants import Invariant
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.terms import HAS, Reading, record
from thecal.safety.proofs.tick_terms import Tick
from thecal.safety.records import DAYS_BACK, REQUEST_LIMIT

_I = Invariant


def goals(t: Tick) -> list[Goal]:
    """Every goal about locks and words."""
    return [*_locked(t), *_words(t), *_marks(t), *_unshielded()]


def _words(t: Tick) -> list[Goal]:
    """What the verdict says: the fallback of the lattice, what bound, and which lock shows."""
    a, p, b = t.after, t.par, t.before
    known = t.limited()
    refused = z3.And(t.valid != 1, t.valid != 2)
    asked = t.calls[0][0]
    locked = z3.Or(a.lock_resp == 1, z3.And(t.received.stopped == 0, b.gap > p.gap_most), t.over)
    lowered = z3.And(locked, t.choice(asked) < asked)
    acted = z3.If(z3.Or(p.stage == 3, z3.And(p.stage == 1, t.received.confirms > 0),
                       z3.And(p.stage == 2, t.raw < b.prev_rate)),
                  z3.If(t.valid == 1, t.raw, b.prev_rate), b.prev_rate)  # fmt: skip
    reverted = asked != acted
    low = z3.If(t.choice(asked) <= p.min_rate, bits.MINRATE, bits.REDUCE)
    replaced = z3.And(p.mode == 1, z3.Not(refused), z3.Or(
        t.choice(asked) != z3.If(t.valid == 1, t.raw, b.prev_rate),
        t.size(t.choice(asked), z3.If(p.stage > 0, t.raw_bolus, 0)) != t.raw_bolus))  # fmt: skip
    said = z3.If(lowered, low, z3.If(reverted, bits.SAFE_BASAL, z3.If(z3.Or(refused, replaced), bits.HOLD, 0)))
    named = z3.If(t.valid == -1, bits.UNITS, z3.If(t.valid == -2, bits.COMMAND, bits.FINITE))
    reason = z3.If(refused, named, 0)
    return [
        Goal("the fallback is the severest that was taken", known, a.fallback == said, (_I.META,)),
        Goal("what bound is what was broken", known, a.binding == a.violations, (_I.META,)),
        Goal("an unshielded mode runs the request within the pump's range", (*t.known(), p.mode >= 3),
             z3.And(a.allowed_rate == z3.If(t.valid == 1, z3.Int("free_rate"), b.prev_rate),
                    a.allowed_bolus == z3.If(refused, 0, z3.Int("free_bolus"))), (_I.META,)),
        Goal("an unshielded mode says only what it could not use", (*t.known(), p.mode >= 3),
             z3.And(a.fallback == z3.If(refused, bits.HOLD, 0),
                    a.binding == reason),
             (_I.META,)),
        Goal("the lock of sedation shows", known, a.lock_sedation == z3.If(t.received.poss >= p.poss_hold, 1, 0),
             (_I.SEDATION_LOCK,)),
    ]  # fmt: skip


def _marks(t: Tick) -> list[Goal]:
    """What the verdict names, bit by bit, and what the decision behind it received."""
    a, p, f, b = t.after, t.par, t.received, t.before
    known = t.limited()
    asked, holds, locked, lock_rate, prev, long_ago = t.calls[0]
    refused = z3.And(t.valid != 1, t.valid != 2)
    reason = z3.If(t.valid == -1, bits.UNITS, z3.If(t.valid == -2, bits.COMMAND, bits.FINITE))
    wanted, offered = z3.If(t.valid == 1, t.raw, b.prev_rate), z3.If(refused, 0, t.raw_bolus)
    may = z3.Or(p.stage == 3, z3.And(p.stage == 1, f.confirms > 0), z3.And(p.stage == 2, wanted < b.prev_rate))
    acted, size = z3.If(may, wanted, b.prev_rate), z3.If(p.stage > 0, offered, 0)
    lapsed, restart = a.since_command >= p.lease, z3.And(f.stopped == 0, b.gap > p.gap_most)
    named = z3.Or(
        z3.And(refused, HAS(reason)),
        z3.And(z3.Or(acted != wanted, size != offered), HAS(z3.IntVal(bits.AUTHORITY))),
        z3.And(asked != acted, z3.If(lapsed, HAS(z3.IntVal(bits.LEASE)), HAS(z3.IntVal(bits.STALE)))),
        HAS(t.rate_marks(asked)), z3.And(asked > prev, HAS(holds)),
        z3.And(size != 0, z3.Or(HAS(a.denies), HAS(t.bolus_marks(t.choice(asked), size)))),
        z3.And(a.lock_resp == 1, asked > lock_rate, HAS(z3.IntVal(bits.RESPIRATORY))),
        z3.And(restart, asked > lock_rate, HAS(z3.IntVal(bits.RESTART))),
        z3.And(t.over, asked > lock_rate, HAS(z3.IntVal(bits.READ_BACK))),
    )  # fmt: skip
    left = z3.If(restart, b.prev_rate * p.restart_permille / 1000, REQUEST_LIMIT)
    kept = z3.If(a.lock_resp == 1, a.lock_rate, REQUEST_LIMIT)
    both = z3.If(kept <= left, kept, left)
    most = z3.If(t.over, t.most, REQUEST_LIMIT)
    day = b.ticks / TICKS_PER_DAY
    return [
        Goal("the verdict names exactly what a request broke, bit by bit", known, HAS(a.violations) == named, (_I.META,)),
        Goal("the decision receives the locks, of what they leave and of the rate 28 days before", known,
             z3.And(locked == z3.Or(a.lock_resp == 1, restart, t.over), holds == a.holds, prev == b.prev_rate,
                    lock_rate == z3.If(both <= most, both, most),
                    long_ago == b.day_rate[(day + 1) % (DAYS_BACK + 1)]),
             (_I.RESPIRATORY_LOCK, _I.RESTART, _I.RISE_28D)),
    ]  # fmt: skip


def _unshielded() -> list[Goal]:
    request, bolus, steps = z3.Ints("request bolus steps")
    reading = Reading(watched=[steps])
    par = record("par", ("max_rate", "min_rate", "rate_step", "bolus_step"))
    rate, size = reading.code.unshielded(par, request, bolus)
    known = (*reading.known, par.rate_step >= 1, par.bolus_step >= 1, par.min_rate >= 1, par.max_rate >= par.min_rate)
    top = z3.If(request < 0, 0, z3.If(request > par.max_rate, par.max_rate, request))
    most = TICKS_PER_DAY * par.max_rate
    large = z3.If(bolus < 0, 0, z3.If(bolus > most, most, bolus))
    ran = z3.And(rate >= par.min_rate, rate <= top, top < rate + par.rate_step)
    runnable = z3.And(steps * par.rate_step >= par.min_rate, steps * par.rate_step <= top)
    return [
        Goal("an unshielded rate is the request within the pump's range, on its grid, or nothing", known,
             z3.Or(ran, z3.And(rate == 0, top < par.min_rate + par.rate_step)), (_I.ENVELOPE,)),
        Goal("an unshielded rate is nothing only where no rate of the grid would do", known,
             z3.Implies(rate == 0, z3.Not(runnable)), (_I.ENVELOPE,)),
        Goal("an unshielded bolus is the request within the pump's flow, on its grid", known,
             z3.And(size >= 0, size <= large, large < size + par.bolus_step), (_I.ENVELOPE,)),
    ]  # fmt: skip


def _locked(t: Tick) -> list[Goal]:
    a, p, f, b = t.after, t.par, t.received, t.before
    known = t.limited()
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
    again = z3.And(b.lock_resp == 1, a.lock_resp == 1, trigger, b.lock_cut + 1 >= p.recut)
    return [
        Goal("the lock closes exactly on depression, deep sedation or a pocket fill", known,
             z3.Implies(b.lock_resp == 0, (a.lock_resp == 1) == trigger),
             (_I.RESPIRATORY_LOCK, _I.SEDATION_LOCK, _I.POST_REFILL)),
        Goal("the lock opens exactly for a clinician, after the watch, in a well patient", known,
             z3.Implies(b.lock_resp == 1, (a.lock_resp == 0) == opens), (_I.RESPIRATORY_LOCK,)),
        Goal("a locked patient gets what the lock leaves and no bolus", known,
             z3.Implies(a.lock_resp == 1, z3.And(under, a.allowed_bolus == 0)), (_I.RESPIRATORY_LOCK, _I.SEDATION_LOCK)),
        Goal("a lock that closes leaves its share of the rate", known,
             z3.Implies(z3.And(fresh, z3.Not(pocket)), 1000 * a.lock_rate <= b.prev_rate * p.lock_permille),
             (_I.RESPIRATORY_LOCK,)),
        Goal("a pocket fill leaves the pump's lowest rate, also in a locked patient", known,
             z3.Implies(pocket, z3.And(a.lock_resp == 1, a.lock_rate <= p.min_rate)), (_I.POST_REFILL,)),
        Goal("a lock cuts again while harm stays confirmed", known,
             z3.Implies(z3.And(again, z3.Not(pocket)),
                        z3.And(1000 * a.lock_rate <= b.prev_rate * p.lock_permille,
                               1000 * a.lock_rate <= b.lock_rate * p.lock_permille)), (_I.RESPIRATORY_LOCK,)),
        Goal("the time since a lock cut starts with the cut", known,
             a.lock_cut == z3.If(z3.Or(fresh, again), 0, b.lock_cut + 1), (_I.RESPIRATORY_LOCK,)),
        Goal("between two cuts a lock leaves what it left", known,
             z3.Implies(z3.And(b.lock_resp == 1, z3.Not(again), z3.Not(pocket)), a.lock_rate == b.lock_rate),
             (_I.RESPIRATORY_LOCK,)),
        Goal("after an excess no more runs than can be held, or the pump's lowest", known,
             z3.Implies(t.over, z3.Or(a.allowed_rate <= lowest, a.allowed_rate <= t.most)), (_I.READ_BACK,)),
        Goal("what a closed lock leaves never grows", known,
             z3.Implies(z3.And(b.lock_resp == 1, a.lock_resp == 1), a.lock_rate <= b.lock_rate), (_I.RESPIRATORY_LOCK,)),
        Goal("a restart leaves its share of the rate", known,
             z3.Implies(restart, z3.Or(a.allowed_rate <= lowest, 1000 * a.allowed_rate <= b.prev_rate * p.restart_permille)),
             (_I.RESTART,)),
    ]  # fmt: skip
