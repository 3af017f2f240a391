"""Goals about vital signs: each sample goes where it belongs, and what is derived from them is derived from these."""

from __future__ import annotations

from typing import Any

import z3

from thecal.safety.invariants import Invariant
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.tick_terms import Tick

_I = Invariant


def goals(t: Tick) -> list[Goal]:
    """Every goal about what is noted of vital signs."""
    a, b, p, f = t.after, t.before, t.par, t.received
    known = t.limited()
    rr = z3.And(f.rr >= 0, z3.Or(b.rr_last < 0, f.rr <= b.rr_last + p.rr_jump))
    spo2 = z3.And(f.spo2 >= 0, z3.Or(b.spo2_last < 0, f.spo2 <= b.spo2_last + p.spo2_jump))
    co2 = z3.And(f.co2 >= 0, z3.Or(b.co2_last < 0, f.co2 >= b.co2_last - p.co2_jump))
    leaps = [z3.And(value >= 0, z3.Not(good)) for value, good in ((f.rr, rr), (f.spo2, spo2), (f.co2, co2))]
    last = [(a.rr_last, b.rr_last, f.rr), (a.spo2_last, b.spo2_last, f.spo2), (a.co2_last, b.co2_last, f.co2)]
    samples = [
        (name, k, good, low)
        for name, limits in (("warn_samples", (p.rr_warn, p.spo2_warn, p.co2_warn)),
                             ("lock_samples", (p.rr_lock, p.spo2_lock, p.co2_lock)))
        for k, (good, low) in enumerate(((rr, f.rr < limits[0]), (spo2, f.spo2 < limits[1]), (co2, f.co2 > limits[2])))
    ]  # fmt: skip
    seen = z3.Or(f.sbp >= 0, f.map >= 0, f.hr >= 0)
    own = z3.And(b.sbp_count >= 96, 96_000 * f.sbp < p.sbp_keep_permille * b.sbp_total)
    low = z3.Or(z3.And(f.sbp >= 0, z3.Or(f.sbp < p.sbp_low, own)), z3.And(f.map >= 0, f.map < p.map_low),
                z3.And(f.hr >= 0, f.hr < p.hr_low))  # fmt: skip
    return [
        *(Goal(f"the last three of {name}[{k}] are those of its signal and limit", known,
               getattr(a, name)[k] == _pushed(getattr(b, name)[k], good, bad), (_I.RESPIRATORY_LOCK,))
          for name, k, good, bad in samples),
        Goal("the last values shown are kept by signal", known,
             z3.And(*(new == z3.If(value >= 0, value, old) for new, old, value in last)), (_I.IMPLAUSIBLE,)),
        Goal("a leap of any signal shows", known, a.jumped == z3.If(z3.Or(*leaps), 1, 0), (_I.IMPLAUSIBLE,)),
        Goal("ages are those of the last believed samples", known,
             z3.And(a.rr_age == z3.If(rr, 0, b.rr_age + 1), a.spo2_age == z3.If(spo2, 0, b.spo2_age + 1),
                    a.co2_age == z3.If(co2, 0, b.co2_age + 1)), (_I.STALE, _I.MONITORED)),
        Goal("ages of circulation are those of the last values", known,
             z3.And(a.bp_age == z3.If(z3.Or(f.sbp >= 0, f.map >= 0), 0, b.bp_age + 1),
                    a.hr_age == z3.If(f.hr >= 0, 0, b.hr_age + 1)), (_I.MONITORED,)),
        Goal("a signal of breathing stands still while it shows the same", known,
             z3.And(*(new == z3.If(value < 0, old, z3.If(value == shown, old + 1, 0)) for new, old, value, shown in (
                 (a.rr_same, b.rr_same, f.rr, b.rr_last), (a.spo2_same, b.spo2_same, f.spo2, b.spo2_last),
                 (a.co2_same, b.co2_same, f.co2, b.co2_last)))), (_I.STALE,)),
        Goal("stale and blind are read from these ages", known,
             z3.And(a.stale == z3.If(z3.Or(a.rr_age > p.stale, a.spo2_age > p.stale, a.rr_same >= p.flat,
                                           a.spo2_same >= p.flat_other, a.co2_same >= p.flat_other), 1, 0),
                    a.blind == z3.If(z3.Or(a.rr_age > 2 * p.stale, a.spo2_age > 2 * p.stale), 1, 0)), (_I.STALE,)),
        Goal("a warning is two of three places of any signal", known, (a.warn == 1) == _twice(a.warn_samples),
             (_I.RESPIRATORY_LOCK,)),
        Goal("the last three of circulation hold what was low, also against the patient's own level", known,
             a.hemo_samples == _pushed(b.hemo_samples, seen, low), (_I.HEMODYNAMIC_LOCK,)),
    ]  # fmt: skip


def _pushed(samples: Any, good: Any, bad: Any) -> Any:
    return z3.If(good, samples * 2 % 8 + z3.If(bad, 1, 0), samples)


def _twice(samples: list[Any]) -> Any:
    """Whether two of the three places hold a bad sample of some signal."""
    hit = [z3.Or(*(x / 2**i % 2 == 1 for x in samples)) for i in range(3)]
    return z3.Or(z3.And(hit[0], hit[1]), z3.And(hit[0], hit[2]), z3.And(hit[1], hit[2]))
