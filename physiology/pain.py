"""Pain: a drive (baseline, trend, circadian swing, fluctuation, breakthrough) and what the patient feels of it."""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import TICK_H
from thecal.core.rng import SLICE, STREAM_DISTURBANCE, normal_quantile, uniforms
from thecal.physiology.adaptation import withdrawal_pain
from thecal.physiology.life_records import Lever

_PAIN = int(Lever.PAIN)
NRS_MAX = 10.0
SPASM_MAX = 4.0
DAY_H = 24.0


@kernel
def clock(state, t_h):
    """Clock time (h, 0-24) at ``t_h`` after the start."""
    return (state.clock_h + t_h) % DAY_H


@kernel
def is_awake(par, clock_h):
    """1 between waking and falling asleep (either may lie past midnight), else 0."""
    since_wake = (clock_h - par.wake_h) % DAY_H
    return 1 if since_wake < (par.sleep_h - par.wake_h) % DAY_H else 0


@kernel
def activity(par, clock_h):
    """Relative activity: a half sine over the waking hours with mean 1 while awake, 0 asleep."""
    length = (par.sleep_h - par.wake_h) % DAY_H
    since_wake = (clock_h - par.wake_h) % DAY_H
    if since_wake >= length:
        return 0.0
    return 0.5 * math.pi * math.sin(math.pi * since_wake / length)


@kernel
def prepare_pain(par):
    """Write the exact one-tick steps of the Ornstein-Uhlenbeck fluctuations."""
    par.tone_keep = math.exp(-TICK_H / par.tone_tau_h)
    par.tone_kick = math.sqrt(12.0 * (1.0 - par.tone_keep * par.tone_keep))
    par.rhythm_keep = math.exp(-TICK_H / par.rr_swing_tau_h)
    par.rhythm_kick = math.sqrt(12.0 * (1.0 - par.rhythm_keep * par.rhythm_keep))
    par.ou_keep = math.exp(-TICK_H / par.ou_tau_h)
    par.ou_kick = par.ou_sd * math.sqrt(1.0 - par.ou_keep * par.ou_keep)


@kernel
def step_disturbance(par, state, t_h):
    """Advance the fluctuations (exact Ornstein-Uhlenbeck) and the breakthrough episode over one pump tick.

    Episodes start as a Poisson process that follows activity; heights are uniform within half and one and a half times the
    patient's typical height. Draws depend on the tick only, so every policy meets the same days.
    """
    a, b, c, d = uniforms(par.seed, par.patient, STREAM_DISTURBANCE, state.tick)
    noise = normal_quantile(a)
    state.ou = par.ou_keep * state.ou + par.ou_kick * noise
    # Even kicks, of variance 1/12, cost no quantile; over their memory of hours the sum is as good as normal.
    scaled = b * SLICE
    high = math.floor(scaled)
    state.tone = par.tone_keep * state.tone + par.tone_kick * ((high + 0.5) / SLICE - 0.5)
    state.rhythm = par.rhythm_keep * state.rhythm + par.rhythm_kick * (scaled - high - 0.5)
    # The lower bits of the draw whose upper ones size an episode.
    fine = d * SLICE
    state.airway = fine - math.floor(fine)
    if state.bt_age_h >= 0.0:
        state.bt_age_h += TICK_H
        if state.bt_age_h >= par.bt_length_h:
            state.bt_age_h = -1.0
    clock_h = clock(state, t_h)
    state.activity = activity(par, clock_h)
    starts = -math.expm1(-par.bt_rate_per_h * state.activity * TICK_H)
    if state.bt_age_h < 0.0 and c < starts:
        state.bt_age_h = 0.0
        state.bt_height = par.bt_nrs * (0.5 + d)
    state.awake = is_awake(par, clock_h)


@kernel
def breakthrough(par, state, later_h):
    """Pain (NRS) of the running episode ``later_h`` after the tick began: a rise, a plateau, a fall as long as the rise."""
    age = state.bt_age_h
    if age < 0.0:
        return 0.0
    age += later_h
    if age < par.bt_rise_h:
        return state.bt_height * age / par.bt_rise_h
    left = par.bt_length_h - age
    if left < par.bt_rise_h:
        return state.bt_height * max(0.0, left) / par.bt_rise_h
    return state.bt_height


@kernel
def steady_pain(par, state, t_h, later_h):
    """Drive (NRS, not below 0) without breakthrough: baseline, progression, what life adds, circadian swing, fluctuation."""
    phase = 2.0 * math.pi * (clock(state, t_h + later_h) - par.circ_peak_h) / DAY_H
    level = par.pain_base + par.pain_trend_per_h * t_h + par.circ_amp * math.cos(phase) + state.ou
    return max(0.0, level + state.life.lever[_PAIN])


@kernel
def felt_pain(par, state, steady, episode, t_h):
    """Pain (NRS 0-10): both components after their drugs, raised by hyperalgesia and distress, lowered by placebo.

    Spasm and withdrawal add to it. An episode of breakthrough counts as nociceptive.
    """
    noci = (steady * (1.0 - par.neuropathic) + episode) * (1.0 - state.relief_noci)
    neuro = steady * par.neuropathic * (1.0 - state.relief_neuro)
    expectation = par.placebo * math.exp(-t_h / par.placebo_tau_h)
    mood = 1.0 + par.distress_felt * (state.distress - 0.5)
    pain = (noci + neuro) * (1.0 + state.oih) * (1.0 - expectation) * mood + withdrawal_pain(par, state)
    return min(NRS_MAX, max(0.0, pain + par.spasm_nrs * state.spasm / SPASM_MAX))
