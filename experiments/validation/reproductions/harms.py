"""Reproductions of adverse effects: how often, how much, and when after a dose or a stop."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import TICK_H
from thecal.experiments.validation.reproductions.adaptation import baclofen_rule
from thecal.experiments.validation.reproductions.common import (
    DAY_H,
    WEEK_H,
    Draw,
    Reproduction,
    bolus_course,
    patients,
    tolerant_start,
)
from thecal.physiology.regimen import advance, begin

_N = 200
_YEAR_H = 8766.0
_REBOUND_SHORT_OF = 0.5  # Ashworth points below the untreated score at which a rebound counts as begun


@lru_cache(maxsize=1)
def _titration(who: Draw) -> dict[str, NDArray[np.float64]]:
    """Largest nausea, itch and retention ``[B]`` over thirteen weeks of titration toward 60 % relief."""
    par = patients(who, "noncancer", _N)
    state = begin(par)
    dose = tolerant_start(par) / 10.0
    worst = {name: np.zeros(len(par)) for name in ("nausea", "itch", "retention")}
    for _ in range(13):
        course = advance(par, state, WEEK_H, rate_ug_per_h=dose / DAY_H)
        for name, most in worst.items():
            worst[name] = np.maximum(most, course[name].max(axis=0))
        dose = np.where(course["relief"][-96:].mean(axis=0) < 0.6, 1.2 * dose, dose)
    return worst


def titration_share(who: Draw, name: str, level: float) -> float:
    """Share (%) of patients in whom ``name`` reaches ``level`` during titration."""
    return float(100.0 * (_titration(who)[name] >= level).mean())


def weak_legs(who: Draw, mg_per_d: float) -> float:
    """Share (%) with a motor block of a quarter or more after a week of bupivacaine."""
    par = patients(who, "noncancer", _N, "bupivacaine")
    course = advance(par, begin(par), WEEK_H, rate_ug_per_h=1000.0 * mg_per_d / DAY_H)
    return float(100.0 * (course["motor_block"][-96:].mean(axis=0) >= 0.25).mean())


def pressure_fall(who: Draw, dose_ug: float, drug: str) -> float:
    """Median of the largest fall of blood pressure (%) within 6 h of a bolus."""
    _, course = bolus_course(who, dose_ug, 60, 6.0, drug)
    return float(100.0 * np.median(course["bp_fall"].max(axis=0)))


@lru_cache(maxsize=1)
def _ziconotide(who: Draw) -> dict[str, NDArray[np.float64]]:
    """Worst of each signal ``[B]`` over label titration: 2.4 µg/d, up by 2.4 twice a week to 9.6, held to the end of week 4."""
    par = patients(who, "noncancer", _N, "ziconotide")
    state = begin(par)
    worst = {name: np.zeros(len(par)) for name in ("cognition", "nausea", "sedation")}
    for days, dose in ((3, 2.4), (4, 4.8), (3, 7.2), (18, 9.6)):
        course = advance(par, state, days * DAY_H, rate_ug_per_h=dose / DAY_H)
        for name, most in worst.items():
            worst[name] = np.maximum(most, course[name].max(axis=0))
    return worst


def ziconotide_share(who: Draw, name: str, level: float) -> float:
    """Share (%) of patients in whom ``name`` reaches ``level`` during label titration."""
    return float(100.0 * (_ziconotide(who)[name] >= level).mean())


@lru_cache(maxsize=1)
def _baclofen_stop(who: Draw) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Six months on a dose that holds Ashworth at 1.9, then ten days without.

    Returns:
        Hours of the longest crisis, and hours from the stop until spasticity is back near its untreated level, both ``[B]``.
    """
    par = patients(who, "spasticity", 400, "baclofen")
    par["spasm_circ"] = 0.0
    state = begin(par)
    dose = np.full(len(par), 100.0)
    for _ in range(26):
        course = advance(par, state, WEEK_H, rate_ug_per_h=dose / DAY_H)
        last = {name: values[-96:].mean(axis=0) for name, values in course.items()}
        dose = np.minimum(1500.0, dose * np.clip(baclofen_rule(last), 0.8, 1.2))
    course = advance(par, state, 10 * DAY_H)
    back = course["ashworth"] >= par["ashworth0"] - _REBOUND_SHORT_OF
    onset = np.where(back.any(axis=0), (back.argmax(axis=0) + 1) * TICK_H, np.inf)
    return course["crisis_h"].max(axis=0), onset


def severe_withdrawal(who: Draw) -> float:
    """Share (%) of abrupt stops with a crisis of 24 h or more."""
    return float(100.0 * (_baclofen_stop(who)[0] >= DAY_H).mean())


def rebound_onset(who: Draw) -> float:
    """Median time (h) after the stop until spasticity is back near its untreated level."""
    return float(np.median(_baclofen_stop(who)[1]))


def clonidine_rebound(who: Draw) -> float:
    """Median time (h) of the highest pressure after a month at 400 µg/d and a stop."""
    par = patients(who, "noncancer", 60, "clonidine")
    state = begin(par)
    advance(par, state, 28 * DAY_H, rate_ug_per_h=400.0 / DAY_H)
    pressure = advance(par, state, 4 * DAY_H)["sbp"]
    # An hour's mean, so that a tick of breakthrough pain is not taken for the rebound.
    hourly = pressure.reshape(-1, 4, pressure.shape[1]).mean(axis=1)
    return float(np.median(hourly.argmax(axis=0) + 1.0))


def granuloma_rate(who: Draw) -> float:
    """Evident masses per patient-year over 7.6 years of morphine at 10 mg/mL, doses rising from 2 to 5 mg/d.

    Growth is proportional to a patient's susceptibility, so one course gives the size for each of 2,000 patients.
    """
    years, steps = 7.6, 8
    par = patients(who, "noncancer", 2)
    per_h = 1e-7  # a susceptibility at which nobody's transfer suffers
    par["granuloma_per_h"] = per_h
    state = begin(par)
    largest = 0.0
    for dose in np.linspace(2000.0, 5000.0, steps):
        hours = years / steps * _YEAR_H // TICK_H * TICK_H
        flow = dose / DAY_H / 10_000.0
        course = advance(par, state, hours, rate_ug_per_h=dose / DAY_H, basal_ml_per_h=flow)
        largest = max(largest, float(course["granuloma"].max()))
    evident = patients(who, "noncancer", 2000)["granuloma_per_h"] * largest / per_h >= 1.0
    return float(evident.mean() / years)


def respiratory_minimum(who: Draw, dose_ug: float, drug: str) -> float:
    """Median time (h) of the lowest ventilation after a bolus."""
    _, course = bolus_course(who, dose_ug, 100, 24.0, drug)
    return float(np.median((course["vent"].argmin(axis=0) + 1) * TICK_H))


HARMS: dict[str, Reproduction] = {
    "fentanyl_respiratory_minimum": lambda who: respiratory_minimum(who, 25.0, "fentanyl"),
    "opioid_nausea": lambda who: titration_share(who, "nausea", 3.0),
    "opioid_itch": lambda who: titration_share(who, "itch", 0.3),
    "opioid_retention": lambda who: titration_share(who, "retention", 0.5),
    "bupivacaine_weak_10": lambda who: weak_legs(who, 10.0),
    "bupivacaine_weak_30": lambda who: weak_legs(who, 30.0),
    "clonidine_pressure": lambda who: pressure_fall(who, 300.0, "clonidine"),
    "dexmedetomidine_pressure": lambda who: pressure_fall(who, 100.0, "dexmedetomidine"),
    "ziconotide_confusion": lambda who: ziconotide_share(who, "cognition", 0.4),
    "ziconotide_nausea": lambda who: ziconotide_share(who, "nausea", 3.0),
    "ziconotide_somnolence": lambda who: ziconotide_share(who, "sedation", 0.25),
    "baclofen_severe_withdrawal": severe_withdrawal,
    "baclofen_rebound_onset": rebound_onset,
    "clonidine_rebound_peak": clonidine_rebound,
    "granuloma_rate": granuloma_rate,
}
