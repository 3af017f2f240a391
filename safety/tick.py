"""One tick of the shield from request to verdict, in the kernel's restricted arithmetic: memory, locks, decision, books.

Besides what ``kernel`` and ``locks`` may hold, a function here may write to the fields of ``state``. The same lines are read by
Python, by Numba (in the tick of every environment), by a solver and over intervals, so what is proved is what runs.
"""

from __future__ import annotations

from typing import Any

from thecal.safety.bits import (
    AUTHORITY,
    HOLD,
    LEASE,
    MINRATE,
    MONITOR,
    READ_BACK,
    REDUCE,
    REPLACE,
    RESTART,
    SAFE_BASAL,
    STALE,
)
from thecal.safety.kernel import (
    bounded,
    decide_bolus,
    decide_rate,
    differs,
    flag,
    held_rate,
    locked_bits,
    nearness,
    next_highest,
    next_since_bolus,
    next_since_change,
    next_since_increase,
    quick_ceiling,
    quick_share,
    titration_wait,
    unshielded,
)
from thecal.safety.locks import (
    authorized,
    authorized_bolus,
    believable,
    believable_fall,
    beyond,
    bolus_denials,
    confirmed,
    escalated,
    has_fallen,
    is_blind,
    is_high,
    is_low,
    is_old,
    is_still,
    is_watched,
    latch,
    latest,
    leapt,
    leased,
    next_age,
    next_calm,
    next_errors,
    next_excess,
    next_gap,
    next_same,
    next_samples,
    next_since_command,
    pocket_fill,
    reduced_rate,
    refusal,
    rest,
    restarts,
    rise_holds,
    shared_holds,
    still_owed,
)
from thecal.safety.ops import both, either, fdiv, hi, ite, lo, union
from thecal.safety.records import (
    ASKED,
    DAYS_BACK,
    NEVER,
    OWN_LEVEL,
    REQUEST_LIMIT,
    TICKS_PER_DAY,
    TICKS_PER_WEEK,
    WEEKS_BACK,
    WINDOW,
)


def read_back(state: Any, par: Any, received: Any) -> None:
    """Book what the pump counts for the last tick beyond what was allowed: the ledger holds the larger of the two.

    A lost command that would have lowered the rate, a prime or a wrong program is so counted a tick after it ran.
    """
    pumped = lo(received.pumped_nl, WINDOW * par.max_rate)
    more = beyond(pumped, state.allowed_rate, state.owed)
    state.owed = still_owed(pumped, state.allowed_rate, state.owed, received.bolus_running)
    for d in range(par.n_caps):
        ledger = state.ledger[d]
        ledger[WINDOW - 1] = ledger[WINDOW - 1] + more * par.conc[d]
        state.dose24[d] = state.dose24[d] + more * par.conc[d]
    state.excess = next_excess(state.excess, more, WINDOW)


def read_breathing(state: Any, par: Any, received: Any) -> None:
    """Note the signs of breathing that arrived. A leap towards health is no sample; a turn towards harm always is."""
    rr = believable(received.rr, state.rr_last, par.rr_jump)
    spo2 = believable(received.spo2, state.spo2_last, par.spo2_jump)
    co2 = believable_fall(received.co2, state.co2_last, par.co2_jump)
    state.jumped = hi(hi(leapt(received.rr, rr), leapt(received.spo2, spo2)), leapt(received.co2, co2))
    state.rr_same = next_same(state.rr_same, received.rr, state.rr_last)
    state.spo2_same = next_same(state.spo2_same, received.spo2, state.spo2_last)
    state.co2_same = next_same(state.co2_same, received.co2, state.co2_last)
    state.rr_age = next_age(state.rr_age, rr)
    state.spo2_age = next_age(state.spo2_age, spo2)
    state.co2_age = next_age(state.co2_age, co2)
    state.rr_last = latest(received.rr, state.rr_last)
    state.spo2_last = latest(received.spo2, state.spo2_last)
    state.co2_last = latest(received.co2, state.co2_last)
    still = is_still(state.rr_same, state.spo2_same, state.co2_same, par.flat, par.flat_other)
    state.stale = flag(either(is_old(state.rr_age, state.spo2_age, par.stale), still), 1)
    state.blind = is_blind(state.rr_age, state.spo2_age, par.stale)
    warn = state.warn_samples
    warn[0] = next_samples(warn[0], rr, is_low(received.rr, par.rr_warn))
    warn[1] = next_samples(warn[1], spo2, is_low(received.spo2, par.spo2_warn))
    warn[2] = next_samples(warn[2], co2, is_high(received.co2, par.co2_warn))
    lock = state.lock_samples
    lock[0] = next_samples(lock[0], rr, is_low(received.rr, par.rr_lock))
    lock[1] = next_samples(lock[1], spo2, is_low(received.spo2, par.spo2_lock))
    lock[2] = next_samples(lock[2], co2, is_high(received.co2, par.co2_lock))
    state.warn = confirmed(warn[0], warn[1], warn[2])


def read_circulation(state: Any, par: Any, received: Any) -> None:
    """Note pressure and pulse, against fixed limits and against the patient's own systolic level."""
    pressure = either(received.sbp >= 0, received.map >= 0)
    state.bp_age = next_age(state.bp_age, pressure)
    state.hr_age = next_age(state.hr_age, received.hr >= 0)
    seen = either(pressure, received.hr >= 0)
    fixed = hi(
        hi(is_low(received.sbp, par.sbp_low), is_low(received.map, par.map_low)), is_low(received.hr, par.hr_low)
    )
    fallen = has_fallen(received.sbp, state.sbp_total, state.sbp_count, par.sbp_keep_permille)
    state.hemo_samples = next_samples(state.hemo_samples, seen, hi(fixed, fallen))
    learns = both(received.sbp >= 0, state.sbp_count < OWN_LEVEL)
    state.sbp_total = state.sbp_total + ite(learns, received.sbp, 0)
    state.sbp_count = state.sbp_count + flag(learns, 1)


def update_locks(state: Any, par: Any, received: Any) -> None:
    """Advance the locks by one tick of input, and note what withholds rises and boluses.

    A latched lock ends only with ``received.clear`` (a clinician's act), after the watch time and in a well patient; a policy has
    no part in it.
    """
    read_breathing(state, par, received)
    read_circulation(state, par, received)
    depressed = confirmed(state.lock_samples[0], state.lock_samples[1], state.lock_samples[2])
    state.lock_sedation = flag(received.poss >= par.poss_hold, 1)
    pocket = pocket_fill(received.poss, par.poss_hold, received.since_refill, par.pocket_watch)
    well = both(both(state.warn == 0, state.stale == 0), received.poss < par.poss_hold)
    trigger = either(either(depressed > 0, received.poss >= par.poss_lock), pocket)
    was = state.lock_resp
    state.lock_resp, state.lock_age = latch(was, trigger, state.lock_age, par.watch, received.clear, well)
    again = both(both(was > 0, trigger), state.lock_cut + 1 >= par.recut)
    cuts = both(state.lock_resp > 0, either(was == 0, again))
    leaves = ite(was > 0, lo(state.prev_rate, state.lock_rate), state.prev_rate)
    reduced = reduced_rate(leaves, par.lock_permille, par.min_rate, pocket)
    kept = ite(pocket, lo(state.lock_rate, par.min_rate), state.lock_rate)
    state.lock_rate = ite(cuts, reduced, kept)
    state.lock_cut = ite(cuts, 0, state.lock_cut + 1)
    then = rest(fdiv(state.ticks, TICKS_PER_WEEK) + 1, WEEKS_BACK + 1)
    vain = escalated(
        state.prev_rate, state.week_rate[then], par.escalation_permille, received.nrs, state.week_nrs[then]
    )
    state.escalated = flag(both(state.ticks >= WEEKS_BACK * TICKS_PER_WEEK, vain), 1)
    shared = shared_holds(state, par, received)
    state.denies = union(shared, bolus_denials(state, par, received))
    state.holds = union(shared, rise_holds(state, par, received))
    state.calm = next_calm(state.calm, shared, NEVER)


def pace(state: Any, par: Any, received: Any) -> None:
    """Note the highest rate that monitored titration allows now; the rate in force where it allows none."""
    prev = state.prev_rate
    yesterday = state.rate_hist[rest(state.ticks, TICKS_PER_DAY)]
    share = quick_share(par.quick_permille, nearness(par, prev), par.quick_near_permille)
    top = quick_ceiling(prev, share, par.step_abs, yesterday, par.quick_day_permille)
    rested = state.since_increase >= titration_wait(par.quick_interval, par.transit_nl, prev)
    state.quick_top = ite(both(rested, is_watched(state, par, received)), top, prev)


def admit(state: Any, par: Any, received: Any, request: Any, bolus: Any, valid: Any) -> Any:
    """(rate, bolus, rate to hold instead, bits) that integrity, authority and lease leave of a request; notes the fallback."""
    state.since_command = next_since_command(state.since_command, valid, NEVER)
    refused = refusal(valid)
    wanted = ite(valid == ASKED, request, state.prev_rate)
    acted = authorized(wanted, state.prev_rate, par.stage, received.confirms)
    offered = ite(refused == 0, bolus, 0)
    size = authorized_bolus(offered, par.stage)
    lapsed = state.since_command >= par.lease
    back = either(lapsed, state.blind > 0)
    asked = leased(acted, state.prev_rate, back, state.baseline)
    kept = leased(state.prev_rate, state.prev_rate, back, state.baseline)
    beyond = hi(differs(acted, wanted), differs(size, offered))
    reverted = differs(asked, acted)
    state.fallback = hi(flag(refused > 0, HOLD), reverted * SAFE_BASAL)
    marks = union(beyond * AUTHORITY, ite(reverted > 0, ite(lapsed, LEASE, STALE), 0))
    return asked, size, kept, union(refused, marks)


def book(state: Any, par: Any, received: Any, rate: Any, bolus: Any) -> None:
    """Write one tick of commanded delivery into the ledger, and advance counters and rings."""
    for d in range(par.n_caps):
        ledger = state.ledger[d]
        for k in range(WINDOW - 1):
            ledger[k] = ledger[k + 1]
        ledger[WINDOW - 1] = (rate + bolus) * par.conc[d]
        # ledger[0] is now the tick that has just left the last 24 h.
        state.dose24[d] = state.dose24[d] + ledger[WINDOW - 1] - ledger[0]
    slot = rest(state.ticks, TICKS_PER_DAY)
    given = flag(bolus > 0, 1)
    state.bolus_count = state.bolus_count + given - state.bolus_flag[slot]
    state.bolus_flag[slot] = given
    leaving = state.rate_hist[slot]
    state.rate_hist[slot] = rate
    state.highest24 = next_highest(state.rate_hist, TICKS_PER_DAY, rate, leaving, state.highest24)
    today = rest(fdiv(state.ticks, TICKS_PER_DAY), DAYS_BACK + 1)
    state.day_rate[today] = ite(slot == 0, rate, lo(rate, state.day_rate[today]))
    week = rest(fdiv(state.ticks, TICKS_PER_WEEK), WEEKS_BACK + 1)
    first = rest(state.ticks, TICKS_PER_WEEK) == 0
    state.week_rate[week] = ite(first, rate, state.week_rate[week])
    state.week_nrs[week] = ite(first, received.nrs, state.week_nrs[week])
    state.owed = lo(state.owed + bolus, NEVER)
    state.since_change = next_since_change(state.since_change, rate, state.prev_rate, received.unverified, NEVER)
    state.since_increase = next_since_increase(state.since_increase, rate, state.prev_rate, NEVER)
    state.since_bolus = next_since_bolus(state.since_bolus, bolus, NEVER)
    state.baseline = ite(both(received.clear > 0, state.lock_resp == 0), rate, state.baseline)
    state.prev_rate = rate
    state.ticks = state.ticks + 1


def shield_tick(state: Any, par: Any, received: Any, request: Any, bolus: Any, valid: Any) -> None:
    """Judge one request and book what is allowed; the verdict stands in ``state``.

    Args:
        state, par, received: SHIELD_STATE, SHIELD_PAR and SHIELD_INPUT records.
        request, bolus: requested rate (nL per tick) and bolus (nL); any integers.
        valid: ASKED; UNASKED where the pump holds between two decisions (a bolus may still be asked for); anything else says why
            the request cannot be used (MALFORMED, WRONG_UNITS, OUTDATED): the rate is held and no bolus given.
    """
    read_back(state, par, received)
    state.errors = next_errors(state.errors, valid, received.clear, par.errors_most)
    update_locks(state, par, received)
    pace(state, par, received)
    prev = state.prev_rate
    raw_rate = bounded(request, par.rate_step)
    raw_bolus = bounded(bolus, par.bolus_step)
    asked, size, kept, marks = admit(state, par, received, raw_rate, raw_bolus, valid)
    refused = refusal(valid)
    latched = state.lock_resp > 0
    restart = restarts(state.gap, received.stopped, par.gap_most)
    state.gap = next_gap(state.gap, received.stopped)
    low = fdiv(prev * par.restart_permille, 1000)
    held_most = held_rate(state, par, prev, flag(state.excess > 0, 1))
    over = both(state.excess > 0, held_most < prev)
    left = lo(ite(latched, state.lock_rate, REQUEST_LIMIT), ite(restart, low, REQUEST_LIMIT))
    lock_rate = lo(left, ite(over, held_most, REQUEST_LIMIT))
    locked = either(either(latched, restart), over)
    long_ago = state.day_rate[rest(fdiv(state.ticks, TICKS_PER_DAY) + 1, DAYS_BACK + 1)]
    rate, rate_marks = decide_rate(state, par, long_ago, asked, state.holds, locked, lock_rate)
    given, bolus_marks = decide_bolus(state, par, received.reservoir_nl, rate, size, state.denies)
    marks = union(marks, union(rate_marks, ite(asked > prev, state.holds, 0)))
    marks = union(marks, ite(size == 0, 0, union(state.denies, bolus_marks)))
    marks = union(marks, union(locked_bits(asked, latched, lock_rate), flag(both(restart, asked > lock_rate), RESTART)))
    marks = union(marks, flag(both(over, asked > lock_rate), READ_BACK))
    lowered = flag(both(locked, rate < asked), ite(rate <= par.min_rate, MINRATE, REDUCE))
    # What could not be used is held in every mode.
    usable = refused == 0
    changed = either(differs(rate, ite(valid == ASKED, raw_rate, prev)) > 0, differs(given, raw_bolus) > 0)
    replaced = both(par.mode == REPLACE, both(usable, changed))
    held, _ = decide_rate(state, par, long_ago, kept, state.holds, locked, lock_rate)
    free_rate, free_bolus = unshielded(par, raw_rate, raw_bolus)
    limited = par.mode < MONITOR
    state.violations = marks
    state.binding = ite(limited, marks, refused)
    fallback = hi(hi(state.fallback, lowered), flag(replaced, HOLD))
    state.fallback = ite(limited, fallback, flag(refused > 0, HOLD))
    state.allowed_rate = ite(limited, ite(replaced, held, rate), ite(valid == ASKED, free_rate, prev))
    state.allowed_bolus = ite(limited, ite(replaced, 0, given), ite(usable, free_bolus, 0))
    book(state, par, received, state.allowed_rate, state.allowed_bolus)
