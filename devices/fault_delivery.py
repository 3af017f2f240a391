"""Delivery through a system with a fault: a motor that stands still, a blocked or leaking catheter, a tip out of place.

The sound pump takes none of this path. What a fault does is kept in a few numbers of the pump's state (``halt``,
``blocked``, ``leak``, ``outside``, ``excess``), which ``devices.faults`` sets; drug is never lost, it goes elsewhere.
"""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import MAX_DRUGS, TICK_H
from thecal.devices.alarms import (
    END_OF_SERVICE,
    MOTOR_STALL,
    RESET,
    VALVE_SHUT,
    PumpEvent,
    clear_alarm,
    note,
    raise_alarm,
)
from thecal.devices.catheter import push
from thecal.devices.records import HALT_BATTERY, HALT_MRI, HALT_STALL, HALT_VALVE

_LAST_DROP = 1e-6  # share of the compliance below which the rest leaves at once
_RECOVERED = int(PumpEvent.STALL_RECOVERED)
_BY_CLINICIAN = int(PumpEvent.RESET_BY_CLINICIAN)


@kernel
def settle(state):
    """Keep ``faulty`` true to the state: 1 while anything of a fault is left."""
    sound = state.halt == 0 and state.blocked == 0.0 and state.stored_ml == 0.0
    state.faulty = 0 if sound and state.leak == 0.0 and state.outside == 0.0 else 1


@kernel
def halt(state, cause):
    """Nothing is driven out of the reservoir from now on, for ``cause`` (a HALT_* bit)."""
    state.halt |= cause
    state.faulty = 1


@kernel
def resume(state, cause):
    """Take back one cause of a halt; a stall that was noted is noted as recovered."""
    state.halt &= ~cause
    if cause == HALT_STALL:
        state.stall_h = 0.0
        if state.alarms & MOTOR_STALL != 0:
            note(state, _RECOVERED, 0.0, 0.0)
            clear_alarm(state, MOTOR_STALL)
    elif cause == HALT_VALVE:
        clear_alarm(state, VALVE_SHUT)
    elif cause == HALT_BATTERY:
        clear_alarm(state, END_OF_SERVICE)
    settle(state)


@kernel
def clinician_reset(state):
    """What a clinician's programmer clears: a low-battery reset, a shut valve, a motor that did not resume after a scan."""
    note(state, _BY_CLINICIAN, 0.0, 0.0)
    state.latched = 0
    clear_alarm(state, RESET)
    resume(state, HALT_VALVE)
    resume(state, HALT_MRI)


@kernel
def watch(state, par):
    """Once per pump tick: note a stall when the pump's logic does, later than it began."""
    if state.halt & (HALT_STALL | HALT_MRI) != 0:
        state.stall_h += TICK_H
        if state.halt & HALT_STALL != 0 and state.stall_h >= par.stall_log_h:
            raise_alarm(state, MOTOR_STALL)


@kernel
def deliver_with_fault(state, par, flow_ml, dt_h, out_ug):
    """Move ``flow_ml`` of fluid as far as the fault lets it; ``out_ug`` is what enters the CSF.

    A halt moves nothing. A leak loses its share to the pocket. A block keeps its share of the flow under pressure until
    the system is as full as that block can hold it, after which the motor slips and the fluid stays in the reservoir. As
    the block opens, what it can hold no longer leaves with the time constant of the release: the bolus after an occlusion.

    Returns:
        (left_ml, tip_ml): fluid that left the reservoir, and fluid that entered the CSF, mL.
    """
    pushed = 0.0 if state.halt != 0 else flow_ml
    entering = pushed * (1.0 - state.leak)
    holds = par.compliance_ml * state.blocked
    kept = min(entering * state.blocked, max(holds - state.stored_ml, 0.0))
    slipped = entering * state.blocked - kept
    entering -= slipped
    left = pushed - slipped
    released = max(state.stored_ml - holds, 0.0)
    if released > _LAST_DROP * par.compliance_ml:
        released *= -math.expm1(-dt_h / par.release_h)
    leaving = entering - kept + released
    state.stored_ml = max(state.stored_ml + kept - released, 0.0)
    push(state, entering, leaving, out_ug)
    for d in range(MAX_DRUGS):
        astray = out_ug[d] * state.outside
        out_ug[d] -= astray
        state.tissue_ug[d] += astray + (left - entering) * state.conc[d]
    settle(state)
    return left, leaving * (1.0 - state.outside)


@kernel
def absorb(state, per_h, out_ug):
    """One pump tick of absorption from the tissue outside the canal; ``out_ug`` is overwritten with what enters the blood.

    Args:
        state: PUMP_STATE record.
        per_h: rate constant, 1/h.
        out_ug: ``[MAX_DRUGS]``, µg.
    """
    share = -math.expm1(-per_h * TICK_H)
    for d in range(MAX_DRUGS):
        out_ug[d] = share * state.tissue_ug[d]
        state.tissue_ug[d] -= out_ug[d]
        state.absorbed_ug[d] += out_ug[d]
