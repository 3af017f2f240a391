"""Sensors: what the patient's true state looks like through gain, lag, noise and dropout, and through self-report.

The true state never reaches an observation. Every sensor is sampled once a pump tick; a sample that falls into a dropout is
missing and the last reading ages. A patient who sleeps or cannot be roused reports nothing: a missing report, never a zero.
"""

from __future__ import annotations

import math

from thecal.physiology.harm import heart_rate, systolic
from thecal.physiology.jit import kernel
from thecal.physiology.pain import NRS_MAX, activity, clock
from thecal.physiology.records import N_SENSORS, TICK_H
from thecal.physiology.rng import (
    STREAM_REPORT,
    STREAM_SENSOR_A,
    STREAM_SENSOR_B,
    STREAM_SENSOR_C,
    normal_quantile,
    normals,
    uniforms,
)

_REPORT_DAY_H = 24.0
_SLICE = 65536.0
_TICKS_PER_SCORE = 4


@kernel
def true_signal(par, state, k, act):
    """The value sensor ``k`` (order of ``records.SENSORS``) would show without lag or noise; EMG on the log scale."""
    if k == 0:
        return heart_rate(par, state, act)
    if k == 1:
        return systolic(par, state, act)
    if k == 2:
        return par.map0 + (systolic(par, state, act) - par.sbp0) * par.map0 / par.sbp0
    if k == 3:
        return state.rr + par.s_gain_pain[3] * state.pain
    if k == 4:
        return state.spo2
    return math.log(par.emg0) + par.s_gain_pain[5] * state.pain


@kernel
def _reading(k, value):
    """A sensor's number within what the instrument can show."""
    if k == 5:
        return math.exp(value)
    if k == 4:
        return min(100.0, max(0.0, value))
    return max(0.0, value)


@kernel
def prepare_sensors(par):
    """Write the share of a lag and the chance of a dropout per pump tick."""
    for k in range(N_SENSORS):
        par.s_share[k] = -math.expm1(-TICK_H / par.s_tau_h[k])
        par.s_drop_chance[k] = -math.expm1(-par.s_drop_per_h[k] * TICK_H)


@kernel
def step_sensors(par, state, t_h):
    """Sample every sensor once at ``t_h`` (h after the start)."""
    act = activity(par, clock(state, t_h))
    n0, n1, n2, n3 = normals(par.seed, par.patient, STREAM_SENSOR_A, state.tick)
    a, b, u0, u1 = uniforms(par.seed, par.patient, STREAM_SENSOR_B, state.tick)
    u2, _, _, _ = uniforms(par.seed, par.patient, STREAM_SENSOR_C, state.tick)
    noise = (n0, n1, n2, n3, normal_quantile(a), normal_quantile(b))
    word = (u0, u1, u2)
    for k in range(N_SENSORS):
        state.s_lag[k] += par.s_share[k] * (true_signal(par, state, k, act) - state.s_lag[k])
        scaled = word[k // 2] * _SLICE
        u = scaled - math.floor(scaled) if k % 2 else math.floor(scaled) / _SLICE
        chance = par.s_drop_chance[k]
        if state.s_drop_left_h[k] > 0.0:
            state.s_drop_left_h[k] -= TICK_H
        elif u < chance:
            # Given a dropout, u / chance is uniform again: one draw gives both the event and its length.
            state.s_drop_left_h[k] = -par.s_drop_h[k] * math.log((u + 1.0 / _SLICE) / (chance + 1.0 / _SLICE)) + TICK_H
        if state.s_drop_left_h[k] > 0.0:
            state.s_valid[k] = 0
            state.s_age_h[k] += TICK_H
        else:
            state.s_valid[k] = 1
            state.s_age_h[k] = 0.0
            state.s_value[k] = _reading(k, state.s_lag[k] + par.s_noise[k] * noise[k])


@kernel
def step_report(par, state):
    """Self-report at its interval, hourly sedation score by an observer, and the patient's wish for a bolus."""
    a, b, c, d = uniforms(par.seed, par.patient, STREAM_REPORT, state.tick)
    state.nrs_age_h += TICK_H
    state.nrs_new = 0
    rousable = state.awake == 1 and state.poss < 4 and state.dead == 0
    if rousable and state.nrs_age_h >= par.nrs_every_h:
        odds = par.nrs_skip / (1.0 - par.nrs_skip) * math.exp(par.nrs_skip_slope * max(0.0, state.pain - 5.0))
        if c >= odds / (1.0 + odds):
            report = min(NRS_MAX, max(0.0, math.floor(state.pain + par.nrs_noise * normal_quantile(a) + 0.5)))
            weight = -math.expm1(-state.nrs_age_h / _REPORT_DAY_H)
            state.nrs_mean += weight * (report - state.nrs_mean)
            state.nrs_report = report
            state.nausea_seen = math.floor(state.nausea + 0.5)
            state.nrs_age_h = 0.0
            state.nrs_new = 1
    if state.tick % _TICKS_PER_SCORE == 0:
        step = 0
        if b < par.poss_error:
            step = 1 if b < 0.5 * par.poss_error else -1
        state.poss_seen = min(4, max(1, state.poss + step))
    # The threshold for pressing varies by half a point either way from one moment to the next.
    state.press_age_h += TICK_H
    state.demand = 0
    wants = state.pain > par.press_nrs + d - 0.5 and state.press_age_h >= par.press_every_h
    if rousable and state.poss < 3 and wants:
        state.demand = 1
        state.press_age_h = 0.0
