"""Reproductions of people without intrathecal drug: nights and days of readings, repeated reports, filtration by age.

Where the study read pulse, breathing or pressure its people took no opioid, so neither did these patients: who comes from a high
oral dose to none goes into withdrawal, with 7 beats/min and 5 mmHg more by the third day.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import SENSORS, TICK_H
from thecal.experiments.validation.reproductions.clinic import DAY_TICKS, charts
from thecal.experiments.validation.reproductions.common import DAY_H, WEEK_H, Draw, Par, Reproduction, patients
from thecal.physiology.regimen import advance, begin

Floats = NDArray[np.float64]
_NIGHTS = 14
_NIGHT_H = 6
_MORNING_H = 8.0
_EVENING_H = 20.0
_DIP = 0.1
_LIMIT = 1.96  # SD of a normal variable within which 95 % lie
_SURFACE_M2 = 1.73


def _reading(state: NDArray[np.void], name: str) -> Floats:
    value: Floats = state["s_value"][:, SENSORS.index(name)].copy()
    return value


@lru_cache(maxsize=1)
def _resting_rate(who: Draw) -> Floats:
    """Mean true heart rate ``[B]`` of the last hour before 6 in three mornings."""
    par = patients(who, "noncancer", 200, naive=True)
    beats = advance(par, begin(par, _MORNING_H), 3 * DAY_H)["hr"]
    clock = (_MORNING_H + TICK_H * np.arange(1, len(beats) + 1)) % DAY_H
    resting: Floats = beats[(clock > 5.0) & (clock <= 6.0)].mean(axis=0)
    return resting


@lru_cache(maxsize=1)
def _breaths(who: Draw) -> Floats:
    """Mean reading of the breathing rate from midnight to 6 (``[nights, B]``)."""
    par = patients(who, "noncancer", 300, naive=True)
    state = begin(par, 0.0)
    nights = []
    for _ in range(_NIGHTS):
        values = []
        for _ in range(_NIGHT_H):
            advance(par, state, 1.0)
            values.append(_reading(state, "rr"))
        nights.append(np.mean(values, axis=0))
        advance(par, state, DAY_H - _NIGHT_H)
    return np.array(nights)


def breaths_width(who: Draw) -> float:
    """95th less 5th percentile over people of the night's breathing rate."""
    low, high = np.quantile(_breaths(who).mean(axis=0), (0.05, 0.95))
    return float(high - low)


def breaths_varying(who: Draw, quantile: float) -> float:
    """Quantile over people of SD / mean (%) of their nights."""
    nights = _breaths(who)
    return float(100.0 * np.quantile(nights.std(axis=0, ddof=1) / nights.mean(axis=0), quantile))


@lru_cache(maxsize=2)
def _saturation(who: Draw, cohort: str) -> tuple[Floats, Floats]:
    """Median and lowest tenth ``[B]`` of the oximeter's readings in one night, in people without sleep apnea."""
    par, chart = charts(who, cohort, 120)
    par = par[~np.asarray(chart["sleep_apnea"], np.bool_)]
    state = begin(par, _EVENING_H)
    values = []
    for _ in range(round(14.0 / TICK_H)):
        advance(par, state, TICK_H)
        values.append(np.where(state["awake"] == 0, _reading(state, "spo2"), np.nan))
    tenth, half = np.nanquantile(np.array(values), (0.1, 0.5), axis=0)
    return half, tenth


@lru_cache(maxsize=1)
def _pressure(who: Draw) -> tuple[Floats, NDArray[np.bool_]]:
    """Systolic readings every 15 min of three days a week apart (``[3, ticks, B]``), and who was awake at each."""
    par = patients(who, "noncancer", 150, naive=True)
    state = begin(par, _MORNING_H)
    values, awake = [], []
    for _ in range(3):
        for _ in range(DAY_TICKS):
            advance(par, state, TICK_H)
            values.append(_reading(state, "sbp"))
            awake.append(state["awake"] == 1)
        advance(par, state, WEEK_H - DAY_H)
    shape = (3, DAY_TICKS, len(par))
    return np.array(values).reshape(shape), np.array(awake, np.bool_).reshape(shape)


def _while(who: Draw, *, awake: bool) -> Floats:
    """The readings of waking or of sleep, others missing."""
    values, woken = _pressure(who)
    return np.where(woken == awake, values, np.nan)


def pressure_sd(who: Draw, *, awake: bool) -> float:
    """Mean over people and days of the SD of their readings by day or at night."""
    return float(np.nanstd(_while(who, awake=awake), axis=1).mean())


def pressure_repeat(who: Draw) -> float:
    """SD over people of the difference between the first two days' means."""
    days = np.nanmean(_while(who, awake=True), axis=1)
    return float((days[1] - days[0]).std(ddof=1))


def _falls(who: Draw) -> tuple[Floats, Floats]:
    """Fall of pressure in sleep (mmHg, ``[3, B]``), and as a share of the day's mean."""
    days, nights = (np.nanmean(_while(who, awake=awake), axis=1) for awake in (True, False))
    return days - nights, 1.0 - nights / days


def dipping_changes(who: Draw) -> float:
    """Share (%) of people who dip on one of the first two days only."""
    dips = _falls(who)[1] >= _DIP
    return float(100.0 * (dips[0] != dips[1]).mean())


def intraclass(rows: Floats) -> float:
    """Intraclass correlation of single measurements (one-way) of ``[measurements, people]``."""
    k, n = rows.shape
    means = rows.mean(axis=0)
    between = k * ((means - rows.mean()) ** 2).sum() / (n - 1)
    within = ((rows - means) ** 2).sum() / (n * (k - 1))
    return float((between - within) / (between + (k - 1) * within))


@lru_cache(maxsize=1)
def _repeated_reports(who: Draw) -> Floats:
    """Two reports of pain 15 min apart about noon of the third day (``[2, B]``)."""
    par = patients(who, "noncancer", 300)
    par["nrs_every_h"] = TICK_H
    par["nrs_skip"] = 0.0
    state = begin(par, _MORNING_H)
    advance(par, state, 2 * DAY_H + 4.0)
    first = state["nrs_report"].copy()
    advance(par, state, TICK_H)
    return np.array((first, state["nrs_report"].copy()))


def smallest_change(who: Draw) -> float:
    """Smallest detectable change (NRS) of a repeated report."""
    first, second = _repeated_reports(who)
    return float(_LIMIT * (second - first).std(ddof=1))


def rmssd(who: Draw, cohort: str, youngest: float) -> float:
    """Mean reading of RMSSD (ms) over a day in a decade of age."""
    par, chart = charts(who, cohort, 200)
    par = par[(chart["age_y"] >= youngest) & (chart["age_y"] < youngest + 10.0)]
    state = begin(par, _MORNING_H)
    values = []
    for _ in range(round(DAY_H / 0.5)):
        advance(par, state, 0.5)
        values.append(_reading(state, "hrv"))
    return float(np.mean(values))


def filtration_lost(who: Draw) -> float:
    """Creatinine clearance (mL/min at 1.73 m²) lost in a year of age, across both cohorts."""
    ages, cleared = [], []
    for cohort in ("noncancer", "elderly"):
        _, chart = charts(who, cohort, 400)
        # DuBois and DuBois 1916: the usual formula of body surface
        surface = 0.007184 * chart["weight_kg"] ** 0.425 * chart["height_cm"] ** 0.725
        ages.append(chart["age_y"])
        cleared.append(chart["crcl_ml_per_min"] * _SURFACE_M2 / surface)
    return -float(np.polyfit(np.concatenate(ages), np.concatenate(cleared), 1)[0])


def worst_over_average(who: Draw) -> float:
    """Mean over people of the worst less the average pain (NRS) of a day without drug and without hope."""
    par: Par = patients(who, "noncancer", 200)
    par["placebo"] = 0.0
    pain = advance(par, begin(par, _MORNING_H), DAY_H)["pain"]
    return float((pain.max(axis=0) - pain.mean(axis=0)).mean())


BASELINES: dict[str, Reproduction] = {
    "quer_rate": lambda who: float(_resting_rate(who).mean()),
    "quer_spread": lambda who: float(_resting_rate(who).std(ddof=1)),
    "night_breaths": lambda who: float(_breaths(who).mean()),
    "night_breaths_width": breaths_width,
    "night_breaths_steady": lambda who: breaths_varying(who, 0.05),
    "night_breaths_unsteady": lambda who: breaths_varying(who, 0.95),
    "gries_median": lambda who: float(_saturation(who, "noncancer")[0].mean()),
    "gries_tenth": lambda who: float(_saturation(who, "noncancer")[1].mean()),
    "gries_elderly_median": lambda who: float(_saturation(who, "elderly")[0].mean()),
    "gries_elderly_tenth": lambda who: float(_saturation(who, "elderly")[1].mean()),
    "pressure_day_sd": lambda who: pressure_sd(who, awake=True),
    "pressure_night_sd": lambda who: pressure_sd(who, awake=False),
    "pressure_repeat": pressure_repeat,
    "dipping_changes": dipping_changes,
    "dip_size": lambda who: float(_falls(who)[0].mean()),
    "dip_repeat": lambda who: intraclass(_falls(who)[0]),
    "report_change": smallest_change,
    "report_repeat": lambda who: intraclass(_repeated_reports(who)),
    "rmssd_fifties": lambda who: rmssd(who, "noncancer", 50.0),
    "rmssd_seventies": lambda who: rmssd(who, "elderly", 70.0),
    "filtration_by_age": filtration_lost,
    "worst_over_average": worst_over_average,
}
