"""The reproductions of 2026: what they stand for was declared first, and each runs on a toy whose values mean nothing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from thecal.experiments.validation.reproductions import THEMES, Draw
from thecal.experiments.validation.reproductions import clinic as shared
from thecal.experiments.validation.reproductions.baselines import intraclass
from thecal.experiments.validation.reproductions.common import patients
from thecal.experiments.validation.reproductions.courses import scaled
from thecal.experiments.validation.targets import load_targets

BLIND = ("levels", "recovery", "blocks", "outcomes", "nights")  # of the last round, which nobody has scored
NEW = (
    "window", "boluses", "labor", "series", "long_term", "rhythms", "injections", "courses", "baselines", "chronic", "singles",
    *BLIND,
)  # fmt: skip
KEYS = [key for theme in NEW for key in THEMES[theme]]
TARGETS = {target.key: target for target in load_targets()}
TOY = Draw(seed=1, split="tune", scale=0.12)


def test_every_new_target_says_when_it_was_declared():
    assert all(TARGETS[key].declared is not None for key in KEYS)
    assert all(TARGETS[key].declared >= date(2026, 11, 29) for key in KEYS)


def test_enough_observations_stay_untouched():
    untouched = [target for target in TARGETS.values() if target.declared and target.role == "test"]
    assert len(untouched) >= 36
    assert {target.group for target in untouched} >= {"kinetics", "effect", "harm", "trial", "sensors"}


def test_observations_of_the_last_round_were_declared_before_it():
    blind = [TARGETS[key] for theme in BLIND for key in THEMES[theme]]
    assert len(blind) >= 48
    assert {target.role for target in blind} == {"test"}
    assert min(target.declared for target in blind) == date(2026, 11, 30)


def test_what_was_scored_before_a_fit_is_no_test_any_more():
    blind = {key for theme in BLIND for key in THEMES[theme]}
    assert {key for key, target in TARGETS.items() if target.role == "test"} == blind


def test_intraclass_correlation_is_the_share_between_people():
    people = np.random.default_rng(3).normal(0.0, 2.0, 20_000)
    noise = np.random.default_rng(4).normal(0.0, 1.0, (3, 20_000))
    assert intraclass(people + noise) == pytest.approx(0.8, abs=0.01)
    assert intraclass(np.stack((people, people))) == pytest.approx(1.0)


def test_untreated_scores_are_scaled_to_the_means_of_a_study():
    par = scaled(patients(TOY, "spasticity", 200, "baclofen"), 3.0, 2.0)
    assert par["ashworth0"].mean() == pytest.approx(3.0)
    assert par["spasm0"].mean() == pytest.approx(2.0)
    assert par["ashworth0"].min() >= 1.0


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
