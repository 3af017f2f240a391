"""Statistics against closed forms, brute force and SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from thecal.core.errors import ConfigError
from thecal.experiments.analysis.decision import verdict
from thecal.experiments.analysis.exact import event_rate_upper, share_upper
from thecal.experiments.analysis.results import Interval
from thecal.experiments.analysis.statistics import (
    bootstrap,
    cvar,
    holm,
    iqm,
    mean,
    paired_difference,
    probability_of_improvement,
    sign_flip_p,
)

NAN = float("nan")
numbers = st.floats(-100, 100, allow_nan=False, width=32)
columns = arrays(np.float64, st.integers(1, 25), elements=numbers)


def interval(mean, low, high):
    return Interval(mean=mean, low=low, high=high)


def skewed(n=60, seed=2):
    return np.random.default_rng(seed).lognormal(0.0, 0.8, n)


@given(columns)
def test_iqm_is_the_trimmed_mean(values):
    np.testing.assert_allclose(iqm(values), [stats.trim_mean(values, 0.25)], atol=1e-9)


@given(columns, st.floats(0.05, 1.0))
def test_cvar_is_the_mean_of_the_worst(values, share):
    worst = np.sort(values)[: max(1, int(np.ceil(share * len(values) - 1e-9)))]
    np.testing.assert_allclose(cvar(values, better=1, share=share), [worst.mean()], atol=1e-9)
    np.testing.assert_allclose(cvar(-values, better=-1, share=share), [-worst.mean()], atol=1e-9)


@given(columns, st.data())
@pytest.mark.parametrize("statistic", [mean, iqm, cvar])
def test_counting_a_value_twice_is_having_it_twice(statistic, values, data):
    counts = data.draw(arrays(np.int64, len(values), elements=st.integers(0, 4)))
    repeated = np.repeat(values, counts)
    expected = statistic(repeated) if len(repeated) else [NAN]
    np.testing.assert_allclose(statistic(values, counts[None, :]), expected, atol=1e-9)


def test_a_resample_may_hold_none_of_the_lowest_values():
    values = np.arange(200.0)
    counts = np.ones((2, 200))
    counts[1, :180] = 0.0
    counts[1, 180:] = 10.0
    assert cvar(values, counts).tolist() == [9.5, 180.5]


@pytest.mark.parametrize("statistic", [mean, iqm, cvar])
def test_missing_values_are_left_out(statistic):
    values = np.array([3.0, NAN, 1.0, 7.0, NAN, 4.0])
    np.testing.assert_array_equal(statistic(values), statistic(values[~np.isnan(values)]))
    assert np.isnan(statistic(np.full(3, NAN))).all()


def test_cvar_of_twenty():
    values = np.arange(1.0, 21.0)
    assert cvar(values, better=1).tolist() == [1.5]
    assert cvar(values, better=-1).tolist() == [19.5]


def test_bootstrap_of_a_mean_agrees_with_the_normal_interval():
    values = np.random.default_rng(0).normal(3.0, 2.0, 500)
    found = bootstrap(values)
    half = 1.96 * values.std() / np.sqrt(500)
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.mean == pytest.approx(half, rel=0.08)
    assert found.mean - found.low == pytest.approx(half, rel=0.08)


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize(
    ("ours", "theirs"), [(mean, np.mean), (iqm, lambda x, axis: stats.trim_mean(x, 0.25, axis=axis))]
)
def test_bootstrap_agrees_with_scipy(method, ours, theirs):
    values = skewed()
    found = bootstrap(values, ours, resamples=20_000, method=method)
    known = stats.bootstrap(
        (values,), theirs, n_resamples=20_000, method=method, vectorized=True, rng=np.random.default_rng(1)
    ).confidence_interval
    width = known.high - known.low
    assert found.low == pytest.approx(known.low, abs=0.04 * width)
    assert found.high == pytest.approx(known.high, abs=0.04 * width)


def test_bca_leans_to_the_long_tail():
    values = skewed(30)
    plain, corrected = bootstrap(values), bootstrap(values, method="bca")
    assert corrected.low > plain.low
    assert corrected.high > plain.high


def test_bca_of_equal_values_is_the_point():
    assert bootstrap(np.full(10, 2.5), method="bca") == interval(2.5, 2.5, 2.5)


def test_level_sets_the_width():
    values = skewed()
    narrow, wide = bootstrap(values, level=0.5), bootstrap(values, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_seed_decides_the_draws():
    values = skewed()
    assert bootstrap(values, seed=3) == bootstrap(values, seed=3)
    assert bootstrap(values, seed=3) != bootstrap(values, seed=4)


def test_resampling_in_pieces_changes_nothing(monkeypatch):
    values = np.vstack([skewed(), skewed(seed=5)])
    whole = bootstrap(values, cvar)
    monkeypatch.setattr("thecal.experiments.analysis.statistics._AT_ONCE", 1000)
    assert bootstrap(values, cvar) == whole


def test_training_seeds_are_resampled_too():
    """Patients alike, seeds 0, 1 and 2: the mean takes the 27 equally likely values of three draws."""
    values = np.repeat([[0.0], [1.0], [2.0]], 40, axis=1)
    possible = np.sort([np.mean(draw) for draw in itertools.product((0.0, 1.0, 2.0), repeat=3)])
    found = bootstrap(values, level=0.8, resamples=8000)
    low, high = np.quantile(possible, [0.1, 0.9], method="inverted_cdf")
    assert (found.mean, found.low, found.high) == (1.0, pytest.approx(low), pytest.approx(high))


def test_equal_training_seeds_add_no_spread():
    values = skewed()
    several, one = bootstrap(np.vstack([values] * 3)), bootstrap(values)
    np.testing.assert_allclose([several.low, several.high], [one.low, one.high], rtol=1e-12)


def test_nothing_known_gives_nothing():
    assert np.isnan(list(vars(bootstrap(np.full(5, NAN))).values())).all()
    assert np.isnan(list(vars(paired_difference([NAN, 1.0], [1.0, NAN])).values())).all()
    assert np.isnan(probability_of_improvement([NAN], [1.0], 1))
    assert np.isnan(sign_flip_p([NAN]))


def test_three_dimensions_are_refused():
    with pytest.raises(ConfigError, match="expected \\[patients\\] or \\[seeds, patients\\]"):
        bootstrap(np.zeros((2, 2, 2)))


def test_paired_difference_is_the_bootstrap_of_differences():
    own, other = skewed(seed=1), skewed(seed=2)
    found, known = paired_difference(own, other, seed=7), bootstrap(own - other, seed=7)
    np.testing.assert_allclose(list(vars(found).values()), list(vars(known).values()), rtol=1e-9)


def test_pairing_removes_what_patients_share():
    patients = 10.0 * skewed(100)
    gap = paired_difference(patients + 1.0, patients)
    assert list(vars(gap).values()) == pytest.approx([1.0, 1.0, 1.0])


def test_paired_difference_covers_the_seeds_of_either_side():
    patients = skewed(50)
    varied = np.vstack([patients - 1.0, patients, patients + 1.0])
    for gap in (paired_difference(varied, patients), paired_difference(patients, varied)):
        assert gap.mean == pytest.approx(0.0, abs=1e-12)
        assert (gap.low, gap.high) == (pytest.approx(-1.0), pytest.approx(1.0))


def test_paired_difference_needs_the_same_patients():
    with pytest.raises(ConfigError, match="of 3 and 4 patients"):
        paired_difference(np.zeros(3), np.zeros(4))


def test_a_patient_missing_on_one_side_is_left_out():
    found = paired_difference([1.0, 2.0, NAN, 4.0], [0.0, NAN, 5.0, 1.0])
    assert found.mean == 2.0


@pytest.mark.parametrize(
    ("low", "high", "better", "margin", "says"),
    [
        (0.1, 2.0, 1, None, "superior"),
        (-2.0, -0.1, -1, None, "superior"),
        (-2.0, -0.1, 1, None, "inferior"),
        (0.1, 2.0, -1, None, "inferior"),
        (-0.1, 2.0, 1, None, "inconclusive"),
        (0.0, 0.0, -1, 0.0, "non-inferior"),
        (-3.0, 1.0, -1, 1.0, "non-inferior"),
        (-3.0, 1.1, -1, 1.0, "inconclusive"),
        (0.2, 0.8, -1, 1.0, "non-inferior"),
        (0.2, 1.8, -1, 1.0, "inferior"),
        (-3.0, -1.0, -1, 1.0, "superior"),
        (1.0, 2.0, 0, None, "inconclusive"),
        (NAN, NAN, 1, 1.0, "inconclusive"),
    ],
)
def test_verdict(low, high, better, margin, says):
    assert verdict(interval(0.5 * (low + high), low, high), better, margin) == says


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=20))
def test_probability_of_improvement_counts_pairs(pairs):
    own, other = np.array(pairs, np.float64).T
    expected = np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs])
    assert probability_of_improvement(own, other, 1) == pytest.approx(expected)
    assert probability_of_improvement(own, other, -1) == pytest.approx(1.0 - expected)


def test_probability_of_improvement_over_training_seeds():
    assert probability_of_improvement([[1.0, 1.0], [-1.0, 1.0]], [0.0, 0.0], 1) == 0.75


def test_sign_flips_agree_with_all_of_them():
    gaps = np.array([1.2, 0.7, -0.3, 2.1, 0.4, 0.9, -0.2, 1.5])
    every = np.array(list(itertools.product((-1, 1), repeat=len(gaps)))) @ gaps
    expected = np.mean(np.abs(every) >= abs(gaps.sum()) - 1e-12)
    assert sign_flip_p(gaps, resamples=40_000) == pytest.approx(expected, abs=0.004)


@pytest.mark.parametrize("n", [1, 2, 11])
def test_few_patients_have_an_exact_p(n):
    gaps = np.arange(1.0, n + 1.0)
    assert sign_flip_p(gaps) == pytest.approx(2.0 ** (1 - n))


def test_many_patients_have_a_p_that_is_never_zero():
    assert sign_flip_p(np.ones(40), resamples=999) == 0.001
    assert sign_flip_p(skewed() - 1.0, seed=1) == sign_flip_p(skewed() - 1.0, seed=1)


@pytest.mark.parametrize("n", [1, 10, 30])
def test_no_difference_has_p_one(n):
    assert sign_flip_p(np.zeros(n)) == 1.0


def test_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    np.testing.assert_allclose(holm([NAN, 0.02, 0.5]), [NAN, 0.04, 0.5])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_stepping_down_rejects(p):
    rejected = set()
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: (p[i], i))):
        if p[index] * (len(p) - rank) > 0.05:
            break
        rejected.add(index)
    assert {i for i, value in enumerate(holm(p)) if value <= 0.05} == rejected


def test_no_event_is_the_rule_of_three():
    assert event_rate_upper(0, 100.0) == pytest.approx(0.03, rel=0.002)
    assert np.isnan(event_rate_upper(0, 0.0))


@pytest.mark.parametrize("events", [1, 2, 5, 20, 200])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_event_bound_is_the_gamma_quantile(events, level):
    exact = stats.gamma.ppf(level, events + 1) / 50.0
    assert event_rate_upper(events, 50.0, level) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("events", [0, 1, 3])
def test_event_bound_is_the_rate_that_leaves_five_percent(events):
    assert stats.poisson.cdf(events, event_rate_upper(events, 40.0) * 40.0) == pytest.approx(0.05)


@pytest.mark.parametrize(("events", "n"), [(0, 1), (0, 24), (3, 24), (23, 24)])
def test_share_bound_is_the_share_that_leaves_five_percent(events, n):
    bound = share_upper(events, n)
    assert stats.binom.cdf(events, n, bound) == pytest.approx(0.05)
    assert bound == pytest.approx(stats.binomtest(events, n, alternative="less").proportion_ci(0.95, "exact").high)


def test_a_share_is_never_bounded_above_one():
    assert share_upper(0, 1) == pytest.approx(0.95)
    assert share_upper(4, 4) == 1.0
    assert np.isnan(share_upper(0, 0))
