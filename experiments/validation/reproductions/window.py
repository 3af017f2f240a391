"""Reproductions of the therapeutic window of morphine: boluses and infusions that are safe, and those that are not."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from thecal.core.layout import TICK_H
from thecal.experiments.validation.reproductions.clinic import OVERSEDATED, charts
from thecal.experiments.validation.reproductions.common import (
    DAY_H,
    WEEK_H,
    Course,
    Draw,
    Reproduction,
    bolus_course,
    patients,
)
from thecal.physiology.breathing import DEPRESSED_RR
from thecal.physiology.regimen import advance, begin

_RAMP_WEEKS = 26
_FULL_UG_PER_D = 10_000.0


def depressed_share(course: Course) -> float:
    """Share (%) of patients with RR < 8 or SpO2 < 90, or dead, at some time of a course."""
    return float(100.0 * (np.maximum(course["depressed"], course["dead"]).max(axis=0) > 0).mean())


def bradypneic_share(course: Course) -> float:
    """Share (%) of patients with RR < 8, or dead, at some time of a course: depression as a study without oximeters saw it.

    Pulse oximeters came to wards after 1983; as late as 1982 saturation was hardly ever watched in theater (Steward 2021, APSF
    newsletter). What counts as depressed elsewhere is mostly a low saturation.
    """
    return float(100.0 * ((course["rr"].min(axis=0) < DEPRESSED_RR) | (course["dead"].max(axis=0) > 0)).mean())


def oversedated_share(course: Course) -> float:
    """Share (%) of patients with POSS 3 or more at some time of a course."""
    return float(100.0 * (course["sedation"].max(axis=0) >= OVERSEDATED).mean())


def bolus_depression(who: Draw, dose_ug: float) -> float:
    """Share (%) of 2,000 naive patients depressed within 24 h of a bolus."""
    return depressed_share(bolus_course(who, dose_ug, 2000, DAY_H)[1])


def bolus_nadir(who: Draw, dose_ug: float) -> float:
    """Median time (h) of the lowest ventilation within 24 h of a bolus."""
    _, course = bolus_course(who, dose_ug, 200, DAY_H)
    return float(np.median((course["vent"].argmin(axis=0) + 1) * TICK_H))


@lru_cache(maxsize=2)
def _two_weeks(who: Draw, mg_per_d: float) -> tuple[Course, Course]:
    """Naive patients over fourteen days of one dose, and over two days of ten times that dose after it."""
    par = patients(who, "noncancer", 200, naive=True)
    state = begin(par)
    steady = advance(par, state, 14 * DAY_H, rate_ug_per_h=1000.0 * mg_per_d / DAY_H)
    return steady, advance(par, state, 2 * DAY_H, rate_ug_per_h=10_000.0 * mg_per_d / DAY_H)


@lru_cache(maxsize=1)
def _full_dose(who: Draw) -> dict[str, Course]:
    """Patients brought to 10 mg/d over half a year: that week, an overdose of tenfold, and a restart after a pause.

    The overdose lasts two days; the pause lasts two weeks, and the restart is watched for two days.
    """
    par, chart = charts(who, "noncancer", 150)
    start = np.minimum(chart["start_dose_ug_per_d"], _FULL_UG_PER_D)
    growth = (_FULL_UG_PER_D / start) ** (1.0 / _RAMP_WEEKS)
    state = begin(par)
    dose = start.copy()
    for _ in range(_RAMP_WEEKS):
        advance(par, state, WEEK_H, rate_ug_per_h=dose / DAY_H)
        dose = dose * growth
    week = advance(par, state, WEEK_H, rate_ug_per_h=_FULL_UG_PER_D / DAY_H)
    paused = state.copy()
    tenfold = advance(par, state, 2 * DAY_H, rate_ug_per_h=10.0 * _FULL_UG_PER_D / DAY_H)
    advance(par, paused, 14 * DAY_H)
    restart = advance(par, paused, 2 * DAY_H, rate_ug_per_h=_FULL_UG_PER_D / DAY_H)
    return {"week": week, "tenfold": tenfold, "restart": restart}


WINDOW: dict[str, Reproduction] = {
    "window_bolus_01": lambda who: bolus_depression(who, 100.0),
    "window_bolus_02": lambda who: bolus_depression(who, 200.0),
    "window_bolus_03": lambda who: bolus_depression(who, 300.0),
    "window_bolus_04": lambda who: bolus_depression(who, 400.0),
    "window_bolus_06": lambda who: bolus_depression(who, 600.0),
    "window_nadir": lambda who: bolus_nadir(who, 400.0),
    "window_naive_05_depressed": lambda who: depressed_share(_two_weeks(who, 0.5)[0]),
    "window_naive_05_sedated": lambda who: oversedated_share(_two_weeks(who, 0.5)[0]),
    "window_naive_1_depressed": lambda who: depressed_share(_two_weeks(who, 1.0)[0]),
    "window_naive_1_sedated": lambda who: oversedated_share(_two_weeks(who, 1.0)[0]),
    "window_naive_tenfold": lambda who: depressed_share(_two_weeks(who, 1.0)[1]),
    "window_ramped_depressed": lambda who: depressed_share(_full_dose(who)["week"]),
    "window_ramped_sedated": lambda who: oversedated_share(_full_dose(who)["week"]),
    "window_ramped_tenfold": lambda who: depressed_share(_full_dose(who)["tenfold"]),
    "window_restart": lambda who: depressed_share(_full_dose(who)["restart"]),
}
