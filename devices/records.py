"""The records of the implanted pump: what changes (state) and what does not (parameters), with the unit of every field.

A pump is one row of a structured array. What is programmed is a whole number of nL per pump tick of 15 min; volumes are
in mL, concentrations in µg/mL, times in h. What is true stands beside what the pump believes: true and estimated
volume, true and label concentration, delivered and commanded totals.
"""

from __future__ import annotations

import numpy as np

from thecal.physiology.layout import MAX_DRUGS

N_SLUGS = 8  # portions of fluid told apart inside the catheter
PUMP_TICK_H = 0.25
TICKS_PER_DAY = 96
ML_PER_NL = 1e-6

STOPPED, MIN_RATE, CONTINUOUS = 0, 1, 2  # PUMP_STATE.mode

_f = np.float64
_i = np.int64
_drugs = (MAX_DRUGS,)


def _dtype(*fields: tuple[str, object] | tuple[str, object, tuple[int, ...]]) -> np.dtype[np.void]:
    return np.dtype(list(fields), align=True)


PUMP_PAR = _dtype(
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
    ("flow_bias", _f),  # delivered / programmed volume at implant
    ("flow_drift_per_h", _f),  # change of that ratio, 1/h
    # --- catheter
    ("dead_ml", _f),  # volume between reservoir and tip, mL
)

PUMP_STATE = _dtype(
    # --- program
    ("rate_nl", _i),  # programmed basal rate, nL per pump tick
    ("bolus_left_nl", _f),  # part of the running bolus still to be infused (programmed volume), nL
    ("mode", _i),  # STOPPED, MIN_RATE or CONTINUOUS
    ("age_h", _f),  # time since the start, h
    # --- reservoir
    ("true_ml", _f),  # fluid in the reservoir, residual included, mL
    ("estimated_ml", _f),  # what the pump computes from its program, mL
    ("conc", _f, _drugs),  # true concentration in the reservoir, µg/mL
    ("label_conc", _f, _drugs),  # concentration the program was given, µg/mL
    # --- catheter: slug 0 lies at the tip, slug n_slugs - 1 at the pump
    ("n_slugs", _i),  # slugs in use, 1 to N_SLUGS
    ("slug_ml", _f, (N_SLUGS,)),  # volume of each slug (those in use add up to dead_ml), mL
    ("slug_conc", _f, (N_SLUGS, MAX_DRUGS)),  # its concentrations, µg/mL
    # --- totals since the start
    ("delivered_ml", _f),  # true volume that left the reservoir through the catheter, mL
    ("commanded_ml", _f),  # volume the program asked for, basal and bolus, mL
    # --- bookkeeping
    ("alarms", _i),  # bits of alarms.PumpAlarm
    ("refills", _i),  # refills since the start
)
