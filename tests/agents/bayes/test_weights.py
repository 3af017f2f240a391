"""Weights: they add up, enough of them count, and resampling keeps their shares."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.agents.bayes.calibration import BINS, Ranks, rank_of
from thecal.agents.bayes.weights import effective, normalized, systematic, tempered

RNG = np.random.default_rng(4)
LOGS = RNG.normal(0.0, 30.0, (50, 24))


def test_weights_add_up_whatever_their_size():
    np.testing.assert_allclose(normalized(LOGS * 1e3).sum(axis=1), 1.0)
    np.testing.assert_allclose(normalized(LOGS + 1e5), normalized(LOGS), atol=1e-9)
    np.testing.assert_allclose(normalized(np.full((1, 4), -np.inf)), 0.25)


@pytest.mark.parametrize("least", [1.0, 6.0, 23.0])
def test_as_many_models_count_as_must(least):
    size = effective(tempered(LOGS, least))
    assert (size >= least - 1e-6).all()
    assert (size <= 24.0 + 1e-9).all()
    sharp = effective(normalized(LOGS)) < least
    np.testing.assert_allclose(size[sharp], least, rtol=1e-3)


def test_weights_that_are_flat_enough_stay():
    flat = LOGS / 100.0
    np.testing.assert_array_equal(tempered(flat, 2.0), normalized(flat))


def test_the_dead_count_only_where_all_are():
    logs = np.where(np.arange(24) < 3, LOGS, -np.inf)
    found = tempered(logs, 8.0)
    assert (found[:, 3:] == 0.0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert (effective(found) <= 3.0 + 1e-9).all()


def test_resampling_keeps_shares_to_one_place():
    weights = normalized(LOGS / 20.0)
    places = systematic(weights, 1000, RNG.random(50))
    counts = np.array([np.bincount(row, minlength=24) for row in places])
    assert (np.abs(counts - 1000 * weights) <= 1.0 + 1e-6).all()
    one = np.zeros((1, 5))
    one[0, 4] = 1.0
    assert systematic(one, 3, np.array([0.99])).tolist() == [[4, 4, 4]]


def test_honest_predictions_have_flat_ranks():
    n, models = 20_000, 40
    center = RNG.normal(5.0, 1.0, (n, 1))
    pain = center + RNG.normal(0.0, 1.0, (n, models))
    report = center[:, 0] + RNG.normal(0.0, 1.0, n) + RNG.normal(0.0, 1.5, n)
    ranks = Ranks()
    assert np.isnan(ranks.coverage(0.8))
    ranks.add(rank_of(np.round(report), pain, np.full((n, models), 1.0 / models), 1.5))
    assert ranks.counts.sum() == n
    assert len(ranks.counts) == BINS
    for share in (0.5, 0.8, 0.9):
        assert ranks.coverage(share) == pytest.approx(share, abs=0.03)


def test_overconfident_predictions_show():
    report = RNG.normal(5.0, 3.0, 5000)
    ranks = Ranks()
    ranks.add(rank_of(np.append(report, np.nan), np.full((5001, 1), 5.0), np.ones((5001, 1)), 1.0))
    assert ranks.counts.sum() == 5000
    assert ranks.coverage(0.8) < 0.5
