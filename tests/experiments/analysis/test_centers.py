"""Trimmed means, medians and standard errors against SciPy, closed forms and brute force."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from thecal.experiments.analysis.statistics import bootstrap, mean, standard_error, trimmed_mean

columns = arrays(np.float64, st.integers(1, 25), elements=st.floats(-100, 100, allow_nan=False, width=32))
median = partial(trimmed_mean, share=0.5)


@given(columns, st.sampled_from([0.0, 0.1, 0.25, 0.4]))
def test_a_trimmed_mean_is_scipys(values, share):
    np.testing.assert_allclose(trimmed_mean(values, share=share), [stats.trim_mean(values, share)], atol=1e-9)


@given(columns)
def test_half_of_each_side_leaves_the_median(values):
    np.testing.assert_allclose(median(values), [np.median(values)], atol=1e-9)


@given(columns, st.integers(0, 2**31))
def test_counts_stand_for_values_drawn_so_often(values, seed):
    counts = np.random.default_rng(seed).multinomial(values.size, np.full(values.size, 1 / values.size), size=3)
    drawn = [np.repeat(values, times) for times in counts]
    np.testing.assert_allclose(median(values, counts), [np.median(one) for one in drawn], atol=1e-9)
    np.testing.assert_allclose(trimmed_mean(values, counts), [stats.trim_mean(one, 0.1) for one in drawn], atol=1e-9)


def test_the_error_of_a_mean_is_the_closed_form():
    values = np.random.default_rng(3).normal(size=400)
    assert standard_error(values) == pytest.approx(values.std() / 20.0, rel=0.05)


def test_the_error_of_a_median_is_that_of_a_normal_sample():
    """Its variance is pi / 2 times that of the mean, in large samples."""
    values = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    assert standard_error(values, median) == pytest.approx(np.sqrt(np.pi / 2 / 2000), rel=0.1)


def test_the_error_belongs_to_the_interval():
    values = np.random.default_rng(5).normal(size=200)
    found = bootstrap(values, mean)
    assert standard_error(values, mean) == pytest.approx((found.high - found.low) / 3.92, rel=0.05)


def test_missing_values_are_left_out():
    values = np.random.default_rng(6).normal(size=100)
    padded = np.concatenate([values, np.full(100, np.nan)])
    assert standard_error(padded) == pytest.approx(standard_error(values), rel=0.1)
    assert np.isnan(standard_error(np.full(5, np.nan)))
