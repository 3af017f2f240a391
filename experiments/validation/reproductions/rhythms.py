"""Reproductions of a day and a night of wearable readings in patients without intrathecal drug, free of opioids before it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import SENSORS
from thecal.experiments.validation.reproductions.common import Draw, Reproduction, patients
from thecal.physiology.regimen import advance, begin

_STEP_H = 0.5
_DAYS = 2
_START_H = 8.0


@lru_cache(maxsize=1)
def _readings(who: Draw) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Two days of readings ``[samples, B, sensors]``, who was awake at each, and the clock time of each (h)."""
    par = patients(who, "noncancer", 120, naive=True)
    state = begin(par, _START_H)
    values, awake = [], []
    for _ in range(round(_DAYS * 24.0 / _STEP_H)):
        advance(par, state, _STEP_H)
        values.append(state["s_value"].copy())
        awake.append(state["awake"] == 1)
    clock = np.array([(_START_H + _STEP_H * (k + 1)) % 24.0 for k in range(len(values))])
    return np.array(values, np.float64), np.array(awake, np.bool_), clock


def _night_fall(who: Draw, name: str) -> NDArray[np.float64]:
    """Fall of each patient's mean reading from waking to sleep (% ``[B]``)."""
    values, awake, _ = _readings(who)
    one = values[:, :, SENSORS.index(name)]
    day = (one * awake).sum(axis=0) / awake.sum(axis=0)
    night = (one * ~awake).sum(axis=0) / (~awake).sum(axis=0)
    fallen: NDArray[np.float64] = 100.0 * (1.0 - night / day)
    return fallen


def dippers(who: Draw, name: str) -> float:
    """Share (%) whose reading falls by a tenth or more in sleep."""
    return float(100.0 * (_night_fall(who, name) >= 10.0).mean())


def _cosine(who: Draw, name: str) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Mean and complex amplitude of the day's rhythm of each patient (its angle is the clock time of the peak)."""
    values, _, clock = _readings(who)
    one = values[:, :, SENSORS.index(name)]
    turn = np.exp(2j * np.pi * clock / 24.0)
    return one.mean(axis=0), 2.0 * (one * turn[:, None]).mean(axis=0)


def rhythm_amplitude(who: Draw, name: str) -> float:
    """Mean amplitude / mean level of the day's rhythm."""
    level, wave = _cosine(who, name)
    return float(np.abs(wave).mean() / level.mean())


def rhythm_peak(who: Draw, name: str) -> float:
    """Clock time (h) of the peak of the rhythm all patients together have."""
    _, wave = _cosine(who, name)
    return float(np.angle(wave.mean()) * 24.0 / (2.0 * np.pi) % 24.0)


RHYTHMS: dict[str, Reproduction] = {
    "pressure_nondippers": lambda who: 100.0 - dippers(who, "sbp"),
    "heart_rate_dippers": lambda who: dippers(who, "hr"),
    "hrv_rhythm": lambda who: rhythm_amplitude(who, "hrv"),
    "hrv_peak_clock": lambda who: rhythm_peak(who, "hrv"),
}
