"""The records of the implanted pump: what changes (state) and what does not (parameters), with the unit of every field.

A pump is one row of a structured array. What is programmed is a whole number of nL per pump tick of 15 min; volumes are
in mL, concentrations in µg/mL, times in h. What is true stands beside what the pump believes: true and estimated
volume, true and label concentration, delivered and commanded totals.
"""

from __future__ import annotations

import numpy as np

from thecal.core.layout import MAX_DRUGS, TICK_H

N_SLUGS = 8  # portions of fluid told apart inside the catheter
N_PARTS = 12  # steps of a flex schedule's day
N_GRANTS = 24  # patient boluses remembered, and so the largest allotment in 24 h
N_EVENTS = 64  # entries of the pump's log; the oldest is overwritten
HOURLY_TICKS = 4  # pump ticks between two rounds of housekeeping (chemistry, battery, alarms)
HOURLY_H = HOURLY_TICKS * TICK_H
ML_PER_NL = 1e-6

STOPPED, MIN_RATE, CONTINUOUS, FLEX, BRIDGE = 0, 1, 2, 3, 4  # PUMP_STATE.mode
MODES = ("stopped", "minimum rate", "simple continuous", "flex", "bridge")
ROTOR, VALVE, PROPELLANT = 0, 1, 2  # PUMP_PAR.mechanism
MECHANISMS = ("rotor", "valve", "propellant")

# Bits of PUMP_STATE.halt: why nothing is driven out of the reservoir.
HALT_STALL, HALT_MRI, HALT_BATTERY, HALT_EXPLANT, HALT_VALVE = 1, 2, 4, 8, 16

_f = np.float64
_i = np.int64
_drugs = (MAX_DRUGS,)


def _dtype(*fields: tuple[str, object] | tuple[str, object, tuple[int, ...]]) -> np.dtype[np.void]:
    return np.dtype(list(fields), align=True)


PUMP_PAR = _dtype(
    ("mechanism", _i),  # ROTOR, VALVE or PROPELLANT
    # --- reservoir
    ("capacity_ml", _f),  # largest volume of fluid, residual included, mL
    ("residual_ml", _f),  # volume that can be neither infused nor aspirated, mL
    ("low_reservoir_ml", _f),  # estimated volume that sets the low-reservoir alarm, mL
    # --- programmable flow
    ("min_rate_nl", _i),  # lowest programmable basal rate, nL per pump tick
    ("max_rate_nl", _i),  # highest programmable basal rate, nL per pump tick
    ("rate_step_nl", _i),  # step of every basal rate, nL per pump tick
    ("min_mode_rate_nl", _i),  # rate of the minimum-rate mode, nL per pump tick
    ("bolus_step_nl", _i),  # step of a bolus, nL
    ("max_flow_nl", _i),  # largest programmed flow, basal and bolus together, nL per pump tick
    ("rate_adjustable", _i),  # 1 when the pump takes commands, 0 for a constant-flow pump
    # --- true flow
    ("stroke_nl", _f),  # volume of one motor step or valve cycle, nL; 0 for a flow without steps
    ("flow_bias", _f),  # delivered / programmed volume at implant
    ("flow_drift_per_h", _f),  # change of that ratio, 1/h
    ("temp_per_c", _f),  # relative change of flow per degree of body temperature above 37 degree C
    ("ambient_per_mmhg", _f),  # relative rise of flow per mmHg by which ambient pressure falls
    # --- catheter
    ("internal_ml", _f),  # volume from reservoir to catheter port, mL
    ("dead_ml", _f),  # volume between reservoir and tip, mL
    ("compliance_ml", _f),  # volume a blocked system stores before nothing more leaves the reservoir, mL
    ("release_h", _f),  # time constant with which it leaves once the block opens, h
    # --- power, telemetry, magnet
    ("battery_h", _f),  # time to ERI at the reference flow, h; infinite without a battery
    ("battery_flow_share", _f),  # share of the drain that grows with flow
    ("battery_reference_nl", _f),  # reference flow, nL per pump tick
    ("battery_hard_h", _f),  # age at which the pump stops whatever its battery holds, h
    ("eri_left_h", _f),  # time from ERI to the end of service, h
    ("stall_log_h", _f),  # time before a stalled motor is noted, h
    ("stop_warning_h", _f),  # time without flow that sets the tube-set warning, h
    ("mri_resume_h", _f),  # time after a scan before the motor turns again, h
    ("mri_no_resume", _f),  # chance that it does not before a clinician resets it
    ("mri_leak_ml", _f),  # volume a valve lets out in the field before it shuts, mL
    # --- chemistry of the solution in this patient's reservoir
    ("decay_per_h", _f, _drugs),  # first-order loss at body temperature, 1/h
    ("soluble_ug_per_ml", _f, _drugs),  # above it the drug precipitates in the reservoir, µg/mL
    ("wall_ug", _f, _drugs),  # what the reservoir's walls take up until saturated, µg
    ("wall_per_h", _f, _drugs),  # rate constant of that uptake, 1/h
    ("catheter_wall_ug", _f, _drugs),  # what the catheter's wall takes up until saturated, µg
    ("catheter_share", _f, _drugs),  # share of the passing drug taken up until then
)

PUMP_STATE = _dtype(
    # --- program
    ("rate_nl", _i),  # basal rate in force, nL per pump tick
    ("bolus_left_nl", _f),  # part of the running bolus still to be infused (programmed volume), nL
    ("bolus_flow_nl", _i),  # programmed flow of boluses, nL per pump tick
    ("mode", _i),  # STOPPED, MIN_RATE, CONTINUOUS, FLEX or BRIDGE
    ("n_parts", _i),  # steps of the flex schedule
    ("part_tick", _i, (N_PARTS,)),  # pump tick of the day at which a step begins, ascending
    ("part_rate_nl", _i, (N_PARTS,)),  # its basal rate, nL per pump tick
    ("bridge_left_nl", _f),  # volume of the old fluid still to be pushed out at the bridge rate, nL
    ("after_bridge_nl", _i),  # basal rate after the bridge, nL per pump tick
    ("prime_left_nl", _f),  # volume of a running prime, nL
    ("number", _i),  # of the newest numbered command it took; 0 before the first
    ("taken_nl", _i),  # bolus it took with that command, nL
    # --- patient bolus
    ("ptm_bolus_nl", _i),  # one patient bolus, nL; 0 when the patient may give none
    ("ptm_lockout_h", _f),
    ("ptm_allotted", _i),  # patient boluses in 24 h
    ("ptm_locked_until_h", _f),  # age of the pump, h
    ("ptm_grants", _i),  # patient boluses given since the start
    ("ptm_denied", _i),
    ("grant_h", _f, (N_GRANTS,)),  # ages at which they were given, ring
    # --- time
    ("ticks", _i),  # pump ticks since the start
    ("age_h", _f),  # time since the start, h
    ("implant_h", _f),  # when the pump in place was implanted, h since the start
    ("clock_offset_h", _f),  # what the pump's clock is ahead, h
    ("start_clock_h", _f),  # clock time of the start, h
    # --- reservoir
    ("true_ml", _f),  # fluid in the reservoir, residual included, mL
    ("estimated_ml", _f),  # what the pump computes from its program, mL
    ("conc", _f, _drugs),  # true concentration in the reservoir, µg/mL
    ("label_conc", _f, _drugs),  # concentration the program was given, µg/mL
    ("fill_h", _f),  # age of the pump at the last fill, h
    # --- catheter: slug 0 lies at the tip, slug n_slugs - 1 at the pump
    ("n_slugs", _i),  # slugs in use, 1 to N_SLUGS
    ("slug_ml", _f, (N_SLUGS,)),  # volume of each slug (those in use add up to dead_ml + stored_ml), mL
    ("slug_conc", _f, (N_SLUGS, MAX_DRUGS)),  # its concentrations, µg/mL
    # --- true flow
    ("flow_ratio", _f),  # true / programmed flow of this hour
    ("carry_nl", _f),  # programmed volume not yet a whole stroke, nL
    ("body_c", _f),  # body temperature, degree C
    ("ambient_drop_mmhg", _f),  # by how much ambient pressure is below that at sea level, mmHg
    ("no_flow_h", _f),  # time since fluid last moved, h
    ("stall_h", _f),  # time since the motor stalled, h
    # --- what faults do (all 0 in a sound system)
    ("faulty", _i),  # 1 while any of the following is not 0
    ("halt", _i),  # bits HALT_*
    ("blocked", _f),  # share of the flow an occlusion keeps from the tip
    ("stored_ml", _f),  # volume held back under pressure, mL
    ("leak", _f),  # share of the flow lost at the connection to the catheter
    ("outside", _f),  # share of the tip's flow that does not enter the CSF
    ("excess", _f),  # over-infusion: added to the flow ratio
    ("program_scale", _f),  # factor between what was ordered and what was programmed; 0 stands for 1
    ("latched", _i),  # 1: no command is taken until a clinician resets the pump
    # --- power
    ("battery_used", _f),  # share of the time to ERI
    ("eri_h", _f),  # age of the pump at ERI, h; negative before
    # --- totals since the start
    ("delivered_ml", _f),  # true volume that left the reservoir through the pump, mL
    ("commanded_ml", _f),  # volume the program asked for, basal and bolus, mL
    ("motor_ml", _f),  # volume the strokes counted by the motor stand for, mL
    ("filled_ug", _f, _drugs),  # drug put into reservoir and catheter, µg; where it went follows
    ("decayed_ug", _f, _drugs),
    ("on_wall_ug", _f, _drugs),  # of the reservoir
    ("on_catheter_ug", _f, _drugs),
    ("precipitated_ug", _f, _drugs),
    ("aspirated_ug", _f, _drugs),
    ("tip_ug", _f, _drugs),  # into the CSF
    ("tissue_ug", _f, _drugs),  # in the pocket or outside the canal, not yet absorbed
    ("absorbed_ug", _f, _drugs),  # from there into the blood
    # --- bookkeeping
    ("alarms", _i),  # bits of alarms.PumpAlarm
    ("refills", _i),  # refills since the start
    ("events", _i),  # id of the next entry of the log
    ("event_kind", _i, (N_EVENTS,)),  # alarms.PumpEvent
    ("event_h", _f, (N_EVENTS,)),  # by the pump's clock, h since the start
    ("event_a", _f, (N_EVENTS,)),
    ("event_b", _f, (N_EVENTS,)),
)
