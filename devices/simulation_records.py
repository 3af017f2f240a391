"""The records of a simulated program: what is done when, and what is sampled every pump tick."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from thecal.core.layout import MAX_DRUGS
from thecal.devices.records import N_PARTS

_f = np.float64
_i = np.int64


class Act(IntEnum):
    """What a line of a program file does."""

    CONTINUOUS = 0  # a = rate (nL per tick)
    FLEX = 1
    BOLUS = 2  # a = volume (nL), b = flow (nL per tick, 0 for the highest)
    PATIENT_BOLUS = 3  # a = volume (nL), b = lockout (h), n = boluses in 24 h
    PRESS = 4
    BRIDGE = 5  # a = rate, b = rate afterwards, c = volume (nL)
    PRIME = 6  # a = volume (nL)
    STOP = 7
    MINIMUM_RATE = 8
    REFILL = 9  # a = volume (mL), conc
    RESET = 10


ACTION = np.dtype(
    [
        ("tick", _i),
        ("act", _i),
        ("a", _f),
        ("b", _f),
        ("c", _f),
        ("n", _i),
        ("part_tick", _i, (N_PARTS,)),
        ("part_rate_nl", _i, (N_PARTS,)),
        ("conc", _f, (MAX_DRUGS,)),
    ],
    align=True,
)
SAMPLE = np.dtype(
    [
        ("time_h", _f),  # end of the tick
        ("programmed_ml_per_d", _f),  # basal rate in force
        ("flow_ml_per_d", _f),  # true flow into the CSF, boluses included
        ("tip_ug_per_ml", _f, (MAX_DRUGS,)),  # concentration of the fluid that entered the CSF, NaN when none did
        ("dose_ug_per_d", _f, (MAX_DRUGS,)),  # into the CSF
        ("reservoir_ug_per_ml", _f, (MAX_DRUGS,)),
        ("true_ml", _f),
        ("estimated_ml", _f),
        ("battery_used", _f),
        ("alarms", _i),
        ("faults", _i),
    ],
    align=True,
)
LOGGED = np.dtype([("id", _i), ("time_h", _f), ("kind", _i), ("a", _f), ("b", _f)], align=True)
