"""Reproductions of trials and series: ziconotide, baclofen, clonidine, fentanyl, low-dose combination; and of sensors."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import SENSORS
from thecal.experiments.validation.reproductions.adaptation import baclofen_rule
from thecal.experiments.validation.reproductions.clinic import fall, untreated
from thecal.experiments.validation.reproductions.common import (
    DAY_H,
    WEEK_H,
    Draw,
    Par,
    Reproduction,
    hold,
    patients,
    reachable,
    toward_relief,
)
from thecal.physiology.regimen import advance, begin

_N = 120
_FAST_UG_PER_D = (2.4, 4.8, 9.6, 19.2, 38.4, 57.6)


def _pain_fall(par: Par, doses_ug_per_d: list[float], hours: float, *, tolerated: bool) -> float:
    """Mean fall of a day's pain (%) from baseline after successive doses, each for ``hours``.

    With ``tolerated`` a patient who becomes confused or drifts off stays at the dose before.
    """
    state = begin(par)
    untreated = advance(par.copy(), begin(par.copy()), DAY_H)["pain_latent"].mean(axis=0)
    dose = np.full(len(par), doses_ug_per_d[0])
    for step in doses_ug_per_d:
        dose = np.where(intolerant(state) & tolerated, 0.7 * dose, np.maximum(dose, step) if tolerated else step)
        course = advance(par, state, hours, rate_ug_per_h=dose / DAY_H)
    after = course["pain"][-96:].mean(axis=0)
    return float(100.0 * (1.0 - after / untreated).mean())


def intolerant(state: NDArray[np.void]) -> NDArray[np.bool_]:
    """Who is confused or drifts off, so that a ziconotide dose is lowered."""
    hurt: NDArray[np.bool_] = (state["cognition"] > 0.4) | (state["sedation"] > 0.5)
    return hurt


def fast_titration(
    par: Par, state: NDArray[np.void], before: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Dose (µg/d) and fall of pain (%) ``[B]`` after six days of ziconotide, titrated to analgesia or intolerance.

    The first controlled trials doubled from 0.1 to at most 2.4 µg/h within a week (protocol as amended; Wallace 2006). Who has
    lost half of the pain keeps the dose.
    """
    dose = np.full(len(par), _FAST_UG_PER_D[0])
    fallen = np.zeros(len(par))
    for step in _FAST_UG_PER_D:
        raised = np.where(fallen >= 50.0, dose, np.maximum(dose, step))
        dose = np.where(intolerant(state), 0.7 * dose, raised)
        course = advance(par, state, DAY_H, rate_ug_per_h=dose / DAY_H)
        fallen = fall(before, course["pain"].mean(axis=0))
    return dose, fallen


def fast_ziconotide(who: Draw, cohort: str) -> float:
    """Mean fall of pain (%) at the end of a fast titration."""
    par = patients(who, cohort, _N, "ziconotide")
    return float(fast_titration(par, begin(par), untreated(par))[1].mean())


def slow_ziconotide(who: Draw) -> float:
    """Fall of pain (%) in week 3 of a slow titration from 2.4 to 7 µg/d."""
    return _pain_fall(patients(who, "noncancer", _N, "ziconotide"), [2.4, 4.7, 7.0], WEEK_H, tolerated=True)


def placebo(who: Draw, cohort: str, days: int) -> float:
    """Fall of pain (%) without drug."""
    return _pain_fall(patients(who, cohort, _N, "ziconotide"), [0.0], days * DAY_H, tolerated=False)


@lru_cache(maxsize=1)
def _chronic_baclofen(who: Draw) -> tuple[float, float]:
    """Mean Ashworth and spasm scores on the last day of 19 months of titration toward Ashworth 1.9."""
    par = patients(who, "spasticity", 36, "baclofen")
    state = begin(par)
    dose = np.full(len(par), 100.0)
    for _ in range(82):
        course = advance(par, state, WEEK_H, rate_ug_per_h=dose / DAY_H)
        last = {name: values[-96:].mean(axis=0) for name, values in course.items()}
        dose = np.minimum(2000.0, dose * np.clip(baclofen_rule(last), 0.85, 1.15))
    return float(last["ashworth"].mean()), float(last["spasm"].mean())


def clonidine_responders(who: Draw) -> float:
    """Share (%) whose pain falls by 30 % at some dose between 24 and 960 µg/d, without a pressure fall of a quarter."""
    par = patients(who, "noncancer", _N, "clonidine")
    state = begin(par)
    base = advance(par.copy(), begin(par.copy()), DAY_H)["pain_latent"].mean(axis=0)
    responded = np.zeros(len(par), bool)
    for dose in 24.0 * 2.0 ** np.linspace(0.0, np.log2(40.0), 12):
        course = advance(par, state, WEEK_H, rate_ug_per_h=dose / DAY_H)
        well = course["bp_fall"][-96:].mean(axis=0) < 0.25
        responded |= well & (course["pain"][-96:].mean(axis=0) <= 0.7 * base)
    return float(100.0 * responded.mean())


def elderly_combination(who: Draw) -> float:
    """Mean pain (NRS) in the last week of four years on about 1 mg/d each of morphine and bupivacaine."""
    par = patients(who, "elderly", 24, "morphine", "bupivacaine")
    state = begin(par)
    rate = np.zeros((len(par), 3))
    rate[:, :2] = 1000.0 / DAY_H
    for _ in range(48):
        course = advance(par, state, 30 * DAY_H, rate_ug_per_h=rate)
    return float(course["pain"][-672:].mean())


def fentanyl_series(who: Draw) -> float:
    """Mean fall of pain (%) in a fourth week of fentanyl at doses titrated for half a year toward 70 % relief, at most 115 µg/d.

    Patients scored their pain, so what is measured is pain and not the drug's share of it; and those who were still treated after
    31 months had had half relief in a trial.
    """
    par = reachable(patients(who, "noncancer", 100, "fentanyl"), 0.5)
    before = untreated(par)
    dose = hold(par, np.full(len(par), 25.0), 6, toward_relief(0.7), most_ug_per_d=115.0)[-1]
    course = advance(par, begin(par), 28 * DAY_H, rate_ug_per_h=dose / DAY_H)
    return float(fall(before, course["pain"][-672:].mean(axis=0)).mean())


@lru_cache(maxsize=1)
def _readings(who: Draw) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Readings ``[samples, sensors]`` and whether felt pain was above 3: two cohorts, untreated and treated, awake.

    Nobody depends on an earlier opioid: adults after an operation go through no withdrawal, and its pulse is none of pain's.
    """
    values, hurt = [], []
    for cohort in ("noncancer", "cancer"):
        for dose in (0.0, 3000.0):
            par = patients(who, cohort, 80)
            par["channel"]["dep_prior"] = 0.0
            state = begin(par)
            advance(par, state, 2 * DAY_H, rate_ug_per_h=dose / DAY_H)
            for _ in range(12):
                advance(par, state, 2.0, rate_ug_per_h=dose / DAY_H)
                awake = state["awake"] == 1
                values.append(state["s_value"][awake])
                hurt.append(state["pain"][awake] > 3.0)
    return np.concatenate(values), np.concatenate(hurt)


def sensor_auc(who: Draw, name: str, sign: float = 1.0) -> float:
    """Area under the curve of a single reading for felt pain above 3 (``sign`` -1 where a low reading means pain)."""
    values, hurt = _readings(who)
    score = sign * values[:, SENSORS.index(name)]
    order = score.argsort()
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    n = hurt.sum()
    return float((ranks[hurt].sum() - n * (n + 1) / 2.0) / (n * (len(score) - n)))


def emg_chronic(who: Draw) -> float:
    """Noise-free muscle activity at NRS 8 / at NRS 2."""
    par = patients(who, "noncancer", 1)
    return float(np.exp(par["s_gain_pain"][0, SENSORS.index("emg")] * 6.0))


TRIALS: dict[str, Reproduction] = {
    "staats_ziconotide": lambda who: fast_ziconotide(who, "cancer"),
    "staats_placebo": lambda who: placebo(who, "cancer", 6),
    "wallace_ziconotide": lambda who: fast_ziconotide(who, "noncancer"),
    "rauck_ziconotide": slow_ziconotide,
    "rauck_placebo": lambda who: placebo(who, "noncancer", 21),
    "baclofen_ashworth_chronic": lambda who: _chronic_baclofen(who)[0],
    "baclofen_spasm_chronic": lambda who: _chronic_baclofen(who)[1],
    "clonidine_responders": clonidine_responders,
    "elderly_combination": elderly_combination,
    "fentanyl_series": fentanyl_series,
    "conductance_auc": lambda who: sensor_auc(who, "conductance"),
    "heart_rate_auc": lambda who: sensor_auc(who, "hr"),
    "hrv_auc": lambda who: sensor_auc(who, "hrv", -1.0),
    "emg_chronic": emg_chronic,
}
