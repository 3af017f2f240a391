"""The reproductions of 2026: what they stand for was declared first, and each runs on a toy whose values mean nothing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from thecal.experiments.validation.reproductions import THEMES, Draw
from thecal.experiments.validation.reproductions import clinic as shared
from thecal.experiments.validation.targets import load_targets

NEW = ("window", "boluses", "labor", "series", "long_term", "rhythms")
KEYS = [key for theme in NEW for key in THEMES[theme]]
TARGETS = {target.key: target for target in load_targets()}
TOY = Draw(seed=1, split="tune", scale=0.12)


def test_every_new_target_says_when_it_was_declared():
    assert all(TARGETS[key].declared is not None for key in KEYS)
    assert all(TARGETS[key].declared >= date(2026, 11, 29) for key in KEYS)


def test_enough_observations_stay_untouched():
    untouched = [target for target in TARGETS.values() if target.declared and target.role == "test"]
    assert len(untouched) >= 36
    assert {target.group for target in untouched} == {"kinetics", "effect", "harm", "adaptation", "trial", "sensors"}


def test_the_window_is_no_test_of_itself():
    assert {target.role for key, target in TARGETS.items() if key.startswith("window_")} == {"calibration"}


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_reproduction_gives_a_number(key):
    run = next(THEMES[theme][key] for theme in NEW if key in THEMES[theme])
    assert not np.isnan(run(TOY))


def test_a_harmed_patient_gets_less_whatever_the_pain():
    last = {"sedation": np.array([0.0, 0.6, 0.0]), "depressed": np.array([0.0, 0.0, 0.1]), "relief": np.zeros(3)}
    assert shared.careful(0.6)(last).tolist() == pytest.approx([2.2, 0.85, 0.85])


def test_weeks_of_a_year_are_the_weeks_of_a_year():
    assert shared.weeks_of(12) == 52
