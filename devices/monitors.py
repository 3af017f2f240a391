"""Residual monitors: what telemetry, refills and reports show of a fault, and when each monitor rises.

A monitor compares what is seen with what the program should have brought about. It knows nothing of the faults. After it
has risen it is silent for a while, so that one cause counts once; what it shows then still leads whoever looks to the cause.

``volume``  two-sided CUSUM over refills of (expected - aspirated) / infused in standard deviations, and the label's 14.5 % limit
``motor``   strokes counted against the program over a day
``echo``    the rate read back against the rate ordered, and log entries lost or doubled
``effect``  CUSUM of the daily mean report over the patient's own reference, while the dose has not been lowered
``overdose``  sedation score or slow breathing
``clock``   the pump's clock against the platform's
``signal``  a vital sign that stands still or stays away
``alarm``   the pump's own alarms
``fever``   not measured by any shipped sensor: the clinic's thermometer at the daily round
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import TICK_H, TICKS_PER_DAY
from thecal.devices.alarms import CRITICAL, ERI, STOPPED_LONG, PumpEvent
from thecal.devices.monitor_records import N_MONITORS, RR, WATCHED_SENSORS, Monitor
from thecal.devices.records import ML_PER_NL, N_EVENTS

_HIGH, _LOW, _MOTOR, _ECHO, _EFFECT, _OVERDOSE, _CLOCK, _SIGNAL, _ALARM, _FEVER = (int(m) for m in Monitor)
ATTENTION = CRITICAL | ERI | STOPPED_LONG
_FLEX, _PRIME = int(PumpEvent.FLEX), int(PumpEvent.PRIME)


@kernel
def _rise(state, par, monitor, now_h):
    """A monitor has something to show: that is noted, and it rises unless it rose a short while ago."""
    bit = 1 << monitor
    state.shown |= bit
    if state.standing & bit == 0:
        state.raised |= bit
        state.standing |= bit
        state.last_h[monitor] = now_h
        state.count[monitor] += 1


@kernel
def _lapse(state, par, now_h):
    for monitor in range(N_MONITORS):
        if state.standing >> monitor & 1 == 1 and now_h - state.last_h[monitor] >= par.silent_h:
            state.standing &= ~(1 << monitor)


@kernel
def see_refill(state, par, found_ml, expected_ml, commanded_ml, noise):
    """Volume balance at a refill.

    Args:
        state, par: MONITOR_STATE and MONITOR_PAR records.
        found_ml, expected_ml: aspirated volume, and what the pump's estimate promised, mL.
        commanded_ml: the pump's commanded volume since its start, mL.
        noise: standard normal number for the error of measurement.
    """
    infused = commanded_ml - state.infused_ml
    state.infused_ml = commanded_ml
    if infused <= 0.0:
        return
    residual = (expected_ml - found_ml - par.measure_ml * noise) / infused
    state.residual = residual
    z = residual / math.hypot(par.volume_sd, par.measure_ml / infused)
    state.high = max(0.0, state.high + z - par.volume_k)
    state.low = max(0.0, state.low - z - par.volume_k)
    if state.high > par.volume_h or residual > par.volume_limit:
        state.high = 0.0
        state.from_refill |= 1 << _HIGH
    if state.low > par.volume_h or residual < -par.volume_limit:
        state.low = 0.0
        state.from_refill |= 1 << _LOW


@kernel
def _has_stranger(state, pump):
    """Whether the pump's log has new entries of a kind that the platform never sends: a prime, a day schedule, a bridge."""
    found = False
    for event in range(max(state.events_seen, pump.events - N_EVENTS), pump.events):
        kind = pump.event_kind[event % N_EVENTS]
        found = found or _FLEX <= kind <= _PRIME
    state.events_seen = pump.events
    return found


@kernel
def see_pump(state, par, pump, ordered_nl, lost):
    """Telemetry of one pump tick: strokes, rate read back, clock, alarms; ``lost`` 1 when a log entry is missing or double.

    Args:
        state, par: MONITOR_STATE and MONITOR_PAR records.
        pump: PUMP_STATE record (only what telemetry shows is read).
        ordered_nl: basal rate the platform believes is running, nL per pump tick.
        lost: 1 when the pump's log does not hold exactly what was sent.
    """
    now_h = pump.age_h
    state.raised = 0
    state.shown = 0
    if state.standing != 0:
        _lapse(state, par, now_h)
    if state.from_refill != 0:
        for monitor in (_HIGH, _LOW):
            if state.from_refill >> monitor & 1 == 1:
                _rise(state, par, monitor, now_h)
        state.from_refill = 0
    state.stranger = 1 if _has_stranger(state, pump) else 0
    if pump.rate_nl != ordered_nl or lost == 1 or state.stranger == 1:
        _rise(state, par, _ECHO, now_h)
    if abs(pump.clock_offset_h) > par.clock_h:
        _rise(state, par, _CLOCK, now_h)
    if pump.alarms & ATTENTION != 0:
        _rise(state, par, _ALARM, now_h)
    missing = (pump.commanded_ml - state.day_commanded_ml) - (pump.motor_ml - state.day_motor_ml)
    if missing > par.motor_floor_ml and missing > par.motor_limit * TICKS_PER_DAY * ML_PER_NL * ordered_nl:
        _rise(state, par, _MOTOR, now_h)
    if pump.ticks % TICKS_PER_DAY == 0:
        state.day_commanded_ml = pump.commanded_ml
        state.day_motor_ml = pump.motor_ml


@kernel
def see_report(state, nrs):
    """A self-report arrived."""
    state.sum_nrs += nrs
    state.n_nrs += 1


@kernel
def see_day(state, par, rate_nl, temperature, now_h):
    """Once a day: the mean report against the patient's own, and the thermometer.

    A reference is only comparable while the dose has not been lowered, so a fall of the rate starts it anew.
    """
    if temperature > par.fever_c:
        _rise(state, par, _FEVER, now_h)
    if rate_nl < 0.9 * state.reference_rate:
        state.days = 0
        state.effect = 0.0
    if state.n_nrs == 0:
        return
    mean = state.sum_nrs / state.n_nrs
    state.sum_nrs = 0.0
    state.n_nrs = 0
    if state.days >= par.effect_learn:
        state.effect = max(0.0, state.effect + mean - state.reference - par.effect_k)
        if state.effect > par.effect_h:
            state.effect = 0.0
            _rise(state, par, _EFFECT, now_h)
    state.days += 1
    weight = 1.0 / min(float(state.days), par.effect_days)
    state.reference += weight * (mean - state.reference)
    state.reference_rate += weight * (rate_nl - state.reference_rate)


@kernel
def see_patient(state, par, values, valid, poss, now_h):
    """Vital signs of one pump tick: sedation, slow breathing, and signals that stand still or stay away.

    Args:
        state, par: MONITOR_STATE and MONITOR_PAR records.
        values, valid: readings and masks of all sensors.
        poss: last observed sedation score.
        now_h: hours since the start.
    """
    if valid[RR] == 1:
        state.slow = state.slow + 1 if values[RR] < par.rr_limit else 0
    if poss >= par.poss_limit or state.slow >= 2:
        _rise(state, par, _OVERDOSE, now_h)
    for j in range(len(WATCHED_SENSORS)):
        k = WATCHED_SENSORS[j]
        if valid[k] == 1:
            state.away_ticks[j] = 0
            state.still_ticks[j] = state.still_ticks[j] + 1 if values[k] == state.value[j] else 0
            state.value[j] = values[k]
        else:
            state.away_ticks[j] += 1
        still = state.still_ticks[j] * TICK_H >= par.still_h
        if still or state.away_ticks[j] * TICK_H >= par.away_h:
            _rise(state, par, _SIGNAL, now_h)
