"""One step of one environment: policy request -> shield -> pump -> patient -> sensors, pump tick by pump tick.

Every way into the simulation (single environment, vector environment, SB3 adapter, rollouts) runs :func:`step_world`.
"""

from __future__ import annotations

import math

from numba import prange

from thecal.devices.pump import command, deliver, refill
from thecal.devices.records import PUMP_TICK_H, TICKS_PER_DAY
from thecal.envs.observation import write_observation
from thecal.envs.reward import write_reward
from thecal.physiology.breathing import is_depressed
from thecal.physiology.effect import analgesic_shift
from thecal.physiology.jit import entry_point, kernel, source_key
from thecal.physiology.layout import AXIAL, COARSE_PER_TICK, MAX_DRUGS, TICK_H
from thecal.physiology.pain import NRS_MAX, clock, step_disturbance
from thecal.physiology.patient import is_quiet, step_kinetics, step_response
from thecal.physiology.reports import step_report
from thecal.physiology.sensors import RR, SPO2, step_sensors
from thecal.safety.shield import largest_bolus, shield_tick

CONTROLLED_NRS = 3.0
WITHDRAWAL_LEVEL = 0.3
OVERSEDATED_POSS = 3
NL_PER_ML = 1.0e6
NL_PER_UL = 1.0e3
PG_PER_UG = 1.0e6
SOURCE_KEY = source_key()


@kernel
def requested_rate(world, task, a):
    """The rate (nL per pump tick, not yet shielded) that action component ``a`` in [-1, 1] asks for."""
    now = world.shield.prev_rate
    if abs(a) <= task.deadband:
        return now
    reach = task.max_up if a > 0.0 else task.max_down
    size = (abs(a) - task.deadband) / (1.0 - task.deadband) * reach
    return math.floor(now * (1.0 + math.copysign(size, a)))


@kernel
def _begin(world, par, action, out):
    """Read the action; returns (rate request in nL per tick, 1 if the action is usable else 0)."""
    valid = 1 if math.isfinite(action[0]) and math.isfinite(action[1]) else 0
    episode = world.episode
    episode.pressed_last = 0
    episode.given_last = 0
    if valid == 0:
        episode.armed_nl = 0
        out.requested_rate = math.nan
        return world.shield.prev_rate, 0
    a = min(1.0, max(-1.0, action[0]))
    b = min(1.0, max(0.0, action[1]))
    episode.armed_nl = math.floor(b * largest_bolus(world.shield, par.shield))
    rate = requested_rate(world, par.task, a)
    out.requested_rate = rate * TICKS_PER_DAY / NL_PER_ML
    out.requested_bolus_ul = episode.armed_nl / NL_PER_UL
    return rate, 1


@kernel
def _shield_and_pump(world, par, rate, valid, first, out):
    """One pump tick's request through the shield to the pump; later ticks of a step ask to hold the rate."""
    patient = world.patient
    shield = world.shield
    episode = world.episode
    asks = first
    if par.task.patient_bolus == 1:
        asks = patient.demand
    bolus = episode.armed_nl if asks == 1 else 0
    request = rate if first == 1 else shield.prev_rate
    round_time = abs(clock(patient, patient.tick * PUMP_TICK_H) - par.task.clinic_clock_h) < 0.5 * PUMP_TICK_H
    clear = 1 if round_time and patient.poss_seen < OVERSEDATED_POSS else 0
    shield_tick(
        shield,
        par.shield,
        request,
        bolus,
        valid if first == 1 else 1,
        _tenths(patient, RR),
        _tenths(patient, SPO2),
        patient.poss_seen,
        clear,
    )
    given = shield.allowed_bolus
    if patient.demand == 1:
        episode.pressed_last += 1
        out.demands += 1.0
        if given > 0:
            out.demands_given += 1.0
            episode.given_last += 1
        else:
            out.demands_denied += 1.0
    slot = patient.tick % TICKS_PER_DAY
    episode.presses24 += patient.demand - episode.presses[slot]
    episode.presses[slot] = patient.demand
    out.binding |= shield.binding
    out.violations |= shield.violations
    out.fallback = max(out.fallback, shield.fallback)
    # Rounding to the pump's grid is no intervention; a limit that decided the outcome is.
    if shield.binding != 0:
        out.intervened = 1
    out.allowed_bolus_ul += given / NL_PER_UL
    command(world.pump, par.pump, shield.allowed_rate, given)


@kernel
def _tenths(patient, k):
    """Sensor ``k`` as an integer in tenths, -1 when this tick's sample is missing."""
    return math.floor(10.0 * patient.s_value[k] + 0.5) if patient.s_valid[k] == 1 else -1


@kernel
def _move_patient(world, par, out):
    """Deliver for one pump tick and advance the patient by it."""
    patient = world.patient
    t_h = patient.tick * PUMP_TICK_H
    n = 1 if is_quiet(patient) and world.pump.bolus_left_nl <= 0.0 else COARSE_PER_TICK
    for _ in range(n):
        basal_ml, bolus_ml = deliver(world.pump, par.pump, TICK_H / n, world.tip_ug)
        step_kinetics(par.patient, patient, world.tip_ug, basal_ml, bolus_ml, TICK_H / n)
        out.delivered_rate += basal_ml + bolus_ml
    step_response(par.patient, patient, t_h, 0.5 * PUMP_TICK_H)
    step_sensors(par.patient, patient, t_h + PUMP_TICK_H)
    step_report(par.patient, patient)
    if patient.nrs_new == 1:
        out.nrs_report = patient.nrs_report


@kernel
def _count(world, par, out):
    """Add what the patient went through in one pump tick to the step's account."""
    patient = world.patient
    episode = world.episode
    dt = PUMP_TICK_H
    if patient.dead == 1:
        out.pain_mean += NRS_MAX
        return
    out.alive_h += dt
    out.pain_mean += patient.pain
    out.pain0 += min(NRS_MAX, patient.pain_latent)
    out.awake_h += dt * patient.awake
    out.bt_h += dt if patient.bt_age_h >= 0.0 else 0.0
    if patient.poss == 4:
        out.unrousable_h += dt
    elif patient.pain <= CONTROLLED_NRS:
        out.controlled_h += dt
    depressed = 1 if is_depressed(patient) else 0
    out.resp_h += dt * depressed
    out.resp_events += 1.0 if depressed > episode.was_depressed else 0.0
    episode.was_depressed = depressed
    sedated = 1 if patient.poss >= OVERSEDATED_POSS else 0
    out.sed_h += dt * sedated
    out.sed_events += 1.0 if sedated > episode.was_oversedated else 0.0
    episode.was_oversedated = sedated
    out.withdrawal_h += dt if patient.withdrawal > WITHDRAWAL_LEVEL else 0.0
    out.rr_min = min(out.rr_min, patient.rr)
    out.spo2_min = min(out.spo2_min, patient.spo2)
    out.paco2_max = max(out.paco2_max, patient.paco2)


@kernel
def _finish(world, par, out, rate_before, asked, first_allowed):
    """Close the step: averages, end-of-step values, reward, termination."""
    patient = world.patient
    task = par.task
    n = task.ticks_per_step
    step_h = n * PUMP_TICK_H
    world.episode.step += 1
    world.episode.terminated = patient.dead
    out.time_h = patient.tick * PUMP_TICK_H
    out.delivered_rate *= 24.0 / step_h
    out.pain_mean /= n
    out.pain0 /= n
    out.pain_end = patient.pain
    out.pain_latent = patient.pain_latent
    out.relief = patient.relief
    out.sedation = patient.sedation
    out.nausea = patient.nausea
    out.withdrawal = patient.withdrawal
    out.ashworth = patient.ashworth
    out.itch = patient.itch
    out.retention = patient.retention
    out.constipation = patient.gut
    out.bp_fall = patient.bp_fall
    out.motor_block = patient.motor_block
    out.cognition = patient.cognition
    out.endocrine = patient.endocrine
    out.granuloma = patient.granuloma
    out.temperature = patient.temperature
    out.distress = patient.distress
    out.function = patient.function
    out.hr = patient.s_lag[0]
    out.sbp = patient.s_lag[1]
    out.tol = analgesic_shift(par.patient, patient, 0)
    out.oih = patient.oih
    drug = patient.drug[0]
    out.ce_dh = drug.ce_dh
    out.ce_bs = drug.ce_bs
    out.plasma = drug.plasma / par.patient.drug[0].v_plasma_ml
    out.csf_tip = drug.tip / par.patient.tip_ml
    if par.patient.structure != AXIAL:
        node = par.patient.tip_node
        out.csf_tip = drug.csf[node] / par.patient.v_node[node]
    for d in range(MAX_DRUGS):
        out.dose24_ug[d] = world.shield.dose24[d] / PG_PER_UG
    out.allowed_rate = world.shield.allowed_rate * TICKS_PER_DAY / NL_PER_ML
    out.reservoir_est_ml = world.pump.estimated_ml
    out.reservoir_true_ml = world.pump.true_ml
    out.terminated = patient.dead
    change = abs(world.shield.allowed_rate - rate_before) / max(1.0, float(rate_before))
    refused = min(1.0, abs(asked - first_allowed) / max(1.0, task.max_up * rate_before))
    write_reward(world, par, out, step_h, change, refused, task.n_steps - world.episode.step)


@kernel
def step_world(world, par, action, out):
    """Advance one environment by one step.

    Args:
        world, par: one WORLD and one WORLD_PAR record.
        action: ``[2]`` in [-1, 1]; anything not finite makes the shield hold the last safe rate.
        out: TICK_OUT record to fill (zeroed by the caller).
    """
    rate_before = world.shield.prev_rate
    out.nrs_report = math.nan
    out.rr_min = 1.0e3
    out.spo2_min = 100.0
    rate, valid = _begin(world, par, action, out)
    first_allowed = rate
    for k in range(par.task.ticks_per_step):
        patient = world.patient
        step_disturbance(par.patient, patient, patient.tick * PUMP_TICK_H)
        _shield_and_pump(world, par, rate, valid, 1 if k == 0 else 0, out)
        if k == 0:
            first_allowed = world.shield.allowed_rate
        if patient.dead == 0:
            _move_patient(world, par, out)
        _count(world, par, out)
        for d in range(par.patient.n_drugs):
            given_nl = world.shield.allowed_rate + world.shield.allowed_bolus
            out.dose_ug[d] += given_nl * par.shield.conc[d] / PG_PER_UG
        if world.pump.estimated_ml <= par.task.refill_ml:
            refill(world.pump, par.pump, par.pump.capacity_ml, world.pump.label_conc)
        patient.tick += 1
    _finish(world, par, out, rate_before, rate, first_allowed)


def _compile(parallel: bool, key: int):
    span = prange if parallel else range

    @entry_point(parallel=parallel)
    def advance(world, par, actions, outs, observations, active):
        """Step every environment of a batch whose ``active`` flag is set and write its observation.

        Arrays: world WORLD[B], par WORLD_PAR[B], actions float64[B, 2], outs TICK_OUT[B] (zeroed by the caller),
        observations float32[B, N_OBS], active bool[B]. Returns the hash of the kernel sources it was built from.
        """
        for b in span(world.shape[0]):
            if active[b]:
                step_world(world[b], par[b], actions[b], outs[b])
                write_observation(world[b], par[b], observations[b])
        return key

    return advance


advance_serial = _compile(False, SOURCE_KEY)
advance_parallel = _compile(True, SOURCE_KEY)
