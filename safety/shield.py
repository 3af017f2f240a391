"""The shield in the tick: locks, the integer kernel in its compiled reading, the ledger, and the verdict.

:func:`shield_tick` is the only way from a request to the pump. It cannot raise, it allocates nothing, and whatever it is
given it leaves an allowed rate and bolus in the state.
"""

from __future__ import annotations

import math
import types
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.physiology.jit import kernel
from thecal.safety import kernel as source
from thecal.safety import ops
from thecal.safety.invariants import Fallback, Invariant, ShieldMode
from thecal.safety.records import CONFIRM, DAYS_BACK, SHIELD_STATE, TICKS_PER_DAY, WINDOW

__all__ = ["ShieldMode", "largest_bolus", "new_shield_state", "quantize_request", "shield_tick"]

_REQUEST_LIMIT = 1 << 40
_NEVER = 1 << 40
_ALL_SAMPLES = (1 << CONFIRM) - 1


def _compiled_reading() -> dict[str, Any]:
    """The kernel's functions, their bytecode bound to compiled helper operations."""
    helpers = {name: kernel(getattr(ops, name)) for name in ("lo", "hi", "ite", "both", "either", "fdiv")}
    bound: dict[str, Any] = {}
    for name, function in vars(source).items():
        if isinstance(function, types.FunctionType) and function.__module__ == source.__name__:
            bound[name] = kernel(types.FunctionType(function.__code__, {**helpers, "range": range}, name))
    return bound


_READING = _compiled_reading()
_sustainable = _READING["sustainable"]
_bolus_room = _READING["bolus_room"]
_withdrawal_floor = _READING["withdrawal_floor"]
_step_ceiling = _READING["step_ceiling"]
_rise_ceiling = _READING["rise_ceiling"]
_choose_rate = _READING["choose_rate"]
_largest_bolus = _READING["largest_bolus"]
_choose_bolus = _READING["choose_bolus"]
_may_rise = _READING["may_rise"]
_may_bolus = _READING["may_bolus"]
_vital_level = _READING["vital_level"]

_FINITE = 1 << Invariant.FINITE
_ENVELOPE = 1 << Invariant.ENVELOPE
_CAP = 1 << Invariant.CAP_24H
_STEP = 1 << Invariant.STEP_UP
_INTERVAL = 1 << Invariant.INTERVAL
_FLOOR = 1 << Invariant.FLOOR
_SIZE = 1 << Invariant.BOLUS_SIZE
_LOCKOUT = 1 << Invariant.LOCKOUT
_COUNT = 1 << Invariant.BOLUS_COUNT
_RESP = 1 << Invariant.RESPIRATORY_LOCK
_SEDATION = 1 << Invariant.SEDATION_LOCK
_STALE = 1 << Invariant.STALE
_RISE = 1 << Invariant.RISE_28D
_HOLD = int(Fallback.HOLD)
_REDUCE = int(Fallback.REDUCE)
_REPLACE = int(ShieldMode.REPLACE)
_MONITOR = int(ShieldMode.MONITOR)


@kernel
def quantize_request(rate_nl, bolus_nl):
    """(rate, bolus, valid) as integers rounded down; valid is 0, and both 0, when a number is not finite.

    Finiteness is checked before any comparison, because comparisons let NaN through.
    """
    if not (math.isfinite(rate_nl) and math.isfinite(bolus_nl)):
        return 0, 0, 0
    rate = math.floor(min(max(rate_nl, -float(_REQUEST_LIMIT)), float(_REQUEST_LIMIT)))
    bolus = math.floor(min(max(bolus_nl, -float(_REQUEST_LIMIT)), float(_REQUEST_LIMIT)))
    return rate, bolus, 1


@kernel
def largest_bolus(state, par):
    """The largest bolus (nL) the size limit allows at the rate in force."""
    return _largest_bolus(state.prev_rate, par.bolus_abs, par.bolus_permille, TICKS_PER_DAY)


@kernel
def _count_bits(bits):
    return (bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1)


@kernel
def _confirmed(bits, rr, spo2, rr_limit, spo2_limit):
    """Note the samples that arrived; 1 when two of the last three valid ones were low, those of one tick counting once.

    Each signal keeps its own three, so that a signal that still arrives cannot push out what the other one showed.
    """
    if rr >= 0:
        bits[0] = (bits[0] << 1 | _vital_level(rr, -1, rr_limit, spo2_limit)) & _ALL_SAMPLES
    if spo2 >= 0:
        bits[1] = (bits[1] << 1 | _vital_level(-1, spo2, rr_limit, spo2_limit)) & _ALL_SAMPLES
    return 1 if _count_bits(bits[0] | bits[1]) >= 2 else 0


@kernel
def update_locks(state, par, rr, spo2, poss, clear):
    """Advance the locks by one tick of vital signs (tenths, -1 for missing) and sedation score.

    Two of the last three valid samples confirm. A latched lock ends only with ``clear`` (a clinician's act), after the watch
    time and without a warning; a policy has no part in it.
    """
    state.rr_age = 0 if rr >= 0 else state.rr_age + 1
    state.spo2_age = 0 if spo2 >= 0 else state.spo2_age + 1
    state.stale = 1 if state.rr_age > par.stale or state.spo2_age > par.stale else 0
    state.warn = _confirmed(state.warn_bits, rr, spo2, par.rr_warn, par.spo2_warn)
    depressed = _confirmed(state.lock_bits, rr, spo2, par.rr_lock, par.spo2_lock)
    state.lock_sedation = 1 if poss >= par.poss_hold else 0
    if state.lock_resp == 1:
        state.lock_age += 1
        well = state.warn == 0 and state.stale == 0 and poss < par.poss_hold
        if clear == 1 and state.lock_age >= par.watch and well:
            state.lock_resp = 0
    elif depressed == 1 or poss >= par.poss_lock:
        state.lock_resp = 1
        state.lock_age = 0
        state.lock_rate = state.prev_rate * par.lock_permille // 1000


@kernel
def _rate_violations(state, par, request, ceiling, sustain, rise_top, floor):
    """Bits of the limits that the requested rate breaks."""
    broken = 0
    if request > par.max_rate or request < min(par.min_rate, state.prev_rate):
        broken |= _ENVELOPE
    if request > state.prev_rate:
        if request > sustain:
            broken |= _CAP
        if request > rise_top:
            broken |= _RISE
        if state.since_increase < par.interval:
            broken |= _INTERVAL
        elif request > _step_ceiling(state.prev_rate, par.step_permille, True):
            broken |= _STEP
        broken |= _withheld_bits(state)
    if request < floor:
        broken |= _FLOOR
    if state.lock_resp == 1 and request > state.lock_rate:
        broken |= _RESP
    return broken


@kernel
def _withheld_bits(state):
    bits = _RESP if state.lock_resp == 1 or state.warn == 1 else 0
    if state.lock_sedation == 1:
        bits |= _SEDATION
    if state.stale == 1:
        bits |= _STALE
    return bits


@kernel
def _bolus_violations(state, par, request, largest, room):
    """Bits of the limits that the requested bolus breaks."""
    if request == 0:
        return 0
    broken = _withheld_bits(state)
    if request < 0:
        broken |= _ENVELOPE
    if request > largest:
        broken |= _SIZE
    if request > room:
        broken |= _CAP
    if state.since_bolus < par.lockout:
        broken |= _LOCKOUT
    if state.bolus_count >= par.bolus_most:
        broken |= _COUNT
    return broken


@kernel
def decide(state, par, request, bolus):
    """(rate, bolus, violations): the kernel's answer to a request of integers, locks already up to date."""
    prev = state.prev_rate
    withheld = state.warn + state.lock_resp + state.lock_sedation + state.stale
    rise = 1 if request > prev else 0
    sustain = _REQUEST_LIMIT
    for d in range(par.n_drugs):
        sustain = _sustainable(state.ledger[d], WINDOW, par.cap_pg[d], par.conc[d], sustain, rise)
    long_ago = state.day_rate[(state.ticks // TICKS_PER_DAY + 1) % (DAYS_BACK + 1)]
    rise_top = _rise_ceiling(prev, long_ago, par.rise_permille)
    top = _step_ceiling(prev, par.step_permille, _may_rise(state.since_increase, par.interval, withheld))
    ceiling = min(min(top, rise_top), sustain)
    floor = _withdrawal_floor(state.highest24, par.keep_permille, par.rate_step, prev, state.ticks >= par.exposed_after)
    locked = state.lock_resp == 1
    rate = _choose_rate(
        request, prev, ceiling, floor, par.min_rate, par.max_rate, par.rate_step, locked, state.lock_rate
    )
    largest = _largest_bolus(rate, par.bolus_abs, par.bolus_permille, TICKS_PER_DAY)
    ask = 1 if bolus > 0 else 0
    room = _REQUEST_LIMIT
    for d in range(par.n_drugs):
        if ask == 1:
            room = min(room, _bolus_room(state.ledger[d], WINDOW, par.cap_pg[d], par.conc[d], rate, ask))
    permitted = _may_bolus(state.since_bolus, par.lockout, state.bolus_count, par.bolus_most, withheld)
    given = _choose_bolus(bolus, largest, room, par.bolus_step, permitted)
    broken = _rate_violations(state, par, request, ceiling, sustain, rise_top, floor)
    return rate, given, broken | _bolus_violations(state, par, bolus, largest, room)


@kernel
def _book(state, par, rate, bolus):
    """Write one tick of commanded delivery into the ledger, and advance counters and rings."""
    volume = rate + bolus
    for d in range(par.n_drugs):
        ledger = state.ledger[d]
        for k in range(WINDOW - 1):
            ledger[k] = ledger[k + 1]
        ledger[WINDOW - 1] = volume * par.conc[d]
        # ledger[0] is now the tick that has just left the last 24 h.
        state.dose24[d] += ledger[WINDOW - 1] - ledger[0]
    slot = state.ticks % TICKS_PER_DAY
    flag = 1 if bolus > 0 else 0
    state.bolus_count += flag - state.bolus_flag[slot]
    state.bolus_flag[slot] = flag
    leaving = state.rate_hist[slot]
    state.rate_hist[slot] = rate
    if rate >= state.highest24:
        state.highest24 = rate
    elif leaving == state.highest24:
        highest = rate
        for k in range(TICKS_PER_DAY):
            highest = max(highest, state.rate_hist[k])
        state.highest24 = highest
    if slot == 0:
        state.day_rate[state.ticks // TICKS_PER_DAY % (DAYS_BACK + 1)] = rate
    # Counted from the tick of the rise, so that a rise every 24 h may come at the same hour each day.
    state.since_increase = 1 if rate > state.prev_rate else min(state.since_increase + 1, _NEVER)
    state.since_bolus = 0 if bolus > 0 else min(state.since_bolus + 1, _NEVER)
    state.prev_rate = rate
    state.ticks += 1


@kernel
def _unshielded(par, request, bolus):
    """The request within the pump's own envelope and grid: all that stands in MONITOR and OFF."""
    rate = min(max(request, 0), par.max_rate) // par.rate_step * par.rate_step
    rate = rate if rate >= par.min_rate else 0  # between the two the pump runs nothing that was asked for
    return rate, min(max(bolus, 0), par.max_rate * TICKS_PER_DAY) // par.bolus_step * par.bolus_step


@kernel
def shield_tick(state, par, request, bolus, valid, rr, spo2, poss, clear):
    """Judge one request and book what is allowed.

    Args:
        state, par: SHIELD_STATE and SHIELD_PAR records.
        request, bolus: requested rate (nL per tick) and bolus (nL); any integers.
        valid: 0 when the request was not finite or malformed: the rate is held and no bolus given.
        rr, spo2: vital signs in tenths, -1 when this tick's sample is missing.
        poss: last observed sedation score, 1-4.
        clear: 1 when a clinician clears a latched lock.
    """
    update_locks(state, par, rr, spo2, poss, clear)
    request = min(max(request, -_REQUEST_LIMIT), _REQUEST_LIMIT) // par.rate_step * par.rate_step
    bolus = min(max(bolus, -_REQUEST_LIMIT), _REQUEST_LIMIT) // par.bolus_step * par.bolus_step
    state.fallback = 0
    broken = 0
    if valid == 0:
        request, bolus, broken = state.prev_rate, 0, _FINITE
        state.fallback = _HOLD
    rate, given, more = decide(state, par, request, bolus)
    state.violations = broken | more
    state.binding = broken | more
    if state.lock_resp == 1 and rate < request and par.mode < _MONITOR:
        state.fallback = _REDUCE
    if par.mode >= _MONITOR:
        rate, given = _unshielded(par, request, bolus)
        state.binding = broken
    elif par.mode == _REPLACE and (rate != request or given != bolus):
        rate, given, _ = decide(state, par, state.prev_rate, 0)
        state.fallback = max(state.fallback, _HOLD)
    state.allowed_rate = rate
    state.allowed_bolus = given
    _book(state, par, rate, given)


def new_shield_state(par: NDArray[np.void] | np.void, start_rate_nl: int) -> Any:
    """The shield on the day of the implant: an empty ledger, the starting rate in force and in the 28-day history.

    A bolus is possible from the first tick on as far as vital signs and limits allow; the first rise waits a whole interval.
    The withdrawal floor holds only after the profile's exposure time.
    """
    state = np.zeros(1, SHIELD_STATE)[0]
    # Held rates are sustainable by induction; this is where the induction starts.
    sustained = (int(par["cap_pg"][d]) // (WINDOW * int(par["conc"][d])) for d in range(int(par["n_drugs"])))
    rate = min(int(start_rate_nl), *sustained) // int(par["rate_step"]) * int(par["rate_step"])
    rate = min(max(rate, int(par["min_rate"])), int(par["max_rate"]))
    state["prev_rate"] = state["allowed_rate"] = state["highest24"] = rate
    state["rate_hist"] = rate
    state["day_rate"] = rate
    state["since_bolus"] = par["lockout"]
    return state
