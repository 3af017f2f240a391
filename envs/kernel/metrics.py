"""What a step reports: metrics added up over its pump ticks, averages, end values and reward at its close."""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import AXIAL, MAX_DRUGS, NL_PER_ML, PG_PER_UG, REPORT_VALID_H, SLOW_TICKS, TICK_H, TICKS_PER_DAY
from thecal.envs.kernel.rewards import write_reward
from thecal.envs.kernel.well import CONTROLLED_NRS, WITHDRAWAL_LEVEL, count_well
from thecal.physiology.breathing import is_depressed
from thecal.physiology.effect import analgesic_shift
from thecal.physiology.harm import OVERSEDATED_POSS
from thecal.physiology.pain import NRS_MAX
from thecal.physiology.sensors import HR, SBP


@kernel
def accumulate_tick(world, par, out):
    """Add what the patient went through in one pump tick to the step's metrics."""
    patient = world.patient
    episode = world.episode
    dt = TICK_H
    if patient.tick % SLOW_TICKS == 0 and patient.dead == 0:
        out.life_begun |= patient.life.begun
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
    count_well(patient, par.task, dt, out)
    out.rr_min = min(out.rr_min, patient.rr)
    out.spo2_min = min(out.spo2_min, patient.spo2)
    out.paco2_max = max(out.paco2_max, patient.paco2)


@kernel
def _report_pump(world, par, out):
    """What telemetry shows at the end of the step, and the truth beside it."""
    pump = world.pump
    out.reservoir_est_ml = pump.estimated_ml
    out.reservoir_true_ml = pump.true_ml
    out.programmed_rate = pump.rate_nl * TICKS_PER_DAY / NL_PER_ML
    out.battery_used = min(pump.battery_used, 1.0)
    out.alarms = pump.alarms
    out.suspicions = world.monitor.standing
    out.refill_residual = world.monitor.residual
    out.pump_events = pump.events
    out.faults = world.fault.active
    for d in range(MAX_DRUGS):
        out.conc_true[d] = pump.conc[d]


@kernel
def _report_state(world, par, out):
    """What stands now: the clock, the patient, the ledger and the pump."""
    patient = world.patient
    out.time_h = patient.tick * TICK_H
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
    out.life = patient.life.present
    out.hr = patient.s_lag[HR]
    out.sbp = patient.s_lag[SBP]
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
    _report_pump(world, par, out)
    out.shield_mode = par.shield.mode
    out.terminated = patient.dead


@kernel
def report_standing(world, par, out):
    """Fill a zeroed report between two steps: what stands, sums of nothing, and NaN for what takes a step to have."""
    patient = world.patient
    _report_state(world, par, out)
    out.nrs_report = patient.nrs_report if patient.nrs_age_h <= REPORT_VALID_H else math.nan
    out.requested_rate = math.nan
    out.delivered_rate = math.nan
    out.allowed_rate = world.shield.prev_rate * TICKS_PER_DAY / NL_PER_ML
    out.mixture = world.episode.mixture
    out.pain_mean = patient.pain if patient.dead == 0 else NRS_MAX
    out.pain0 = min(NRS_MAX, patient.pain_latent)
    out.rr_min = patient.rr
    out.spo2_min = patient.spo2
    out.paco2_max = patient.paco2


@kernel
def finish_step(world, par, out, rate_before, asked, first_allowed):
    """Close the step: averages, end-of-step values, reward, termination."""
    patient = world.patient
    task = par.task
    n = task.ticks_per_step
    step_h = n * TICK_H
    world.episode.step += 1
    world.episode.terminated = patient.dead
    out.delivered_rate *= 24.0 / step_h
    out.pain_mean /= n
    out.pain0 /= n
    out.allowed_rate = world.shield.allowed_rate * TICKS_PER_DAY / NL_PER_ML
    _report_state(world, par, out)
    change = abs(world.shield.allowed_rate - rate_before) / max(1.0, float(rate_before))
    refused = min(1.0, abs(asked - first_allowed) / max(1.0, task.max_up * rate_before))
    write_reward(world, par, out, step_h, change, refused, task.n_steps - world.episode.step)
