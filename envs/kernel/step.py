"""One step of one environment: policy request -> shield -> pump -> patient -> sensors, pump tick by pump tick.

Every way into the simulation (single environment, vector environment, SB3 adapter, rollouts) runs :func:`step_world`.
"""

from __future__ import annotations

import math

from numba import prange

from thecal.core.jit import entry_point, kernel, source_key
from thecal.core.layout import COARSE_PER_TICK, MAX_DRUGS, NL_PER_ML, NL_PER_UL, PG_PER_UG, TICK_H, TICKS_PER_DAY
from thecal.devices.fault_records import Fault
from thecal.devices.faults import count_error, is_active, step_faults
from thecal.devices.monitors import see_day, see_patient, see_pump, see_report
from thecal.devices.patient_faults import spoil_sensors, step_patient_faults
from thecal.devices.pump import begin_tick, deliver
from thecal.devices.receiver import receive, take_back
from thecal.envs.clinician import confirms, is_there
from thecal.envs.kernel.actions import begin_step
from thecal.envs.kernel.metrics import accumulate_tick, finish_step
from thecal.envs.kernel.observation import write_observation
from thecal.envs.kernel.recall import remember
from thecal.envs.kernel.shield_input import write_shield_input, write_trail
from thecal.envs.visits import attend
from thecal.physiology.circulation import lie_dead
from thecal.physiology.pain import step_disturbance
from thecal.physiology.patient import is_quiet, step_kinetics, step_response
from thecal.physiology.reports import step_report
from thecal.physiology.sensors import step_sensors
from thecal.safety.records import ASKED, CONFIRM_STAGE, UNASKED
from thecal.safety.shield import shield_tick

_LOST, _REPEATED = int(Fault.COMMAND_LOST), int(Fault.COMMAND_REPEATED)
SOURCE_KEY = source_key()


@kernel
def _shield_and_pump(world, par, rate, valid, k, out, trail):
    """One pump tick's request through the shield to the pump; later ticks of a step ask to hold the rate."""
    patient = world.patient
    shield = world.shield
    episode = world.episode
    first = 1 if k == 0 else 0
    waits = par.shield.stage == CONFIRM_STAGE
    asks = first
    if par.task.patient_bolus == 1:
        asks = patient.demand if shield.since_bolus >= episode.lockout else 0
    bolus = episode.armed_nl if asks == 1 else 0
    # What waits for a clinician is asked for again when one is there, however long a step of the policy lasts.
    told = first == 1 or (waits and valid == ASKED and is_there(world, par))
    request = rate if told else shield.prev_rate
    usable = valid if told else UNASKED
    write_shield_input(world, par)
    if waits and told:
        world.received.confirms = confirms(world, par, request, episode.armed_nl)
    before = shield.prev_rate
    shield_tick(shield, par.shield, world.received, request, bolus, usable)
    if trail.shape[0] > 0:
        write_trail(trail[k], world, par, before, request, bolus, usable)
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
    _send(world, par, shield.allowed_rate, given)


@kernel
def _send(world, par, rate, bolus):
    """Send the allowed command to the pump, which may lose or repeat it, and look at the telemetry that comes back."""
    pump = world.pump
    fault = world.fault
    episode = world.episode
    before = pump.events
    sent = 1 if rate != pump.rate_nl or bolus > 0 else 0
    episode.sent += 1
    if fault.active == 0 or not is_active(fault, _LOST):
        beside = pump.bolus_left_nl > 0.0 and world.received.unverified == 1
        if beside or (pump.prime_left_nl > 0.0 and world.monitor.stranger == 1):
            take_back(pump, par.pump)
        receive(pump, par.pump, episode.sent, rate, bolus)
    if fault.active != 0 and fault.begun >> _REPEATED & 1 == 1:
        receive(pump, par.pump, fault.repeat_number, fault.repeat_rate, fault.repeat_nl)
    if bolus > 0 or (par.fault.enabled == 1 and fault.repeat_nl == 0):
        fault.repeat_number = episode.sent
        fault.repeat_rate = rate
        fault.repeat_nl = bolus
    see_pump(world.monitor, par.monitor, pump, rate, 1 if pump.events - before != sent else 0)


@kernel
def _move_patient(world, par, out):
    """Deliver for one pump tick and advance the patient by it."""
    patient = world.patient
    t_h = patient.tick * TICK_H
    if par.fault.enabled == 1:
        step_patient_faults(world.fault, par.fault, world.pump, par.patient, patient, world.tip_ug)
    n = 1 if is_quiet(patient) and world.pump.bolus_left_nl + world.pump.prime_left_nl <= 0.0 else COARSE_PER_TICK
    for _ in range(n):
        basal_ml, bolus_ml = deliver(world.pump, par.pump, TICK_H / n, world.tip_ug)
        step_kinetics(par.patient, patient, world.tip_ug, basal_ml, bolus_ml, TICK_H / n)
        out.delivered_rate += basal_ml + bolus_ml
    step_response(par.patient, patient, t_h, 0.5 * TICK_H)
    step_sensors(par.patient, patient, t_h + TICK_H)
    if world.fault.active != 0:
        spoil_sensors(world.fault, patient)
    step_report(par.patient, patient)
    if patient.nrs_new == 1:
        out.nrs_report = patient.nrs_report
        see_report(world.monitor, patient.nrs_report)


@kernel
def _show_death(world, par):
    """One pump tick after death: nothing is delivered or reported any more, and the sensors show it."""
    patient = world.patient
    lie_dead(patient)
    step_sensors(par.patient, patient, (patient.tick + 1) * TICK_H)
    step_report(par.patient, patient)


@kernel
def _monitor(world, par):
    """Once per pump tick: the monitors look at the patient."""
    monitor = world.monitor
    patient = world.patient
    now_h = world.pump.age_h
    if world.pump.ticks % TICKS_PER_DAY == 0:
        see_day(monitor, par.monitor, world.shield.allowed_rate, patient.temperature, now_h)
    see_patient(monitor, par.monitor, patient.s_value, patient.s_valid, patient.poss_seen, now_h)


@kernel
def step_world(world, par, action, out, trail):
    """Advance one environment by one step.

    Args:
        world, par: one WORLD and one WORLD_PAR record.
        action: ``[n]`` in [-1, 1], see ``actions``; anything not finite makes the shield hold the last safe rate.
        out: STEP_OUT record to fill (zeroed by the caller).
        trail: TRAIL_ROW ``[ticks_per_step]`` to fill, or an empty array when no trail is kept.
    """
    rate_before = world.shield.prev_rate
    calls_before = world.episode.called
    out.nrs_report = math.nan
    out.rr_min = 1.0e3
    out.spo2_min = 100.0
    for d in range(MAX_DRUGS):
        out.tip_ug[d] = world.pump.tip_ug[d]
    world.episode.judged = 0
    world.episode.decided = world.patient.tick
    rate, valid = begin_step(world, par, action, out)
    first_allowed = rate
    for k in range(par.task.ticks_per_step):
        patient = world.patient
        pump = world.pump
        step_disturbance(par.patient, patient, patient.tick * TICK_H)
        if par.fault.enabled == 1:
            step_faults(world.fault, par.fault, pump, par.pump)
            out.fault_begun |= world.fault.begun
        pump.body_c = patient.temperature
        patient.grain_ug = par.pump.stroke_nl * pump.conc[0] / NL_PER_ML
        begin_tick(pump, par.pump)
        _shield_and_pump(world, par, rate, valid, k, out, trail)
        if k == 0:
            first_allowed = world.shield.allowed_rate
        given_nl = world.shield.allowed_rate + world.shield.allowed_bolus
        for d in range(par.patient.n_drugs):
            out.dose_ug[d] += given_nl * par.shield.conc[d] / PG_PER_UG
        if patient.dead == 0:
            entered_ug = pump.tip_ug[0]
            _move_patient(world, par, out)
            if world.fault.active != 0:
                count_error(world.fault, pump.tip_ug[0] - entered_ug, given_nl * par.shield.conc[0] / PG_PER_UG)
            _monitor(world, par)
            attend(world, par, out)
        else:
            _show_death(world, par)
        accumulate_tick(world, par, out)
        if par.task.remembers == 1:
            remember(world.memory, patient, pump.rate_nl, par.task.start_rate_nl, par.task.signs)
        patient.tick += 1
    for d in range(MAX_DRUGS):
        out.tip_ug[d] = world.pump.tip_ug[d] - out.tip_ug[d]
    out.calls = world.episode.called - calls_before
    out.clinician = world.episode.judged
    out.mixture = world.episode.mixture
    finish_step(world, par, out, rate_before, rate, first_allowed)


def _compile(parallel: bool, key: int):
    span = prange if parallel else range

    @entry_point(parallel=parallel)
    def advance(world, par, actions, outs, seen, values, lens, observations, active, trail):
        """Step every environment of a batch whose ``active`` flag is set and write its observation.

        Arrays: world WORLD[B], par WORLD_PAR[B], actions float64[B, n_actions], outs STEP_OUT[B] (zeroed by the caller), seen
        SEEN[B] and the same memory as values float64[B, n_fields], lens LENS[1], observations float32[B, n_obs], active
        bool[B], trail TRAIL_ROW[B, ticks_per_step] or TRAIL_ROW[B, 0]. Returns the hash of the kernel sources it was built
        from.
        """
        for b in span(world.shape[0]):
            if active[b]:
                step_world(world[b], par[b], actions[b], outs[b], trail[b])
                write_observation(world[b], par[b], seen[b], values[b], lens[0], observations[b])
        return key

    return advance


advance_serial = _compile(False, SOURCE_KEY)
advance_parallel = _compile(True, SOURCE_KEY)
