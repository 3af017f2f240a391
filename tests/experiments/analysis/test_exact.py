"""Exact bounds against closed forms, published values and the coverage that they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from thecal.experiments.analysis.exact import share_interval, share_upper


@pytest.mark.parametrize(
    ("events", "n", "low", "high"),
    [
        (0, 10, 0.0, 1.0 - 0.025**0.1),
        (10, 10, 0.025**0.1, 1.0),
        (5, 10, 0.18709, 0.81291),  # Clopper and Pearson's tables
        (1, 20, 0.00127, 0.24873),
        (0, 1, 0.0, 0.975),
    ],
)
def test_a_share_has_clopper_and_pearsons_interval(events, n, low, high):
    found = share_interval(events, n)
    assert found.mean == events / n
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))


@pytest.mark.parametrize("truth", [0.001, 0.05, 0.3, 0.5, 0.77, 0.999])
def test_it_covers_at_least_what_it_promises(truth):
    n = 25
    ends = [share_interval(k, n) for k in range(n + 1)]
    weights = stats.binom.pmf(np.arange(n + 1), n, truth)
    covered = sum(w for w, found in zip(weights, ends, strict=True) if found.low <= truth <= found.high)
    assert covered >= 0.95


def test_nobody_gives_no_share():
    assert np.isnan(share_interval(0, 0).mean)


def test_two_sides_at_half_the_level_are_one_side():
    assert share_interval(3, 40, level=0.90).high == pytest.approx(share_upper(3, 40, level=0.95))
