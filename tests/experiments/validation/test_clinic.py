"""Who gets a pump after a trial, and when more than a bolus is asked for."""

from __future__ import annotations

import numpy as np

from thecal.experiments.validation.reproductions.clinic import implanted
from thecal.experiments.validation.reproductions.common import Draw, hours_to_demand, patients, tolerant_start

WHO = Draw(seed=4101, split="tune")


def test_a_trial_keeps_its_share_and_those_whose_pain_answers() -> None:
    par = patients(WHO, "noncancer", 24)
    kept, then = implanted(par, tolerant_start(par) / 5.0, 0.75)
    assert len(kept) == len(then.dose) == len(then.state) == len(then.before) == 18
    assert kept["channel"]["emax_noci"][:, 0].mean() > par["channel"]["emax_noci"][:, 0].mean()


def test_more_drug_puts_off_the_request_for_more() -> None:
    usual, larger = (hours_to_demand(WHO, dose, "clonidine", 0.8, 24) for dose in (100.0, 400.0))
    assert np.all(larger > usual)
    assert np.all(hours_to_demand(WHO, 100.0, "clonidine", 0.9, 24) <= usual)
