"""Alarms of the pump as bits of one mask, the kinds of its log's entries, and the names of both for people.

Both reservoir alarms are computed from the programmed flow, not sensed: an over-infusing SynchroMed II empties without
any alarm (TGA RC-2016-RN-01458-1).
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from thecal.core.jit import kernel
from thecal.devices.records import N_EVENTS


class PumpAlarm(IntFlag):
    """One bit per alarm, as kept in ``PUMP_STATE.alarms`` while its cause stands."""

    LOW_RESERVOIR = 1  # estimated volume at or below the low-reservoir threshold
    EMPTY_RESERVOIR = 2  # estimated volume at or below the unusable residual
    MOTOR_STALL = 4  # the motor has not turned when it should have; noted late
    STOPPED_LONG = 8  # no flow for 48 h: tube-set warning
    ERI = 16  # elective replacement indicator
    END_OF_SERVICE = 32  # the pump has stopped for good
    RESET = 64  # low-battery reset: minimum rate until a clinician programs the pump again
    VALVE_SHUT = 128  # a flow-activated valve shut and waits for a manual reset


class PumpEvent(IntEnum):
    """What an entry of the pump's log records; ``a`` and ``b`` are the numbers beside it."""

    PROGRAM = 0  # a = basal rate (nL per tick), b = bolus (nL)
    FLEX = 1  # a = number of steps
    BRIDGE = 2  # a = volume (nL), b = rate (nL per tick)
    BRIDGE_END = 3  # a = rate from now on
    PRIME = 4  # a = volume (nL)
    BOLUS_CANCELED = 5  # a = volume not infused (nL)
    PATIENT_BOLUS = 6  # a = volume (nL)
    PATIENT_DENIED = 7  # a = hours of lockout left, b = boluses of the last 24 h
    REFILL = 8  # a = aspirated (mL), b = expected (mL)
    ALARM = 9  # a = bit of the alarm
    ALARM_CLEARED = 10  # a = bit of the alarm
    STALL_RECOVERED = 11
    RESET_BY_CLINICIAN = 12
    MRI = 13  # a = 1 in, 0 out
    REFUSED = 14  # a command the pump does not take; a, b = what was asked
    REPLACED = 15  # a new pump of the same model
    EXPLANTED = 16
    PATIENT_SETTINGS = 17  # a = bolus (nL), b = lockout (h)
    REPEATED = 18  # a command whose number was seen already, which does nothing; a = its number, b = the newest seen
    CLINIC_STOP = 19  # a clinician stopped the pump; it takes no command before a clinician's reset


# Plain integers for the kernels.
LOW_RESERVOIR = int(PumpAlarm.LOW_RESERVOIR)
EMPTY_RESERVOIR = int(PumpAlarm.EMPTY_RESERVOIR)
MOTOR_STALL = int(PumpAlarm.MOTOR_STALL)
STOPPED_LONG = int(PumpAlarm.STOPPED_LONG)
ERI = int(PumpAlarm.ERI)
END_OF_SERVICE = int(PumpAlarm.END_OF_SERVICE)
RESET = int(PumpAlarm.RESET)
VALVE_SHUT = int(PumpAlarm.VALVE_SHUT)
CRITICAL = EMPTY_RESERVOIR | MOTOR_STALL | END_OF_SERVICE | RESET | VALVE_SHUT

_ALARM = int(PumpEvent.ALARM)
_CLEARED = int(PumpEvent.ALARM_CLEARED)


def alarm_names(mask: int) -> tuple[str, ...]:
    """Names of the alarms set in ``mask``, lower case, in order of their bits."""
    return tuple(alarm.name.lower() for alarm in PumpAlarm if alarm.name and mask & alarm)


@kernel
def note(state, kind, a, b):
    """Write an entry into the pump's log, stamped by the pump's own clock; ``state.events`` is the id of the next."""
    slot = state.events % N_EVENTS
    state.event_kind[slot] = kind
    state.event_h[slot] = state.age_h + state.clock_offset_h
    state.event_a[slot] = a
    state.event_b[slot] = b
    state.events += 1


@kernel
def raise_alarm(state, alarm):
    """Set an alarm and note it, once."""
    if state.alarms & alarm == 0:
        state.alarms |= alarm
        note(state, _ALARM, float(alarm), 0.0)


@kernel
def clear_alarm(state, alarms):
    """Take back the alarms of the mask ``alarms`` and note it."""
    if state.alarms & alarms != 0:
        note(state, _CLEARED, float(state.alarms & alarms), 0.0)
        state.alarms &= ~alarms
