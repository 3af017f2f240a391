"""Profiles, probability of improvement, ranks, utilities and subgroups on numbers one can add up in the head."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.experiments.analysis.profiles import agreement, improvement, places, profile
from thecal.experiments.analysis.subgroups import effects, subgroups
from thecal.experiments.analysis.utility import PARTS, WEIGHTINGS, utility, weights
from thecal.experiments.rollouts.charts import CHART

N = 30


def charts(**columns):
    base = {name: np.zeros(N) for name in CHART} | {"crcl_ml_per_min": np.full(N, 90.0)}
    return base | {name: np.asarray(values, float) for name, values in columns.items()}


def test_a_profile_is_the_share_above():
    points = profile(np.array([[10.0, 20.0, 30.0, 40.0]]), [0.0, 20.0, 40.0], resamples=200)
    assert [(point.above, point.share.mean) for point in points] == [(0.0, 1.0), (20.0, 0.5), (40.0, 0.0)]
    assert points[1].share.low < 0.5 < points[1].share.high


def test_improvement_counts_ties_half():
    found = improvement(np.array([[2.0, 1.0, 0.0, 5.0]]), np.array([[1.0, 1.0, 1.0, 1.0]]))
    assert found.mean == pytest.approx(0.625)


def test_improvement_averages_over_seeds_of_both():
    own, other = np.array([[1.0], [3.0]]), np.array([[0.0], [2.0]])
    assert improvement(own, other).mean == pytest.approx(0.75)  # three of four pairs


def test_ranks_tell_apart_what_differs():
    noise = np.random.default_rng(1).normal(size=N)
    rows = {"good": noise + 50.0, "twin": noise + 50.0, "bad": noise}
    found = places({name: values[None] for name, values in rows.items()}, resamples=300)
    assert {name: one.rank for name, one in found.items()} == {"good": 1, "twin": 1, "bad": 3}
    assert (found["bad"].low, found["bad"].high) == (3, 3)
    noisy = {"a": np.random.default_rng(2).normal(size=(1, N)), "b": np.random.default_rng(3).normal(size=(1, N))}
    assert {(one.low, one.high) for one in places(noisy, resamples=300).values()} == {(1, 2)}
    assert places({}) == {}


def test_agreement_is_kendalls_tau():
    assert agreement([1, 2, 3, 4], [1, 2, 3, 4]) == 1.0
    assert agreement([1, 2, 3, 4], [4, 3, 2, 1]) == -1.0
    assert agreement([1, 2, 3], [1, 3, 2]) == pytest.approx(1 / 3)
    assert np.isnan(agreement([1], [1]))
    assert np.isnan(agreement([1, 1], [1, 2]))


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_utility_weighs_each_part(weighting):
    for part, key in PARTS.items():
        columns = {one: np.array([100.0 if one == key else 0.0]) for one in PARTS.values()}
        assert utility(columns, weighting).tolist() == [100.0 * weights()[weighting][part]]


def test_weightings_lean_as_they_say():
    relief, balanced, averse = (weights()[name] for name in WEIGHTINGS)
    assert relief["well"] == balanced["well"] == averse["well"] == 1.0
    assert relief["pain"] < balanced["pain"] < averse["pain"] + 1e-9
    for harm in ("nausea", "withdrawal", "sedation", "breathing", "death"):
        assert averse[harm] < balanced[harm] <= relief[harm] <= 0.0


def test_levels_of_a_group_hold_everybody_once():
    rng = np.random.default_rng(0)
    drawn = charts(age_y=rng.uniform(30, 95, N), crcl_ml_per_min=rng.uniform(10, 120, N), neuropathic=rng.random(N),
                   comt_met=rng.integers(0, 3, N), sleep_apnea=rng.integers(0, 2, N))  # fmt: skip
    for levels in subgroups(drawn).values():
        assert np.sum(list(levels.values()), axis=0).tolist() == [1] * N


def test_bounds_belong_to_the_upper_level():
    found = subgroups(charts(age_y=[64.9, 65.0, 75.0] + [50.0] * 27, medd_mg_per_d=[59.9, 60.0, 0.0] + [0.0] * 27,
                             gabapentinoid=[0, 0, 1] + [0] * 27))  # fmt: skip
    assert [np.flatnonzero(who)[-1] for who in found["age"].values()] == [29, 1, 2]
    assert np.flatnonzero(found["opioid-tolerant"]["yes"]).tolist() == [1]
    assert np.flatnonzero(found["sedatives"]["yes"]).tolist() == [2]


def test_an_effect_lies_in_the_group_that_has_it():
    apnea = np.repeat([0.0, 1.0], [20, 10])
    own, base = (10.0 * apnea)[None], np.zeros((1, N))
    found = effects(own, base, charts(sleep_apnea=apnea), seed=0, strata=np.zeros(N), resamples=100)
    by = {(one.group, one.level): one for one in found}
    assert (by["sleep apnea", "yes"].patients, by["sleep apnea", "yes"].difference.mean) == (10, 10.0)
    assert by["sleep apnea", "no"].difference.mean == 0.0


def test_too_few_patients_have_no_interval():
    own, few = np.ones((1, N)), charts(sleep_apnea=[1] * 9 + [0] * 21)
    found = effects(own, own, few, seed=0, strata=np.zeros(N), resamples=100)
    (rare,) = (one for one in found if (one.group, one.level) == ("sleep apnea", "yes"))
    assert rare.patients == 9
    assert np.isnan(rare.difference.low)
