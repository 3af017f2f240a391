"""Sensors: what the patient's true state looks like through gain, lag, drift, noise, motion and dropout.

The true state never reaches an observation. Every sensor is sampled once a pump tick; a sample that falls into a dropout is
missing and the last reading ages, unless the sensor is stuck: then the old value comes again as if it were new. Sensors of
``LOG_SENSORS`` work on the log scale, so their gains and noise are relative.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import N_SENSORS, SENSORS, SLOW_H, SLOW_TICKS, TICK_H
from thecal.core.rng import (
    SLICE,
    STREAM_DRIFT_A,
    STREAM_DRIFT_B,
    STREAM_SENSOR_A,
    STREAM_SENSOR_B,
    normal_pair,
    uniforms,
)
from thecal.physiology.circulation import diastolic, heart_rate, mean_pressure, systolic
from thecal.physiology.pain import clock

HR, SBP, MAP, RR, SPO2, ETCO2 = map(SENSORS.index, ("hr", "sbp", "map", "rr", "spo2", "etco2"))
CONDUCTANCE, ACTIVITY = map(SENSORS.index, ("conductance", "activity"))
EMG, HRV, EEG, SWEAT = map(SENSORS.index, ("emg", "hrv", "eeg", "sweat"))
# End-tidal CO2 lies this far under arterial (healthy lungs at rest, 2-5 mmHg; physiology textbooks).
_ETCO2_GAP_MMHG = 3.5
# Relative sweat cortisol swings over the day, highest after waking (log amplitude; proposed from a +-50 % swing).
_SWEAT_SWING = 0.4
_SWEAT_PEAK_H = 8.0
_MAX_SPO2 = 100.0
# Systolic and mean pressure come from one inflation of one cuff: their errors correlate by this (engineering choice).
_CUFF = 0.6
_CUFF_REST = math.sqrt(1.0 - _CUFF * _CUFF)
# Without a pulse: logarithm of what is left of a signal that works in logs.
_FLAT = math.log(0.01)
# Skin conductance fluctuations rise with pain along an Emax curve of this EC50 (NRS) and slope 2.
_CONDUCTANCE_NRS = 3.2


@kernel
def _skin_drive(pain):
    """Emax curve of skin conductance over felt pain, 0-1."""
    square = pain * pain
    return square / (square + _CONDUCTANCE_NRS * _CONDUCTANCE_NRS)


@kernel
def _gains(par, state, k):
    return par.s_gain_pain[k] * state.pain + par.s_gain_sed[k] * state.sedation


@kernel
def true_signals(par, state, act, clock_h):
    """What every sensor (order of ``layout.SENSORS``) would show without lag, drift or noise; log where it works in logs."""
    if state.dead == 1:
        return (0.0, 0.0, 0.0, 0.0, state.spo2, 0.0, 0.0, 0.0, _FLAT, _FLAT, _FLAT, par.s_rest[SWEAT])
    pressure = systolic(par, state, act)
    swing = _SWEAT_SWING * math.cos(2.0 * math.pi * (clock_h - _SWEAT_PEAK_H) / 24.0)
    return (
        heart_rate(par, state, act),
        pressure,
        mean_pressure(pressure, diastolic(par, state, pressure, act)),
        state.rr * math.exp(par.rr_swing * (state.rhythm + par.rr_days * state.day_breath)) + _gains(par, state, RR),
        state.spo2 + _gains(par, state, SPO2),
        max(0.0, state.paco2 - _ETCO2_GAP_MMHG) + _gains(par, state, ETCO2),
        par.s_rest[CONDUCTANCE]
        + par.s_gain_pain[CONDUCTANCE] * _skin_drive(state.pain)
        + par.s_gain_sed[CONDUCTANCE] * state.sedation,
        max(0.0, par.s_rest[ACTIVITY] * act * state.function / 100.0 + _gains(par, state, ACTIVITY)),
        par.s_rest[EMG] + _gains(par, state, EMG),
        par.s_rest[HRV] + _gains(par, state, HRV) - par.tone_hrv * state.tone + (1 - state.awake) * par.night_hrv,
        par.s_rest[EEG] + _gains(par, state, EEG),
        par.s_rest[SWEAT] + _gains(par, state, SWEAT) + swing,
    )


@kernel
def _reading(k, value):
    """A sensor's number within what the instrument can show."""
    if k >= EMG:
        return math.exp(value)
    if k == SPO2:
        return min(_MAX_SPO2, max(0.0, value))
    return max(0.0, value)


@kernel
def prepare_sensors(par):
    """Write the share of a lag, the step of the drift and the chance of a dropout."""
    total = 0.0
    for k in range(N_SENSORS):
        par.s_share[k] = -math.expm1(-TICK_H / par.s_tau_h[k])
        par.s_drift_keep[k] = math.exp(-SLOW_H / par.s_drift_tau_h[k])
        par.s_drift_kick[k] = par.s_drift[k] * math.sqrt(1.0 - par.s_drift_keep[k] * par.s_drift_keep[k])
        total += par.s_drop_per_h[k] * TICK_H
    par.s_any_drop = -math.expm1(-total)
    for k in range(N_SENSORS):
        par.s_drop_chance[k] = par.s_any_drop * par.s_drop_per_h[k] * TICK_H / total if total > 0.0 else 0.0


@kernel
def start_sensors(par, state):
    """First readings: the resting signals, all valid."""
    signals = true_signals(par, state, 0.0, state.clock_h)
    for k in range(N_SENSORS):
        state.s_lag[k] = signals[k]
        state.s_value[k] = _reading(k, state.s_lag[k])
        state.s_valid[k] = 1


@kernel
def _start_dropout(par, state, event, more):
    """At most one sensor starts a dropout in a tick: the superposition of their Poisson processes, split by their rates.

    ``event`` and ``more`` are uniform; the second gives the length in its upper half of bits and the kind in its lower.
    """
    if event >= par.s_any_drop:
        return
    k = 0
    left = event
    while k < N_SENSORS - 1 and left >= par.s_drop_chance[k]:
        left -= par.s_drop_chance[k]
        k += 1
    if state.s_drop_left_h[k] <= 0.0:
        scaled = more * SLICE
        high = math.floor(scaled)
        state.s_drop_left_h[k] = -par.s_drop_h[k] * math.log((high + 0.5) / SLICE) + TICK_H
        state.s_stuck_now[k] = 1 if scaled - high < par.s_stuck[k] else 0


@kernel
def _twelve(a, b):
    """Twelve standard normals from six uniforms of two counter blocks; the last two of ``b`` stay free."""
    hr, sbp = normal_pair(a[0])
    own, rr = normal_pair(a[1])
    cuff = _CUFF * sbp + _CUFF_REST * own
    return (hr, sbp, cuff, rr, *normal_pair(a[2]), *normal_pair(a[3]), *normal_pair(b[0]), *normal_pair(b[1]))


@kernel
def _step_drift(par, state):
    noise = _twelve(
        uniforms(par.seed, par.patient, STREAM_DRIFT_A, state.tick),
        uniforms(par.seed, par.patient, STREAM_DRIFT_B, state.tick),
    )
    for k in range(N_SENSORS):
        state.s_wander[k] = par.s_drift_keep[k] * state.s_wander[k] + par.s_drift_kick[k] * noise[k]


@kernel
def step_sensors(par, state, t_h):
    """Sample every sensor once at ``t_h`` (h after the start)."""
    if state.tick % SLOW_TICKS == 0:
        _step_drift(par, state)
    first = uniforms(par.seed, par.patient, STREAM_SENSOR_A, state.tick)
    second = uniforms(par.seed, par.patient, STREAM_SENSOR_B, state.tick)
    _start_dropout(par, state, second[2], second[3])
    noise = _twelve(first, second)
    act = state.activity
    alive = 1.0 - state.dead
    signals = true_signals(par, state, act, clock(state, t_h))
    for k in range(N_SENSORS):
        state.s_lag[k] += par.s_share[k] * (signals[k] - state.s_lag[k])
        if state.s_drop_left_h[k] > 0.0:
            state.s_drop_left_h[k] -= TICK_H
        if state.s_drop_left_h[k] > 0.0:
            state.s_valid[k] = state.s_stuck_now[k]
            state.s_age_h[k] += TICK_H
        else:
            state.s_valid[k] = 1
            state.s_age_h[k] = 0.0
            spread = par.s_noise[k] * (1.0 + par.s_motion[k] * act)
            state.s_value[k] = _reading(k, state.s_lag[k] + alive * (state.s_wander[k] + spread * noise[k]))
