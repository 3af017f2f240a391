"""What a programmer tells the pump: basal rate, bolus, day schedule, bridge, prime, stop, and the patient's own boluses.

The program is kept in whole nL per pump tick and only ever rounded down. Every change is an entry of the log with id and
time. A pump that waits for a reset takes no command. Numbered commands are in ``receiver``.
"""

from __future__ import annotations

import math
from typing import Any

from thecal.core.jit import kernel
from thecal.core.layout import TICK_H, TICKS_PER_DAY
from thecal.devices.alarms import PumpEvent, note
from thecal.devices.records import BRIDGE, CONTINUOUS, FLEX, MIN_RATE, ML_PER_NL, N_GRANTS, N_PARTS, STOPPED

_PROGRAM, _FLEX, _BRIDGE = int(PumpEvent.PROGRAM), int(PumpEvent.FLEX), int(PumpEvent.BRIDGE)
_BRIDGE_END, _PRIME, _CANCELED = int(PumpEvent.BRIDGE_END), int(PumpEvent.PRIME), int(PumpEvent.BOLUS_CANCELED)
_GIVEN, _DENIED = int(PumpEvent.PATIENT_BOLUS), int(PumpEvent.PATIENT_DENIED)
_REFUSED, _SETTINGS = int(PumpEvent.REFUSED), int(PumpEvent.PATIENT_SETTINGS)
_DAY_H = 24.0


def programmable_rate(rate_nl: Any, step_nl: Any, min_mode_nl: Any, min_nl: Any, max_nl: Any) -> Any:
    """The basal rate a pump runs when asked for ``rate_nl``; all in nL per pump tick, never above what was asked.

    Above the range: the highest rate. Within it: rounded down to the step. Below it, but not below the rate of the
    minimum-rate mode: that mode. Lower still: stopped, because anything else would round up.
    """
    if rate_nl >= max_nl:
        return max_nl
    if rate_nl >= min_nl:
        return int(rate_nl) // step_nl * step_nl
    return min_mode_nl if rate_nl >= min_mode_nl else 0


def program_mode(rate_nl: Any, min_nl: Any) -> Any:
    """The mode in which a pump runs an accepted basal rate (nL per pump tick)."""
    if rate_nl >= min_nl:
        return CONTINUOUS
    return MIN_RATE if rate_nl > 0 else STOPPED


_programmable_rate = kernel(programmable_rate)
_program_mode = kernel(program_mode)


@kernel
def _on_grid(state, par, rate_nl):
    """The rate the pump will run for an order of ``rate_nl``, a programming error included."""
    asked = rate_nl * state.program_scale if state.program_scale > 0.0 else rate_nl
    return _programmable_rate(asked, par.rate_step_nl, par.min_mode_rate_nl, par.min_rate_nl, par.max_rate_nl)


@kernel
def takes(state, par, number):
    """Whether the pump takes a command with this number in it."""
    return par.rate_adjustable == 1 and state.latched == 0 and 0 <= number < math.inf


@kernel
def cancel_bolus(state):
    """Stop a running bolus; returns the programmed volume that will not be infused, nL."""
    canceled = state.bolus_left_nl
    if canceled > 0.0:
        note(state, _CANCELED, canceled, 0.0)
    state.bolus_left_nl = 0.0
    return canceled


@kernel
def _lock_patient(state):
    """A lockout of the patient's bolus also begins with any new program (myPTM clinician guide)."""
    if state.ptm_bolus_nl > 0:
        state.ptm_locked_until_h = max(state.ptm_locked_until_h, state.age_h + state.ptm_lockout_h)


@kernel
def command(state, par, rate_nl, bolus_nl):
    """Program the coming pump tick with what the shield allowed.

    The rate follows :func:`programmable_rate`; the bolus is rounded down to the pump's step and joins one that still
    runs. A stopped pump and the minimum-rate mode run no bolus: entering either cancels a running one. A command with a
    number that is not finite or is negative is refused whole, as is every command to a constant-flow pump and to one that
    waits for a clinician's reset: the program stays as it was.

    Args:
        state: PUMP_STATE record, changed in place.
        par: PUMP_PAR record.
        rate_nl: basal rate, nL per pump tick.
        bolus_nl: bolus to start now, nL (0 for none).

    Returns:
        (rate_nl, bolus_nl) as programmed: the basal rate that runs from now on and the bolus accepted now.
    """
    if not takes(state, par, rate_nl) or not 0 <= bolus_nl < math.inf:
        return state.rate_nl, 0
    rate = _on_grid(state, par, rate_nl)
    changed = rate != state.rate_nl
    state.rate_nl = rate
    state.mode = _program_mode(rate, par.min_rate_nl)
    bolus = 0
    if state.mode != CONTINUOUS:
        cancel_bolus(state)
    elif bolus_nl > 0:
        scaled = bolus_nl * state.program_scale if state.program_scale > 0.0 else bolus_nl
        # No bolus is larger than a reservoir; the cap also keeps the integer conversion defined.
        bolus = int(min(scaled, par.capacity_ml / ML_PER_NL)) // par.bolus_step_nl * par.bolus_step_nl
        state.bolus_left_nl += bolus
    if changed or bolus > 0:
        note(state, _PROGRAM, float(rate), float(bolus))
    if changed:
        _lock_patient(state)
    return rate, bolus


@kernel
def single_bolus(state, par, bolus_nl, flow_nl):
    """One bolus on top of the program that runs, at ``flow_nl`` (nL per pump tick; 0 for the highest flow).

    Returns:
        The volume accepted, nL; 0 when refused (not a number, or the pump runs no more than its minimum rate).
    """
    if not takes(state, par, bolus_nl) or not 0 <= flow_nl <= par.max_flow_nl or state.mode <= MIN_RATE:
        note(state, _REFUSED, bolus_nl, float(flow_nl))
        return 0
    bolus = int(min(bolus_nl, par.capacity_ml / ML_PER_NL)) // par.bolus_step_nl * par.bolus_step_nl
    state.bolus_flow_nl = flow_nl
    state.bolus_left_nl += bolus
    note(state, _PROGRAM, float(state.rate_nl), float(bolus))
    return bolus


@kernel
def program_flex(state, par, part_tick, part_rate_nl, n_parts):
    """Program a day of up to N_PARTS steps, repeated every day by the pump's clock; a running bolus goes on.

    Args:
        state, par: PUMP_STATE and PUMP_PAR records.
        part_tick: ``[n]`` pump ticks of the day (0-95) at which the steps begin, ascending; the last one runs over midnight.
        part_rate_nl: ``[n]`` basal rates, nL per pump tick; each follows :func:`programmable_rate`.
        n_parts: number of steps, 1 to N_PARTS.

    Returns:
        1 when programmed; 0, and nothing changed, when refused.
    """
    good = 1 <= n_parts <= N_PARTS and takes(state, par, 0)
    for k in range(n_parts if good else 0):
        good = good and takes(state, par, part_rate_nl[k]) and 0 <= part_tick[k] < TICKS_PER_DAY
        good = good and (k == 0 or part_tick[k] > part_tick[k - 1])
    if not good:
        note(state, _REFUSED, float(n_parts), 0.0)
        return 0
    for k in range(n_parts):
        state.part_tick[k] = part_tick[k]
        state.part_rate_nl[k] = _on_grid(state, par, part_rate_nl[k])
    state.n_parts = n_parts
    state.mode = FLEX
    note(state, _FLEX, float(n_parts), 0.0)
    _lock_patient(state)
    follow_schedule(state)
    return 1


@kernel
def follow_schedule(state):
    """Set the basal rate of the coming pump tick: the day's step by the pump's clock, or the end of a bridge."""
    if state.mode == FLEX:
        clock = (state.start_clock_h + state.age_h + state.clock_offset_h) % _DAY_H
        tick = int(clock / TICK_H + 1e-6) % TICKS_PER_DAY
        part = state.n_parts - 1
        for k in range(state.n_parts):
            if state.part_tick[k] <= tick:
                part = k
        state.rate_nl = state.part_rate_nl[part]
    elif state.mode == BRIDGE:
        if state.bridge_left_nl <= 0.0:
            state.rate_nl = state.after_bridge_nl
            state.mode = CONTINUOUS if state.rate_nl > 0 else STOPPED
            note(state, _BRIDGE_END, float(state.rate_nl), 0.0)
        else:
            state.bridge_left_nl -= state.rate_nl


@kernel
def program_bridge(state, par, volume_nl, rate_nl, after_nl):
    """Push the old fluid out of the catheter at one rate, then go on at another.

    The change comes at the end of the pump tick in which the volume is complete.

    Returns:
        1 when programmed; 0, and nothing changed, when refused (a rate below the pump's range, or not a number).
    """
    good = takes(state, par, rate_nl) and takes(state, par, after_nl) and takes(state, par, volume_nl)
    if not good or rate_nl < par.min_rate_nl:
        note(state, _REFUSED, volume_nl, rate_nl)
        return 0
    state.rate_nl = _on_grid(state, par, rate_nl)
    state.after_bridge_nl = _on_grid(state, par, after_nl)
    state.bridge_left_nl = volume_nl
    state.mode = BRIDGE
    note(state, _BRIDGE, volume_nl, float(state.rate_nl))
    _lock_patient(state)
    return 1


@kernel
def program_prime(state, par, volume_nl):
    """Push a volume through at the highest flow, on top of the program, as when a catheter is filled for the first time.

    Nothing in the pump knows whether the catheter is full already: an accidental prime is a bolus.

    Returns:
        1 when programmed, 0 when refused.
    """
    if not takes(state, par, volume_nl):
        note(state, _REFUSED, volume_nl, 0.0)
        return 0
    state.prime_left_nl = min(volume_nl, par.capacity_ml / ML_PER_NL)
    note(state, _PRIME, state.prime_left_nl, 0.0)
    return 1


@kernel
def set_patient_bolus(state, par, bolus_nl, lockout_h, allotted):
    """Let the patient give boluses of ``bolus_nl``, at most ``allotted`` in 24 h and ``lockout_h`` apart; 0 ends it.

    Returns:
        1 when programmed, 0 when refused (not a number, or more than N_GRANTS allotted).
    """
    if not (takes(state, par, bolus_nl) and 0.0 <= lockout_h < math.inf and 0 <= allotted <= N_GRANTS):
        note(state, _REFUSED, bolus_nl, lockout_h)
        return 0
    state.ptm_bolus_nl = int(min(bolus_nl, par.capacity_ml / ML_PER_NL)) // par.bolus_step_nl * par.bolus_step_nl
    state.ptm_lockout_h = lockout_h
    state.ptm_allotted = allotted
    note(state, _SETTINGS, float(state.ptm_bolus_nl), lockout_h)
    _lock_patient(state)
    return 1


@kernel
def grants24(state):
    """Patient boluses given in the last 24 h."""
    count = 0
    for k in range(min(state.ptm_grants, N_GRANTS)):
        if state.age_h - state.grant_h[k] < _DAY_H:
            count += 1
    return count


@kernel
def press(state, par):
    """The patient asks for a bolus; returns the volume granted (nL), 0 when it is denied. Both are noted."""
    recent = grants24(state)
    wait = state.ptm_locked_until_h - state.age_h
    able = state.mode > MIN_RATE and state.halt == 0 and state.latched == 0 and state.ptm_bolus_nl > 0
    if not able or wait > 0.0 or recent >= state.ptm_allotted or state.bolus_left_nl > 0.0:
        state.ptm_denied += 1
        note(state, _DENIED, max(wait, 0.0), float(recent))
        return 0
    state.bolus_left_nl += state.ptm_bolus_nl
    state.grant_h[state.ptm_grants % N_GRANTS] = state.age_h
    state.ptm_grants += 1
    state.ptm_locked_until_h = state.age_h + state.ptm_lockout_h
    note(state, _GIVEN, float(state.ptm_bolus_nl), 0.0)
    return state.ptm_bolus_nl
