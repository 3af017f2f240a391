"""Self-report, an observer's sedation score, and the patient's wish for a bolus.

A patient who sleeps or cannot be roused reports nothing: a missing report, never a zero; and reports are missing more often
when pain is worst.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import SLOW_TICKS, TICK_H
from thecal.core.rng import STREAM_REPORT, normal_quantile, uniforms
from thecal.physiology.function import reported_pain
from thecal.physiology.pain import NRS_MAX

_REPORT_DAY_H = 24.0


@kernel
def step_report(par, state):
    """Self-report at its interval, hourly sedation score by an observer, and the patient's wish for a bolus."""
    a, b, c, d = uniforms(par.seed, par.patient, STREAM_REPORT, state.tick)
    state.nrs_age_h += TICK_H
    state.asked_age_h += TICK_H
    state.nrs_new = 0
    rousable = state.awake == 1 and state.poss < 4 and state.dead == 0
    if rousable and state.asked_age_h >= par.nrs_every_h:
        state.asked_age_h = 0.0  # a report that is skipped is not asked for again before the next is due
        odds = par.nrs_skip / (1.0 - par.nrs_skip) * math.exp(par.nrs_skip_slope * max(0.0, state.pain - 5.0))
        if c >= odds / (1.0 + odds):
            said = reported_pain(par, state) + par.nrs_noise * normal_quantile(a)
            _record(state, min(NRS_MAX, max(0.0, math.floor(said + 0.5))))
    if state.tick % SLOW_TICKS == 0:
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


@kernel
def _record(state, report):
    weight = -math.expm1(-state.nrs_age_h / _REPORT_DAY_H)
    state.nrs_mean += weight * (report - state.nrs_mean)
    state.nrs_report = report
    state.nausea_seen = math.floor(state.nausea + 0.5)
    state.spasm_seen = math.floor(state.spasm + 0.5)
    state.weakness_seen = math.floor(4.0 * state.motor_block + 0.5)
    state.confusion_seen = math.floor(4.0 * state.cognition + 0.5)
    state.nrs_age_h = 0.0
    state.nrs_new = 1
