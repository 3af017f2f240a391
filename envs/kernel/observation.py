"""What a policy sees: named fields with units and bounds, scaled to [-1, 1], each missing value marked by a mask."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from thecal.core.jit import kernel
from thecal.core.layout import N_SENSORS, REPORT_VALID_H, SENSORS
from thecal.devices.alarms import CRITICAL
from thecal.devices.monitor_records import OVER_MONITORS as _OVER
from thecal.devices.monitor_records import UNDER_MONITORS as _UNDER
from thecal.physiology.pain import clock


class Field(NamedTuple):
    """One entry of the observation: its name, unit, and the bounds that map to -1 and 1."""

    name: str
    unit: str
    low: float
    high: float


_SENSOR_FIELDS = (
    Field("hr", "1/min", 40.0, 140.0),
    Field("sbp", "mmHg", 70.0, 210.0),
    Field("map", "mmHg", 50.0, 150.0),
    Field("rr", "1/min", 0.0, 30.0),
    Field("spo2", "%", 70.0, 100.0),
    Field("etco2", "mmHg", 10.0, 90.0),
    Field("conductance", "1/s", 0.0, 0.6),
    Field("activity", "", 0.0, 4.0),
    Field("emg", "uV", 0.0, 30.0),
    Field("hrv", "ms", 0.0, 120.0),
    Field("eeg", "", 0.0, 3.0),
    Field("sweat", "ng/mL", 0.0, 150.0),
)
FIELDS = (
    Field("nrs_report", "NRS", 0.0, 10.0),
    Field("nrs_valid", "", 0.0, 1.0),
    Field("nrs_age_h", "h", 0.0, 24.0),
    Field("nrs_mean24", "NRS", 0.0, 10.0),
    *_SENSOR_FIELDS,
    *(Field(f"{name}_valid", "", 0.0, 1.0) for name in SENSORS),
    Field("poss", "", 1.0, 4.0),
    Field("nausea", "0-10", 0.0, 10.0),
    Field("spasms", "0-4", 0.0, 4.0),
    Field("weakness", "0-4", 0.0, 4.0),
    Field("confusion", "0-4", 0.0, 4.0),
    Field("clock_sin", "", -1.0, 1.0),
    Field("clock_cos", "", -1.0, 1.0),
    Field("day_fraction", "", 0.0, 1.0),
    Field("demands", "1/step", 0.0, 8.0),
    Field("demands_given", "1/step", 0.0, 4.0),
    Field("demands24", "1/d", 0.0, 40.0),
    Field("rate_ml_per_d", "mL/d", 0.0, 3.0),
    Field("rate_ratio_start", "", 0.0, 6.0),
    Field("dose_mg_per_d", "mg/d", 0.0, 15.0),
    Field("dose24_mg", "mg", 0.0, 15.0),
    Field("cap_headroom", "", 0.0, 1.0),
    Field("hours_since_increase", "h", 0.0, 336.0),
    Field("rise_wait", "share of the interval", 0.0, 1.0),
    Field("hours_since_bolus", "h", 0.0, 24.0),
    Field("boluses24", "1/d", 0.0, 8.0),
    Field("lock_resp", "", 0.0, 1.0),
    Field("lock_sedation", "", 0.0, 1.0),
    Field("stale", "", 0.0, 1.0),
    Field("reservoir_ml", "mL", 0.0, 40.0),
    Field("pump_alarm", "", 0.0, 1.0),
    Field("suspect_under", "", 0.0, 1.0),
    Field("suspect_over", "", 0.0, 1.0),
    Field("refill_residual", "share of the volume", -0.5, 0.5),
)
NAMES = tuple(field.name for field in FIELDS)
UNITS = tuple(field.unit for field in FIELDS)
LOW = np.array([field.low for field in FIELDS])
HIGH = np.array([field.high for field in FIELDS])
N_OBS = len(FIELDS)
_CENTER = (LOW + HIGH) / 2.0
_SCALE = 2.0 / (HIGH - LOW)
# A masked value is shown at the middle of its range, where it says least; the mask beside it says that it is missing.
_MASKS = {"nrs_report": "nrs_valid"} | {name: f"{name}_valid" for name in SENSORS}


def decode(observation: np.ndarray) -> dict[str, np.ndarray]:
    """Physical values by name from scaled observations ``[..., N_OBS]``; NaN where the mask says missing."""
    raw = (np.asarray(observation, dtype=np.float64) + 1.0) / _SCALE + LOW
    values = {name: raw[..., i] for i, name in enumerate(NAMES)}
    for name, mask in _MASKS.items():
        values[name] = np.where(values[mask] > 0.5, values[name], np.nan)
    return values


@kernel
def write_observation(world, par, out):
    """Write one scaled observation (float32, ``[N_OBS]``) of ``world`` into ``out``."""
    patient = world.patient
    shield = world.shield
    task = par.task
    now_h = patient.tick * 0.25
    angle = 2.0 * math.pi * clock(patient, now_h) / 24.0
    rate_ml_per_d = shield.prev_rate * 96.0e-6
    concentration = par.shield.conc[0]
    dose24_ug = shield.dose24[0] * 1.0e-6
    values = (
        patient.nrs_report,
        1.0 if patient.nrs_age_h <= REPORT_VALID_H else 0.0,
        patient.nrs_age_h,
        patient.nrs_mean,
    )
    for i in range(4):
        out[i] = _scaled(i, values[i])
    if patient.nrs_age_h > REPORT_VALID_H:
        out[0] = 0.0
    for k in range(N_SENSORS):
        valid = patient.s_valid[k]
        out[4 + k] = _scaled(4 + k, patient.s_value[k]) if valid else 0.0
        out[4 + N_SENSORS + k] = 1.0 if valid else -1.0
    rest = (
        float(patient.poss_seen),
        patient.nausea_seen,
        patient.spasm_seen,
        patient.weakness_seen,
        patient.confusion_seen,
        math.sin(angle),
        math.cos(angle),
        world.episode.step / task.n_steps,
        float(world.episode.pressed_last),
        float(world.episode.given_last),
        float(world.episode.presses24),
        rate_ml_per_d,
        shield.prev_rate / task.start_rate_nl,
        rate_ml_per_d * concentration * 1.0e-3,
        dose24_ug * 1.0e-3,
        1.0 - dose24_ug / task.cap_ug,
        shield.since_increase * 0.25,
        max(0.0, 1.0 - shield.since_increase / par.shield.interval),
        shield.since_bolus * 0.25,
        float(shield.bolus_count),
        float(shield.lock_resp),
        float(shield.lock_sedation),
        float(shield.stale),
        world.pump.estimated_ml,
        1.0 if world.pump.alarms & CRITICAL != 0 else 0.0,
        1.0 if world.monitor.standing & _UNDER != 0 else 0.0,
        1.0 if world.monitor.standing & _OVER != 0 else 0.0,
        world.monitor.residual,
    )
    for i in range(len(rest)):
        j = 4 + 2 * N_SENSORS + i
        out[j] = _scaled(j, rest[i])


@kernel
def _scaled(i, value):
    """``value`` of field ``i`` mapped to [-1, 1] and clipped to it."""
    return min(1.0, max(-1.0, (value - _CENTER[i]) * _SCALE[i]))
