"""The sampler: a posterior known in closed form, at several seeds, and what keeps a bad run from passing for a good one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from thecal.experiments.fitting.fit import NotConvergedError, _arrived
from thecal.experiments.fitting.settings import load_settings
from thecal.experiments.fitting.smc import between, sample

DIMENSIONS = 30


def _linear_gauss(seed):
    """Observations y = G z + noise of standard normals z; posterior mean and covariance in closed form."""
    rng = np.random.default_rng(seed)
    g = rng.standard_normal((8, DIMENSIONS)) * 0.8
    y = g @ rng.standard_normal(DIMENSIONS) + 0.5 * rng.standard_normal(8)
    covariance = np.linalg.inv(np.eye(DIMENSIONS) + g.T @ g / 0.25)
    return (
        (lambda points: -0.5 * ((y - points @ g.T) ** 2).sum(axis=1) / 0.25),
        covariance @ g.T @ y / 0.25,
        covariance,
        g,
    )


def test_a_gaussian_posterior_is_found():
    settings = replace(load_settings(), particles=400, last_moves=60)
    away, spread = [], []
    for seed in range(4):
        target, mean, covariance, g = _linear_gauss(seed)
        found = sample(target, DIMENSIONS, settings, seed)
        assert found.arrived
        flat = found.points.reshape(-1, DIMENSIONS)
        # Along what was observed, where prior and posterior differ most.
        seen, sd = g @ mean, np.sqrt(np.diag(g @ covariance @ g.T))
        away += list((flat @ g.T).mean(axis=0) / sd - seen / sd)
        spread += list((flat @ g.T).std(axis=0) / sd)
    # Of 32 means each known to about a tenth of its SD, and 32 spreads to about a tenth.
    assert np.abs(np.mean(away)) < 0.15
    assert np.sqrt(np.mean(np.square(away))) < 0.5
    assert np.mean(spread) == pytest.approx(1.0, abs=0.12)


def test_a_short_budget_is_no_fit():
    settings = replace(load_settings(), particles=50, temperatures=2)
    target, *_ = _linear_gauss(0)
    found = sample(target, DIMENSIONS, settings, 0)
    assert not found.arrived
    with pytest.raises(NotConvergedError, match="not reached in 2 temperatures"):
        _arrived(found, settings)


def test_populations_that_disagree_are_seen():
    rng = np.random.default_rng(1)
    same = rng.standard_normal((2, 500))
    assert between(same) < 1.02
    assert between(same + np.array([[0.0], [1.5]])) > 1.2
