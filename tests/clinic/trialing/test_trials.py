"""Trials on virtual patients: doses within their limits, the same patient alone or among others, expectation without drug."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from thecal.clinic.selection.charts import charts_of
from thecal.clinic.trialing.foresight import follow
from thecal.clinic.trialing.numbers import METHODS, trial_numbers
from thecal.clinic.trialing.trial import Ready, prepare, run
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.safety.profiles import load_profile


@cache
def ready(n: int = 12, first: int = 0, cohort: str = "noncancer", seed: int = 0) -> Ready:
    drawn = draw(load_cohort_spec(cohort), ["morphine"], list(range(first, first + n)), "test", seed)
    return prepare(drawn, charts_of(drawn, seed), "morphine", load_profile("seed_2025"))


@pytest.mark.parametrize("method", METHODS)
def test_a_patient_is_the_same_alone_and_among_others(method: str) -> None:
    many, one = run(method, ready()), run(method, ready(1, 5))
    assert one.after[0] == many.after[5]
    assert one.dose_ug[0] == many.dose_ug[5]
    assert one.before[0] == many.before[5]


@pytest.mark.parametrize("method", METHODS)
def test_a_trial_leaves_the_patients_as_they_were(method: str) -> None:
    who = ready()
    state, par = who.state.tobytes(), who.par.tobytes()
    run(method, who)
    assert who.state.tobytes() == state
    assert who.par.tobytes() == par


@pytest.mark.parametrize("cohort", ["noncancer", "cancer"])
def test_doses_keep_to_the_profile(cohort: str) -> None:
    """Boluses of at most 0.5 mg, infusions under 15 mg/d that rise by 30 % a day at most, from at most 1/300 by mouth."""
    who = ready(12, 0, cohort)
    assert (who.bolus_ug <= 500.0).all()
    assert (run("single_shot", who).dose_ug == who.bolus_ug).all()
    assert (run("several_boluses", who).dose_ug <= 500.0).all()
    dose = run("continuous_intrathecal", who).dose_ug
    assert (dose <= np.minimum(15_000.0, who.start_ug_per_d * 1.3**4) * (1.0 + 1e-9)).all()
    drawn = draw(load_cohort_spec(cohort), ["morphine"], list(range(12)), "test", 0)
    assert (who.start_ug_per_d <= 1000.0 * drawn.covariates["medd_mg_per_d"].round(0) / 300.0 + 1e-6).all()


def test_who_takes_no_opioid_gets_the_small_bolus() -> None:
    drawn = draw(load_cohort_spec("noncancer"), ["morphine"], [0, 1], "test", 0)
    naive = [
        replace(chart, values={**chart.values, "medd_mg_per_d": 0.0, "systemic_opioid": False, "escalated": False})
        for chart in charts_of(drawn, 0)
    ]
    assert (prepare(drawn, naive, "morphine", load_profile("seed_2025")).bolus_ug <= 150.0).all()


def test_without_drug_only_expectation_is_left() -> None:
    """A bolus of nothing: what is felt falls by the patient's own placebo share, and by nothing without one."""
    who = ready(30)
    nothing = replace(who, bolus_ug=np.zeros(30))
    believing = run("single_shot", nothing)
    sober = replace(nothing, par=who.par.copy())
    sober.par["placebo"] = 0.0
    unmoved = run("single_shot", sober)
    error = np.nanstd(believing.fall - unmoved.fall) / np.sqrt(30.0)
    expected = 100.0 * who.par["placebo"].mean()
    assert abs(np.nanmean(believing.fall - unmoved.fall) - expected) < 4.5 * error
    assert 5.0 < expected < 25.0
    assert unmoved.passed("fifty").sum() <= 3
    assert not believing.harmed.any()


def test_more_drug_brings_more_relief() -> None:
    who = ready(30)
    none = replace(who, bolus_ug=np.zeros(30))
    fallen = np.nanmean(run("single_shot", who).fall) - np.nanmean(run("single_shot", none).fall)
    assert fallen > 10.0


def test_more_boluses_stop_where_one_helps_or_harms() -> None:
    who = ready(30)
    found = run("several_boluses", who)
    first = 0.5 * who.bolus_ug
    once = found.dose_ug == first
    assert once.any()
    assert (found.harmed | (found.fall >= 50.0))[once].all()
    full = found.dose_ug > first
    assert full.any()


def test_months_on_a_pump_raise_who_is_unrelieved() -> None:
    who = ready()
    state = who.state.tobytes()
    shares: list[float] = []
    found = follow(who, 2.0, shares.append)
    assert who.state.tobytes() == state
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert (found.dose_ug <= who.start_ug_per_d * 1.2**5 * (1.0 + 1e-9)).all()
    assert (found.dose_ug > who.start_ug_per_d).any()
    assert np.isfinite(found.fall).all()


def test_every_number_of_a_trial_has_a_source() -> None:
    assert all(one.source and one.confidence for one in trial_numbers().values())
    assert trial_numbers()["success.fifty_clean.fall"].value == 50.0
