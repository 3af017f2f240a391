"""The memory in the observation: running averages and marks of what was seen, for a policy that has no memory of its own.

Only what a policy could see enters: reports, observed scores, valid readings, and the rate that telemetry reads back. Kept once
a pump tick, so that the same course gives the same values whatever the length of a step, and only where a task asks for it.
"""

from __future__ import annotations

import math

import numpy as np

from thecal.core.jit import kernel
from thecal.core.layout import REPORT_VALID_H, TICK_H, TICKS_PER_DAY
from thecal.physiology.sensors import RR, SPO2

# Engineering choice: a shift, a day and a half, six days. A prototype that learned with these was better than without.
WINDOWS_H = (8, 36, 144)
# Natural logarithm of the dose relative to the start: 50-fold either way, beyond what any shipped limit lets a dose move.
_MOST = 4.0
# What is averaged: name, unit, bounds, which way is better.
_AVERAGED = (
    ("nrs", "NRS", 0.0, 10.0, -1),
    ("poss", "", 1.0, 4.0, -1),
    ("signs", "share of time", 0.0, 1.0, -1),
    ("nausea", "0-10", 0.0, 10.0, -1),
    ("rr", "1/min", 0.0, 30.0, 1),
    ("spo2", "%", 70.0, 100.0, 1),
    ("dose", "log of the start's", -_MOST, _MOST, 0),
)
_NRS, _POSS, _SIGNS, _NAUSEA, _RR, _SPO2, _DOSE = range(len(_AVERAGED))
_N_WINDOWS = len(WINDOWS_H)
_MEANS = tuple(
    (f"{name}_mean{window}", unit, low, high, better)
    for name, unit, low, high, better in _AVERAGED
    for window in WINDOWS_H
)
# As rows of the catalog of fields: name, unit, bounds, which way is better.
MEMORY_ROWS = (
    *_MEANS,
    ("lowest_sign_dose", "log of the start's", -_MOST, _MOST, 0),
    ("highest_calm_dose", "log of the start's", -_MOST, _MOST, 0),
    ("nrs_first", "NRS", 0.0, 10.0, 0),
)
MEAN_NAMES = tuple(row[0] for row in _MEANS)
MEMORY_FIELDS = tuple(row[0] for row in MEMORY_ROWS)

# What is left of a weight after one pump tick, for every window.
_KEPT = np.exp(-TICK_H / np.array(WINDOWS_H, np.float64))

_f, _i = np.float64, np.int64
MEMORY = np.dtype(
    [
        ("mean", _f, (len(_MEANS),)),  # NaN before anything was seen; every signal's windows stand together
        ("weight", _f, (len(_MEANS),)),  # share of its window that an average rests on, 0-1
        ("heard", _i),  # 1 since the first report
        ("nrs_first", _f),  # first report, NRS; NaN before
        ("lowest_sign", _f),  # lowest dose with a sign, log of the start's; its upper bound where there was none
        ("highest_calm", _f),  # highest dose over 24 h without a sign; its lower bound where there was none
        ("calm", _i),  # pump ticks since the last sign
        ("dose", _f, (TICKS_PER_DAY,)),  # of the last 24 h, by tick of the day
        ("lowest24", _f),  # the least of them
    ],
    align=True,
)
SIGN_PAR = np.dtype([("poss_limit", _f), ("rr_limit", _f), ("spo2_limit", _f)], align=True)


@kernel
def _average(memory, signal, value):
    """Take one tick's value into a signal's averages, whose weights fall by half over 0.7 windows."""
    for w in range(_N_WINDOWS):
        k = signal * _N_WINDOWS + w
        gain = 1.0 - _KEPT[w]
        memory.weight[k] = memory.weight[k] * _KEPT[w] + gain
        if math.isnan(memory.mean[k]):
            memory.mean[k] = value
        else:
            memory.mean[k] += gain / memory.weight[k] * (value - memory.mean[k])


@kernel
def _miss(memory, signal):
    """A tick without a reading: the averages stand, and what comes next counts for more."""
    for w in range(_N_WINDOWS):
        memory.weight[signal * _N_WINDOWS + w] *= _KEPT[w]


@kernel
def _average_reading(memory, signal, value, valid):
    if valid == 1 and math.isfinite(value):
        _average(memory, signal, value)
    else:
        _miss(memory, signal)


@kernel
def is_sign(patient, signs):
    """Whether somebody sees a sign of overdose: a sedation score, or a valid reading, beyond its limit.

    Args:
        patient: PATIENT_STATE record, of which only what is seen is read.
        signs: SIGN_PAR record.
    """
    slow = patient.s_valid[RR] == 1 and patient.s_value[RR] < signs.rr_limit
    low = patient.s_valid[SPO2] == 1 and patient.s_value[SPO2] < signs.spo2_limit
    return patient.poss_seen >= signs.poss_limit or slow or low


@kernel
def _log_dose(rate_nl, start_nl):
    """Dose against the start's on the log scale, within its bounds; a pump that stands still is at the lower one."""
    if rate_nl <= 0 or start_nl <= 0:
        return -_MOST
    return min(_MOST, max(-_MOST, math.log(rate_nl / start_nl)))


@kernel
def _keep_dose(memory, tick, dose):
    """The least dose of the last 24 h, looked up anew only when what it rested on leaves the day."""
    slot = tick % TICKS_PER_DAY
    left = memory.dose[slot]
    memory.dose[slot] = dose
    if dose <= memory.lowest24:
        memory.lowest24 = dose
    elif left <= memory.lowest24:
        least = dose
        for k in range(TICKS_PER_DAY):
            least = min(least, memory.dose[k])
        memory.lowest24 = least


@kernel
def _mark(memory, tick, dose, sign):
    """Lowest dose with a sign, and highest that was never gone below for 24 h without one."""
    _keep_dose(memory, tick, dose)
    if sign:
        memory.calm = 0
        memory.lowest_sign = min(memory.lowest_sign, dose)
        return
    memory.calm += 1
    if memory.calm >= TICKS_PER_DAY:
        memory.highest_calm = max(memory.highest_calm, memory.lowest24)


@kernel
def _hear(memory, patient):
    """The first report begins the memory of pain and nausea."""
    if memory.heard == 0 and patient.nrs_age_h <= REPORT_VALID_H:
        memory.heard = 1
        memory.nrs_first = patient.nrs_report


@kernel
def remember(memory, patient, rate_nl, start_nl, signs):
    """Take what is seen at the end of one pump tick into the memory.

    Args:
        memory: MEMORY record.
        patient: PATIENT_STATE record, of which only what is seen is read.
        rate_nl: basal rate that telemetry reads back, nL per pump tick.
        start_nl: the same at the start.
        signs: SIGN_PAR record.
    """
    _hear(memory, patient)
    if memory.heard == 1:
        _average(memory, _NRS, patient.nrs_report)
        _average(memory, _NAUSEA, patient.nausea_seen)
    dose = _log_dose(rate_nl, start_nl)
    sign = is_sign(patient, signs)
    _average(memory, _POSS, float(patient.poss_seen))
    _average(memory, _SIGNS, 1.0 if sign else 0.0)
    _average_reading(memory, _RR, patient.s_value[RR], patient.s_valid[RR])
    _average_reading(memory, _SPO2, patient.s_value[SPO2], patient.s_valid[SPO2])
    _average(memory, _DOSE, dose)
    _mark(memory, patient.tick, dose, sign)


@kernel
def begin_memory(memory, patient, rate_nl, start_nl, signs):
    """Fill a zeroed MEMORY record at the start: what is seen now is shown, and weighs nothing beside what comes.

    Takes what :func:`remember` takes.
    """
    memory.mean[:] = math.nan
    memory.nrs_first = math.nan
    remember(memory, patient, rate_nl, start_nl, signs)
    memory.weight[:] = 0.0
    memory.calm = 0
    memory.lowest_sign = _MOST
    memory.highest_calm = -_MOST
