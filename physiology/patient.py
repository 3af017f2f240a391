"""The virtual patient put together: one substep of kinetics, one pump tick of everything else, and the first state."""

from __future__ import annotations

import math

from thecal.physiology.adaptation import analgesic_shift, prepare_adaptation, respiratory_shift, step_adaptation
from thecal.physiology.breathing import INSPIRED_O2_MMHG, RESPIRATORY_QUOTIENT, saturation, step_breathing
from thecal.physiology.effect import (
    brainstem_potency,
    cranial_concentration,
    dorsal_potency,
    hill,
    painful_concentration,
    prepare_effect,
    prepare_segments,
    step_effect_sites,
)
from thecal.physiology.harm import step_harm
from thecal.physiology.jit import kernel
from thecal.physiology.pain import felt_pain, is_awake, latent_pain, prepare_pain
from thecal.physiology.plasma import prepare_plasma, step_plasma
from thecal.physiology.records import COARSE, COARSE_H, FINE, FINE_H, FINE_PER_COARSE, N_SENSORS
from thecal.physiology.rng import STREAM_REPORT, normals
from thecal.physiology.sensors import prepare_sensors, true_signal
from thecal.physiology.transport import jet_share, prepare_transport, step_transport

_FIRST_TICK = -1


@kernel
def prepare_patient(par):
    """Factor everything that depends on a step's length; call once, and again when a parameter changes."""
    prepare_segments(par)
    prepare_adaptation(par)
    prepare_pain(par)
    prepare_sensors(par)
    for d in range(par.n_drugs):
        drug = par.drug[d]
        for k in range(2):
            dt_h = COARSE_H if k == COARSE else COARSE_H / FINE_PER_COARSE
            prepare_transport(par, drug, drug.step[k], dt_h)
            prepare_plasma(drug, drug.step[k], dt_h)
            prepare_effect(drug, drug.step[k], dt_h)


@kernel
def start_patient(par, state, clock_h):
    """Set a zeroed state to the day of the implant: no intrathecal drug, resting vital signs, one report known."""
    state.clock_h = clock_h
    state.bt_age_h = -1.0
    noise, _, _, _ = normals(par.seed, par.patient, STREAM_REPORT, _FIRST_TICK)
    state.ou = par.ou_sd * noise
    state.awake = is_awake(par, clock_h)
    state.poss = 1
    state.poss_seen = 1
    state.paco2 = par.paco2_0
    state.vent = 1.0
    state.rr = par.rr0
    state.spo2 = saturation(INSPIRED_O2_MMHG - par.paco2_0 / RESPIRATORY_QUOTIENT - par.aa_gradient)
    state.pain_latent = latent_pain(par, state, 0.0, 0.0)
    state.pain = felt_pain(par, state, state.pain_latent, 0.0, 0.0)
    state.press_age_h = par.press_every_h
    state.nrs_report = math.floor(state.pain + 0.5)
    state.nrs_mean = state.nrs_report
    for k in range(N_SENSORS):
        state.s_lag[k] = true_signal(par, state, k, 0.0)
        state.s_value[k] = math.exp(state.s_lag[k]) if k == N_SENSORS - 1 else state.s_lag[k]
        state.s_valid[k] = 1


@kernel
def step_drug(par, state, drug, step, own, into_tip_ug, jet_ug):
    """Advance transport, plasma and effect sites of one drug by ``step.dt_h``."""
    cranial = cranial_concentration(par, own)
    plasma = own.plasma
    gone = step_transport(par, drug, step, own, into_tip_ug, jet_ug, state.csf_work, state.cord_work)
    step_plasma(step, own, gone)
    dorsal = own.dorsal
    own.dorsal = painful_concentration(par, own)
    step_effect_sites(
        step,
        own,
        0.5 * (dorsal + own.dorsal),
        0.5 * (cranial + cranial_concentration(par, own)),
        0.5 * (plasma + own.plasma) / drug.v_plasma_ml,
    )


@kernel
def step_kinetics(par, state, tip_ug, basal_ml, bolus_ml):
    """Advance the kinetics of every drug by one coarse substep, in fine ones while a bolus spreads.

    Args:
        par, state: one patient (parameters prepared).
        tip_ug: drug leaving the catheter in the substep, ``[MAX_DRUGS]`` µg.
        basal_ml, bolus_ml: fluid leaving the catheter in the substep, mL.
    """
    direct = 0.0
    if bolus_ml > 0.0:
        direct = bolus_ml / (bolus_ml + basal_ml) * jet_share(par, bolus_ml)
        state.fine_left_h = FINE_H
    fine = state.fine_left_h > 0.0
    state.fine_left_h -= COARSE_H
    repeats = FINE_PER_COARSE if fine else 1
    for d in range(par.n_drugs):
        drug = par.drug[d]
        step = drug.step[FINE if fine else COARSE]
        jet_ug = tip_ug[d] * direct / repeats
        into_tip_ug = tip_ug[d] / repeats - jet_ug
        for _ in range(repeats):
            step_drug(par, state, drug, step, state.drug[d], into_tip_ug, jet_ug)


@kernel
def step_response(par, state, t_h, later_h):
    """Advance adaptation, relief, felt pain, breathing, sedation and nausea over one pump tick.

    ``t_h`` is the start of the tick and ``later_h`` the moment within it at which pain is evaluated.
    """
    u = dorsal_potency(par, state)
    step_adaptation(par, state, u)
    state.relief = par.emax * hill(u, analgesic_shift(par, state), par.hill)
    central = brainstem_potency(par, state)
    shift = respiratory_shift(par, state)
    step_breathing(par, state, central, shift)
    step_harm(par, state, central, shift)
    state.pain_latent = latent_pain(par, state, t_h, later_h)
    state.pain = felt_pain(par, state, state.pain_latent, state.relief, t_h)
