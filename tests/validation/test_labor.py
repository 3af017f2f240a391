"""Labor as the reproductions have it: who feels more than mild pain asks, the stimulus grows, and a wound's does not."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.experiments.validation.reproductions import Draw
from thecal.experiments.validation.reproductions.clinic import in_trial
from thecal.experiments.validation.reproductions.common import patients
from thecal.experiments.validation.reproductions.labor import NULLIPAROUS, PAROUS, WOUND, felt, median_dose, minutes

WHO = Draw(seed=7, split="tune", scale=0.3)


def test_without_a_drug_everybody_asks_at_the_first_visit():
    assert minutes(WHO, NULLIPAROUS, {"fentanyl": 0.0}) == 15.0


def test_the_faster_labor_goes_the_sooner_she_asks():
    dose = {"sufentanil": 5.0, "bupivacaine": 2500.0}
    assert minutes(WHO, PAROUS, dose, 2.0) < minutes(WHO, NULLIPAROUS, dose, 2.0) < minutes(WHO, WOUND, dose, 2.0)


def test_labor_needs_more_than_a_wound():
    wound, labor = (felt(WHO, pain, {"fentanyl": 10.0}, 0.5)[-1] for pain in (WOUND, NULLIPAROUS))
    assert (labor > wound).all()


def test_half_of_the_women_need_no_more_at_the_median_dose():
    dose = median_dose(WHO, "sufentanil", np.geomspace(0.1, 40.0, 12))
    assert (felt(WHO, NULLIPAROUS, {"sufentanil": dose}, 0.5)[-1] <= 3.0).mean() == pytest.approx(0.5, abs=0.1)


def test_a_trial_shows_expectation_besides_the_drug():
    par = patients(WHO, "noncancer", 20, "fentanyl")
    par["channel"]["emax_noci"][:, 0] = 0.5
    par["channel"]["emax_neuro"][:, 0] = 0.5
    assert (in_trial(par) > 0.5 + 0.5 * par["placebo"]).all()
    assert (in_trial(par) < 0.6 + 0.5 * par["placebo"]).all()
