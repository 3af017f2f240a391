"""Harm at the catheter: an inflammatory mass at the tip (granuloma), and infection of the implant.

The mass grows with concentration, dose and time and fades when either falls; both saturate, because series find few masses
at high doses too: 3 % of 208 patients imaged (Deer 2004, Pain Physician), and none that explains them by dose or concentration
(Kratzsch 2015, Pain Physician 18:E831). As it grows it keeps drug from the CSF (what it holds back is taken up by its vessels)
and, once large, presses on the cord. Published growth: Allen 2006, Anesthesiology 105:581 (dog); hazard in patients: Duarte
2010 (0.009 per patient-year).
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import SLOW_H
from thecal.core.rng import STREAM_HARM, uniforms
from thecal.physiology.adaptation import share
from thecal.physiology.life_records import Lever

_TEMPERATURE = int(Lever.TEMPERATURE)
_REFERENCE_MG_PER_ML = 10.0
_REFERENCE_MG_PER_D = 5.0
_UG_PER_MG = 1000.0
LARGEST_MASS = 2.0  # relative to a mass that is clinically evident
_HELD_BACK = 0.9  # share of the dose that a clinically evident mass keeps from the CSF
_DEFICIT_FROM = 0.6  # size at which the cord begins to suffer
NORMAL_C = 37.0
_FEVER_C = 2.0
_FEVER_TAU_H = 12.0


@kernel
def prepare_catheter_harm(par):
    """Write the chances of an infection, and of a death by other causes, in one slow step."""
    par.infection_chance = -math.expm1(-par.infection_per_h * SLOW_H)
    par.death_chance = -math.expm1(-par.death_per_h * SLOW_H)


@kernel
def transfer(state):
    """Share of the infused drug that reaches the CSF past a mass at the tip."""
    return 1.0 - _HELD_BACK * min(1.0, state.granuloma) if state.granuloma > 0.0 else 1.0


@kernel
def _saturating(x, half, reference):
    """Michaelis curve of ``x``, 1 at ``reference``."""
    return x / (x + half) * (reference + half) / reference


@kernel
def step_granuloma(par, state):
    """Advance the mass by one slow step from the drug and fluid that passed the tip in it."""
    growth = 0.0
    if state.tip_ml > 0.0 and state.tip_ug > 0.0:
        mg_per_ml = state.tip_ug / state.tip_ml / _UG_PER_MG
        mg_per_d = state.tip_ug / _UG_PER_MG * 24.0 / SLOW_H
        strong = _saturating(mg_per_ml, par.granuloma_mg_per_ml, _REFERENCE_MG_PER_ML)
        growth = par.granuloma_per_h * strong * _saturating(mg_per_d, par.granuloma_mg_per_d, _REFERENCE_MG_PER_D)
        growth *= SLOW_H
    state.tip_ug = 0.0
    state.tip_ml = 0.0
    if growth > 0.0 or state.granuloma > 0.0:
        state.granuloma = min(LARGEST_MASS, state.granuloma * math.exp(-SLOW_H / par.granuloma_fade_h) + growth)
        state.deficit = min(1.0, max(0.0, state.granuloma - _DEFICIT_FROM))


@kernel
def step_mortality(par, state):
    """Death by what the model does not follow, at a hazard that no dose changes."""
    if par.death_chance > 0.0:
        _, u, _, _ = uniforms(par.seed, par.patient, STREAM_HARM, state.tick)
        if u < par.death_chance:
            state.dead = 1


@kernel
def step_infection(par, state):
    """An infection begins at its hazard, gives fever while it lasts, and ends after treatment."""
    if state.infection_left_h > 0.0:
        state.infection_left_h = max(0.0, state.infection_left_h - SLOW_H)
    elif par.infection_chance > 0.0:
        u, _, _, _ = uniforms(par.seed, par.patient, STREAM_HARM, state.tick)
        if u < par.infection_chance:
            state.infection_left_h = par.infection_h
            state.infections += 1
    target = NORMAL_C + (_FEVER_C if state.infection_left_h > 0.0 else 0.0) + state.life.lever[_TEMPERATURE]
    for c in range(par.n_channels):
        target += par.channel[c].wd_temp * state.channel[c].withdrawal
    if target != state.temperature:
        state.temperature += share(_FEVER_TAU_H) * (target - state.temperature)
