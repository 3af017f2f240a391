"""Vital signs and kidneys of the drawn population: what goes with age, sex, size and illness, by the size it has in people."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.physiology.cohort import Cohort, draw
from thecal.physiology.cohort_spec import load_cohort_spec

from support.charts import charts

N = 20_000
COHORTS = ("noncancer", "cancer", "renal", "elderly", "spasticity", "opioid_tolerant")


@pytest.fixture(scope="module")
def many() -> dict[str, Cohort]:
    return {name: draw(load_cohort_spec(name), ("morphine",), np.arange(N), "train", 11) for name in COHORTS}


def _r(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.astype(float), other.astype(float))[0, 1])


@pytest.mark.parametrize(
    ("change", "pressure", "rate"),
    [
        ({"age_y": 75.0}, 20 * 0.5, -20 * 0.1),
        ({"male": False}, -3.0, 3.0),
        ({"antihypertensive": True}, 5.0, -3.0),
        ({"weight_kg": 70.0 + 2.89}, 0.5, 0.25),
    ],
)
def test_covariates_move_pressure_and_heart_rate(change, pressure, rate):
    before, after = charts(["morphine"], {}, change)
    assert after["sbp0"] - before["sbp0"] == pytest.approx(pressure, abs=1e-9)
    assert after["hr0"] - before["hr0"] == pytest.approx(rate, abs=1e-9)


def test_pulse_pressure_widens_with_age():
    young, old = charts(["morphine"], {"age_y": 40.0}, {"age_y": 80.0})
    assert old["map0"] / old["sbp0"] < young["map0"] / young["sbp0"] - 0.04
    assert 1.5 * (old["sbp0"] - old["map0"]) > 1.5 * (young["sbp0"] - young["map0"]) + 10.0


@pytest.mark.parametrize("name", ["noncancer", "cancer"])
def test_pressure_rises_with_age(name: str, many: dict[str, Cohort]) -> None:
    cohort = many[name]
    assert _r(cohort.covariates["age_y"], cohort.par["sbp0"]) > 0.3
    slope = np.polyfit(cohort.covariates["age_y"], cohort.par["sbp0"], 1)[0]
    assert 0.4 < slope < 0.7  # mmHg per year


@pytest.mark.parametrize("name", ["noncancer", "cancer"])
def test_women_have_less_creatinine(name: str, many: dict[str, Cohort]) -> None:
    c = many[name].covariates
    assert _r(~c["male"], c["creatinine_mg_per_dl"]) < -0.3
    ratio = np.median(c["creatinine_mg_per_dl"][~c["male"]]) / np.median(c["creatinine_mg_per_dl"][c["male"]])
    assert 0.7 < ratio < 0.85


def test_nobody_clears_more_creatinine_than_people_do(many: dict[str, Cohort]) -> None:
    for name, cohort in many.items():
        clearance = cohort.covariates["crcl_ml_per_min"]
        assert clearance.max() < 220.0, name
        assert (clearance >= 199.9).mean() < 0.02, name
    usual = many["noncancer"].covariates["crcl_ml_per_min"]
    assert 75.0 < np.median(usual) < 110.0
    assert np.quantile(many["renal"].covariates["crcl_ml_per_min"], 0.9) < 45.0


def test_treated_patients_have_the_higher_pressure(many: dict[str, Cohort]) -> None:
    cohort = many["noncancer"]
    treated = cohort.covariates["antihypertensive"]
    assert cohort.par["sbp0"][treated].mean() > cohort.par["sbp0"][~treated].mean() + 4.0


def test_cohorts_have_their_own_vital_signs(many: dict[str, Cohort]) -> None:
    pressure = {name: float(np.median(cohort.par["sbp0"])) for name, cohort in many.items()}
    rate = {name: float(np.median(cohort.par["hr0"])) for name, cohort in many.items()}
    breaths = {name: float(np.median(cohort.par["rr0"])) for name, cohort in many.items()}
    assert pressure["renal"] > pressure["noncancer"] + 10.0
    assert pressure["elderly"] > pressure["noncancer"] + 8.0
    assert pressure["cancer"] < pressure["noncancer"] - 4.0
    assert pressure["spasticity"] < pressure["noncancer"] - 8.0
    assert rate["cancer"] > rate["noncancer"] + 7.0
    assert rate["elderly"] < rate["noncancer"] - 4.0
    assert breaths["opioid_tolerant"] < breaths["noncancer"] < breaths["cancer"]
    assert np.median(many["cancer"].covariates["bmi"]) < np.median(many["noncancer"].covariates["bmi"]) - 3.0


def test_pulse_pressure_goes_with_age_in_the_population(many: dict[str, Cohort]) -> None:
    par = many["noncancer"].par
    assert _r(many["noncancer"].covariates["age_y"], par["sbp0"] - par["map0"]) > 0.4
    assert _r(par["sbp0"], par["map0"]) > 0.8
