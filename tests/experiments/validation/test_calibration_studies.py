"""Studies of calibrations: what is refused, what a distance to an interval is, and the scale of the search."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thecal.core.errors import ParameterError, UnknownNameError
from thecal.experiments.validation.calibration.objective import Coordinates, cost, distance, mean, offset
from thecal.experiments.validation.calibration.problem import problem_of
from thecal.experiments.validation.calibration.study import load_study, study_names

from support.scores import target
from support.spoiled_tables import write
from support.studies import changed, study, tables


def test_a_study_by_an_unknown_name_is_answered():
    with pytest.raises(UnknownNameError, match="did you mean 'opioid_window'"):
        load_study("opiod_window")


@pytest.mark.parametrize("name", study_names())
def test_shipped_studies_fit_the_model(name):
    problem = problem_of(load_study(name))
    assert problem.targets
    assert np.isfinite(problem.coordinates.to_z(problem.shipped)).all()


BAD = [
    ("free.brainstem.prior.source", ..., "free.brainstem.prior.source: is missing"),
    ("free.brainstem.prior.source", " - ", "free.brainstem.prior.source: source names nothing"),
    ("free.brainstem.prior.median", 3.0, "free.brainstem: prior.median: 3 is outside of the bounds [0.05, 1.2]"),
    ("free.brainstem.prior.spread", ..., "a lognormal prior needs a spread"),
    ("free.brainstem.prior.spread", -1.0, "free.brainstem.prior.spread: must be above 0"),
    ("free.brainstem.prior.distribution", "uniform", "a uniform prior has no spread"),
    ("free.brainstem.prior.kind", "guess", "free.brainstem.prior.kind"),
    ("free.brainstem.bounds", [1.2, 0.05], "free.brainstem: bounds: 1.2 is not below 0.05"),
    ("free.brainstem.bounds", [0.0, 1.0], "a search on a log scale needs a bound above 0"),
    ("free.brainstem.bounds", [0.05], "free.brainstem.bounds"),
    ("free.brainstem.unit", "hour", "free.brainstem.unit: unit 'hour' cannot be read as 'ug/mL'"),
    ("free.brainstem.unit", "ug//mL", "free.brainstem.unit"),
    ("free.brainstem.file", "drugs/morfine", "free.brainstem.file: no parameter file 'drugs/morfine' (did you mean"),
    ("free.brainstem.file", "../secrets", "free.brainstem.file: no parameter file"),
    ("free.brainstem.key", "effect.ec50_brain", "free.brainstem.key: drugs/morphine has no 'effect.ec50_brain' (did you"),
    ("free.brainstem.what", "cv", "free.brainstem: unit: a cv is dimensionless, not in ug/mL"),
    ("free.breathing_spread.what", "sd", "free.breathing_spread.what: breathing.sensitivity of receptors/mu states no sd"),
    ("free.breathing_spread", tables()["free"]["breathing_spread"] | {"what": "value", "bounds": [0.001, 1.0]},
     "free.breathing_spread.bounds: 0.001 dimensionless: mu.toml: breathing.sens"),
    ("free.brainstem.key", "effect.efficacy", "free.brainstem.unit: unit 'ug/mL' cannot be read as 'dimensionless'"),
    ("free.again", tables()["free"]["brainstem"], "free.again: value of effect.ec50_brainstem is free already as brainstem"),
    ("free", {}, "free: must have at least 1"),
    ("target.csf_half_lif", {}, "target.csf_half_lif: no such target (did you mean 'csf_half_life'?)"),
    ("target.csf_half_life.weight", 0.0, "target.csf_half_life.weight: must be above 0"),
    ("target.plateau", {}, "; what is fitted must be declared calibration first"),
    ("patients.seeds", [2025], "patients.seeds: 2025 is not one of the seeds kept for calibrations"),
    ("patients.seeds", [4101, 4101], "patients.seeds: a seed is given twice"),
    ("patients.split", "test", "patients.split: unknown"),
    ("search.generations", 0, "search.generations: must be at least 1"),
    ("enough.over", 1, "enough.over: must be at least 2"),
    ("structure", "third", "structure: must be 'axial', 'compartment' or 'both'"),
    ("name", "other", "name: unknown; a study has the name of its file"),
    ("colour", "red", "colour: unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value", "said"), BAD, ids=[f"{k}-{place}" for k, (place, _, _) in enumerate(BAD)])
def test_a_bad_study_is_refused_with_file_and_key(place, value, said, tmp_path):
    path = write(tmp_path / "mine.toml", changed(place, value))
    with pytest.raises(ParameterError) as raised:
        problem_of(load_study(path))
    assert str(raised.value).startswith("mine.toml: ")
    assert said in str(raised.value)
    assert raised.value.exit_code == 3


LINEAR = target(low=2.0, high=6.0, observed=4.0, scale="linear", unit="h")
RATIO = target(low=1.0, high=4.0, observed=2.0, scale="log", unit="h")
SHARE = target(low=0.0, high=3.0, observed=1.0, scale="linear", unit="%")
OVER = target(low=5.0, high=1e6, observed=9.0, scale="linear", unit="h")


@pytest.mark.parametrize(
    ("aim", "value", "far"),
    [
        (LINEAR, 4.0, 0.0), (LINEAR, 5.0, 0.0), (LINEAR, 6.0, 1.0), (LINEAR, 2.0, 1.0), (LINEAR, 8.0, 3.0),
        (LINEAR, math.nan, 100.0), (LINEAR, 1e12, 100.0), (RATIO, 2.0, 0.0), (RATIO, 4.0, 1.0), (RATIO, 8.0, 3.0),
        (RATIO, 0.0, 100.0), (SHARE, 0.0, 0.0), (SHARE, 3.0, 1.0), (SHARE, 2.25, 0.0), (SHARE, 4.5, 3.0),
        (OVER, 5.0, 1.0), (OVER, 1e5, 0.0), (OVER, 7.0, 0.0),
    ],
)  # fmt: skip
def test_distance_to_an_interval(aim, value, far):
    assert distance(aim, value, 0.5) == pytest.approx(far)
    assert math.isfinite(cost(aim, value, 2.0, 0.5))


def test_cost_is_square_near_and_straight_far():
    assert cost(LINEAR, 4.0, 1.0, 0.5) == 0.0
    assert cost(LINEAR, 6.0, 1.0, 0.5) == pytest.approx(0.5, rel=0.03)
    far = [cost(LINEAR, 6.0 + step, 1.0, 0.5) for step in (30.0, 40.0, 50.0)]
    assert far[2] - far[1] == pytest.approx(far[1] - far[0], rel=0.01)
    assert cost(LINEAR, 6.0, 3.0, 0.5) == 3.0 * cost(LINEAR, 6.0, 1.0, 0.5)


def test_offsets_are_minus_one_and_one_at_the_ends():
    assert [offset(LINEAR, value) for value in (2.0, 4.0, 6.0)] == [-1.0, 0.0, 1.0]
    assert offset(RATIO, 2.0) == pytest.approx(0.0)
    assert math.isnan(offset(LINEAR, math.nan))
    assert offset(OVER, 5.0) < 0.0 < offset(OVER, 1e3)


def test_means_are_taken_on_the_targets_scale():
    assert mean(RATIO, (1.0, 4.0))[0] == pytest.approx(2.0)
    assert mean(LINEAR, (1.0, 4.0)) == pytest.approx((2.5, 1.5))
    assert math.isnan(mean(LINEAR, (1.0,))[1])
    assert math.isnan(mean(RATIO, (1.0, math.nan))[0])


def test_the_scale_of_the_search_is_the_priors_spread():
    free = study().free
    coordinates = Coordinates.of(free)
    assert coordinates.to_values(np.zeros(2)) == pytest.approx([0.25, 0.45])
    one = coordinates.to_values(np.ones(2))
    assert one == pytest.approx([0.25 * math.exp(0.5), 0.75])
    assert coordinates.penalty(one) == pytest.approx(1.0)
    assert coordinates.to_z(one) == pytest.approx(np.ones(2))
    low, high = coordinates.bounds().T
    assert coordinates.to_values(low) == pytest.approx([0.05, 0.1])
    assert coordinates.to_values(high + 1.0).tolist() == [1.2, 1.0]
