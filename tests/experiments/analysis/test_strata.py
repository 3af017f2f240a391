"""Resampling within strata: what is the same in each stratum adds no spread, and one stratum is as none."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.experiments.analysis.statistics import bootstrap, iqm, paired_difference, resampled

RNG = np.random.default_rng(3)


def test_one_stratum_is_as_none():
    values = RNG.normal(size=(3, 20))
    assert bootstrap(values, strata=np.full(20, 7)) == bootstrap(values)
    assert paired_difference(values, values[:1], strata=[1] * 20) == paired_difference(values, values[:1])


def test_differences_between_strata_add_no_spread():
    strata = np.repeat([11, 12, 13], [10, 20, 30])
    values = strata.astype(float)
    found = bootstrap(values, strata=strata)
    assert found.low == found.mean == found.high
    assert bootstrap(values).low < found.mean


def test_the_order_of_patients_decides_nothing_of_the_sizes():
    strata = np.tile([1, 2], 15)
    drawn = resampled(np.where(strata == 1, 1.0, 0.0), strata=strata)
    np.testing.assert_allclose(drawn, 0.5)


def test_labels_must_be_as_many_as_patients():
    with pytest.raises(ConfigError, match="3 labels of strata for 4 patients"):
        bootstrap(np.zeros(4), strata=[1, 2, 3])


@pytest.mark.parametrize("statistic", [None, iqm])
def test_intervals_cover_the_truth(statistic):
    """200 studies of 2 strata of 40 patients: a 95 % interval misses about one in twenty."""
    strata, hits = np.repeat([0, 1], 40), 0
    for k in range(200):
        values = np.random.default_rng(k).normal(size=80) + strata
        more = {} if statistic is None else {"statistic": statistic}
        found = bootstrap(values, seed=k, resamples=400, strata=strata, **more)
        hits += found.low <= 0.5 <= found.high
    assert 0.90 <= hits / 200 <= 0.99
