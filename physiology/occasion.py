"""Variability between occasions: a patient's sensitivity to drugs, pressure and breathing wander from day to day.

The logs of analgesic and of central (breathing, sedation) sensitivity are two correlated, stationary Ornstein-Uhlenbeck
processes about the patient's own level; those of pressure and of the breathing rate are two more, independent of all others.
They advance exactly every few hours, often enough for a time constant of days. Draws depend on the tick only, so every policy
meets the same days.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import TICK_H
from thecal.core.rng import STREAM_BODY, STREAM_HARM, normal_quantile, uniforms

_STEP_TICKS = 24  # six hours; a multiple of the slow step
_STEP_H = _STEP_TICKS * TICK_H
_BEFORE_THE_FIRST_TICK = 2**32 - 1


@kernel
def _kicks(par, tick):
    """Log steps of the two sensitivities at full size: the second and third uniform, since an infection takes the first."""
    _, b, c, _ = uniforms(par.seed, par.patient, STREAM_HARM, tick)
    pain = normal_quantile(b)
    own = math.sqrt(1.0 - par.occ_correlation * par.occ_correlation)
    central = par.occ_correlation * pain + own * normal_quantile(c)
    return par.occ_pain_sd * pain, par.occ_central_sd * central


@kernel
def _body_kicks(par, tick):
    """Steps of the day's pressure and breathing rate at full size, in SD."""
    a, b, _, _ = uniforms(par.seed, par.patient, STREAM_BODY, tick)
    return normal_quantile(a), normal_quantile(b)


@kernel
def start_occasion(par, state):
    """Draw the day of the implant from the stationary distribution."""
    pain, central = _kicks(par, _BEFORE_THE_FIRST_TICK)
    state.occ_pain = math.exp(pain)
    state.occ_central = math.exp(central)
    state.day_pressure, state.day_breath = _body_kicks(par, _BEFORE_THE_FIRST_TICK)


@kernel
def step_occasion(par, state):
    """Advance sensitivities and the body's days where a step of theirs begins; called in every slow step."""
    if state.tick % _STEP_TICKS != 0:
        return
    keep = math.exp(-_STEP_H / par.day_tau_h)
    size = math.sqrt(1.0 - keep * keep)
    pressure, breath = _body_kicks(par, state.tick)
    state.day_pressure = keep * state.day_pressure + size * pressure
    state.day_breath = keep * state.day_breath + size * breath
    if par.occ_pain_sd > 0.0 or par.occ_central_sd > 0.0:
        keep = math.exp(-_STEP_H / par.occ_tau_h)
        size = math.sqrt(1.0 - keep * keep)
        pain, central = _kicks(par, state.tick)
        state.occ_pain = state.occ_pain**keep * math.exp(size * pain)
        state.occ_central = state.occ_central**keep * math.exp(size * central)
