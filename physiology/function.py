"""Spasticity, mood and function: what pain and drugs do to a patient's days, and how mood colors the report of pain."""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.physiology.adaptation import share
from thecal.physiology.effect import hill
from thecal.physiology.life_records import Lever
from thecal.physiology.pain import DAY_H, NRS_MAX, SPASM_MAX, clock

_SPASTICITY = int(Lever.SPASTICITY)
ASHWORTH_NONE = 1.0
ASHWORTH_MAX = 5.0
# Weight of a fully suppressed gonadal axis in distress (fatigue, low mood), as a fraction of the worst pain's.
_ENDOCRINE_DISTRESS = 0.3
_FUNCTION_MAX = 100.0


@kernel
def prepare_function(par):
    """Write the shares of the slow lags of mood and function."""
    par.distress_share = share(par.distress_tau_h)
    par.function_share = share(par.function_tau_h)


@kernel
def step_spasticity(par, state, t_h):
    """Spasticity now: circadian demand, raised by life, less what the drug removes at the motor neurons, plus a rebound."""
    left = 1.0 + state.life.lever[_SPASTICITY]
    rebound = 0.0
    for c in range(par.n_channels):
        rule = par.channel[c]
        if rule.emax_spasm > 0.0:
            left *= 1.0 - rule.emax_spasm * hill(state.channel[c].motor, rule.hill_mot)
            rebound += rule.wd_spasm * state.channel[c].withdrawal
    phase = 2.0 * math.pi * (clock(state, t_h) - par.spasm_peak_h) / DAY_H
    demand = (1.0 + par.spasm_circ * math.cos(phase)) * left
    state.ashworth = min(ASHWORTH_MAX, ASHWORTH_NONE + (par.ashworth0 - ASHWORTH_NONE) * demand + rebound)
    state.spasm = min(SPASM_MAX, par.spasm0 * demand + rebound)


@kernel
def distress_target(state):
    """Level (0-1) toward which mood moves: felt pain, and the fatigue of a suppressed gonadal axis."""
    return min(1.0, state.pain / NRS_MAX + _ENDOCRINE_DISTRESS * state.endocrine)


@kernel
def function_target(state):
    """Function (0-100) toward which the patient moves: less with pain, sedation, weakness, spasticity and deficit."""
    stiff = (state.ashworth - ASHWORTH_NONE) / (ASHWORTH_MAX - ASHWORTH_NONE)
    able = (1.0 - 0.7 * state.pain / NRS_MAX) * (1.0 - 0.8 * state.sedation) * (1.0 - 0.8 * state.motor_block)
    return _FUNCTION_MAX * able * (1.0 - 0.5 * stiff) * (1.0 - 0.8 * state.deficit) * (1.0 - 0.5 * state.cognition)


@kernel
def step_function(par, state):
    """Advance mood and function by one slow step."""
    state.distress += par.distress_share * (distress_target(state) - state.distress)
    state.function += par.function_share * (function_target(state) - state.function)


@kernel
def reported_pain(par, state):
    """What the patient would say (NRS before rounding): a distressed patient reports more than is felt, a calm one less."""
    return state.pain + par.distress_nrs * (state.distress - 0.5)
