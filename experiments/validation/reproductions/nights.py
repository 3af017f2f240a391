"""Reproductions of a day and a night without intrathecal drug: when pressure peaks, how its fall differs, the slowest pulse.

Nobody took an opioid before, as in the other healthy people: who comes from a high oral dose to none goes into withdrawal.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import SENSORS, TICK_H
from thecal.experiments.validation.reproductions.clinic import DAY_TICKS
from thecal.experiments.validation.reproductions.common import DAY_H, Draw, Reproduction, patients
from thecal.physiology.regimen import advance, begin

Floats = NDArray[np.float64]
_MORNING_H = 8.0
_HARMONICS = 4
_SLOWEST_H = (3.0, 7.0)


@lru_cache(maxsize=1)
def _day(who: Draw) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Systolic readings, heart rate at rest, and who was awake, every 15 min of a second day from 8 on (``[ticks, B]``)."""
    par = patients(who, "noncancer", 200, naive=True)
    state = begin(par, _MORNING_H)
    advance(par, state, DAY_H)
    pressure, rate, awake = [], [], []
    for _ in range(DAY_TICKS):
        rate.append(advance(par, state, TICK_H)["hr"][0])
        pressure.append(state["s_value"][:, SENSORS.index("sbp")].copy())
        awake.append(state["awake"] == 1)
    return np.array(pressure, np.float64), np.array(rate), np.array(awake, np.bool_)


def _clock() -> Floats:
    return np.asarray((_MORNING_H + TICK_H * np.arange(1, DAY_TICKS + 1)) % DAY_H, np.float64)


def spread_of_falls(who: Draw) -> float:
    """SD over people of the fall of pressure (mmHg) from waking to sleep."""
    pressure, _, awake = _day(who)
    day, night = (np.nanmean(np.where(awake == woken, pressure, np.nan), axis=0) for woken in (True, False))
    return float((day - night).std(ddof=1))


def pressure_clock(who: Draw) -> float:
    """Mean clock time (h, on the circle) of the maximum of each one's curve of four harmonics."""
    waves = np.fft.rfft(_day(who)[0], axis=0)
    waves[_HARMONICS + 1 :] = 0.0
    highest = _clock()[np.fft.irfft(waves, DAY_TICKS, axis=0).argmax(axis=0)]
    return float(np.angle(np.exp(2j * np.pi * highest / DAY_H).mean()) * DAY_H / (2.0 * np.pi) % DAY_H)


def slower_at_night(who: Draw) -> float:
    """Mean lowest heart rate of the day less that of the night, 1/min."""
    _, rate, awake = _day(who)
    day, night = (np.nanmin(np.where(awake == woken, rate, np.nan), axis=0) for woken in (True, False))
    return float((day - night).mean())


def slowest_before_seven(who: Draw) -> float:
    """Share (%) whose lowest heart rate of 24 h lies between 3 and 7 in the morning."""
    slowest = _clock()[_day(who)[1].argmin(axis=0)]
    return float(100.0 * ((slowest >= _SLOWEST_H[0]) & (slowest <= _SLOWEST_H[1])).mean())


NIGHTS: dict[str, Reproduction] = {
    "staessen_spread": spread_of_falls,
    "staessen_peak": pressure_clock,
    "speed_night": slower_at_night,
    "speed_clock": slowest_before_seven,
}
