"""The virtual patient put together: one substep of kinetics, one pump tick of everything else, and the first state."""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import (
    AXIAL,
    COARSE,
    COARSE_H,
    FINE,
    FINE_H,
    FINE_PER_COARSE,
    QUIET,
    SETTLE_H,
    SLOW_TICKS,
    TICK_H,
)
from thecal.core.rng import STREAM_REPORT, normals
from thecal.physiology.adaptation import (
    prepare_adaptation,
    start_adaptation,
    step_habituation,
    step_hyperalgesia,
    step_tolerance,
    step_withdrawal,
)
from thecal.physiology.breathing import (
    INSPIRED_O2_MMHG,
    RESPIRATORY_QUOTIENT,
    prepare_breathing,
    saturation,
    step_breathing,
)
from thecal.physiology.catheter_harm import (
    NORMAL_C,
    prepare_catheter_harm,
    step_granuloma,
    step_infection,
    step_mortality,
    transfer,
)
from thecal.physiology.circulation import lie_dead, step_circulation
from thecal.physiology.effect import (
    cranial_concentration,
    painful_concentration,
    prepare_agonism,
    prepare_effect,
    prepare_sites,
    relief_of,
    step_channels,
    step_effect_sites,
    step_spinal_sites,
)
from thecal.physiology.function import (
    distress_target,
    function_target,
    prepare_function,
    step_function,
    step_spasticity,
)
from thecal.physiology.harm import prepare_harm, step_legs, step_sedation, step_slow_harm
from thecal.physiology.jets import direct_share, jet_node, jet_push, region_side
from thecal.physiology.life import start_life, step_life
from thecal.physiology.life_records import Lever
from thecal.physiology.metabolites import prepare_metabolites, step_metabolites
from thecal.physiology.occasion import start_occasion, step_occasion
from thecal.physiology.pain import breakthrough, felt_pain, is_awake, prepare_pain, steady_pain
from thecal.physiology.plasma import prepare_plasma, spare, step_plasma
from thecal.physiology.rescue import prepare_rescue, step_rescue
from thecal.physiology.sensors import prepare_sensors, start_sensors
from thecal.physiology.transport import prepare_transport, step_transport

_FIRST_TICK = -1
_RENAL = int(Lever.RENAL)
# A change of the infusion by more than this share of the larger rate starts a settling time with shorter substeps.
_LARGE_CHANGE = 0.5


@kernel
def prepare_patient(par):
    """Factor everything that depends on a step's length; call once, and again when a parameter changes."""
    prepare_sites(par)
    prepare_adaptation(par)
    prepare_pain(par)
    prepare_function(par)
    prepare_harm(par)
    prepare_breathing(par)
    prepare_catheter_harm(par)
    prepare_sensors(par)
    prepare_rescue(par)
    for d in range(par.n_drugs):
        drug = par.drug[d]
        prepare_agonism(par, drug, par.channel[drug.channel].hill)
        prepare_metabolites(drug)
        for k in range(3):
            dt_h = TICK_H if k == QUIET else (COARSE_H if k == COARSE else COARSE_H / FINE_PER_COARSE)
            prepare_transport(par, drug, drug.step[k], dt_h)
            prepare_plasma(drug, drug.step[k], dt_h)
            prepare_effect(drug, drug.step[k], dt_h)


@kernel
def start_patient(par, state, clock_h):
    """Set a zeroed state to the day of the implant: no intrathecal drug, resting vital signs, one report known."""
    state.clock_h = clock_h
    state.settle_left_h = SETTLE_H
    state.bt_age_h = -1.0
    noise, _, _, _ = normals(par.seed, par.patient, STREAM_REPORT, _FIRST_TICK)
    state.ou = par.ou_sd * noise
    start_occasion(par, state)
    if par.life.on == 1:
        start_life(par.life, par.seed, par.patient, state.life)
    state.awake = is_awake(par, clock_h)
    state.poss = 1
    state.poss_seen = 1
    state.paco2 = par.paco2_0
    state.drive = 1.0
    state.rr = par.rr0
    state.spo2 = saturation(INSPIRED_O2_MMHG - par.paco2_0 / RESPIRATORY_QUOTIENT - par.aa_gradient)
    state.temperature = NORMAL_C
    start_adaptation(par, state)
    step_spasticity(par, state, 0.0)
    state.distress = 0.5  # neither distressed nor calm before pain is known
    state.pain_latent = steady_pain(par, state, 0.0, 0.0)
    state.pain = felt_pain(par, state, state.pain_latent, 0.0, 0.0)
    state.distress = distress_target(state)
    state.function = function_target(state)
    state.press_age_h = par.press_every_h
    state.nrs_report = math.floor(state.pain + 0.5)
    state.nrs_mean = state.nrs_report
    state.spasm_seen = math.floor(state.spasm + 0.5)
    start_sensors(par, state)


@kernel
def is_quiet(state):
    """Whether concentrations change so slowly that the coming pump tick needs one substep only.

    A caller that is about to give a bolus must not ask: a bolus always takes short substeps.
    """
    return state.settle_left_h <= 0.0


@kernel
def step_drug(par, state, drug, step, own, into_tip_ug, jet_ug, node, side, push):
    """Advance transport, plasma and effect sites of one drug by ``step.dt_h``."""
    cranial = cranial_concentration(par, own)
    plasma = own.plasma
    gone = step_transport(par, drug, step, own, into_tip_ug, jet_ug, node, side, push, state.csf_work, state.cord_work)
    eliminated = own.eliminated
    step_plasma(step, own, gone)
    lost = -state.life.lever[_RENAL]
    if lost != 0.0:
        spare(own, own.eliminated - eliminated, drug.renal * lost)
    dorsal = own.dorsal
    own.dorsal = painful_concentration(par, own)
    step_effect_sites(
        step,
        own,
        0.5 * (dorsal + own.dorsal),
        0.5 * (cranial + cranial_concentration(par, own)),
        0.5 * (plasma + own.plasma) / drug.v_plasma_ml,
    )
    if drug.spinal == 1:
        step_spinal_sites(par, drug, step, own)


@kernel
def _note_source(par, state, tip_ug, fluid_ml, bolus_ml, dt_h):
    """Choose the length of the coming substeps, and account for what passes the tip."""
    rate = tip_ug[0] / dt_h
    if bolus_ml > 0.0:
        state.fine_left_h = FINE_H
        state.settle_left_h = SETTLE_H
    elif abs(rate - state.source) > _LARGE_CHANGE * max(rate, state.source) + 2.0 * state.grain_ug / COARSE_H:
        state.settle_left_h = SETTLE_H
    state.source = rate
    for d in range(par.n_drugs):
        state.tip_ug += tip_ug[d] * par.drug[d].granuloma
    state.tip_ml += fluid_ml


@kernel
def step_kinetics(par, state, tip_ug, basal_ml, bolus_ml, dt_h):
    """Advance the kinetics of every drug by a pump tick or a coarse substep, the latter in fine ones while a bolus spreads.

    Args:
        par, state: one patient (parameters prepared).
        tip_ug: drug leaving the catheter in the substep, ``[MAX_DRUGS]`` µg.
        basal_ml, bolus_ml: fluid leaving the catheter in the substep, mL.
        dt_h: ``TICK_H`` (only while :func:`is_quiet` and without a bolus) or ``COARSE_H``.
    """
    _note_source(par, state, tip_ug, basal_ml + bolus_ml, bolus_ml, dt_h)
    push = jet_push(par, bolus_ml)
    if par.structure == AXIAL:
        direct, side = direct_share(par, basal_ml, bolus_ml, dt_h)
    else:  # regions are well mixed, so there is no cell at the tip, and a jet is driven from region to region
        direct, side, push = 1.0, region_side(push), 0.0
    fine = state.fine_left_h > 0.0
    state.fine_left_h -= dt_h
    state.settle_left_h -= dt_h
    repeats = FINE_PER_COARSE if fine else 1
    length = FINE if fine else (COARSE if dt_h < TICK_H else QUIET)
    passed = transfer(state)
    for d in range(par.n_drugs):
        drug = par.drug[d]
        own = state.drug[d]
        arrived = tip_ug[d] * passed
        own.plasma += tip_ug[d] - arrived
        own.given += tip_ug[d] - arrived
        node = jet_node(par, drug, state.awake) if bolus_ml > 0.0 else par.tip_node
        jet_ug = arrived * direct / repeats
        into_tip_ug = arrived / repeats - jet_ug
        for _ in range(repeats):
            step_drug(par, state, drug, drug.step[length], own, into_tip_ug, jet_ug, node, side, push)


@kernel
def _step_slow(par, state):
    """What changes over hours and days: life, sensitivity, adaptation, slow harm, mood and function."""
    if par.life.on == 1:
        step_life(par.life, par.seed, par.patient, state.life, state.tick * TICK_H)
    step_occasion(par, state)
    step_tolerance(par, state)
    step_habituation(par, state)
    step_metabolites(par, state)
    step_hyperalgesia(par, state)
    step_withdrawal(par, state)
    step_slow_harm(par, state)
    step_granuloma(par, state)
    step_infection(par, state)
    step_mortality(par, state)
    step_function(par, state)


@kernel
def step_response(par, state, t_h, later_h):
    """Advance adaptation, relief, felt pain, breathing and harm over one pump tick.

    ``t_h`` is the start of the tick and ``later_h`` the moment within it at which pain is evaluated.
    """
    if state.dead == 1:
        lie_dead(state)
        return
    step_channels(par, state)
    if state.rescues > 0:
        step_rescue(par, state)
    if state.tick % SLOW_TICKS == 0:
        _step_slow(par, state)
    noci, neuro = relief_of(par, state)
    state.relief_noci = noci
    state.relief_neuro = neuro
    state.relief = noci + par.neuropathic * (neuro - noci)
    step_sedation(par, state)
    step_breathing(par, state)
    step_circulation(par, state)
    step_legs(par, state)
    if par.ashworth0 > 1.0:
        step_spasticity(par, state, t_h)
    steady = steady_pain(par, state, t_h, later_h)
    episode = breakthrough(par, state, later_h)
    state.pain_latent = steady + episode
    state.pain = felt_pain(par, state, steady, episode, t_h)
    if state.dead == 1:
        lie_dead(state)


@kernel
def move_tip(par, state, node):
    """Catheter migration: the tip comes to lie at ``node``; drug in the cell around the old tip stays where it was."""
    for d in range(par.n_drugs):
        own = state.drug[d]
        own.csf[par.tip_node] += own.tip
        own.tip = 0.0
    par.tip_node = min(par.last_node, max(1, node))
    state.settle_left_h = SETTLE_H
    prepare_patient(par)
