"""Observation fields: the catalog that tasks choose from, the kernel that reads every one, and the lens a task looks through.

A new field is a row of ``FIELDS`` and a line of :func:`read_fields`. A lens names the fields of one task with the bounds that
map to -1 and 1; what is missing is shown at the middle, where it says least, and its mask says that it is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numba import literal_unroll
from numpy.typing import NDArray

from thecal.core.errors import UnknownNameError
from thecal.core.jit import kernel
from thecal.core.layout import NL_PER_ML, REPORT_VALID_H, SENSORS, TICK_H, TICKS_PER_DAY
from thecal.devices.alarms import CRITICAL
from thecal.devices.monitor_records import OVER_MONITORS as _OVER
from thecal.devices.monitor_records import UNDER_MONITORS as _UNDER
from thecal.envs.kernel.recall import MEAN_NAMES, MEMORY_ROWS
from thecal.physiology.pain import clock

_ML_PER_D = TICKS_PER_DAY / NL_PER_ML
_UG_PER_PG = 1.0e-6


class Field(NamedTuple):
    """One entry of the observation: its name, unit, and the bounds that map to -1 and 1.

    ``better`` is 1 where more is better for the patient, -1 where less is, 0 where neither is.
    """

    name: str
    unit: str
    low: float
    high: float
    better: int = 0


_SENSOR_FIELDS = (
    Field("hr", "1/min", 40.0, 140.0),
    Field("sbp", "mmHg", 70.0, 210.0),
    Field("map", "mmHg", 50.0, 150.0),
    Field("rr", "1/min", 0.0, 30.0, 1),
    Field("spo2", "%", 70.0, 100.0, 1),
    Field("etco2", "mmHg", 10.0, 90.0, -1),
    Field("conductance", "1/s", 0.0, 0.6, -1),
    Field("activity", "", 0.0, 4.0, 1),
    Field("emg", "uV", 0.0, 30.0, -1),
    Field("hrv", "ms", 0.0, 120.0, 1),
    Field("eeg", "", 0.0, 3.0),
    Field("sweat", "ng/mL", 0.0, 150.0, -1),
)
# Their upper bounds follow the task's drug: its cap in the task's own profile, unless the task says otherwise.
DOSE_FIELDS = ("dose_mg_per_d", "dose24_mg")
FIELDS = (
    Field("nrs_report", "NRS", 0.0, 10.0, -1),
    Field("nrs_valid", "", 0.0, 1.0),
    Field("nrs_age_h", "h", 0.0, 24.0),
    Field("nrs_mean24", "NRS", 0.0, 10.0, -1),
    *_SENSOR_FIELDS,
    *(Field(f"{name}_valid", "", 0.0, 1.0) for name in SENSORS),
    Field("poss", "", 1.0, 4.0, -1),
    Field("nausea", "0-10", 0.0, 10.0, -1),
    Field("spasms", "0-4", 0.0, 4.0, -1),
    Field("weakness", "0-4", 0.0, 4.0, -1),
    Field("confusion", "0-4", 0.0, 4.0, -1),
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
    Field("clinic_on_its_way", "", 0.0, 1.0),
    Field("mixture_ratio", "mass of the second drug per mass of the first", 0.0, 10.0),
    Field("elapsed_h", "h", 0.0, 24.0),
    *(Field(*row) for row in MEMORY_ROWS),
)
FIELD_NAMES = tuple(field.name for field in FIELDS)
# What a task observes unless its file says otherwise; a task's hash does not show it, so it must never change.
STANDARD_FIELDS = (
    "nrs_report", "nrs_valid", "nrs_age_h", "nrs_mean24", "hr", "sbp", "map", "rr", "spo2", "etco2", "conductance",
    "activity", "emg", "hrv", "eeg", "sweat", "hr_valid", "sbp_valid", "map_valid", "rr_valid", "spo2_valid",
    "etco2_valid", "conductance_valid", "activity_valid", "emg_valid", "hrv_valid", "eeg_valid", "sweat_valid",
    "poss", "nausea", "spasms", "weakness", "confusion", "clock_sin", "clock_cos", "day_fraction", "demands",
    "demands_given", "demands24", "rate_ml_per_d", "rate_ratio_start", "dose_mg_per_d", "dose24_mg", "cap_headroom",
    "hours_since_increase", "rise_wait", "hours_since_bolus", "boluses24", "lock_resp", "lock_sedation", "stale",
    "reservoir_ml", "pump_alarm", "suspect_under", "suspect_over", "refill_residual",
)  # fmt: skip
VALID_NAMES = tuple(f"{name}_valid" for name in SENSORS)
MASKS = {"nrs_report": "nrs_valid"} | dict(zip(SENSORS, VALID_NAMES, strict=True))
SEEN = np.dtype([(name, np.float64) for name in FIELD_NAMES], align=True)
LENS = np.dtype(
    [("n", np.int64), *((name, kind, (len(FIELDS),)) for name, kind in
                        (("field", np.int64), ("center", np.float64), ("scale", np.float64)))],
    align=True,
)  # fmt: skip


class Lens:
    """What the observation of one task holds: named columns, units, bounds, and the record by which the kernel writes them.

    Args:
        fields: in the order of the columns.

    Raises:
        UnknownNameError: a field is not in the catalog.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = tuple(fields)
        self.names = tuple(field.name for field in self.fields)
        self.units = tuple(field.unit for field in self.fields)
        self.low = np.array([field.low for field in self.fields])
        self.high = np.array([field.high for field in self.fields])
        self._scale = 2.0 / (self.high - self.low)
        self.record: NDArray[np.void] = np.zeros(1, LENS)
        n = len(self.fields)
        self.record["n"] = n
        self.record["field"][0, :n] = [_place(name) for name in self.names]
        self.record["center"][0, :n] = (self.low + self.high) / 2.0
        self.record["scale"][0, :n] = self._scale

    def __len__(self) -> int:
        return len(self.fields)

    def decode(self, observation: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Physical values by name from scaled observations ``[..., n]``; NaN where the mask beside a field says missing."""
        raw = (np.asarray(observation, dtype=np.float64) + 1.0) / self._scale + self.low
        values = {name: raw[..., i] for i, name in enumerate(self.names)}
        for name, mask in MASKS.items():
            if name in values and mask in values:
                values[name] = np.where(values[mask] > 0.5, values[name], np.nan)
        return values


def _place(name: str) -> int:
    if name not in FIELD_NAMES:
        raise UnknownNameError("observation field", name, list(FIELD_NAMES))
    return FIELD_NAMES.index(name)


@kernel
def read_fields(world, par, seen):
    """Read every field of the catalog in its unit into a SEEN record; NaN stands for a value that is missing."""
    patient = world.patient
    shield = world.shield
    episode = world.episode
    task = par.task
    angle = 2.0 * math.pi * clock(patient, patient.tick * TICK_H) / 24.0
    rate_ml_per_d = shield.prev_rate * _ML_PER_D
    dose24_ug = shield.dose24[0] * _UG_PER_PG
    reported = patient.nrs_age_h <= REPORT_VALID_H
    seen.nrs_report = patient.nrs_report if reported else math.nan
    seen.nrs_valid = 1.0 if reported else 0.0
    seen.nrs_age_h = patient.nrs_age_h
    seen.nrs_mean24 = patient.nrs_mean
    k = 0
    for name in literal_unroll(SENSORS):
        seen[name] = patient.s_value[k] if patient.s_valid[k] else math.nan
        k += 1
    k = 0
    for name in literal_unroll(VALID_NAMES):
        seen[name] = 1.0 if patient.s_valid[k] else 0.0
        k += 1
    seen.poss = float(patient.poss_seen)
    seen.nausea = patient.nausea_seen
    seen.spasms = patient.spasm_seen
    seen.weakness = patient.weakness_seen
    seen.confusion = patient.confusion_seen
    seen.clock_sin = math.sin(angle)
    seen.clock_cos = math.cos(angle)
    seen.day_fraction = episode.step / task.n_steps
    seen.demands = float(episode.pressed_last)
    seen.demands_given = float(episode.given_last)
    seen.demands24 = float(episode.presses24)
    seen.rate_ml_per_d = rate_ml_per_d
    seen.rate_ratio_start = shield.prev_rate / task.start_rate_nl
    seen.dose_mg_per_d = rate_ml_per_d * par.shield.conc[0] * 1.0e-3
    seen.dose24_mg = dose24_ug * 1.0e-3
    seen.cap_headroom = 1.0 - dose24_ug / task.cap_ug
    seen.hours_since_increase = shield.since_increase * TICK_H
    seen.rise_wait = max(0.0, 1.0 - shield.since_increase / par.shield.interval)
    seen.hours_since_bolus = shield.since_bolus * TICK_H
    seen.boluses24 = float(shield.bolus_count)
    seen.lock_resp = float(shield.lock_resp)
    seen.lock_sedation = float(shield.lock_sedation)
    seen.stale = float(shield.stale)
    seen.reservoir_ml = world.pump.estimated_ml
    seen.pump_alarm = 1.0 if world.pump.alarms & CRITICAL != 0 else 0.0
    seen.suspect_under = 1.0 if world.monitor.standing & _UNDER != 0 else 0.0
    seen.suspect_over = 1.0 if world.monitor.standing & _OVER != 0 else 0.0
    seen.refill_residual = world.monitor.residual
    seen.clinic_on_its_way = 1.0 if episode.call_left > 0 else 0.0
    seen.mixture_ratio = par.ordered_conc[1] / par.ordered_conc[0]
    seen.elapsed_h = (patient.tick - episode.decided) * TICK_H
    k = 0
    for name in literal_unroll(MEAN_NAMES):
        seen[name] = world.memory.mean[k]
        k += 1
    seen.lowest_sign_dose = world.memory.lowest_sign
    seen.highest_calm_dose = world.memory.highest_calm
    seen.nrs_first = world.memory.nrs_first


@kernel
def write_observation(world, par, seen, values, lens, out):
    """Write one scaled observation (float32, ``[n]``) of ``world`` into ``out``.

    Args:
        world, par: one WORLD and one WORLD_PAR record.
        seen, values: one SEEN record, and the same memory as float64 ``[len(FIELDS)]``.
        lens: one LENS record.
        out: ``[n]``.
    """
    read_fields(world, par, seen)
    for i in range(lens.n):
        value = values[lens.field[i]]
        scaled = (value - lens.center[i]) * lens.scale[i]
        out[i] = 0.0 if math.isnan(value) else min(1.0, max(-1.0, scaled))
