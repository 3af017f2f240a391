"""Alarms of the pump as bits of one mask, and their names for people.

Both reservoir alarms are computed from the programmed flow, not sensed: an over-infusing SynchroMed II empties without
any alarm (TGA RC-2016-RN-01458-1).
"""

from __future__ import annotations

from enum import IntFlag


class PumpAlarm(IntFlag):
    """One bit per alarm, as kept in ``PUMP_STATE.alarms`` until a refill clears it."""

    LOW_RESERVOIR = 1  # estimated volume at or below the low-reservoir threshold
    EMPTY_RESERVOIR = 2  # estimated volume at or below the unusable residual


# Plain integers for the kernels.
LOW_RESERVOIR = int(PumpAlarm.LOW_RESERVOIR)
EMPTY_RESERVOIR = int(PumpAlarm.EMPTY_RESERVOIR)


def alarm_names(mask: int) -> tuple[str, ...]:
    """Names of the alarms set in ``mask``, lower case, in order of their bits."""
    return tuple(alarm.name.lower() for alarm in PumpAlarm if alarm.name and mask & alarm)
