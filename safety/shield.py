"""The shield in the tick: memory, locks, the integer kernel in its compiled reading, and the verdict.

:func:`shield_tick` is the only way from a request to the pump. It cannot raise, it allocates nothing, and whatever it is
given it leaves an allowed rate and bolus in the state. Everything that decides lies in ``kernel.py`` and ``locks.py``; here
their answers are put together and remembered.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.physiology.jit import kernel
from thecal.safety import bits, locks, ops
from thecal.safety import kernel as source
from thecal.safety.invariants import Fallback, ShieldMode
from thecal.safety.readings import HELPERS, bind
from thecal.safety.records import (
    DAYS_BACK,
    NEVER,
    REQUEST_LIMIT,
    SHIELD_STATE,
    TICKS_PER_DAY,
    TICKS_PER_WEEK,
    WEEKS_BACK,
    WINDOW,
)

_HELPERS = {name: kernel(getattr(ops, name)) for name in HELPERS}
KERNEL = bind(source, _HELPERS, wrap=kernel)
LOCKS = bind(locks, _HELPERS, wrap=kernel)
_decide_rate, _decide_bolus = KERNEL["decide_rate"], KERNEL["decide_bolus"]
_bounded, _largest_bolus, _locked_bits = KERNEL["bounded"], KERNEL["largest_bolus"], KERNEL["locked_bits"]
_next_since_increase, _next_since_bolus = KERNEL["next_since_increase"], KERNEL["next_since_bolus"]
_is_low, _next_samples, _confirmed = LOCKS["is_low"], LOCKS["next_samples"], LOCKS["confirmed"]
_believable, _next_same, _next_age = LOCKS["believable"], LOCKS["next_same"], LOCKS["next_age"]
_is_stale, _latch, _reduced_rate = LOCKS["is_stale"], LOCKS["latch"], LOCKS["reduced_rate"]
_pocket_fill, _next_gap, _restarts = LOCKS["pocket_fill"], LOCKS["next_gap"], LOCKS["restarts"]
_next_errors, _escalated, _leased = LOCKS["next_errors"], LOCKS["escalated"], LOCKS["leased"]
_authorised, _authorised_bolus = LOCKS["authorised"], LOCKS["authorised_bolus"]
_shared_holds, _rise_holds, _bolus_denials = LOCKS["shared_holds"], LOCKS["rise_holds"], LOCKS["bolus_denials"]

_FINITE, _UNITS, _COMMAND = bits.FINITE, bits.UNITS, bits.COMMAND
_LEASE, _AUTHORITY, _RESTART = bits.LEASE, bits.AUTHORITY, bits.RESTART
_HOLD, _SAFE = int(Fallback.HOLD), int(Fallback.SAFE_BASAL)
_REDUCE, _MINRATE = int(Fallback.REDUCE), int(Fallback.MINRATE)
_REPLACE, _MONITOR = int(ShieldMode.REPLACE), int(ShieldMode.MONITOR)


@kernel
def quantize_request(rate_nl, bolus_nl):
    """(rate, bolus, valid) as integers rounded down; valid is 0, and both 0, when a number is not finite.

    Finiteness is checked before any comparison, because comparisons let NaN through.
    """
    if not (math.isfinite(rate_nl) and math.isfinite(bolus_nl)):
        return 0, 0, 0
    rate = math.floor(min(max(rate_nl, -float(REQUEST_LIMIT)), float(REQUEST_LIMIT)))
    bolus = math.floor(min(max(bolus_nl, -float(REQUEST_LIMIT)), float(REQUEST_LIMIT)))
    return rate, bolus, 1


@kernel
def largest_bolus(state, par):
    """The largest bolus (nL) the size limit allows at the rate in force."""
    return _largest_bolus(state.prev_rate, par.bolus_abs, par.bolus_permille, par.max_rate)


@kernel
def _read_vitals(state, par, facts):
    """Note the vital signs that arrived; returns 1 when breathing is depressed."""
    rr, spo2 = facts.rr, facts.spo2
    good_rr = _believable(rr, state.rr_last, par.rr_jump)
    good_spo2 = _believable(spo2, state.spo2_last, par.spo2_jump)
    state.jumped = 1 if (rr >= 0 and not good_rr) or (spo2 >= 0 and not good_spo2) else 0
    state.rr_same = _next_same(state.rr_same, rr, state.rr_last)
    state.rr_age = _next_age(state.rr_age, good_rr)
    state.spo2_age = _next_age(state.spo2_age, good_spo2)
    state.rr_last = rr if rr >= 0 else state.rr_last
    state.spo2_last = spo2 if spo2 >= 0 else state.spo2_last
    state.stale = _is_stale(state.rr_age, state.spo2_age, state.rr_same, par.stale, par.flat)
    # A leap towards health is no sample; a low value always is.
    state.warn_samples[0] = _next_samples(state.warn_samples[0], good_rr, _is_low(rr, par.rr_warn))
    state.warn_samples[1] = _next_samples(state.warn_samples[1], good_spo2, _is_low(spo2, par.spo2_warn))
    state.lock_samples[0] = _next_samples(state.lock_samples[0], good_rr, _is_low(rr, par.rr_lock))
    state.lock_samples[1] = _next_samples(state.lock_samples[1], good_spo2, _is_low(spo2, par.spo2_lock))
    state.warn = _confirmed(state.warn_samples[0], state.warn_samples[1])
    seen = facts.sbp >= 0 or facts.map >= 0 or facts.hr >= 0
    low = max(_is_low(facts.sbp, par.sbp_low), _is_low(facts.map, par.map_low), _is_low(facts.hr, par.hr_low))
    state.haemo_samples = _next_samples(state.haemo_samples, seen, low)
    return _confirmed(state.lock_samples[0], state.lock_samples[1])


@kernel
def update_locks(state, par, facts):
    """Advance the locks by one tick of facts.

    A latched lock ends only with ``facts.clear`` (a clinician's act), after the watch time and without a warning; a policy has
    no part in it.
    """
    depressed = _read_vitals(state, par, facts)
    state.lock_sedation = 1 if facts.poss >= par.poss_hold else 0
    pocket = _pocket_fill(facts.poss, par.poss_hold, facts.since_refill, par.pocket_watch)
    well = state.warn == 0 and state.stale == 0 and facts.poss < par.poss_hold
    was = state.lock_resp
    trigger = depressed == 1 or facts.poss >= par.poss_lock or pocket
    state.lock_resp, state.lock_age = _latch(was, trigger, state.lock_age, par.watch, facts.clear, well)
    if was == 0 and state.lock_resp == 1:
        state.lock_rate = _reduced_rate(state.prev_rate, par.lock_permille, par.min_rate, pocket)
    week = state.ticks // TICKS_PER_WEEK
    then = (week + 1) % (WEEKS_BACK + 1)
    state.escalated = 0
    if week >= WEEKS_BACK and _escalated(
        state.prev_rate, state.week_rate[then], par.escalation_permille, facts.nrs, state.week_nrs[then]
    ):
        state.escalated = 1
    state.holds = _shared_holds(state, par, facts)
    state.denies = state.holds | _bolus_denials(state, par, facts)
    state.holds |= _rise_holds(state, par, facts)


@kernel
def _judge(state, par, facts, request, bolus, locked, lock_rate):
    """(rate, bolus, broken): the kernel's answer to a request of integers, locks already up to date."""
    long_ago = state.day_rate[(state.ticks // TICKS_PER_DAY + 1) % (DAYS_BACK + 1)]
    rate, broken = _decide_rate(state, par, long_ago, request, state.holds, locked, lock_rate)
    if request > state.prev_rate:
        broken |= state.holds
    given, more = _decide_bolus(state, par, facts.reservoir_nl, rate, bolus, state.denies)
    if bolus != 0:
        broken |= state.denies | more
    return rate, given, broken


@kernel
def _book(state, par, facts, rate, bolus):
    """Write one tick of commanded delivery into the ledger, and advance counters and rings."""
    volume = rate + bolus
    for d in range(par.n_caps):
        ledger = state.ledger[d]
        for k in range(WINDOW - 1):
            ledger[k] = ledger[k + 1]
        ledger[WINDOW - 1] = volume * par.conc[d]
        # ledger[0] is now the tick that has just left the last 24 h.
        state.dose24[d] += ledger[WINDOW - 1] - ledger[0]
    slot = state.ticks % TICKS_PER_DAY
    given = 1 if bolus > 0 else 0
    state.bolus_count += given - state.bolus_flag[slot]
    state.bolus_flag[slot] = given
    leaving = state.rate_hist[slot]
    state.rate_hist[slot] = rate
    if rate >= state.highest24:
        state.highest24 = rate
    elif leaving == state.highest24:
        highest = rate
        for k in range(TICKS_PER_DAY):
            highest = max(highest, state.rate_hist[k])
        state.highest24 = highest
    today = state.ticks // TICKS_PER_DAY % (DAYS_BACK + 1)
    state.day_rate[today] = rate if slot == 0 else min(rate, state.day_rate[today])
    if state.ticks % TICKS_PER_WEEK == 0:
        week = state.ticks // TICKS_PER_WEEK % (WEEKS_BACK + 1)
        state.week_rate[week] = rate
        state.week_nrs[week] = facts.nrs
    state.since_increase = _next_since_increase(state.since_increase, rate, state.prev_rate, NEVER)
    state.since_bolus = _next_since_bolus(state.since_bolus, bolus, NEVER)
    if facts.clear == 1 and state.lock_resp == 0:
        state.baseline = rate
    state.prev_rate = rate
    state.ticks += 1


@kernel
def _unshielded(par, request, bolus):
    """The request within the pump's own envelope and grid: all that stands in MONITOR and OFF."""
    rate = min(max(request, 0), par.max_rate) // par.rate_step * par.rate_step
    rate = rate if rate >= par.min_rate else 0  # between the two the pump runs nothing that was asked for
    return rate, min(max(bolus, 0), par.max_rate * TICKS_PER_DAY) // par.bolus_step * par.bolus_step


@kernel
def _admit(state, par, facts, request, bolus, valid):
    """(request, bolus, bits): what is left of a request after integrity, lease and authority."""
    broken = 0
    if valid < 1:
        request, bolus = state.prev_rate, 0
        broken = _FINITE if valid == 0 else _UNITS if valid == -1 else _COMMAND
        state.fallback = _HOLD
        state.since_command = min(state.since_command + 1, NEVER)
    else:
        state.since_command = 0
    held = _leased(request, state.prev_rate, state.since_command, par.lease, state.baseline)
    if held != request:
        broken |= _LEASE
        state.fallback = _SAFE
    asked = _authorised(held, state.prev_rate, par.stage, facts.clear)
    size = _authorised_bolus(bolus, par.stage)
    if asked != held or size != bolus:
        broken |= _AUTHORITY
    return asked, size, broken


@kernel
def shield_tick(state, par, facts, request, bolus, valid):
    """Judge one request and book what is allowed.

    Args:
        state, par, facts: SHIELD_STATE, SHIELD_PAR and SHIELD_FACTS records.
        request, bolus: requested rate (nL per tick) and bolus (nL); any integers.
        valid: 1, or why the request cannot be used: 0 not finite or malformed, -1 units, -2 stale or repeated. The rate is
            then held and no bolus given.
    """
    state.fallback = 0
    state.errors = _next_errors(state.errors, valid, facts.clear, par.errors_most)
    update_locks(state, par, facts)
    raw_rate = _bounded(request, par.rate_step)
    raw_bolus = _bounded(bolus, par.bolus_step)
    request, bolus, broken = _admit(state, par, facts, raw_rate, raw_bolus, valid)
    restart = _restarts(state.gap, facts.stopped, par.gap_most)
    state.gap = _next_gap(state.gap, facts.stopped)
    locked = state.lock_resp == 1 or restart
    lock_rate = state.lock_rate if state.lock_resp == 1 else REQUEST_LIMIT
    if restart:
        lock_rate = min(lock_rate, state.prev_rate * par.restart_permille // 1000)
        broken |= _RESTART if request > lock_rate else 0
    rate, given, more = _judge(state, par, facts, request, bolus, locked, lock_rate)
    broken |= more | _locked_bits(request, state.lock_resp == 1, lock_rate)
    state.violations = broken
    state.binding = broken
    if locked and rate < request and par.mode < _MONITOR:
        state.fallback = max(state.fallback, _MINRATE if rate <= par.min_rate else _REDUCE)
    if par.mode >= _MONITOR:
        # What could not be used is held in every mode; a request that could runs as it stands.
        rate, given = _unshielded(par, raw_rate, raw_bolus) if valid == 1 else (state.prev_rate, 0)
        state.binding = broken & (_FINITE | _UNITS | _COMMAND)
    elif par.mode == _REPLACE and (rate != raw_rate or given != raw_bolus) and valid == 1:
        rate, given, _ = _judge(state, par, facts, state.prev_rate, 0, locked, lock_rate)
        state.fallback = max(state.fallback, _HOLD)
    state.allowed_rate = rate
    state.allowed_bolus = given
    _book(state, par, facts, rate, given)


def new_shield_state(par: NDArray[np.void] | np.void, start_rate_nl: int) -> Any:
    """The shield on the day of the implant: an empty ledger, the starting rate in force and in the 28-day history.

    A bolus is possible from the first tick on as far as vital signs and limits allow; the first rise waits a whole interval.
    The withdrawal floor holds only after the profile's exposure time.
    """
    state = np.zeros(1, SHIELD_STATE)[0]
    # Held rates are sustainable by induction; this is where the induction starts.
    sustained = (int(par["cap_pg"][d]) // (WINDOW * int(par["conc"][d])) for d in range(int(par["n_caps"])))
    rate = min(int(start_rate_nl), *sustained) // int(par["rate_step"]) * int(par["rate_step"])
    rate = min(max(rate, int(par["min_rate"])), int(par["max_rate"]))
    state["prev_rate"] = state["allowed_rate"] = state["highest24"] = state["baseline"] = rate
    state["rate_hist"] = rate
    state["day_rate"] = rate
    state["week_nrs"] = state["rr_last"] = state["spo2_last"] = -1
    state["since_bolus"] = par["lockout"]
    return state
