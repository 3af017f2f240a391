"""Goals about one decision of the shield under the numbers of one profile, whatever is asked and whatever happened before.

The searches enter by their contracts (``searches.py``). Pump, ledger, counters, requests and limits are symbols; only the
profile's shares (step, 28-day rise, floor, bolus) stand as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import z3

from thecal.core.layout import TICKS_PER_DAY
from thecal.safety import bits
from thecal.safety.invariants import Invariant
from thecal.safety.proofs import functions
from thecal.safety.proofs.decision_terms import Decision
from thecal.safety.proofs.goals import Goal
from thecal.safety.records import MAX_CAPS

_I = Invariant


def goals(limits: Mapping[str, int]) -> list[Goal]:
    """Every goal about a decision under one profile's numbers.

    Args:
        limits: the shares named by ``decision_terms.PROFILE_FIELDS``, per mille.
    """
    return [
        *_rate_goals(limits),
        *_twice(limits),
        *_bolus_goals(limits),
        *_bolus_twice(limits),
        *_every_cap(limits),
        *_after_excess(limits),
        *functions.goals(limits),
    ]


def _rate_goals(limits: Mapping[str, int]) -> list[Goal]:
    request, n = z3.Ints("request n")
    d = Decision(limits, n)
    s, p = d.state, d.par
    rate, broken = d.rate(request)
    prev, up = s.prev_rate, rate > s.prev_rate
    known = (
        *d.before(), request == n * p.rate_step, *d.reading.known, *d.held.facts([rate, request, prev]), d.held.can_be_held(prev),
    )  # fmt: skip
    exposed = s.ticks >= p.exposed_after
    wait = z3.And(s.since_increase >= p.interval, s.since_increase * z3.If(prev >= 1, prev, 1) >= p.transit_nl)
    lowest = z3.If(prev <= p.min_rate, prev, p.min_rate)
    floor_kept = z3.Or(rate >= prev, 1000 * rate >= p.keep_permille * s.highest24)
    ordinary = z3.And(wait, 1000 * (request - prev) <= p.step_permille * prev, request - prev <= p.step_abs)
    allowed_rise = z3.And(
        z3.Or(ordinary, request <= s.quick_top), d.holds == 0,
        1000 * request <= (1000 + p.rise_permille) * d.long_ago, d.held.can_be_held(request),
    )  # fmt: skip
    floor = 1000 * request >= p.keep_permille * s.highest24
    allowed = z3.And(
        z3.Not(d.locked), lowest <= request, request <= p.max_rate, z3.Or(request >= prev, z3.Not(exposed), floor),
        z3.Or(request <= prev, allowed_rise),
    )  # fmt: skip
    claims = [
        ("envelope: within the pump's range", z3.And(lowest <= rate, rate <= p.max_rate, rate >= 0), (_I.ENVELOPE,)),
        ("step: a rise keeps the relative and the absolute step, or those of monitored titration",
         z3.Implies(z3.And(up, rate > s.quick_top),
                    z3.And(1000 * (rate - prev) <= p.step_permille * prev, rate - prev <= p.step_abs)),
         (_I.STEP_UP, _I.MONITORED)),
        ("interval: a rise waits for the last one to have acted, or is one of monitored titration",
         z3.Implies(z3.And(up, rate > s.quick_top), wait), (_I.INTERVAL, _I.MONITORED)),
        ("holds: nothing that withholds rises lets one pass", z3.Implies(up, d.holds == 0),
         (_I.CLOCK, _I.RESPIRATORY_LOCK, _I.SEDATION_LOCK, _I.HEMODYNAMIC_LOCK, _I.NEURO_LOCK, _I.STALE, _I.IMPLAUSIBLE,
          _I.STABILITY, _I.STOPPED, _I.MRI, _I.BATTERY, _I.BRIDGE, _I.POST_REFILL, _I.VOLUME_BALANCE, _I.ESCALATION)),
        ("28 days: a rise keeps their cap", z3.Implies(up, 1000 * rate <= (1000 + p.rise_permille) * d.long_ago),
         (_I.RISE_28D,)),
        ("cap: the rate can be held", d.held.can_be_held(rate), (_I.CAP_24H, _I.ADMIXTURE, _I.SEDATIVE)),
        ("floor: after exposure no deeper fall unless a lock forces it",
         z3.Implies(z3.And(exposed, z3.Not(d.locked)), floor_kept), (_I.FLOOR,)),
        ("lock: a lock lowers the rate, though not below the pump's lowest",
         z3.Implies(d.locked, z3.Or(rate <= d.lock_rate, rate <= lowest)), (_I.RESPIRATORY_LOCK, _I.RESTART, _I.POST_REFILL)),
        ("never more than asked, but for the floor and the pump's lowest",
         z3.Or(rate <= request, rate <= prev), (_I.META,)),
        ("minimal interference: an allowed request passes unchanged and unmarked",
         z3.Implies(allowed, z3.And(rate == request, broken == 0)), (_I.META,)),
        ("every change is marked, but for what a lock or a hold does, which are marked where they are made",
         z3.Implies(z3.And(rate != request, z3.Or(z3.Not(d.locked), request <= d.lock_rate),
                           z3.Or(d.holds == 0, request <= prev)), broken != 0), (_I.META,)),
    ]  # fmt: skip
    capped = z3.If(request <= p.max_rate, request, p.max_rate)
    marked = (*known, *d.held.facts([rate, request, prev, capped]))
    found = [Goal(name, known, claim, covers) for name, claim, covers in claims]
    found.append(Goal("every mark stands for a limit the request breaks, and every broken limit is marked", marked,
                      broken == _rate_marks(d, request, wait, lowest, capped), (_I.META,)))  # fmt: skip
    found.append(Goal("grid: the rate is on the pump's grid", known, _on_grid(rate, d), (_I.ENVELOPE,)))
    possible = [
        ("not vacuous: a rise", z3.And(up, exposed)),
        ("not vacuous: the floor holds a fall back", z3.And(exposed, request < rate, rate < prev)),
        ("not vacuous: a lock below the floor", z3.And(d.locked, exposed, 1000 * rate < p.keep_permille * s.highest24)),
    ]
    if limits["keep_permille"] == 0:
        possible = possible[:1]
    return found + [Goal(name, known, claim, possible=True) for name, claim in possible]


def _every_cap(limits: Mapping[str, int]) -> list[Goal]:
    """The goals above look at one cap; with as many as there can be, each is kept."""
    request, bolus, denies, n, m = z3.Ints("request bolus denies n m")
    d = Decision(limits, n, m, caps=MAX_CAPS)
    prev = d.state.prev_rate
    rate, _ = d.rate(request)
    given, _ = d.bolus(rate, bolus, denies)
    held = [one for one, _ in d.each]
    rooms = [room for _, one in d.each for room, _ in one.answers]
    known = (
        *d.before(), request == n * d.par.rate_step, bolus == m * d.par.bolus_step, *d.reading.known,
        *(fact for one in held for fact in one.facts([rate, request, prev])), *(one.can_be_held(prev) for one in held),
    )  # fmt: skip
    return [
        Goal("every cap: the rate can be held under each", known, z3.And(*(one.can_be_held(rate) for one in held)),
             (_I.CAP_24H, _I.ADMIXTURE)),
        Goal("every cap: a bolus fits into the room of each", known,
             z3.Implies(given > 0, z3.And(*(given <= room for room in rooms))), (_I.CAP_24H, _I.ADMIXTURE)),
    ]  # fmt: skip


def _after_excess(limits: Mapping[str, int]) -> list[Goal]:
    """The pump counted more than was allowed, and the rate in force may be one that cannot be held: a lock brings it down."""
    request, n = z3.Ints("request n")
    d = Decision(limits, n, caps=MAX_CAPS)
    s, p = d.state, d.par
    rate, _ = d.rate(request)
    held = [one for one, _ in d.each]
    lowest = z3.If(s.prev_rate <= p.min_rate, s.prev_rate, p.min_rate)
    left = z3.Or(d.lock_rate == 0, z3.And(*(one.can_be_held(d.lock_rate) for one in held)))
    known = (
        *d.before(), request == n * p.rate_step, *d.reading.known, d.locked, left,
        *(fact for one in held for fact in one.facts([rate, request, s.prev_rate, d.lock_rate])),
    )  # fmt: skip
    claim = z3.Or(rate <= lowest, z3.And(*(one.can_be_held(rate) for one in held)))
    return [Goal("after an excess: what runs can be held under every cap, or is the pump's lowest", known, claim,
                 (_I.CAP_24H, _I.ADMIXTURE, _I.READ_BACK))]  # fmt: skip


def _rate_marks(d: Decision, request: Any, wait: Any, lowest: Any, capped: Any) -> Any:
    """The bits of the limits that a requested rate breaks, restated."""
    s, p = d.state, d.par
    prev = s.prev_rate
    up = request > prev
    large = z3.Or(1000 * (request - prev) > p.step_permille * prev, request - prev > p.step_abs)
    deep = z3.If(
        s.ticks >= p.exposed_after, z3.And(request < prev, 1000 * request < p.keep_permille * s.highest24), request < 0
    )
    return _sum({
        bits.ENVELOPE: z3.Or(request > p.max_rate, request < lowest),
        bits.CAP: z3.And(up, z3.Not(d.held.can_be_held(capped))),
        bits.RISE: z3.And(up, 1000 * request > (1000 + p.rise_permille) * d.long_ago),
        bits.INTERVAL: z3.And(up, request > s.quick_top, z3.Not(wait)),
        bits.STEP: z3.And(up, request > s.quick_top, wait, large),
        bits.FLOOR: deep,
    })  # fmt: skip


def _bolus_marks(d: Decision, rate: Any, bolus: Any, room: Any) -> Any:
    """The bits of the limits that a requested bolus breaks, restated."""
    s, p = d.state, d.par
    some = bolus > 0
    share = 1000 * bolus > p.bolus_permille * TICKS_PER_DAY * rate
    capped = z3.If(bolus <= p.max_rate, bolus, p.max_rate)
    return _sum({
        bits.ENVELOPE: bolus < 0,
        bits.SIZE: z3.And(some, z3.Or(bolus > p.bolus_abs, share, bolus + rate > p.max_rate)),
        bits.CAP: z3.And(some, capped > room),
        bits.RESERVOIR: z3.And(some, bolus + TICKS_PER_DAY * rate + p.reserve_nl > d.left),
        bits.LOCKOUT: z3.And(some, s.since_bolus < p.lockout),
        bits.COUNT: z3.And(some, s.bolus_count >= p.bolus_most),
        bits.ELIGIBLE: z3.And(some, p.bolus_eligible == 0),
    })  # fmt: skip


def _sum(rules: Mapping[int, Any]) -> Any:
    return z3.Sum([z3.If(rule, bit, 0) for bit, rule in rules.items()])


def _on_grid(rate: Any, d: Decision) -> Any:
    """Whether the rate is a whole number of steps."""
    notches = z3.Int("notches")
    return z3.Exists([notches], rate == notches * d.par.rate_step)


def _twice(limits: Mapping[str, int]) -> list[Goal]:
    one, other, n, m = z3.Ints("one other n m")
    d = Decision(limits, n, m)
    p, prev = d.par, d.state.prev_rate
    first, _ = d.rate(one)
    again, _ = d.rate(first)
    second, _ = d.rate(other)
    steps = [one == n * p.rate_step, other == m * p.rate_step]
    known = (
        *d.before(), *steps, *d.reading.known, *d.held.facts([first, again, second, one, other, prev]),
        d.held.can_be_held(prev),
    )  # fmt: skip
    return [
        Goal("idempotence: what was allowed is allowed again", known, again == first, (_I.META,)),
        Goal("monotonicity: a higher request gives no lower rate", (*known, one <= other), first <= second, (_I.META,)),
    ]


def _bolus_goals(limits: Mapping[str, int]) -> list[Goal]:
    rate, bolus, denies, n = z3.Ints("rate bolus denies n")
    d = Decision(limits, n)
    s, p = d.state, d.par
    given, broken = d.bolus(rate, bolus, denies)
    room = z3.Int("room")
    known = (
        *d.before(), rate >= 0, rate <= p.max_rate, bolus == n * p.bolus_step, denies >= 0, *d.reading.known,
        *(best == room for best, _ in d.room.answers), room >= 0,
    )  # fmt: skip
    some = given > 0
    small = z3.And(
        bolus <= p.bolus_abs, 1000 * bolus <= p.bolus_permille * TICKS_PER_DAY * rate, bolus + rate <= p.max_rate,
    )  # fmt: skip
    spare = bolus + TICKS_PER_DAY * rate + p.reserve_nl <= d.left
    allowed = z3.And(
        bolus >= 0, small, spare, bolus <= room, s.since_bolus >= p.lockout, s.bolus_count < p.bolus_most, denies == 0,
        p.bolus_eligible > 0,
    )  # fmt: skip
    claims = [
        ("size: absolute, share of the day, and the pump's flow",
         z3.And(given >= 0, z3.Implies(some, z3.And(given <= p.bolus_abs, given + rate <= p.max_rate,
                1000 * given <= p.bolus_permille * TICKS_PER_DAY * rate))), (_I.BOLUS_SIZE, _I.ENVELOPE)),
        ("room: a bolus keeps every coming window under the cap", z3.Implies(some, given <= room), (_I.CAP_24H,)),
        ("lockout: a bolus waits for it", z3.Implies(some, s.since_bolus >= p.lockout), (_I.LOCKOUT,)),
        ("count: a bolus is one of the day's number", z3.Implies(some, s.bolus_count < p.bolus_most), (_I.BOLUS_COUNT,)),
        ("eligibility: only where every drug allows it", z3.Implies(some, p.bolus_eligible > 0), (_I.BOLUS_ELIGIBLE,)),
        ("denials: nothing that withholds boluses lets one pass", z3.Implies(some, denies == 0),
         (_I.BOLUS_EXCLUSIVE, _I.RESPIRATORY_LOCK, _I.SEDATION_LOCK, _I.NEURO_LOCK, _I.STALE, _I.STOPPED, _I.MRI, _I.BATTERY)),
        ("reservoir: a day of the program and the reserve stay in it",
         z3.Implies(some, given + TICKS_PER_DAY * rate + p.reserve_nl <= d.left), (_I.RESERVOIR,)),
        ("never more than asked", z3.Or(given <= bolus, given == 0), (_I.META,)),
        ("minimal interference: an allowed bolus passes unchanged and unmarked",
         z3.Implies(allowed, z3.And(given == bolus, broken == 0)), (_I.META,)),
        ("every change is marked, for a bolus",
         z3.Implies(z3.And(given != bolus, denies == 0), broken != 0), (_I.META,)),
    ]  # fmt: skip
    found = [Goal(f"bolus {name}", known, claim, covers) for name, claim, covers in claims]
    found.append(Goal("bolus marks stand for exactly the limits the request breaks", known,
                      broken == _bolus_marks(d, rate, bolus, room), (_I.META,)))  # fmt: skip
    return [*found, Goal("not vacuous: a bolus", known, some, possible=True)]


def _bolus_twice(limits: Mapping[str, int]) -> list[Goal]:
    n, m = z3.Ints("n m")
    d = Decision(limits, n, m)
    rate, one, other, denies, room = z3.Ints("rate one other denies room")
    first, _ = d.bolus(rate, one, denies)
    again, _ = d.bolus(rate, first, denies)
    second, _ = d.bolus(rate, other, denies)
    known = (
        *d.before(), rate >= 0, rate <= d.par.max_rate, *d.reading.known, room >= 0,
        *(best == room for best, _ in d.room.answers),
        one == n * d.par.bolus_step, other == m * d.par.bolus_step,
    )  # fmt: skip
    return [
        Goal("bolus idempotence: what was allowed is allowed again", known, again == first, (_I.META,)),
        Goal("bolus monotonicity: a larger request gives no smaller bolus", (*known, one <= other), first <= second,
             (_I.META,)),
    ]  # fmt: skip
