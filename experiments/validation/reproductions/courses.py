"""Reproductions of weeks and years of treatment: tone under baclofen, low doses, yearly rises, confusion, the gonadal axis."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.validation.reproductions.adaptation import baclofen_rule
from thecal.experiments.validation.reproductions.clinic import (
    DAY_TICKS,
    careful,
    charts,
    day_means,
    rates,
    treat,
    trial,
    untreated,
    weeks_of,
    without_masses,
)
from thecal.experiments.validation.reproductions.common import (
    DAY_H,
    WEEK_H,
    Draw,
    Par,
    Reproduction,
    patients,
    reachable,
    tolerant_start,
)
from thecal.experiments.validation.reproductions.series import held
from thecal.physiology.regimen import advance, begin

Floats = NDArray[np.float64]
_RELIEF = 0.6
_LOW_RELIEF = 0.54  # from 7.47 to 3.41
_NORMAL_TONE = 1.5
_DROWSY = 0.5  # sedation at which a dose of baclofen is lowered
_YEAR_WEEKS = 52
_MOST_UG_PER_D = 2000.0
_CONFUSED = 0.4  # cognitive effect, as in the ziconotide trials
_LOW_TESTOSTERONE = 0.4  # suppression: under 9 nmol/L of about 15
_FAST_UG_PER_D = 21.6


def scaled(par: Par, ashworth: float, spasms: float) -> Par:
    """The same patients, their untreated scores scaled to these means."""
    par["ashworth0"] = np.minimum(
        5.0, 1.0 + (par["ashworth0"] - 1.0) * (ashworth - 1.0) / (par["ashworth0"].mean() - 1.0)
    )
    par["spasm0"] = np.minimum(4.0, par["spasm0"] * spasms / par["spasm0"].mean())
    return par


def _toward(last: dict[str, Floats], goal: float, gain: float, most: float) -> Floats:
    """Factor on a dose of baclofen: up by what Ashworth lies above the goal, down in a patient who is drowsy."""
    wanted = np.clip(1.0 + gain * (last["ashworth"] - goal), 0.85, most)
    return np.where(last["sedation"] > _DROWSY, 0.85, wanted)


@lru_cache(maxsize=1)
def _crossover(who: Draw) -> tuple[float, float]:
    """Mean Ashworth and spasm scores of the third day of a dose found in two weeks, after three days without drug."""
    par = scaled(patients(who, "spasticity", 100, "baclofen"), 4.0, 3.3)
    state = begin(par)
    dose = np.full(len(par), 100.0)
    for _ in range(14):
        last = day_means(advance(par, state, DAY_H, rate_ug_per_h=rates(0, dose)))
        dose = np.minimum(_MOST_UG_PER_D, dose * _toward(last, _NORMAL_TONE, 0.5, 1.3))
    advance(par, state, 3 * DAY_H)
    last = day_means(advance(par, state, 3 * DAY_H, rate_ug_per_h=rates(0, dose)))
    return float(last["ashworth"].mean()), float(last["spasm"].mean())


def year_of_tone(par: Par, goal: float) -> dict[str, Floats]:
    """Means of the last day of a year in which Ashworth is held at ``goal`` by weekly steps."""
    state = begin(par)
    dose = np.full(len(par), 100.0)
    last: dict[str, Floats] = {}
    for _ in range(_YEAR_WEEKS):
        last = day_means(advance(par, state, WEEK_H, rate_ug_per_h=rates(0, dose)))
        dose = np.minimum(_MOST_UG_PER_D, dose * _toward(last, goal, 0.25, 1.15))
    return last


def spasms_held(who: Draw) -> float:
    """Mean spasm score after a year with Ashworth held at 1.5."""
    par = scaled(patients(who, "spasticity", 32, "baclofen"), 4.2, 2.9)
    return float(year_of_tone(par, 1.5)["spasm"].mean())


def _felt_untreated(par: Par, factor: float) -> float:
    """Mean felt pain (NRS) of a day without drug and without hope, the pain that is no spasm scaled by ``factor``."""
    copy = par.copy()
    copy["placebo"] = 0.0
    copy["pain_base"] = np.minimum(10.0, factor * copy["pain_base"])
    return float(advance(copy, begin(copy), DAY_H)["pain"].mean())


def pain_with_tone(who: Draw) -> float:
    """Mean pain (NRS) after a year with Ashworth held at 1.8, from 5.5."""
    par = scaled(patients(who, "spasticity", 32, "baclofen"), 4.4, 2.5)
    one, two = _felt_untreated(par, 1.0), _felt_untreated(par, 2.0)
    par["pain_base"] = np.clip(par["pain_base"] * (1.0 + (5.5 - one) / (two - one)), 0.0, 10.0)
    return float(year_of_tone(par, 1.8)["pain"].mean())


def baclofen_median(who: Draw) -> float:
    """Median baclofen dose (µg/d) after a year with Ashworth held at 1.9."""
    par = patients(who, "spasticity", 60, "baclofen")
    rule = baclofen_rule
    doses, _ = treat(par, begin(par), np.full(len(par), 100.0), _YEAR_WEEKS, rule, most_ug_per_d=_MOST_UG_PER_D)
    return float(np.median(doses[-1]))


@lru_cache(maxsize=1)
def _low_dose(who: Draw) -> tuple[float, float, float]:
    """Mean dose at month 36 / month 6, and the average and the worst pain (NRS) of the last day, of those alive."""
    par = without_masses(reachable(patients(who, "noncancer", 44, naive=True), _LOW_RELIEF))
    par["pain_base"] = np.minimum(10.0, par["pain_base"] * 7.47 / untreated(par).mean())
    state = begin(par)
    doses, week = treat(par, state, np.full(len(par), 300.0), weeks_of(36), careful(_LOW_RELIEF))
    alive = state["dead"] == 0
    day = week["pain"][-DAY_TICKS:, alive]
    doses = doses[:, alive]
    rise = doses[weeks_of(36)].mean() / doses[weeks_of(6)].mean()
    return float(rise), float(day.mean()), float(day.max(axis=0).mean())


def elderly_rise(who: Draw) -> float:
    """Mean dose after a year / at the end of the trial, elderly patients held at 60 % relief."""
    doses = held(reachable(patients(who, "elderly", 60), _RELIEF), 12)
    return float(doses[weeks_of(12)].mean() / doses[0].mean())


@lru_cache(maxsize=1)
def _two_years(who: Draw) -> tuple[Floats, Floats]:
    """Yearly rise of the dose (% ``[B]``) from month 3 to 27, and the suppression of the gonadal axis then."""
    par = without_masses(reachable(patients(who, "noncancer", 80), _RELIEF))
    state = begin(par)
    first = trial(par, state, tolerant_start(par) / 5.0)
    doses, week = treat(par, state, first, weeks_of(27), careful(_RELIEF))
    alive = state["dead"] == 0
    rise = 100.0 * (np.sqrt(doses[weeks_of(27)] / doses[weeks_of(3)]) - 1.0)
    return rise[alive], day_means(week)["endocrine"][alive]


def _confused(who: Draw, cohort: str, *, fast: bool) -> NDArray[np.bool_]:
    """Who becomes confused in eleven days of fast titration as tolerated, or in four weeks by the label."""
    par = patients(who, cohort, 200, "ziconotide")
    state = begin(par)
    worst = np.zeros(len(par))
    if fast:
        steps = [(1.0, min(_FAST_UG_PER_D, 4.8 * (k + 1))) for k in range(11)]
    else:
        steps = [(3.0, 2.4), (4.0, 4.8), (3.0, 7.2), (18.0, 9.6)]
    dose = np.zeros(len(par))
    for days, step in steps:
        hurt = ((state["cognition"] > _CONFUSED) | (state["sedation"] > _DROWSY)) & fast
        dose = np.where(hurt, 0.7 * dose, np.maximum(dose, step))
        course = advance(par, state, days * DAY_H, rate_ug_per_h=rates(0, dose))
        worst = np.maximum(worst, course["cognition"].max(axis=0))
    return worst >= _CONFUSED


def confusion(who: Draw) -> float:
    """Share (%) who become confused, half of them in fast titration, half of them with cancer."""
    groups = [_confused(who, cohort, fast=fast) for cohort in ("noncancer", "cancer") for fast in (True, False)]
    return float(100.0 * np.concatenate(groups).mean())


@lru_cache(maxsize=1)
def _gonads(who: Draw) -> tuple[float, float]:
    """Mean suppression of the gonadal axis of men after one and after twelve weeks of a pump."""
    par, chart = charts(who, "noncancer", 160)
    men = np.asarray(chart["male"], np.bool_)
    par, dose = par[men], chart["start_dose_ug_per_d"][men].astype(np.float64)
    state = begin(par)
    doses, week = treat(par, state, dose, 1, careful(_RELIEF))
    early = day_means(week)["endocrine"].mean()
    _, week = treat(par, state, doses[-1], 11, careful(_RELIEF))
    return float(early), float(day_means(week)["endocrine"].mean())


COURSES: dict[str, Reproduction] = {
    "penn_ashworth": lambda who: _crossover(who)[0],
    "penn_spasm": lambda who: _crossover(who)[1],
    "chronic_spasm": spasms_held,
    "dario_pain": pain_with_tone,
    "skoog_dose": baclofen_median,
    "hamza_rise": lambda who: _low_dose(who)[0],
    "hamza_pain": lambda who: _low_dose(who)[1],
    "hamza_worst": lambda who: _low_dose(who)[2],
    "shaladi_rise": elderly_rise,
    "mekhail_annual": lambda who: float(np.median(_two_years(who)[0])),
    "ziconotide_confusion_pooled": confusion,
    "roberts_gonadal_week": lambda who: _gonads(who)[0],
    "roberts_gonadal_quarter": lambda who: _gonads(who)[1],
    "hypogonadism": lambda who: float(100.0 * (_two_years(who)[1] >= _LOW_TESTOSTERONE).mean()),
}
