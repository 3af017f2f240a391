"""Reproductions of long series of opioid pumps: doses at which patients settle, how they rise, and what relief they keep."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.validation.reproductions.clinic import (
    Rule,
    careful,
    charts,
    content,
    day_means,
    fall,
    harmed,
    implanted,
    in_trial,
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
from thecal.physiology.regimen import advance, begin

_RELIEF = 0.6
_UG_PER_MG = 1000.0
_HIGH_ORAL_MG_PER_D = 120.0
_LOW_TRIAL_UG_PER_D = (25.0, 50.0, 100.0, 200.0, 400.0)


def held(
    par: Par,
    months: float,
    target: float = _RELIEF,
    *,
    tried: float = 0.5,
    rule: Callable[[float], Rule] = careful,
    visit_weeks: int = 1,
    second_ug_per_d: float = 0.0,
    most_ug_per_d: float = 25_000.0,
) -> NDArray[np.float64]:
    """Weekly morphine doses (mg/d, ``[weeks + 1, B]``) of those alive at the end, from the dose of the trial on.

    The trial seeks relief ``tried``; ``rule`` holds ``target`` after it.
    """
    state = begin(without_masses(par))
    first = np.minimum(trial(par, state, tolerant_start(par) / 5.0, tried), most_ug_per_d)
    doses, _ = treat(
        par,
        state,
        first,
        weeks_of(months),
        rule(target),
        most_ug_per_d=most_ug_per_d,
        second_ug_per_d=second_ug_per_d,
        visit_weeks=visit_weeks,
    )
    return doses[:, state["dead"] == 0] / _UG_PER_MG


def _at(doses: NDArray[np.float64], month: float) -> NDArray[np.float64]:
    then: NDArray[np.float64] = doses[weeks_of(month)]
    return then


@lru_cache(maxsize=1)
def three_years(who: Draw) -> NDArray[np.float64]:
    """Weekly doses (mg/d) of non-cancer patients whose relief is held at 60 % for three years."""
    return held(reachable(patients(who, "noncancer", 200), _RELIEF), 36)


@lru_cache(maxsize=1)
def _six_years(who: Draw) -> NDArray[np.float64]:
    return held(reachable(patients(who, "noncancer", 72), _RELIEF), 72)


def escalation(who: Draw, quantile: float) -> float:
    """Quantile over patients of the dose at month 36 / month 6."""
    doses = three_years(who)
    return float(np.quantile(_at(doses, 36) / _at(doses, 6), quantile))


def mean_dose(who: Draw, month: float) -> float:
    """Mean dose (mg/d) at a month of the three years."""
    return float(_at(three_years(who), month).mean())


def kumar_rise(who: Draw) -> float:
    """Mean dose at month 6 / at the end of the trial."""
    doses = three_years(who)
    return float(_at(doses, 6).mean() / doses[0].mean())


def french_rise(who: Draw) -> float:
    """Mean dose at month 54 / at the end of the trial, relief held at a half.

    At the end pain was 49 % of what it had been before, with which 90 % of the patients were content.
    """
    doses = held(reachable(patients(who, "noncancer", 90), 0.5), 54, 0.5)
    return float(_at(doses, 54).mean() / doses[0].mean())


def winkelmueller_rise(who: Draw) -> float:
    """Mean dose at month 41 / at the implant, in patients whom a trial relieved by two thirds.

    Relief was 67 % in the first half year and 58 % at the last visit, nobody had more than 12 mg/d, and the dose of two thirds
    of the patients never changed: a clinic that raises a dose, at monthly refills, only where relief is less than a half.
    """
    par = reachable(patients(who, "noncancer", 240), 2.0 / 3.0)
    doses = held(par, 41, 0.5, tried=2.0 / 3.0, rule=content, visit_weeks=4, most_ug_per_d=12_000.0)
    return float(_at(doses, 41).mean() / doses[0].mean())


@lru_cache(maxsize=1)
def _high_users(who: Draw) -> NDArray[np.float64]:
    """Weekly doses (mg/d) of patients on more than 120 mg/d of oral morphine equivalents, without a highest dose.

    The series' score of medication before the implant, 31 of the quantification scale, is that of strong opioids in high
    doses with other drugs beside them (recalled), and its standard errors imply doses far above 25 mg/d.
    """
    par, chart = charts(who, "noncancer", 240)
    par = par[chart["medd_mg_per_d"] > _HIGH_ORAL_MG_PER_D]
    return held(reachable(par, _RELIEF), 36, most_ug_per_d=100_000.0)


def sixth_year_slope(who: Draw) -> float:
    """Slope of the dose at year 6 on the dose at year 2."""
    doses = _six_years(who)
    return float(np.polyfit(_at(doses, 24), _at(doses, 72), 1)[0])


def sixth_year_r2(who: Draw) -> float:
    """Share of the variance of the dose at year 6 that the dose at year 2 explains."""
    doses = _six_years(who)
    return float(np.corrcoef(_at(doses, 24), _at(doses, 72))[0, 1] ** 2)


def under_twofold(who: Draw) -> float:
    """Share (%) of cancer patients whose dose less than doubles in three months."""
    doses = held(reachable(patients(who, "cancer", 160), _RELIEF), 3)
    return float(100.0 * (doses[-1] < 2.0 * doses[0]).mean())


def low_dose_rise(who: Draw) -> float:
    """Mean dose at month 24 / over the first year, in patients weaned off systemic opioids.

    The trial goes up from 25 to 400 µg/d and the pump starts with the first dose that halves pain. Later the dose is raised, at
    monthly refills, only where less than 35 % of relief is left: at a pain of 4.9 (from about 7.4) 18 of 21 were content.
    """
    par = without_masses(patients(who, "noncancer", 80, naive=True))
    state = begin(par)
    first = np.full(len(par), np.inf)
    for dose in _LOW_TRIAL_UG_PER_D:
        last = day_means(advance(par, state, 2 * DAY_H, rate_ug_per_h=dose / DAY_H))
        first = np.where((last["relief"] >= 0.5) & (first > dose), dose, first)
    kept = np.isfinite(first)
    doses, _ = treat(par[kept], state[kept], first[kept], weeks_of(24), content(0.35), visit_weeks=4)
    return float(_at(doses, 24).mean() / doses[1 : weeks_of(12) + 1].mean())


def spread_of_doses(who: Draw) -> float:
    """Upper / lower quartile of patients' mean dose over six months, half of them with cancer."""
    groups = [
        held(reachable(patients(who, cohort, 100), _RELIEF), 6).mean(axis=0) for cohort in ("noncancer", "cancer")
    ]
    low, high = np.quantile(np.concatenate(groups), (0.25, 0.75))
    return float(high / low)


def with_bupivacaine(who: Draw) -> float:
    """Mean dose (mg/d) at month 24 with 2.5 mg/d of bupivacaine."""
    par = reachable(patients(who, "noncancer", 90, "morphine", "bupivacaine"), _RELIEF)
    return float(held(par, 24, second_ug_per_d=2500.0)[-1].mean())


@lru_cache(maxsize=1)
def _sufentanil(who: Draw) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Neuropathic patients on sufentanil for 29 months: weekly doses (µg/d), and each one's fall of pain (%).

    As in the series: a trial infusion took more than half of the pain, expectation and mood included, the pump starts at
    0.67 µg/h, and the trial's half is what the clinic keeps to. Beyond mean + 2 SD of the last doses (4.3 µg/h) nobody is raised.
    """
    par = patients(who, "noncancer", 80, "sufentanil")
    par = without_masses(par[(par["neuropathic"] > 0.5) & (in_trial(par) > 0.5)])
    before = untreated(par)
    state = begin(par)
    first = np.full(len(par), 16.0)
    doses, week = treat(par, state, first, weeks_of(28.8), careful(0.5), most_ug_per_d=103.0)
    alive = state["dead"] == 0
    return doses[:, alive], fall(before, week["pain"].mean(axis=0))[alive]


def quarter_relief(who: Draw) -> float:
    """Share (%) whose pain is at least a quarter down after two years of morphine, at most 25 mg/d.

    Thirty of the forty who had a trial reported relief and were implanted. Pain is one rating before the trial and one at the
    visit, as on the study's visual analog scale, at the same hour of the day.
    """
    par = without_masses(patients(who, "noncancer", 80))
    par, then = implanted(par, tolerant_start(par) / 5.0, 30.0 / 40.0)
    rated = advance(par.copy(), begin(par.copy()), DAY_H)["pain_latent"][-1]
    _, week = treat(par, then.state, then.dose, weeks_of(24), careful(_RELIEF))
    better = (fall(rated, week["pain"][-1]) >= 25.0) & (then.state["dead"] == 0)
    return float(100.0 * better.mean())


def hydromorphone_switch(who: Draw) -> float:
    """Share (%) of those under half relief after eleven months of morphine whose pain falls by a quarter on hydromorphone.

    A rank among all would count some with good relief. Hydromorphone starts at a fifth of the dose and rises for three months.
    """
    par = without_masses(reachable(patients(who, "noncancer", 160, "morphine", "hydromorphone"), 0.45))
    state = begin(par)
    first = trial(par, state, tolerant_start(par) / 5.0)
    doses, week = treat(par, state, first, weeks_of(11), careful(_RELIEF), most_ug_per_d=15_000.0)
    relief, before = week["relief"].mean(axis=0), week["pain"].mean(axis=0)
    switched = doses[-1] / 5.0
    _, last = treat(par, state, switched, weeks_of(3), careful(_RELIEF), most_ug_per_d=10_000.0, slot=1)
    failing = relief < 0.5
    better = (fall(before, last["pain"].mean(axis=0)) >= 25.0) & (state["dead"] == 0)
    return float(100.0 * better[failing].mean()) if failing.any() else float("nan")


@lru_cache(maxsize=1)
def _four_weeks_of_cancer(who: Draw) -> NDArray[np.float64]:
    """Mean pain (NRS ``[B]``) of the last two days of four weeks, baseline scaled to 7.57.

    A visit every other day raises the dose by up to a quarter for pain above 3, and lowers it for harm.
    """
    par, chart = charts(who, "cancer", 200)
    par["pain_base"] *= 7.57 / par["pain_base"].mean()
    state = begin(without_masses(par))
    dose = chart["start_dose_ug_per_d"].astype(np.float64)
    for _ in range(14):
        course = advance(par, state, 2 * DAY_H, rate_ug_per_h=rates(0, dose))
        last = day_means(course)
        for_pain = np.clip(1.0 + 0.1 * (last["pain"] - 3.0), 0.85, 1.25)
        dose = np.minimum(dose * np.where(harmed(last), 0.85, for_pain), 25_000.0)
    pain: NDArray[np.float64] = course["pain"].mean(axis=0)[state["dead"] == 0]
    return pain


def first_month_deaths(who: Draw) -> float:
    """Share (%) dead a month after a usual start and weekly steps of at most a fifth."""
    par, chart = charts(who, "noncancer", 600)
    state = begin(par)
    dose = chart["start_dose_ug_per_d"].astype(np.float64)
    treat(par, state, dose, 4, careful(_RELIEF))
    advance(par, state, 2 * DAY_H, rate_ug_per_h=rates(0, dose))
    return float(100.0 * (state["dead"] > 0).mean())


def imaged_masses(who: Draw) -> float:
    """Share (%) with a mass of half the evident size or more after 27 months, doses rising from 2 to 6 mg/d at 20 mg/mL."""
    par = patients(who, "noncancer", 40)
    state = begin(par)
    for dose in np.linspace(2000.0, 6000.0, weeks_of(27)):
        advance(par, state, WEEK_H, rate_ug_per_h=dose / DAY_H, basal_ml_per_h=dose / DAY_H / 20_000.0)
    return float(100.0 * (state["granuloma"] >= 0.5).mean())


SERIES: dict[str, Reproduction] = {
    "window_settled_dose": lambda who: mean_dose(who, 24),
    "window_escalation_low": lambda who: escalation(who, 0.05),
    "window_escalation_high": lambda who: escalation(who, 0.95),
    "roberts_dose": lambda who: float(_at(_high_users(who), 6).mean()),
    "roberts_rise": lambda who: float(_at(_high_users(who), 36).mean() / _at(_high_users(who), 6).mean()),
    "kumar_rise": kumar_rise,
    "french_survey_rise": french_rise,
    "duarte_slope": sixth_year_slope,
    "duarte_explained": sixth_year_r2,
    "yaksh_under_twofold": under_twofold,
    "grider_low_dose": low_dose_rise,
    "quartiles_of_dose": spread_of_doses,
    "rainov_dose": with_bupivacaine,
    "hassenbusch_pain": lambda who: float(_sufentanil(who)[1].mean()),
    "hassenbusch_sufentanil_dose": lambda who: float(_sufentanil(who)[0][-1].mean()),
    "hassenbusch_sufentanil_rise": lambda who: float(_sufentanil(who)[0][-1].mean() / _sufentanil(who)[0][0].mean()),
    "anderson_quarter_relief": quarter_relief,
    "anderson_hydromorphone": hydromorphone_switch,
    "smith_pain": lambda who: float(_four_weeks_of_cancer(who).mean()),
    "smith_mild_pain": lambda who: float(100.0 * (_four_weeks_of_cancer(who) < 4.0).mean()),
    "implant_deaths": first_month_deaths,
    "deer_masses": imaged_masses,
}
