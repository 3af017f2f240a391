"""Circulation: what drugs take from pressure and pulse, what the reflexes give back, and how a heart fails.

A local anesthetic takes the sympathetic outflow (T1-L2) segment by segment. What is left of it compensates (baroreflex), so a
half block costs little pressure and a whole one costs all that the vessels hold. Over days volume, renin and vessels without
nerves make up for most of a lasting block, and the heart finds its pace (adaptation.step_habituation). An alpha-2 agonist
lowers the outflow in the cord and, at high plasma levels, tightens the vessels itself (alpha-2B): the fall of pressure is
largest at a middle dose.
Lack of oxygen or of perfusion weakens the heart until it stands still; what is corrected in time recovers.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import SENSORS, SODIUM_CHANNEL, TICK_H
from thecal.physiology.effect import hill
from thecal.physiology.life_records import Lever

_PRESSURE, _HEART_RATE = int(Lever.PRESSURE), int(Lever.HEART_RATE)
_HEART, _SYSTOLIC = SENSORS.index("hr"), SENSORS.index("sbp")
# A heart fails within this time of a saturation or a mean pressure under these (engineering choice: certain arrest, not a
# threshold of harm), twice as fast where there is next to nothing of either.
LETHAL_H = 0.5
LETHAL_SPO2 = 60.0
LETHAL_MAP = 40.0
_RECOVERY_TAU_H = 0.5
# After an arrest the oximeter's reading is gone within minutes, and the scales stand where nobody answers.
_SPO2_TAU_H = 0.08
_UNROUSABLE_POSS = 4
# Fever: about 10 beats/min per degree (clinical rule).
_BEATS_PER_DEGREE = 10.0
_NORMAL_C = 37.0


@kernel
def _pressor(par, state, c):
    """Vasoconstriction (share of its largest) by the plasma levels of the drugs of receptor ``c``."""
    level = 0.0
    for d in range(par.n_drugs):
        drug = par.drug[d]
        if drug.channel == c and drug.spinal == 1:
            level += state.drug[d].plasma / drug.v_plasma_ml / drug.ec50_pressor
    return hill(level, 2.0)


@kernel
def step_circulation(par, state):
    """Fall of blood pressure and heart rate (fractions), by life and at the spinal sites, after compensation and vasopressor."""
    bp = max(0.0, 1.0 - state.life.lever[_PRESSURE])
    hr = 1.0
    for c in range(par.n_channels):
        rule = par.channel[c]
        if rule.emax_bp > 0.0 or rule.emax_hr > 0.0:
            e = hill(state.channel[c].sympathetic, rule.hill_sym)
            fall = rule.emax_bp * e
            slow = rule.emax_hr * e
            if rule.receptor == SODIUM_CHANNEL:
                accustomed = max(1.0, state.channel[c].accustomed)
                fall /= (1.0 + par.reflex * (1.0 - e)) * accustomed
                # The heart's fibers leave at T1-T4, so a block from below reaches them last; its pace recovers as pressure does.
                slow *= e / accustomed
            if rule.emax_pressor > 0.0:
                fall = max(0.0, fall - rule.emax_pressor * _pressor(par, state, c))
            bp *= 1.0 - fall
            hr *= 1.0 - slow
    state.bp_fall = (1.0 - bp) * (1.0 - par.pressor_share * state.pressor)
    state.hr_fall = (1.0 - hr) * (1.0 - par.pressor_share * state.pressor)
    _step_failure(par, state)


@kernel
def _step_failure(par, state):
    """Advance the failure of the heart (0-1) over one pump tick; at 1 it stands still."""
    perfusion = par.map0 * (1.0 - state.bp_fall)
    if state.spo2 >= LETHAL_SPO2 and perfusion >= LETHAL_MAP:
        if state.failure > 0.0:
            state.failure *= math.exp(-TICK_H / _RECOVERY_TAU_H)
        return
    depth = max((LETHAL_SPO2 - state.spo2) / LETHAL_SPO2, (LETHAL_MAP - perfusion) / LETHAL_MAP)
    state.failure += TICK_H / LETHAL_H * (1.0 + depth)
    if state.failure >= 1.0:
        state.dead = 1


@kernel
def lie_dead(state):
    """One pump tick after death: no pulse, no breath, no report; the last oxygen fades."""
    state.failure = 1.0
    state.bp_fall = 1.0
    state.hr_fall = 1.0
    state.drive = 0.0
    state.rr = 0.0
    state.spo2 *= math.exp(-TICK_H / _SPO2_TAU_H)
    state.activity = 0.0
    state.awake = 0
    state.sedation = 1.0
    state.poss = _UNROUSABLE_POSS
    state.relief_noci = 0.0
    state.relief_neuro = 0.0
    state.relief = 0.0
    state.pain = 0.0
    state.function = 0.0


@kernel
def _withdrawal_sum(par, state, k):
    total = 0.0
    for c in range(par.n_channels):
        w = state.channel[c].withdrawal
        if w > 0.0:
            total += w * (par.channel[c].wd_hr if k == 0 else par.channel[c].wd_sbp)
    return total


@kernel
def heart_rate(par, state, act):
    """True heart rate (beats/min) at relative activity ``act``."""
    fever = _BEATS_PER_DEGREE * max(0.0, state.temperature - _NORMAL_C)
    resting = par.hr0 + par.s_gain_pain[_HEART] * state.pain + par.act_hr * act - par.sed_hr * state.sedation + fever
    resting += par.tone_hr * state.tone - (0.0 if state.awake == 1 else par.night_hr) + state.life.lever[_HEART_RATE]
    return (resting * (1.0 - state.hr_fall) + _withdrawal_sum(par, state, 0)) * (1.0 - state.failure)


@kernel
def systolic(par, state, act):
    """True systolic pressure (mmHg) at relative activity ``act``."""
    swing = par.s_gain_pain[_SYSTOLIC] * state.pain - par.sed_sbp * state.sedation + par.day_sbp * state.day_pressure
    night = 1.0
    tone = par.tone_sbp * state.tone
    if state.awake == 0:
        night -= par.night_dip
        tone *= par.tone_night  # stages of sleep and arousals move pressure as much as the day does
    swing += tone
    pressure = (par.sbp0 + swing) * night + par.act_sbp * act
    return (pressure * (1.0 - state.bp_fall) + _withdrawal_sum(par, state, 1)) * (1.0 - state.failure)


@kernel
def diastolic(par, state, sbp, act):
    """True diastolic pressure (mmHg) under a systolic one: in proportion, but for exertion, which raises it less."""
    ratio = 1.5 * par.map0 / par.sbp0 - 0.5
    left = (1.0 - state.bp_fall) * (1.0 - state.failure)
    return ratio * (sbp - par.act_sbp * act * left) + par.act_dbp * act * left


@kernel
def mean_pressure(sbp, dbp):
    """Mean arterial pressure (mmHg): diastolic plus a third of the pulse pressure."""
    return dbp + (sbp - dbp) / 3.0
