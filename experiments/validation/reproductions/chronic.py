"""Reproductions of pumps over weeks and years: pain left, doses in young and old and in cancer, mixtures, ziconotide, tone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import MAX_DRUGS, TICK_H
from thecal.experiments.validation.reproductions.adaptation import baclofen_rule
from thecal.experiments.validation.reproductions.clinic import (
    DAY_TICKS,
    careful,
    charts,
    content,
    day_means,
    fall,
    harmed,
    implanted,
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
    hold,
    patients,
    reachable,
    tolerant_start,
)
from thecal.experiments.validation.reproductions.courses import scaled, year_of_tone
from thecal.experiments.validation.reproductions.series import held
from thecal.experiments.validation.reproductions.trials import intolerant
from thecal.physiology.regimen import advance, begin

Floats = NDArray[np.float64]
_RELIEF = 0.6
_TRIED_OF_40 = 30.0 / 40.0  # implanted after a trial where the series does not say (Anderson 1999)
_UNLIMITED_UG_PER_D = 100_000.0
_MORPHINE_UG_PER_ML, _BUPIVACAINE_UG_PER_ML = 500.0, 4750.0  # the mixture of the Gothenburg series
_FAILING = 0.5  # relief under which a dose is not enough, as in the switch to hydromorphone
_LOW_TRIAL_UG_PER_D = (25.0, 50.0, 100.0, 200.0, 400.0)
_OLD_Y = 50.0


def implanted_fall(who: Draw, share: float, n: int) -> float:
    """Mean fall of pain (%) of those alive after a year of morphine, of the ``share`` that a trial relieved most."""
    par = without_masses(patients(who, "noncancer", n))
    par, then = implanted(par, tolerant_start(par) / 5.0, share)
    _, week = treat(par, then.state, then.dose, weeks_of(12), careful(_RELIEF))
    return float(fall(then.before, week["pain"].mean(axis=0))[then.state["dead"] == 0].mean())


@lru_cache(maxsize=1)
def _rises_by_age(who: Draw) -> tuple[float, float]:
    """Mean rise of the dose (%) in the year from the implant on, of those up to 50 years and of those above."""
    par, chart = charts(who, "noncancer", 80)
    young = chart["age_y"] <= _OLD_Y
    rises = []
    for group in (par[young], par[~young]):
        kept = reachable(group, _RELIEF)
        doses = held(kept, 12) if len(kept) else np.full((2, 1), np.nan)
        rises.append(float(100.0 * (doses[-1] / doses[0] - 1.0).mean()))
    return rises[0], rises[1]


def _failing(who: Draw, second: str) -> tuple[Par, NDArray[np.void], Floats, Floats]:
    """Who has under half relief after half a year of morphine at 2-20 mg/d: patients, states, morphine (µg/d), pain (NRS)."""
    par = without_masses(patients(who, "noncancer", 48, "morphine", second))
    state = begin(par)
    first = trial(par, state, tolerant_start(par) / 5.0)
    doses, week = treat(par, state, first, weeks_of(6), careful(_RELIEF), most_ug_per_d=20_000.0)
    kept = (week["relief"].mean(axis=0) < _FAILING) & (doses[-1] >= 2000.0) & (state["dead"] == 0)
    return par[kept], state[kept], doses[-1][kept], week["pain"].mean(axis=0)[kept]


def added_ziconotide(who: Draw) -> float:
    """Mean fall of pain (%) in five weeks of ziconotide, 0.6 to 7.2 µg/d, beside a dose of morphine that is not enough."""
    par, state, morphine, before = _failing(who, "ziconotide")
    if not len(par):
        return float("nan")
    rate = rates(0, morphine)
    dose = np.zeros(len(par))
    for step in (0.6, 1.2, 2.4, 4.8, 7.2):
        dose = np.where(intolerant(state), 0.7 * dose, np.maximum(dose, step))
        rate[:, 1] = dose / DAY_H
        course = advance(par, state, WEEK_H, rate_ug_per_h=rate)
    return float(fall(before, course["pain"].mean(axis=0)).mean())


def added_clonidine(who: Draw) -> float:
    """Mean fall of pain (%) after six weeks of clonidine, 50 to 900 µg/d, beside a dose of morphine that is not enough.

    Who has half relief keeps the dose, and a fall of pressure by a quarter or sedation takes it down by three tenths.
    """
    par, state, morphine, before = _failing(who, "clonidine")
    if not len(par):
        return float("nan")
    rate = rates(0, morphine)
    dose, enough, hurt = np.zeros(len(par)), np.zeros(len(par), bool), np.zeros(len(par), bool)
    for step in (50.0, 100.0, 200.0, 400.0, 900.0, 900.0):
        dose = np.where(hurt, 0.7 * dose, np.where(enough, dose, np.maximum(dose, step)))
        rate[:, 1] = dose / DAY_H
        course = advance(par, state, WEEK_H, rate_ug_per_h=rate)
        last = day_means(course)
        enough = last["relief"] >= _FAILING
        hurt = (last["bp_fall"] >= 0.25) | harmed(last)
    return float(fall(before, course["pain"].mean(axis=0)).mean())


@lru_cache(maxsize=1)
def _ziconotide_with_morphine(who: Draw) -> tuple[float, float]:
    """Mean fall of pain (%) from 9.0 on the second and on the 28th day of both drugs, in cancer.

    Morphine starts with the 400th part of the oral dose and follows pain above 3 at every visit, ziconotide with 2.4 µg/d, 1.2
    more a week where pain is above 3. Both are lowered in a patient whom they harm.
    """
    par, chart = charts(who, "cancer", 120, "morphine", "ziconotide")
    par["pain_base"] = np.minimum(10.0, par["pain_base"] * 9.0 / par["pain_base"].mean())
    before = untreated(par)
    state = begin(without_masses(par))
    morphine, other = 1000.0 * chart["medd_mg_per_d"] / 400.0, np.full(len(par), 2.4)
    falls = []
    for days in (2, 5, 7, 7, 7):
        rate = rates(0, morphine)
        rate[:, 1] = other / DAY_H
        last = day_means(advance(par, state, days * DAY_H, rate_ug_per_h=rate))
        falls.append(float(fall(before, last["pain"])[state["dead"] == 0].mean()))
        for_pain = np.clip(1.0 + 0.1 * (last["pain"] - 3.0), 0.85, 1.25)
        morphine = np.minimum(morphine * np.where(harmed(last), 0.85, for_pain), 25_000.0)
        more = np.where(last["pain"] > 3.0, other + 1.2, other) if days > 2 else other
        other = np.where(intolerant(state), 0.7 * other, more)
    return falls[0], falls[-1]


def ziconotide_by_external_pump(who: Draw) -> float:
    """Median fall of pain (%) on the last day of four weeks of ziconotide, up by 2.4 µg/d a week as tolerated."""
    par = patients(who, "noncancer", 150, "ziconotide")
    before = untreated(par)
    state = begin(par)
    dose = np.zeros(len(par))
    for step in (2.4, 4.8, 7.2, 9.6):
        dose = np.where(intolerant(state), 0.7 * dose, np.maximum(dose, step))
        course = advance(par, state, WEEK_H, rate_ug_per_h=rates(0, dose))
    return float(np.median(fall(before, day_means(course)["pain"])))


@lru_cache(maxsize=1)
def _with_demand_boluses(who: Draw) -> Floats:
    """Mean pain (NRS ``[B]``) of the last day of five weeks with cancer, from 6.5: four of visits, one of boluses on demand.

    Visits and steps are those of the other trial in cancer, boluses (15 % of a day's dose, every 4 h at most) those of the series
    on demand boluses.
    """
    par, chart = charts(who, "cancer", 80)
    par["pain_base"] *= 6.5 / par["pain_base"].mean()
    state = begin(without_masses(par))
    dose = chart["start_dose_ug_per_d"].astype(np.float64)
    for _ in range(14):
        last = day_means(advance(par, state, 2 * DAY_H, rate_ug_per_h=rates(0, dose)))
        for_pain = np.clip(1.0 + 0.1 * (last["pain"] - 3.0), 0.85, 1.25)
        dose = np.minimum(dose * np.where(harmed(last), 0.85, for_pain), 25_000.0)
    since = np.full(len(par), 4.0)
    felt = []
    for _ in range(7 * DAY_TICKS):
        give = (state["demand"] == 1) & (since >= 4.0)
        bolus = np.where(give, 0.15 * dose, 0.0)
        course = advance(par, state, TICK_H, rate_ug_per_h=rates(0, dose), bolus_ug=bolus, bolus_ml=0.05)
        since = np.where(give, 0.0, since + TICK_H)
        felt.append(course["pain"][0])
    pain: Floats = np.array(felt[-DAY_TICKS:]).mean(axis=0)[state["dead"] == 0]
    return pain


@lru_cache(maxsize=1)
def _refractory(who: Draw) -> tuple[Floats, Floats]:
    """Mean pain (NRS) of the last of 23 days of the mixture, and bupivacaine (mg/d) then, of each cancer patient.

    The volume starts at 0.2 mL/h and rises by a fifth a day where pain is above 2, up to 305 mg/d; harm and paresis lower it.
    """
    par = patients(who, "cancer", 150, "morphine", "bupivacaine")
    state = begin(without_masses(par))
    ml = np.full(len(par), 4.8)
    most = 305_000.0 / _BUPIVACAINE_UG_PER_ML
    rate = np.zeros((len(par), MAX_DRUGS))
    for _ in range(23):
        given = ml
        rate[:, 0] = given * _MORPHINE_UG_PER_ML / DAY_H
        rate[:, 1] = given * _BUPIVACAINE_UG_PER_ML / DAY_H
        last = day_means(advance(par, state, DAY_H, rate_ug_per_h=rate, basal_ml_per_h=given / DAY_H))
        hurt = harmed(last) | (last["motor_block"] >= 0.5)
        ml = np.minimum(most, given * np.where(hurt, 0.8, np.where(last["pain"] > 2.0, 1.2, 1.0)))
    return last["pain"], given * _BUPIVACAINE_UG_PER_ML / 1000.0


def content_on_mixture(who: Draw, below_mg_per_d: float) -> float:
    """Share (%) with pain of 2 or less on less bupivacaine than this."""
    pain, bupivacaine = _refractory(who)
    return float(100.0 * ((pain <= 2.0) & (bupivacaine < below_mg_per_d)).mean())


def daily_bolus_rise(who: Draw) -> float:
    """Mean dose after 95 days / at the end of the trial, cancer patients given one bolus of 1 mL a day through a port."""
    par = without_masses(reachable(patients(who, "cancer", 80), _RELIEF))
    state = begin(par)
    dose = tolerant_start(par) / 5.0
    for _ in range(14):
        last = day_means(advance(par, state, DAY_H, bolus_ug=dose, bolus_ml=1.0))
        dose = dose * np.clip(careful(0.5)(last), 0.7, 1.4)
    first = dose
    for day in range(95):
        last = day_means(advance(par, state, DAY_H, bolus_ug=dose, bolus_ml=1.0))
        if day % 7 == 6:
            dose = np.minimum(_UNLIMITED_UG_PER_D, dose * np.clip(careful(_RELIEF)(last), 0.8, 1.2))
    alive = state["dead"] == 0
    return float(dose[alive].mean() / first[alive].mean())


def low_dose_after_three_years(who: Draw) -> float:
    """Mean dose (mg/d) at month 36 in patients weaned off systemic opioids: trial and content as in the 24-month report."""
    par = without_masses(patients(who, "noncancer", 20, naive=True))
    state = begin(par)
    first = np.full(len(par), np.inf)
    for dose in _LOW_TRIAL_UG_PER_D:
        last = day_means(advance(par, state, 2 * DAY_H, rate_ug_per_h=dose / DAY_H))
        first = np.where((last["relief"] >= 0.5) & (first > dose), dose, first)
    kept = np.isfinite(first)
    if not kept.any():
        return float("nan")
    doses, _ = treat(par[kept], state[kept], first[kept], weeks_of(36), content(0.35), visit_weeks=4)
    return float(doses[-1].mean() / 1000.0)


def spinal_dose(who: Draw) -> float:
    """Mean baclofen dose (µg/d) after three years in spasticity of spinal origin, Ashworth held at 1.9, from 83 µg/d on."""
    par, chart = charts(who, "spasticity", 20, "baclofen")
    spinal: Par = par[chart["diagnosis"] == "spasticity_spinal"]
    return float(hold(spinal, np.full(len(spinal), 83.2), 36, baclofen_rule, most_ug_per_d=2000.0)[36].mean())


def hemiplegia_dose(who: Draw) -> float:
    """Mean baclofen dose (µg/d) after three months in spasticity of cerebral origin, Ashworth 3.7 before and held at 1.9."""
    par, chart = charts(who, "spasticity", 100, "baclofen")
    par = par[chart["diagnosis"] == "spasticity_cerebral"]
    par = scaled(par, 3.7, float(par["spasm0"].mean()))
    return float(hold(par, np.full(len(par), 100.0), 3, baclofen_rule, most_ug_per_d=2000.0)[3].mean())


def spasms_at_low_tone(who: Draw) -> float:
    """Mean spasm score after a year with Ashworth held at 1.3."""
    return float(year_of_tone(scaled(patients(who, "spasticity", 20, "baclofen"), 4.2, 3.4), 1.3)["spasm"].mean())


CHRONIC: dict[str, Reproduction] = {
    "valentino_pain": lambda who: implanted_fall(who, _TRIED_OF_40, 28),
    "deer_registry_pain": lambda who: implanted_fall(who, 136.0 / 166.0, 26),
    "hayek_older_rise": lambda who: _rises_by_age(who)[1] / 100.0,
    "hayek_young_old": lambda who: _rises_by_age(who)[0] / _rises_by_age(who)[1],
    "wallace_added_ziconotide": added_ziconotide,
    "admixture_clonidine": added_clonidine,
    "alicino_second_day": lambda who: _ziconotide_with_morphine(who)[0],
    "alicino_month": lambda who: _ziconotide_with_morphine(who)[1],
    "ver_donck_pain": ziconotide_by_external_pump,
    "brogan_winter_pain": lambda who: float(_with_demand_boluses(who).mean()),
    "brogan_winter_severe": lambda who: float(100.0 * (_with_demand_boluses(who) >= 7.0).mean()),
    "sjoberg_1991_relief": lambda who: content_on_mixture(who, np.inf),
    "sjoberg_1991_low_dose": lambda who: content_on_mixture(who, 30.0),
    "port_bolus_rise": daily_bolus_rise,
    "grider_three_years": low_dose_after_three_years,
    "spanish_baclofen_dose": spinal_dose,
    "hemiplegia_dose": hemiplegia_dose,
    "ordia_spasm": spasms_at_low_tone,
}
