"""What withholds rises and boluses: predicates over the input the shield receives, in the kernel's restricted arithmetic.

Facts are integers (SHIELD_INPUT); -1 stands for a value that is missing. Two of the last three valid samples confirm a vital
sign; an implausible leap towards health is not believed, a leap towards harm always is.
"""

from __future__ import annotations

from typing import Any

from thecal.safety.bits import (
    AUTHORITY,
    BALANCE,
    BATTERY,
    BRIDGE,
    CLOCK,
    COMMAND,
    ESCALATION,
    EXCLUSIVE,
    FINITE,
    HEMODYNAMIC,
    JUMP,
    MRI,
    NEURO,
    READ_BACK,
    REFILL,
    RESPIRATORY,
    SEDATION,
    STABILITY,
    STALE,
    STOPPED,
    UNITS,
)
from thecal.safety.ops import both, either, fdiv, hi, ite, lo
from thecal.safety.records import (
    ADVISE,
    ASKED,
    CONFIRM,
    CONFIRM_STAGE,
    CONFIRM_STATES,
    LOWER,
    OUTDATED,
    OWN_LEVEL,
    UNASKED,
    WRONG_UNITS,
)


def rest(a: Any, n: Any) -> Any:
    """``a`` modulo ``n``."""
    return a - fdiv(a, n) * n


def is_low(value: Any, limit: Any) -> Any:
    """1 when a value is present (not -1) and under its limit."""
    return ite(both(value >= 0, value < limit), 1, 0)


def is_high(value: Any, limit: Any) -> Any:
    """1 when a value lies over its limit; a missing one (-1) never does."""
    return ite(value > limit, 1, 0)


def has_fallen(value: Any, total: Any, count: Any, keep_permille: Any) -> Any:
    """1 when a pressure lies under its share of the patient's own level, the mean of the first ``OWN_LEVEL`` values."""
    known = both(value >= 0, count >= OWN_LEVEL)
    return ite(both(known, 1000 * OWN_LEVEL * value < keep_permille * total), 1, 0)


def next_samples(samples: Any, present: Any, low: Any) -> Any:
    """The last ``CONFIRM`` valid samples as bits, the newest lowest, after one more; 1 stands for a low one."""
    return ite(present, rest(samples * 2 + low, CONFIRM_STATES), samples)


def confirmed(one: Any, other: Any, third: Any) -> Any:
    """1 when two of the last three places hold a bad sample of any signal, those of one place counting once."""
    count = 0
    for _ in range(CONFIRM):
        count = count + hi(hi(rest(one, 2), rest(other, 2)), rest(third, 2))
        one = fdiv(one, 2)
        other = fdiv(other, 2)
        third = fdiv(third, 2)
    return ite(count >= 2, 1, 0)


def believable(value: Any, last: Any, jump: Any) -> Any:
    """Whether a present value may be read: not above the last one by more than a body can recover between samples."""
    return both(value >= 0, either(last < 0, value - last <= jump))


def believable_fall(value: Any, last: Any, jump: Any) -> Any:
    """The same for a signal whose falls are recoveries."""
    return both(value >= 0, either(last < 0, last - value <= jump))


def leapt(value: Any, good: Any) -> Any:
    """1 when a value is there and is not believed."""
    return ite(good, 0, ite(value >= 0, 1, 0))


def latest(value: Any, last: Any) -> Any:
    """The value, or the last one where it is missing."""
    return ite(value >= 0, value, last)


def next_same(same: Any, value: Any, last: Any) -> Any:
    """Ticks for which a signal has shown exactly the same value."""
    return ite(both(value >= 0, value == last), same + 1, ite(value >= 0, 0, same))


def next_age(age: Any, fresh: Any) -> Any:
    """Ticks since the last believed sample."""
    return ite(fresh, 0, age + 1)


def is_old(rr_age: Any, spo2_age: Any, most: Any) -> Any:
    """Whether a required signal is older than it may be."""
    return either(rr_age > most, spo2_age > most)


def is_still(rr_same: Any, spo2_same: Any, co2_same: Any, flat: Any, flat_other: Any) -> Any:
    """Whether a signal of breathing has shown the same value for too long."""
    return either(rr_same >= flat, either(spo2_same >= flat_other, co2_same >= flat_other))


def is_blind(rr_age: Any, spo2_age: Any, most: Any) -> Any:
    """1 when a required signal is twice as old as it may be."""
    return ite(either(rr_age > 2 * most, spo2_age > 2 * most), 1, 0)


def latch(on: Any, trigger: Any, age: Any, watch: Any, clear: Any, well: Any) -> Any:
    """(latched, its age): it closes on the trigger and opens only for a clinician, after the watch, in a well patient."""
    opens = both(both(clear > 0, well), age + 1 >= watch)
    still = ite(opens, 0, 1)
    return ite(on > 0, still, ite(trigger, 1, 0)), ite(on > 0, age + 1, 0)


def reduced_rate(prev: Any, permille: Any, lowest: Any, pocket: Any) -> Any:
    """What a lock leaves of the rate; the pump's lowest when drug may have gone beside the reservoir."""
    return ite(pocket, lo(prev, lowest), fdiv(prev * permille, 1000))


def pocket_fill(poss: Any, hold: Any, since_refill: Any, watch: Any) -> Any:
    """Whether sedation follows a refill so soon that the drug may have gone into the pocket."""
    return both(poss >= hold, since_refill < watch)


def is_watched(state: Any, par: Any, received: Any) -> Any:
    """Monitored titration: every vital sign is fresh, the patient awake, and nothing has withheld for a while."""
    old = par.quick_fresh
    breathing = both(state.rr_age <= old, both(state.spo2_age <= old, either(state.co2_last < 0, state.co2_age <= old)))
    circulation = both(state.bp_age <= old, state.hr_age <= old)
    well = both(received.poss <= par.quick_poss, state.calm >= par.quick_quiet)
    return both(both(breathing, circulation), both(well, state.since_change >= par.quick_settle))


def next_calm(calm: Any, shared: Any, never: Any) -> Any:
    """Ticks since anything withheld rises and boluses alike."""
    return ite(shared == 0, lo(calm + 1, never), 0)


def beyond(pumped: Any, rate: Any, owed: Any) -> Any:
    """What the pump counts for the last tick beyond the rate that was allowed for it and the boluses it still owed."""
    return hi(pumped - rate - owed, 0)


def still_owed(pumped: Any, rate: Any, owed: Any, running: Any) -> Any:
    """What of the allowed boluses the pump has not counted yet; nothing once it says that none runs."""
    return ite(running > 0, hi(owed - hi(pumped - rate, 0), 0), 0)


def next_excess(excess: Any, more: Any, window: Any) -> Any:
    """Ticks for which a window may still touch more than was allowed."""
    return ite(more > 0, window, hi(excess - 1, 0))


def next_gap(gap: Any, stopped: Any) -> Any:
    """Ticks without delivery."""
    return ite(stopped > 0, gap + 1, 0)


def restarts(gap: Any, stopped: Any, most: Any) -> Any:
    """Whether delivery returns after a gap long enough for tolerance to have faded."""
    return both(stopped == 0, gap > most)


def next_errors(errors: Any, valid: Any, clear: Any, most: Any) -> Any:
    """Unusable requests in a row; once they reach ``most`` automation stays off until a clinician clears it.

    A tick in which nobody asked neither counts nor ends the count.
    """
    counted = ite(valid == ASKED, 0, ite(valid == UNASKED, errors, errors + 1))
    return ite(errors >= most, ite(clear > 0, 0, errors), counted)


def next_since_command(since: Any, valid: Any, never: Any) -> Any:
    """Ticks since the last usable request."""
    return ite(valid == ASKED, 0, lo(since + 1, never))


def refusal(valid: Any) -> Any:
    """The bit of the invariant that an unusable request breaks; 0 for a usable one and where nobody asked."""
    usable = either(valid == ASKED, valid == UNASKED)
    return ite(usable, 0, ite(valid == WRONG_UNITS, UNITS, ite(valid == OUTDATED, COMMAND, FINITE)))


def escalated(rate: Any, rate_then: Any, permille: Any, nrs: Any, nrs_then: Any) -> Any:
    """Whether the rate rose over the period by more than its share while reported pain did not fall."""
    known = both(both(rate_then > 0, nrs >= 0), nrs_then >= 0)
    return both(known, both(1000 * rate >= (1000 + permille) * rate_then, nrs >= nrs_then))


def leased(request: Any, prev: Any, lapsed: Any, baseline: Any) -> Any:
    """The request, or the rate the clinician saw last once the lease has lapsed; never a rise."""
    return ite(lapsed, lo(lo(request, prev), hi(baseline, 0)), request)


def authorized(request: Any, prev: Any, stage: Any, confirms: Any) -> Any:
    """The request as far as the stage lets an agent act.

    Stage 0 advises (nothing runs), 1 needs a clinician's confirmation of this request, 2 may only lower, 3 acts.
    """
    acts = either(stage > LOWER, both(stage == CONFIRM_STAGE, confirms > 0))
    lowers = both(stage == LOWER, request < prev)
    return ite(either(acts, lowers), request, prev)


def authorized_bolus(bolus: Any, stage: Any) -> Any:
    """The bolus as far as the stage lets it run; advice alone gives none."""
    return ite(stage > ADVISE, bolus, 0)


def shared_holds(state: Any, par: Any, received: Any) -> Any:
    """Bits that withhold rises and boluses alike."""
    low = both(par.vasoactive > 0, confirmed(state.hemo_samples, 0, 0) > 0)
    return (
        ite(state.errors >= par.errors_most, FINITE, 0)
        + ite(either(received.skew_s > par.skew_s, received.skew_s < -par.skew_s), CLOCK, 0)
        + ite(either(state.lock_resp > 0, state.warn > 0), RESPIRATORY, 0)
        + ite(received.poss >= par.poss_hold, SEDATION, 0)
        + ite(low, HEMODYNAMIC, 0)
        + ite(either(received.weakness >= par.neuro_hold, received.confusion >= par.neuro_hold), NEURO, 0)
        + ite(state.stale > 0, STALE, 0)
        + ite(state.jumped > 0, JUMP, 0)
        + ite(received.stopped > 0, STOPPED, 0)
        + ite(received.mri > 0, MRI, 0)
        + ite(received.bridging > 0, BRIDGE, 0)
    )


def rise_holds(state: Any, par: Any, received: Any) -> Any:
    """Bits that withhold rises only."""
    off = either(received.residual > par.balance_permille, received.residual < -par.balance_permille)
    return (
        ite(received.fill_age > par.shelf, STABILITY, 0)
        + ite(received.battery > 0, BATTERY, 0)
        + ite(received.since_refill < par.refill_hold, REFILL, 0)
        + ite(off, BALANCE, 0)
        + ite(state.escalated > 0, ESCALATION, 0)
        + ite(received.unverified > 0, READ_BACK, 0)
    )


def bolus_denials(state: Any, par: Any, received: Any) -> Any:
    """Bits that withhold boluses only."""
    busy = either(received.bolus_running > 0, either(received.alarms > 0, received.unverified > 0))
    return (
        ite(busy, EXCLUSIVE, 0)
        + ite(received.since_refill < par.lockout, REFILL, 0)
        + ite(received.battery > 1, BATTERY, 0)
        + ite(par.stage == ADVISE, AUTHORITY, 0)
    )
