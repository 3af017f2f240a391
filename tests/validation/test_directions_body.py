"""Directions of the body, each beside the published figure it restates: overdose, circulation, sensors, masses, population.

Small cohorts of the tuning split; what is held here was fitted or set, so none of it is a test of the model.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from thecal.core.layout import N_NODES, SENSORS
from thecal.experiments.validation.reproductions import Draw
from thecal.experiments.validation.reproductions.clinic import charts
from thecal.experiments.validation.reproductions.common import DAY_H, WEEK_H, bolus_course, patients
from thecal.physiology.regimen import advance, begin

WHO = Draw(seed=7, split="tune")

# --- 7: overdose and circulation.


@lru_cache(maxsize=1)
def gram_of_morphine():
    return bolus_course(WHO, 1e6, 30, DAY_H)[1]


def test_a_gram_of_morphine_kills():
    assert (gram_of_morphine()["dead"][-1] == 1.0).mean() >= 0.8


def test_the_dead_have_no_pulse_no_pressure_and_no_breath():
    course = gram_of_morphine()
    dead = course["dead"][-1] == 1.0
    for name in ("hr", "sbp", "rr", "vent"):
        assert course[name][-1][dead].max() <= 1.0, name


def test_breathing_fails_before_the_heart():
    course = gram_of_morphine()
    dead = course["dead"][-1] == 1.0
    apneic = (course["vent"] < 0.5).argmax(axis=0)
    pulseless = (course["hr"] < 20.0).argmax(axis=0)
    assert (apneic <= pulseless)[dead].mean() >= 0.9


def test_a_gram_of_bupivacaine_kills():
    """Total spinal block: without a vasopressor and a ventilator nobody lives through a hundred times the dose."""
    _, course = bolus_course(WHO, 1e6, 30, DAY_H, "bupivacaine")
    assert (course["dead"][-1] == 1.0).mean() >= 0.9


def test_a_spinal_anesthetic_kills_nobody():
    _, course = bolus_course(WHO, 15_000.0, 100, 12.0, "bupivacaine")
    assert course["dead"].max() == 0.0


def test_a_spinal_anesthetic_lowers_pressure_in_a_third():
    """36.8 % of 1,220 spinal anesthesias: a fall of systolic pressure by more than 30 % (J Med Assoc Thai 2007)."""
    par = patients(WHO, "noncancer", 150, "bupivacaine", naive=True)
    before = advance(par, begin(par), 1.0)["sbp"].mean(axis=0)
    course = advance(par, begin(par), 4.0, bolus_ug=15_000.0, bolus_ml=3.0)
    assert 0.25 <= (course["sbp"].min(axis=0) < 0.7 * before).mean() <= 0.50


def test_much_clonidine_spares_pressure():
    """Filos 1994 (recalled): 450 ug lowers pressure less than 150 ug, for at high levels the vessels tighten (at an hour)."""
    little, much = (
        np.median(bolus_course(WHO, dose, 60, 2.0, "clonidine")[1]["bp_fall"][3:5]) for dose in (150.0, 450.0)
    )
    assert much < little


# --- 9: sensors.


@lru_cache(maxsize=1)
def two_days():
    """Readings ``[tick, B, sensor]`` of two days without drug, and who was awake."""
    par = patients(WHO, "noncancer", 40)
    state = begin(par)
    values, awake = [], []
    for _ in range(192):
        advance(par, state, 0.25)
        values.append(state["s_value"].copy())
        awake.append(state["awake"] == 1)
    return np.array(values), np.array(awake)


def reading(name):
    return two_days()[0][:, :, SENSORS.index(name)]


def by_night(name):
    """Mean reading of each patient asleep, and awake."""
    _, awake = two_days()
    values = reading(name)
    return (values * ~awake).sum(axis=0) / (~awake).sum(axis=0), (values * awake).sum(axis=0) / awake.sum(axis=0)


def correlation(first, second):
    return np.array([np.corrcoef(first[:, b], second[:, b])[0, 1] for b in range(first.shape[1])])


def test_mean_and_systolic_pressure_go_together():
    """Above 0.8 in people; 0.17 in the patient of old."""
    assert np.median(correlation(reading("sbp"), reading("map"))) >= 0.8


def test_breaths_a_quarter_of_an_hour_apart_are_alike():
    """Breathing wanders over minutes to hours; a rate that forgets itself in 15 min (0.06) is noise."""
    assert np.median(correlation(reading("rr")[1:], reading("rr")[:-1])) >= 0.3


def test_pressure_dips_by_a_tenth_to_a_fifth_at_night():
    """Ambulatory monitoring: 10-20 % lower asleep."""
    asleep, awake = by_night("sbp")
    assert 0.10 <= 1.0 - (asleep / awake).mean() <= 0.20


def test_heart_rate_variability_is_higher_asleep():
    asleep, awake = by_night("hrv")
    assert (asleep / awake).mean() >= 1.1


def test_carbon_dioxide_is_higher_asleep():
    """Arterial CO2 rises by 2-4 mmHg in sleep (textbooks)."""
    asleep, awake = by_night("etco2")
    assert 1.0 <= (asleep - awake).mean() <= 5.0


def test_pulse_and_its_variability_go_against_each_other():
    assert np.median(correlation(reading("hr"), reading("hrv"))) <= -0.2


# --- 10: masses. Registries find single percents (6 of 208 by imaging, Deer 2004; 4 of 56 in 7.6 years, Duarte 2010).


def test_masses_after_three_years_at_15_mg_are_few():
    par = patients(WHO, "noncancer", 40)
    state = begin(par)
    for _ in range(156):
        advance(par, state, WEEK_H, rate_ug_per_h=15_000.0 / DAY_H, basal_ml_per_h=15.0 / DAY_H / 20.0)
    assert (state["granuloma"] >= 1.0).mean() <= 0.10


# --- 4: patients. What none of them differed in, they differ in; what hangs together in people does so here.


@lru_cache(maxsize=2)
def drawn(cohort):
    return charts(WHO, cohort, 800, "morphine")


@pytest.mark.parametrize("name", ["ke0_dh", "ke0_bs", "k_uptake"])
def test_patients_differ_in_how_the_drug_reaches_its_site(name):
    values = drawn("noncancer")[0]["drug"][name][:, 0]
    assert values.std() / values.mean() >= 0.1


@pytest.mark.parametrize("name", ["hill", "tol_fast_tau_h", "tol_slow_tau_h", "wd_gain"])
def test_patients_differ_in_how_they_respond_and_adapt(name):
    values = drawn("noncancer")[0]["channel"][name][:, 0]
    assert values.std() / values.mean() >= 0.1


def test_plasma_clearance_differs_beyond_weight():
    """Morphine 1584 +- 408 mL/min: a CV of 26 % (Br J Clin Pharmacol 2000, 49:207)."""
    par, chart = drawn("noncancer")
    clearance = np.log(par["drug"]["k10"][:, 0] * par["drug"]["v_plasma_ml"][:, 0])
    weight = np.log(chart["weight_kg"])
    beyond = clearance - np.polyval(np.polyfit(weight, clearance, 1), weight)
    assert beyond.std() >= 0.15


def test_the_tip_misses_the_center_of_the_pain_in_some():
    par, _ = drawn("noncancer")
    center = np.rint((par["w_pain"] * np.arange(N_NODES)).sum(axis=1))
    assert (par["tip_node"] != center).mean() >= 0.2


def test_pressure_rises_with_age_and_creatinine_with_male_sex():
    """Systolic pressure rises by about 0.5 mmHg a year (Franklin 1997); men have 0.2 mg/dL more creatinine (Jones 1998)."""
    par, chart = drawn("noncancer")
    assert np.corrcoef(chart["age_y"], par["sbp0"])[0, 1] >= 0.15
    assert np.corrcoef(chart["male"], chart["creatinine_mg_per_dl"])[0, 1] >= 0.15


def test_nobody_clears_creatinine_at_500():
    """Adults clear 80-140 mL/min; the patient of old reached 507."""
    clearance = drawn("noncancer")[1]["crcl_ml_per_min"]
    assert clearance.max() <= 220.0
    assert 70.0 <= np.median(clearance) <= 130.0


def test_failing_kidneys_clear_less():
    assert np.median(drawn("renal")[1]["crcl_ml_per_min"]) <= 0.6 * np.median(drawn("noncancer")[1]["crcl_ml_per_min"])
