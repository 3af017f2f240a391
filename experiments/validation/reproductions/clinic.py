"""How a clinic doses in trials and series: a trial, then visits that raise a dose for pain and lower it for harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import MAX_DRUGS
from thecal.experiments.validation.reproductions.common import DAY_H, WEEK_H, Course, Draw, Par
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.harm import POSS_CUTS
from thecal.physiology.regimen import advance, begin


@dataclass(frozen=True)
class Trialed:
    """What a trial leaves of those implanted: state, dose (µg/d), and pain (NRS) before any drug, all ``[B]``."""

    state: NDArray[np.void]
    dose: NDArray[np.float64]
    before: NDArray[np.float64]


Rule = Callable[[Course], NDArray[np.float64]]
OVERSEDATED = POSS_CUTS[1]  # sedation level from which an observer scores POSS 3
DAY_TICKS = 96
_MEAN_MONTH_D = 30.4
_TRIAL_DAYS = 14
_CUT = 0.85
_CALMER = 0.91  # what lifted distress leaves of felt pain, as in the simulated series of fentanyl and sufentanil


def weeks_of(months: float) -> int:
    """Whole weeks in so many months."""
    return round(months * _MEAN_MONTH_D * DAY_H / WEEK_H)


def charts(who: Draw, cohort: str, n: int, *drugs: str, first: int = 0) -> tuple[Par, dict[str, NDArray[Any]]]:
    """``n`` patients (times ``who.scale``) and what stands in their charts, the oral dose before the implant among it."""
    n = who.count(n)
    drawn = draw(
        load_cohort_spec(cohort),
        drugs or ("morphine",),
        np.arange(first, first + n),
        who.split,
        who.seed,
        structure=who.structure,
    )
    return drawn.par.copy(), drawn.covariates


def untreated(par: Par) -> NDArray[np.float64]:
    """Mean pain (NRS ``[B]``) of a first day without drug."""
    copy = par.copy()
    pain: NDArray[np.float64] = advance(copy, begin(copy), DAY_H)["pain_latent"].mean(axis=0)
    return pain


def harmed(last: Course) -> NDArray[np.bool_]:
    """Who was oversedated, or short of breath for a half hour or more, on the day whose means are ``last``."""
    hurt: NDArray[np.bool_] = (last["sedation"] >= OVERSEDATED) | (last["depressed"] > 0.02)
    return hurt


def careful(target: float) -> Rule:
    """Rule that raises the dose while relief is under ``target`` and lowers it in a patient whom it harms."""
    return lambda last: np.where(harmed(last), _CUT, 1.0 + 2.0 * (target - last["relief"]))


def content(target: float) -> Rule:
    """Rule that raises the dose while relief is under ``target``, leaves it otherwise, and lowers it for harm."""
    return lambda last: np.where(harmed(last), _CUT, np.maximum(1.0, 1.0 + 2.0 * (target - last["relief"])))


def day_means(course: Course) -> Course:
    """Means of the last day (``[B]``) of every signal."""
    return {name: values[-DAY_TICKS:].mean(axis=0) for name, values in course.items()}


def rates(slot: int, dose_ug_per_d: NDArray[np.float64], second_ug_per_d: float = 0.0) -> NDArray[np.float64]:
    """Infusion rates ``[B, MAX_DRUGS]`` (µg/h) of the drug in ``slot``, and of a second one in the slot after it."""
    rate = np.zeros((len(dose_ug_per_d), MAX_DRUGS))
    rate[:, slot] = dose_ug_per_d / DAY_H
    if second_ug_per_d:
        rate[:, slot + 1] = second_ug_per_d / DAY_H
    return rate


def trial(
    par: Par, state: NDArray[np.void], start_ug_per_d: NDArray[np.float64], target: float = 0.5
) -> NDArray[np.float64]:
    """Dose (µg/d ``[B]``) after two weeks of daily steps, 0.7-1.4 fold, toward ``target``: what a pump is started on."""
    dose = start_ug_per_d.astype(np.float64)
    wanted = careful(target)
    for _ in range(_TRIAL_DAYS):
        last = day_means(advance(par, state, DAY_H, rate_ug_per_h=rates(0, dose)))
        dose = dose * np.clip(wanted(last), 0.7, 1.4)
    return dose


def implanted(par: Par, start_ug_per_d: NDArray[np.float64], share: float) -> tuple[Par, Trialed]:
    """Who gets a pump after a trial: the ``share`` whose felt pain has fallen most.

    A series keeps those who report relief in a trial, expectation and a good day included; who could reach a relief in the long
    run is not known then.
    """
    before = untreated(par)
    state = begin(par)
    dose = trial(par, state, start_ug_per_d)
    fallen = fall(before, day_means(advance(par, state, DAY_H, rate_ug_per_h=rates(0, dose)))["pain"])
    kept = fallen >= np.quantile(fallen, 1.0 - share)
    return par[kept], Trialed(state[kept], dose[kept], before[kept])


def in_trial(par: Par) -> NDArray[np.float64]:
    """Largest fall of pain ``[B]`` by the first drug, expectation and mood included: what a trial infusion can show."""
    noci, neuro = par["channel"]["emax_noci"][:, 0], par["channel"]["emax_neuro"][:, 0]
    largest = noci + par["neuropathic"] * (neuro - noci)
    shown: NDArray[np.float64] = 1.0 - (1.0 - largest) * (1.0 - par["placebo"]) * _CALMER
    return shown


def without_masses(par: Par) -> Par:
    """The same patients without masses at the tip: series report them as complications, not in the course of the dose."""
    par["granuloma_per_h"] = 0.0
    return par


def treat(
    par: Par,
    state: NDArray[np.void],
    dose_ug_per_d: NDArray[np.float64],
    weeks: int,
    wanted: Rule,
    *,
    most_ug_per_d: float = 25_000.0,
    second_ug_per_d: float = 0.0,
    slot: int = 0,
    visit_weeks: int = 1,
) -> tuple[NDArray[np.float64], Course]:
    """Weekly doses (µg/d, ``[weeks + 1, B]``) by steps of at most 20 % a visit, and the course of the last week."""
    dose = dose_ug_per_d.astype(np.float64)
    rows = [dose.copy()]
    course: Course = {}
    for week in range(weeks):
        course = advance(par, state, WEEK_H, rate_ug_per_h=rates(slot, dose, second_ug_per_d))
        if (week + 1) % visit_weeks == 0:
            dose = np.clip(dose * np.clip(wanted(day_means(course)), 0.8, 1.2), 1e-3, most_ug_per_d)
        rows.append(dose.copy())
    return np.array(rows), course


def fall(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fall of pain (% ``[B]``)."""
    fallen: NDArray[np.float64] = 100.0 * (1.0 - after / before)
    return fallen
