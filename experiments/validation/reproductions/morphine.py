"""Reproductions of studies of morphine (and hydromorphone against it): kinetics, effect, breathing, escalation, trials."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import LEVELS, NODES, TICK_H
from thecal.experiments.validation.reproductions.clinic import charts, implanted
from thecal.experiments.validation.reproductions.common import (
    DAY_H,
    LEVEL_CM,
    Draw,
    Reproduction,
    bolus_course,
    clearance,
    half_life,
    hold_relief,
    hours_at_half_effect,
    patients,
    place_tip,
    reachable,
    tolerant_start,
)
from thecal.experiments.validation.reproductions.series import winkelmueller_rise
from thecal.physiology.regimen import advance, begin


def csf_at_one_hour(who: Draw, dose_ug: float) -> float:
    """Median lumbar CSF concentration one hour after a bolus, µg/mL."""
    _, course = bolus_course(who, dose_ug, 60, 1.0)
    return float(np.median(course["lumbar"][-1]))


def csf_half_life(who: Draw, drug: str = "morphine") -> float:
    """Median half-life (h) between 4 and 12 h after 0.5 mg (0.1 mg hydromorphone)."""
    _, course = bolus_course(who, 500.0 if drug == "morphine" else 100.0, 60, 12.0, drug)
    return half_life(course["lumbar"], 4.0, 12.0)


def csf_clearance(who: Draw) -> float:
    """Median dose / AUC of lumbar CSF (mL/h) after 0.5 mg, the AUC taken to 48 h."""
    _, course = bolus_course(who, 500.0, 60, 48.0)
    return clearance(500.0, course["lumbar"])


def csf_plasma_ratio(who: Draw) -> float:
    """Median ratio of lumbar CSF to plasma one hour after 0.25 mg."""
    _, course = bolus_course(who, 250.0, 60, 1.0)
    return float(np.median(course["lumbar"][-1] / course["plasma"][-1]))


def peak_time(who: Draw) -> float:
    """Median time (h) of the highest dorsal-horn effect-site concentration after 0.25 mg."""
    _, course = bolus_course(who, 250.0, 60, 12.0)
    return float(np.median((course["ce_dh"].argmax(axis=0) + 1) * TICK_H))


def analgesia_duration(who: Draw) -> float:
    """Median time (h) with at least half of the patient's largest relief, after 0.25 and 0.5 mg."""
    return float(np.median(np.concatenate([hours_at_half_effect(who, dose, "morphine") for dose in (250.0, 500.0)])))


def late_minimum(who: Draw) -> float:
    """Median time (h) of the lowest ventilation after 0.3 mg."""
    _, course = bolus_course(who, 300.0, 100, 24.0)
    return float(np.median((course["vent"].argmin(axis=0) + 1) * TICK_H))


def depression_rate(who: Draw, dose_ug: float) -> float:
    """Share (%) of 2,000 naive patients with RR < 8 or SpO2 < 90 within 24 h of a bolus."""
    _, course = bolus_course(who, dose_ug, 2000, 24.0)
    return float(100.0 * (course["depressed"].max(axis=0) > 0).mean())


def _axial_profile(who: Draw, *, hourly_bolus: bool) -> tuple[NDArray[np.float64], float]:
    """CSF (µg/mL) along the canal and in the tip cell after 8 h of 20 µg/h morphine, averaged over patients and an hour."""
    par = patients(who, "noncancer", 40, naive=True)
    place_tip(par, "T12")
    state = begin(par)
    profile = np.zeros(len(LEVELS))
    tip = 0.0
    for hour in range(8):
        dose = {"bolus_ug": 20.0, "bolus_ml": 1.0} if hourly_bolus else {"rate_ug_per_h": 20.0, "basal_ml_per_h": 0.02}
        for quarter in range(4):
            course = advance(par, state, TICK_H, **(dose if quarter == 0 or not hourly_bolus else {}))
            if hour == 7:
                conc = state["drug"]["csf"][:, 0, 1:] / par["v_node"][:, 1:]
                profile += conc.mean(axis=0) / 4.0
                tip += float(course["tip_cell"][-1].mean()) / 4.0
    return profile, tip


def infusion_gradient(who: Draw) -> float:
    """Median ratio of the tip's own concentration to the CSF 7.5 cm rostral of it, at steady infusion."""
    par = patients(who, "noncancer", 40, naive=True)
    place_tip(par, "T12")
    state = begin(par)
    advance(par, state, 14 * DAY_H, rate_ug_per_h=20.0)
    away = NODES.index("T12") - round(7.5 / LEVEL_CM)
    there = state["drug"]["csf"][:, 0, away] / par["v_node"][:, away]
    return float(np.median(state["drug"]["tip"][:, 0] / par["tip_ml"] / there))


def bolus_spread(who: Draw) -> float:
    """Length of canal above 10 % of the peak (tip cell included) with hourly boluses, relative to slow infusion."""
    lengths = []
    for hourly in (True, False):
        profile, tip = _axial_profile(who, hourly_bolus=hourly)
        peak = max(float(profile.max()), tip)
        lengths.append(int((profile >= 0.1 * peak).sum()) * LEVEL_CM)
    return lengths[0] / lengths[1]


def bolus_tip(who: Draw) -> float:
    """Concentration in the tip cell with hourly boluses, relative to slow infusion of the same dose."""
    return _axial_profile(who, hourly_bolus=True)[1] / _axial_profile(who, hourly_bolus=False)[1]


def _titrated(who: Draw, cohort: str, n: int, target: float, months: int) -> NDArray[np.float64]:
    par = reachable(patients(who, cohort, n), target)
    start = tolerant_start(par) / 5.0
    return hold_relief(par, target, start, months)


def escalation_paice(who: Draw) -> float:
    """Mean dose at month 24 / month 3, relief held at 61 % in a cohort one third cancer."""
    dose = np.concatenate((_titrated(who, "cancer", 20, 0.60, 24), _titrated(who, "noncancer", 40, 0.60, 24)), axis=1)
    return float(dose[24].mean() / dose[3].mean())


def plateau(who: Draw) -> float:
    """Mean dose at month 72 / month 36, relief held at 60 %."""
    dose = _titrated(who, "noncancer", 30, 0.60, 72)
    return float(dose[72].mean() / dose[36].mean())


def microdose(who: Draw) -> float:
    """Median rise (mg/d) of a microdose over 36 months in patients weaned off systemic opioids (relief held at 50 %)."""
    par = reachable(patients(who, "noncancer", 40, naive=True), 0.5)
    dose = hold_relief(par, 0.5, np.full(len(par), 140.0), 36)
    return float(np.median(dose[36] - dose[1]) / 1000.0)


def demand_bolus_relief(who: Draw) -> float:
    """Relief (%) during breakthrough episodes: titrated cancer patients, 15 % demand boluses, 4 h lockout, one week."""
    par = patients(who, "cancer", 60)
    state = begin(par)
    dose = tolerant_start(par) / 5.0
    for _ in range(28):
        relief = advance(par, state, DAY_H, rate_ug_per_h=dose / DAY_H)["relief"][-48:].mean(axis=0)
        dose = dose * np.clip(1.0 + (0.5 - relief), 0.85, 1.15)
    felt, untreated = [], []
    since = np.full(len(par), 4.0)
    for _ in range(7 * 96):
        give = (state["demand"] == 1) & (since >= 4.0)
        course = advance(
            par, state, TICK_H, rate_ug_per_h=dose / DAY_H, bolus_ug=np.where(give, 0.15 * dose, 0.0), bolus_ml=0.05
        )
        since = np.where(give, 0.0, since + TICK_H)
        during = course["episode"][0] == 1.0
        felt.append(course["pain"][0][during])
        untreated.append(course["pain_latent"][0][during])
    return float(100.0 * (1.0 - np.concatenate(felt).mean() / np.concatenate(untreated).mean()))


def patient_activated_month(who: Draw) -> float:
    """Mean pain (NRS) over the first month with morphine by demand bolus alone, baseline scaled to 6.1."""
    par = patients(who, "cancer", 80)
    par["pain_base"] *= 6.1 / par["pain_base"].mean()
    par["press_nrs"] = np.minimum(par["press_nrs"], 5.0)
    state = begin(par)
    size = 0.25 * tolerant_start(par) / 5.0
    since = np.full(len(par), 4.0)
    pains = []
    for _ in range(28 * 96):
        give = (state["demand"] == 1) & (since >= 4.0)
        course = advance(par, state, TICK_H, bolus_ug=np.where(give, size, 0.0), bolus_ml=0.1)
        since = np.where(give, 0.0, since + TICK_H)
        pains.append(course["pain"][0].mean())
    return float(np.mean(pains[21 * 96 :]))


def half_relief_six_months(who: Draw) -> float:
    """Share (%) of non-cancer patients whose felt pain is at most half of the untreated after six months of titration.

    The series follow those implanted after a trial, three quarters of those tried (30 of 40; Anderson 1999).
    """
    par = patients(who, "noncancer", 130)
    par, then = implanted(par, tolerant_start(par) / 5.0, 30.0 / 40.0)
    state, dose = then.state, then.dose
    for _ in range(26):
        course = advance(par, state, 7 * DAY_H, rate_ug_per_h=dose / DAY_H)
        relief = course["relief"][-96:].mean(axis=0)
        harmed = course["sedation"][-96:].mean(axis=0) > 0.3
        dose = np.where(harmed, 0.85 * dose, np.where(relief < 0.6, 1.2 * dose, dose))
        dose = np.minimum(dose, 15_000.0)
    last = advance(par, state, 7 * DAY_H, rate_ug_per_h=dose / DAY_H)
    return float(100.0 * (last["pain"].mean(axis=0) <= 0.5 * last["pain_latent"].mean(axis=0)).mean())


def taper_pain(who: Draw) -> float:
    """Mean rise of pain (NRS) over ten weekly cuts of 20 %, less that of patients kept at their dose.

    They had long had a pump, so they are those who passed a trial; each then has the same dose for the tolerance.
    """
    means = []
    for cut in (0.8, 1.0):
        par = patients(who, "noncancer", 54)
        par, then = implanted(par, tolerant_start(par) / 5.0, 30.0 / 40.0)
        state = then.state
        dose = tolerant_start(par) / 4.0
        for _ in range(26):
            advance(par, state, 7 * DAY_H, rate_ug_per_h=dose / DAY_H)
        before = advance(par, state, 7 * DAY_H, rate_ug_per_h=dose / DAY_H)["pain"].mean()
        for _ in range(10):
            dose = dose * cut
            course = advance(par, state, 7 * DAY_H, rate_ug_per_h=dose / DAY_H)
        means.append(course["pain"].mean() - before)
    return float(means[0] - means[1])


def respiratory_tolerance(who: Draw) -> float:
    """Median factor by which chronic users' respiratory EC50 of fentanyl exceeds the naive one.

    The study's users took 90 mg/d of oral morphine equivalent or more (Moss 2022, PLoS One 17:e0256752, the same eight) and
    were given fentanyl, which meets less of the tolerance than morphine. Non-cancer patients at the implant stand for them.
    """
    par, chart = charts(who, "noncancer", 300, "fentanyl")
    par = par[chart["medd_mg_per_d"] >= 90.0]
    channel = par["channel"][:, 0]
    used_to = begin(par)["channel"]["accustomed"][:, 0]
    shared = np.exp(channel["resp_tolerance"] * par["drug"]["tol_share"][:, 0] * channel["tol_prior"])
    return float(np.median(shared * used_to))


def hydromorphone_potency(who: Draw) -> float:
    """Ratio of morphine to hydromorphone dose (µg/d) that gives the same steady relief of 40 %."""
    doses = []
    for drug, guess in (("morphine", 500.0), ("hydromorphone", 100.0)):
        par = reachable(patients(who, "noncancer", 30, drug, naive=True), 0.45)
        for name in ("tol_fast_max", "tol_slow_max"):
            par["channel"][name] = 0.0
        doses.append(float(np.median(hold_relief(par, 0.4, np.full(len(par), guess), 6)[-1])))
    return doses[0] / doses[1]


MORPHINE: dict[str, Reproduction] = {
    "csf_1h_025": lambda who: csf_at_one_hour(who, 250.0),
    "csf_1h_050": lambda who: csf_at_one_hour(who, 500.0),
    "csf_half_life": csf_half_life,
    "csf_clearance": csf_clearance,
    "csf_plasma_ratio": csf_plasma_ratio,
    "onset_peak": peak_time,
    "analgesia_duration": analgesia_duration,
    "late_respiratory_minimum": late_minimum,
    "depression_below_03": lambda who: depression_rate(who, 200.0),
    "depression_from_03": lambda who: depression_rate(who, 400.0),
    "slow_infusion_gradient": infusion_gradient,
    "bolus_spread": bolus_spread,
    "bolus_tip_peak": bolus_tip,
    "escalation_paice": escalation_paice,
    "escalation_winkelmueller": winkelmueller_rise,
    "plateau": plateau,
    "microdose": microdose,
    "demand_bolus_relief": demand_bolus_relief,
    "patient_activated_month": patient_activated_month,
    "half_relief_six_months": half_relief_six_months,
    "taper_pain": taper_pain,
    "respiratory_tolerance": respiratory_tolerance,
    "hydromorphone_half_life": lambda who: csf_half_life(who, "hydromorphone"),
    "hydromorphone_potency": hydromorphone_potency,
}
