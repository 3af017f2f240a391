"""Faults and exposures by name, and the records that hold their hazards, their plan and their hidden truth."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from thecal.core.layout import MAX_DRUGS

MAX_PLANNED = 16


class Fault(IntEnum):
    """What can go wrong; the last two are exposures rather than faults."""

    OCCLUSION = 0
    KINK = 1
    MIGRATION = 2  # the tip moves along the canal
    DISLODGEMENT = 3  # the tip lies outside the intrathecal space
    DISCONNECTION = 4
    LEAK = 5
    STALL_TRANSIENT = 6
    STALL_PERMANENT = 7
    OVER_INFUSION = 8
    BATTERY = 9
    BATTERY_RESET = 10
    POCKET_FILL = 11
    WRONG_DRUG = 12
    WRONG_CONCENTRATION = 13
    PROGRAM_ERROR = 14
    ACCIDENTAL_PRIME = 15
    GRANULOMA = 16
    INFECTION = 17
    SENSOR_STUCK = 18
    SENSOR_DROPOUT = 19
    SENSOR_BIAS = 20
    CLOCK_JUMP = 21
    COMMAND_LOST = 22
    COMMAND_REPEATED = 23
    MRI_SCAN = 24
    ALTITUDE = 25


FAULT_NAMES = tuple(fault.name.lower() for fault in Fault)
N_FAULTS = len(FAULT_NAMES)
REFILL_FAULTS = (Fault.POCKET_FILL, Fault.WRONG_DRUG, Fault.WRONG_CONCENTRATION)

_f = np.float64
_i = np.int64
_kinds = (N_FAULTS,)
_plan = (MAX_PLANNED,)

FAULT_PAR = np.dtype(
    [
        ("enabled", _i),  # 0: nothing of this is looked at
        ("seed", np.uint64),
        ("patient", _i),
        ("hazard_per_h", _f, _kinds),  # of a sound system, 1/h
        ("early_factor", _f, _kinds),  # times the hazard in the first days
        ("strain_factor", _f),  # times the hazard of over-infusion of a pump that stood, ran dry or was blocked
        ("early_h", _f),
        ("chance", _f, _kinds),  # per refill
        ("size_low", _f, _kinds),  # severity is drawn between the two; its meaning is in the fault's file
        ("size_high", _f, _kinds),
        ("growth_h", _f, _kinds),  # time over which the fault grows to its severity, h
        ("duration_h", _f, _kinds),  # median; infinite: until repaired
        ("repair_h", _f, _kinds),  # from detection to repair, h; infinite: never repaired
        ("explant_h", _f),  # from the start of an infection to the removal of the pump, h
        ("duration_spread", _f),  # standard deviation of the logarithm of a duration
        ("scan_h", _f),  # time in the magnet, h
        ("kink_share", _f),  # share of time in which a kink is bent
        ("kink_h", _f),  # length of one posture, h
        ("tissue_per_h", _f),  # absorption from the pocket, 1/h
        ("wrong_slot", _i),  # slot of the drug that a mix-up puts in; -1 when the mix-up is of a drug without effect
        ("serviced", _i),  # 1: what is detected is repaired
        ("n_planned", _i),
        ("plan_kind", _i, _plan),
        ("plan_h", _f, _plan),  # hours since the start; a refill error happens at the first refill from then on
        ("plan_duration_h", _f, _plan),  # infinite: until repaired
        ("plan_size", _f, _plan),  # NaN: drawn
        ("plan_detail", _i, _plan),  # -1: drawn
    ],
    align=True,
)

FAULT_STATE = np.dtype(
    [
        ("active", _i),  # bit k: fault k is present
        ("begun", _i),  # bit k: fault k began in the last pump tick
        ("ever", _i),  # bit k: fault k has occurred
        ("planned_done", _i),  # bit k: entry k of the plan has happened
        ("next_h", _f),  # nothing changes before, h since the start
        ("pending_h", _f, _kinds),  # onset drawn for the coming day; infinite for none
        ("count", _i, _kinds),
        ("at_risk_h", _f, _kinds),  # time in which the fault could have begun, times the factor on its hazard, h
        ("refills", _i, _kinds),  # refills in which it could have
        ("onset_h", _f, _kinds),
        ("until_h", _f, _kinds),
        ("repair_at_h", _f, _kinds),
        ("size", _f, _kinds),
        ("detail", _i, _kinds),
        ("detected_h", _f, _kinds),  # of the latest one; negative while undetected
        ("detected", _i, _kinds),
        ("delay_h", _f, _kinds),  # sum over those detected, h
        ("error_ug", _f, _kinds),  # |entered the CSF - ordered| of the first drug before detection, summed, µg
        ("held_value", _f),  # of a stuck sensor
        ("home_node", _i),  # the tip's node before a migration; 0 for none
        ("syringe", _f, (MAX_DRUGS,)),  # what is really in the syringe of a refill, µg/mL
        (
            "repeat_number",
            _i,
        ),  # the last command that held a bolus (the last of all before that): what a repeat sends again
        ("repeat_rate", _i),  # nL per pump tick
        ("repeat_nl", _i),  # nL
        ("refill_due", _i),  # 1: the reservoir does not hold what it should, and the clinic knows
    ],
    align=True,
)
