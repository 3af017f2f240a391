"""Faults in the tick: when they begin and end, and what each changes in pump and catheter.

Onsets are either planned or drawn: once a day each hazard gives an exponential waiting time from a counter-based draw, so a
fault's time depends on patient and seed, never on the policy or the batch. The patient's side of a fault is in
``patient_faults``; what a fault did is in FAULT_STATE, the hidden truth.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import TICK_H, TICKS_PER_DAY
from thecal.core.rng import STREAM_FAULT, STREAM_FAULT_SIZE, STREAM_KINK, normal_quantile, uniforms
from thecal.devices.alarms import VALVE_SHUT, PumpEvent, note, raise_alarm
from thecal.devices.fault_delivery import clinician_reset, halt, resume, settle
from thecal.devices.fault_records import N_FAULTS, Fault
from thecal.devices.program import program_prime
from thecal.devices.pump import battery_reset, replace_pump
from thecal.devices.records import HALT_EXPLANT, HALT_MRI, HALT_STALL, HALT_VALVE, ML_PER_NL, ROTOR, VALVE

_DAY_H = 24.0
_GROUPS = (N_FAULTS + 3) // 4
_DETAILS = 1 << 16
_EXPLANTED, _MRI = int(PumpEvent.EXPLANTED), int(PumpEvent.MRI)

_OCCLUSION, _KINK, _DISLODGEMENT = int(Fault.OCCLUSION), int(Fault.KINK), int(Fault.DISLODGEMENT)
_DISCONNECTION, _LEAK = int(Fault.DISCONNECTION), int(Fault.LEAK)
_STALL, _STALL_FOR_GOOD = int(Fault.STALL_TRANSIENT), int(Fault.STALL_PERMANENT)
_OVER, _BATTERY, _RESET = int(Fault.OVER_INFUSION), int(Fault.BATTERY), int(Fault.BATTERY_RESET)
_PROGRAM_ERROR, _PRIME, _INFECTION = int(Fault.PROGRAM_ERROR), int(Fault.ACCIDENTAL_PRIME), int(Fault.INFECTION)
_CLOCK, _MRI_SCAN, _ALTITUDE = int(Fault.CLOCK_JUMP), int(Fault.MRI_SCAN), int(Fault.ALTITUDE)
_POCKET, _WRONG_CONC = int(Fault.POCKET_FILL), int(Fault.WRONG_CONCENTRATION)
_WRONG_DRUG = int(Fault.WRONG_DRUG)


@kernel
def is_active(fault, kind):
    """Whether a fault of this kind is present."""
    return fault.active >> kind & 1 == 1


@kernel
def grown(fault, par, kind, now_h):
    """The severity reached by now: the fault's own, approached in a straight line over its growth time; 0 when absent."""
    if not is_active(fault, kind):
        return 0.0
    if par.growth_h[kind] <= 0.0:
        return fault.size[kind]
    return fault.size[kind] * min(1.0, (now_h - fault.onset_h[kind]) / par.growth_h[kind])


@kernel
def new_faults(fault):
    """A sound system: nothing pending, nothing detected."""
    fault.next_h = 0.0
    for kind in range(N_FAULTS):
        fault.pending_h[kind] = math.inf
        fault.until_h[kind] = math.inf
        fault.repair_at_h[kind] = math.inf
        fault.detected_h[kind] = -1.0


@kernel
def _strain(fault, par, pump, pump_par, kind, early):
    """Factor on a hazard: the first days after the implant, and for over-infusion a pump that stood, ran dry or was blocked."""
    factor = par.early_factor[kind] if early else 1.0
    if kind == _OVER:
        dry = pump.true_ml <= pump_par.residual_ml
        if pump.no_flow_h >= pump_par.stop_warning_h or dry or is_active(fault, _OCCLUSION):
            factor *= par.strain_factor
    return factor


@kernel
def _draw_day(fault, par, pump, pump_par, now_h):
    """Waiting times of the coming day for every fault that is absent."""
    early = now_h < par.early_h
    day = int(now_h / _DAY_H + 0.5)
    for group in range(_GROUPS):
        draws = uniforms(par.seed, par.patient, STREAM_FAULT, day * _GROUPS + group)
        for j in range(4):
            kind = 4 * group + j
            if kind >= N_FAULTS or is_active(fault, kind) or par.hazard_per_h[kind] <= 0.0:
                continue
            factor = _strain(fault, par, pump, pump_par, kind, early)
            wait = -math.log(draws[j]) / (par.hazard_per_h[kind] * factor)
            fault.at_risk_h[kind] += min(wait, _DAY_H) * factor
            fault.pending_h[kind] = now_h + wait if wait < _DAY_H else math.inf


@kernel
def begin_fault(fault, par, pump, pump_par, kind, size, detail, duration_h):
    """A fault begins now; ``size`` NaN and ``detail`` -1 are drawn, as is ``duration_h`` when it is NaN."""
    a, b, c, _ = uniforms(par.seed, par.patient, STREAM_FAULT_SIZE, fault.count[kind] * N_FAULTS + kind)
    fault.count[kind] += 1
    bit = 1 << kind
    fault.active |= bit
    fault.begun |= bit
    fault.ever |= bit
    now_h = pump.age_h
    fault.onset_h[kind] = now_h
    fault.size[kind] = par.size_low[kind] + a * (par.size_high[kind] - par.size_low[kind]) if math.isnan(size) else size
    fault.detail[kind] = int(b * _DETAILS) if detail < 0 else detail
    if math.isnan(duration_h):
        duration_h = par.duration_h[kind] * math.exp(par.duration_spread * normal_quantile(c))
    fault.until_h[kind] = now_h + duration_h
    fault.repair_at_h[kind] = math.inf
    fault.detected_h[kind] = -1.0
    fault.pending_h[kind] = math.inf
    _strike(fault, par, pump, pump_par, kind, c)


@kernel
def _strike(fault, par, pump, pump_par, kind, u):
    """What happens at the moment of onset."""
    if kind == _BATTERY:
        pump.battery_used = max(pump.battery_used, 1.0)
    elif kind == _RESET:
        battery_reset(pump, pump_par)
    elif kind == _PRIME:
        program_prime(pump, pump_par, fault.size[kind] * pump_par.dead_ml / ML_PER_NL)
    elif kind == _CLOCK:
        pump.clock_offset_h += fault.size[kind]
    elif kind == _MRI_SCAN:
        note(pump, _MRI, 1.0, 0.0)
        stuck = pump_par.mechanism == ROTOR and u < pump_par.mri_no_resume
        if stuck or pump_par.mechanism == VALVE:
            fault.until_h[kind] = math.inf
        else:
            fault.until_h[kind] = pump.age_h + par.scan_h + pump_par.mri_resume_h
        if pump_par.mechanism == VALVE:
            pump.prime_left_nl += pump_par.mri_leak_ml / ML_PER_NL
        elif pump_par.mechanism == ROTOR:
            halt(pump, HALT_MRI)


@kernel
def end_fault(fault, pump, pump_par, kind, repaired):
    """A fault ends, by itself or (``repaired`` 1) because it was mended."""
    fault.active &= ~(1 << kind)
    fault.until_h[kind] = math.inf
    fault.repair_at_h[kind] = math.inf
    if kind == _STALL:
        resume(pump, HALT_STALL)
    elif kind == _MRI_SCAN:
        note(pump, _MRI, 0.0, 0.0)
        resume(pump, HALT_MRI)
        if repaired == 1:
            clinician_reset(pump)
    elif kind == _RESET:
        clinician_reset(pump)
    elif kind == _CLOCK:
        pump.clock_offset_h = 0.0
    elif kind == _INFECTION:
        resume(pump, HALT_EXPLANT)
        replace_pump(pump, pump_par)
    elif kind in (_STALL_FOR_GOOD, _OVER, _BATTERY):
        replace_pump(pump, pump_par)


@kernel
def _blocked(fault, par, now_h):
    """Share of the flow that occlusion and kink keep back now; a kink bends with posture."""
    share = grown(fault, par, _OCCLUSION, now_h)
    if is_active(fault, _KINK):
        u, _, _, _ = uniforms(par.seed, par.patient, STREAM_KINK, int(now_h / par.kink_h))
        if u < par.kink_share:
            share = max(share, fault.size[_KINK])
    return min(share, 1.0)


@kernel
def _apply(fault, par, pump, pump_par):
    """Write what the present faults do into the pump's state."""
    now_h = pump.age_h
    pump.blocked = _blocked(fault, par, now_h)
    pump.leak = min(1.0, max(grown(fault, par, _DISCONNECTION, now_h), grown(fault, par, _LEAK, now_h)))
    pump.outside = 1.0 - fault.size[_DISLODGEMENT] if is_active(fault, _DISLODGEMENT) else 0.0
    excess = grown(fault, par, _OVER, now_h)
    if excess != pump.excess:
        pump.flow_ratio = max(pump.flow_ratio + excess - pump.excess, 0.0)
        pump.excess = excess
    pump.program_scale = fault.size[_PROGRAM_ERROR] if is_active(fault, _PROGRAM_ERROR) else 0.0
    pump.ambient_drop_mmhg = fault.size[_ALTITUDE] if is_active(fault, _ALTITUDE) else 0.0
    if pump_par.mechanism == ROTOR and (is_active(fault, _STALL) or is_active(fault, _STALL_FOR_GOOD)):
        halt(pump, HALT_STALL)
    if is_active(fault, _INFECTION) and now_h - fault.onset_h[_INFECTION] >= par.explant_h:
        if pump.halt & HALT_EXPLANT == 0:
            note(pump, _EXPLANTED, 0.0, 0.0)
        halt(pump, HALT_EXPLANT)
    scanned = is_active(fault, _MRI_SCAN) and pump_par.mechanism == VALVE
    if scanned and now_h - fault.onset_h[_MRI_SCAN] >= TICK_H and pump.halt & HALT_VALVE == 0:
        raise_alarm(pump, VALVE_SHUT)
        halt(pump, HALT_VALVE)
    settle(pump)


@kernel
def _begin_due(fault, par, pump, pump_par):
    """Begin what is planned or pending for now. Refill errors wait for a refill (see ``refills``)."""
    now_h = pump.age_h
    for k in range(par.n_planned):
        kind = par.plan_kind[k]
        refill_error = _POCKET <= kind <= _WRONG_CONC
        if fault.planned_done >> k & 1 == 0 and now_h >= par.plan_h[k] and not refill_error:
            fault.planned_done |= 1 << k
            if not is_active(fault, kind):
                begin_fault(
                    fault, par, pump, pump_par, kind, par.plan_size[k], par.plan_detail[k], par.plan_duration_h[k]
                )
    for kind in range(N_FAULTS):
        if fault.pending_h[kind] <= now_h:
            fault.pending_h[kind] = math.inf
            if not is_active(fault, kind):
                begin_fault(fault, par, pump, pump_par, kind, math.nan, -1, math.nan)


@kernel
def _end_due(fault, pump, pump_par):
    now_h = pump.age_h
    for kind in range(N_FAULTS):
        if is_active(fault, kind):
            if fault.repair_at_h[kind] <= now_h:
                end_fault(fault, pump, pump_par, kind, 1)
                if kind in (_POCKET, _WRONG_DRUG, _WRONG_CONC, _STALL_FOR_GOOD, _OVER, _BATTERY, _INFECTION):
                    fault.refill_due = 1  # a wrong fill is mended by a right one, and a new pump is filled
            elif fault.until_h[kind] <= now_h:
                end_fault(fault, pump, pump_par, kind, 0)


@kernel
def _find_next(fault, par, now_h):
    """The next time at which anything can begin or the next day is drawn."""
    soonest = (math.floor(now_h / _DAY_H + 1e-9) + 1.0) * _DAY_H
    for k in range(par.n_planned):
        if fault.planned_done >> k & 1 == 0 and par.plan_h[k] > now_h:
            soonest = min(soonest, par.plan_h[k])
    for kind in range(N_FAULTS):
        soonest = min(soonest, fault.pending_h[kind])
    fault.next_h = soonest


@kernel
def step_faults(fault, par, pump, pump_par):
    """Advance the faults by one pump tick, before the pump acts in it.

    Args:
        fault, par: FAULT_STATE and FAULT_PAR records (call only when ``par.enabled`` is 1).
        pump, pump_par: PUMP_STATE and PUMP_PAR records.
    """
    fault.begun = 0
    was = fault.active
    pump.age_h = pump.ticks * TICK_H  # exact, so that a planned fault begins in its own tick
    now_h = pump.age_h
    if now_h >= fault.next_h:
        if pump.ticks % TICKS_PER_DAY == 0:
            _draw_day(fault, par, pump, pump_par, now_h)
        _begin_due(fault, par, pump, pump_par)
        _find_next(fault, par, now_h)
    if fault.active != 0:
        _end_due(fault, pump, pump_par)
    if fault.active != 0 or was != 0:
        _apply(fault, par, pump, pump_par)
        if was & ~fault.active != 0:
            _find_next(fault, par, now_h)


@kernel
def see_faults(fault, par, shown, now_h, responds):
    """Credit the faults present with what monitors show in this tick; what is detected is repaired after its delay.

    Also a monitor that has risen for another reason and is silent shows: an alarm that was up already hides no later fault.

    Args:
        fault, par: FAULT_STATE and FAULT_PAR records.
        shown: bits of the monitors with something to show, and of those that somebody looks back at.
        now_h: hours since the start.
        responds: ``[N_FAULTS]`` bits of the monitors that can show each fault.
    """
    for kind in range(N_FAULTS):
        if is_active(fault, kind) and fault.detected_h[kind] < 0.0 and shown & responds[kind] != 0:
            fault.detected_h[kind] = now_h
            fault.detected[kind] += 1
            fault.delay_h[kind] += now_h - fault.onset_h[kind]
            if par.serviced == 1:
                fault.repair_at_h[kind] = now_h + par.repair_h[kind]


@kernel
def count_error(fault, tip_ug, ordered_ug):
    """Add this tick's dose error (first drug, µg) to every fault present that nobody has noticed."""
    for kind in range(N_FAULTS):
        if is_active(fault, kind) and fault.detected_h[kind] < 0.0:
            fault.error_ug[kind] += abs(tip_ug - ordered_ug)
