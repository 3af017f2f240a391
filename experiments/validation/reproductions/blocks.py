"""Reproductions of spinal anesthetics: what adjuvants add, how far pressure and pulse fall, the dose that blocks legs by age."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import MAX_DRUGS, TICK_H
from thecal.experiments.validation.reproductions.clinic import charts
from thecal.experiments.validation.reproductions.common import Draw, Par, Reproduction, make_naive, patients
from thecal.experiments.validation.reproductions.injections import spinal_minutes
from thecal.experiments.validation.reproductions.singles import adjuvant_ratio
from thecal.physiology.regimen import advance, begin

Floats = NDArray[np.float64]
_N = 500
_MG, _ML = 12.5, 3.0  # bupivacaine of the trials of adjuvants
_FALL, _SLOW = 0.2, 50.0
_AGED_FALL, _AGED_LOW = 0.25, 90.0
_MOVES = 0.1  # motor block under which a leg counts as free, as in the other spinal anesthetics
_DOSES_MG = np.geomspace(0.5, 40.0, 16)
_CONCENTRATION = 7.5  # mg/mL


def added(who: Draw, what: int, second: str, second_ug: float) -> float:
    """Minutes of relief (``what`` 0) or motor block (1) that a second drug adds to 12.5 mg of bupivacaine."""
    with_it, without = (spinal_minutes(who, _MG, _ML, what, second, dose) for dose in (second_ug, 0.0))
    return with_it - without


@lru_cache(maxsize=2)
def _lowest(who: Draw, second: str, second_ug: float) -> tuple[Floats, Floats]:
    """Largest fall of systolic pressure (share of the hour before) and lowest heart rate ``[B]`` within 4 h of a spinal."""
    par = patients(who, "noncancer", _N, "bupivacaine", second, naive=True)
    before = advance(par, begin(par), 1.0)["sbp"].mean(axis=0)
    dose = np.zeros((len(par), MAX_DRUGS))
    dose[:, :2] = 1000.0 * _MG, second_ug
    course = advance(par, begin(par), 4.0, bolus_ug=dose, bolus_ml=_ML)
    return 1.0 - course["sbp"].min(axis=0) / before, course["hr"].min(axis=0)


def _risk_ratio(with_it: NDArray[np.bool_], without: NDArray[np.bool_]) -> float:
    return float(with_it.mean() / without.mean()) if without.any() else float("nan")


def hypotension_ratio(who: Draw, second: str, second_ug: float) -> float:
    """Risk of a fall of pressure by a fifth, with / without a second drug."""
    with_it, without = (_lowest(who, second, dose)[0] >= _FALL for dose in (second_ug, 0.0))
    return _risk_ratio(with_it, without)


def bradycardia_ratio(who: Draw, second: str, second_ug: float) -> float:
    """Risk of a heart rate under 50, with / without a second drug."""
    with_it, without = (_lowest(who, second, dose)[1] < _SLOW for dose in (second_ug, 0.0))
    return _risk_ratio(with_it, without)


@lru_cache(maxsize=2)
def _aged(who: Draw, mg: float, fentanyl_ug: float) -> tuple[float, float]:
    """Mean of the largest fall of systolic pressure (%) within 2 h, and share (%) under 90 mmHg or a quarter down."""
    par = patients(who, "elderly", 150, "bupivacaine", "fentanyl", naive=True)
    before = advance(par, begin(par), 1.0)["sbp"].mean(axis=0)
    dose = np.zeros((len(par), MAX_DRUGS))
    dose[:, :2] = 1000.0 * mg, fentanyl_ug
    lowest = advance(par, begin(par), 2.0, bolus_ug=dose, bolus_ml=mg / 5.0 + fentanyl_ug / 50.0)["sbp"].min(axis=0)
    hurt = (lowest < _AGED_LOW) | (lowest <= (1.0 - _AGED_FALL) * before)
    return float(100.0 * (1.0 - lowest / before).mean()), float(100.0 * hurt.mean())


@lru_cache(maxsize=2)
def _of_ages(who: Draw, cohort: str, n: int) -> tuple[Par, Floats]:
    """Naive patients of a cohort on bupivacaine, and their ages."""
    par, chart = charts(who, cohort, n, "bupivacaine")
    make_naive(par)
    return par, np.asarray(chart["age_y"], np.float64)


def motor_dose(who: Draw, cohort: str, n: int, youngest: float, oldest: float) -> float:
    """Dose (mg) with which half of a decade of age cannot move the legs freely after a quarter of an hour.

    Between the doses tried, the share is taken as linear in the log of the dose.
    """
    everybody, ages = _of_ages(who, cohort, n)
    par = everybody[(ages >= youngest) & (ages < oldest + 1.0)].copy()
    shares = []
    for mg in _DOSES_MG:
        course = advance(par, begin(par), TICK_H, bolus_ug=1000.0 * float(mg), bolus_ml=float(mg) / _CONCENTRATION)
        shares.append(float((course["motor_block"][-1] >= _MOVES).mean()))
    rising = np.maximum.accumulate(shares) + 1e-9 * np.arange(len(shares))
    return float(np.exp(np.interp(0.5, rising, np.log(_DOSES_MG))))


def motor_dose_by_age(who: Draw) -> float:
    """The same dose at 71-80 / at 31-40 years."""
    return motor_dose(who, "elderly", 150, 71.0, 80.0) / motor_dose(who, "noncancer", 900, 31.0, 40.0)


BLOCKS: dict[str, Reproduction] = {
    "elia_request": lambda who: added(who, 0, "clonidine", 75.0),
    "elia_motor": lambda who: added(who, 1, "clonidine", 75.0),
    "elia_hypotension": lambda who: hypotension_ratio(who, "clonidine", 75.0),
    "liu_request": lambda who: added(who, 0, "dexmedetomidine", 5.0),
    "liu_motor_added": lambda who: added(who, 1, "dexmedetomidine", 5.0),
    "liu_bradycardia": lambda who: bradycardia_ratio(who, "dexmedetomidine", 5.0),
    "rahimzadeh_fentanyl": lambda who: adjuvant_ratio(who, 0, _MG, _ML, ("fentanyl", 25.0), ("fentanyl", 0.0)),
    "rahimzadeh_fentanyl_motor": lambda who: adjuvant_ratio(who, 1, _MG, _ML, ("fentanyl", 25.0), ("fentanyl", 0.0)),
    "rahimzadeh_dexmedetomidine": lambda who: adjuvant_ratio(
        who, 0, _MG, _ML, ("dexmedetomidine", 5.0), ("fentanyl", 25.0)
    ),
    "khezri_clonidine": lambda who: adjuvant_ratio(who, 0, 10.0, 2.5, ("clonidine", 75.0), ("fentanyl", 25.0)),
    "chattopadhyay_midazolam": lambda who: adjuvant_ratio(who, 0, _MG, 2.9, ("midazolam", 2000.0), ("midazolam", 0.0)),
    "chattopadhyay_motor": lambda who: adjuvant_ratio(who, 1, _MG, 2.9, ("midazolam", 2000.0), ("midazolam", 0.0)),
    "ben_david_fall": lambda who: _aged(who, 10.0, 0.0)[0],
    "ben_david_hypotension": lambda who: _aged(who, 10.0, 0.0)[1],
    "ben_david_small_fall": lambda who: _aged(who, 4.0, 20.0)[0],
    "chen_motor_dose": lambda who: motor_dose(who, "noncancer", 900, 51.0, 60.0),
    "chen_motor_age": motor_dose_by_age,
}
