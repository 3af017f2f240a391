"""The tests of a trial against SciPy, published examples and hand-made sums; their error under no effect by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from thecal.core.errors import ConfigError
from thecal.experiments.analysis.trial_statistics import clusters, crossover, paired, two_arms, widened

RNG = np.random.default_rng(11)
A, B = RNG.normal(1.0, 1.0, 40), RNG.normal(0.3, 2.0, 25)


def test_two_arms_are_welchs_t():
    found, known = two_arms(A, B), stats.ttest_ind(A, B, equal_var=False)
    assert found.p == pytest.approx(known.pvalue)
    ends = known.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.estimate == pytest.approx(A.mean() - B.mean())
    assert 2 * stats.norm.sf(abs(found.statistic)) == pytest.approx(known.pvalue)
    assert found.statistic > 0


def test_who_has_no_value_is_left_out():
    more = two_arms([*A, np.nan], [np.nan, *B])
    assert more[:6] == two_arms(A, B)[:6]
    assert more.n == (40, 25)


def test_shares_by_a_published_example():
    """Newcombe 1998, example (a): 56 of 70 against 48 of 80, difference 0.2 with 0.0524 to 0.3339 by his method 10."""
    found = two_arms([1] * 56 + [0] * 14, [1] * 48 + [0] * 32, binary=True)
    assert found.estimate == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    table = stats.chi2_contingency([[56, 14], [48, 32]], correction=False)
    assert found.p == pytest.approx(table.pvalue)


def test_the_cancer_trial_has_its_published_p():
    """60 of 71 against 51 of 72 (Smith 2002): P = .05."""
    found = two_arms([1] * 60 + [0] * 11, [1] * 51 + [0] * 21, binary=True)
    assert found.p == pytest.approx(0.05, abs=0.005)
    assert 100 * found.first == pytest.approx(84.5, abs=0.05)


def test_strata_take_out_what_they_explain():
    """Ten times the difference lies between strata, which are mixed unevenly over the arms."""
    own = np.repeat([0, 1], [30, 10]), np.repeat([0, 1], [10, 30])
    a, b = (10.0 * labels + RNG.normal(shift, 1.0, 40) for labels, shift in zip(own, (1.0, 0.0), strict=True))
    plain, fair = two_arms(a, b), two_arms(a, b, strata=own)
    assert plain.estimate < -2.0
    assert abs(fair.estimate - 1.0) < 4 * fair.error
    assert fair.error < plain.error
    one = two_arms(A, B, strata=(np.zeros(40), np.zeros(25)))
    assert one.estimate == pytest.approx(A.mean() - B.mean())


def test_a_stratum_of_one_arm_says_nothing():
    found = two_arms([1.0, 2.0, 3.0, 9.0, 9.5], [0.0, 1.0, 2.0], strata=([0, 0, 0, 1, 1], [0, 0, 0]))
    assert found.estimate == pytest.approx(1.0)


def test_pairs_are_the_t_of_differences():
    found, known = paired(A[:25], B), stats.ttest_rel(A[:25], B)
    assert found.p == pytest.approx(known.pvalue)
    assert found.n == (25, 25)


def test_a_crossover_cancels_the_period():
    """Effect 2, period 5: by hand the half difference of the sequences."""
    first_first = np.array([True, True, True, False, False, False])
    base = np.array([1.0, 4.0, 2.0, 3.0, 0.0, 5.0])
    periods = np.stack((base + np.where(first_first, 2.0, 0.0), base + 5.0 + np.where(first_first, 0.0, 2.0)), axis=1)
    noise = np.array([0.1, -0.1, 0.0, 0.1, -0.1, 0.0])
    periods[:, 1] += noise
    found = crossover(periods, first_first)
    assert found.estimate == pytest.approx(2.0)
    assert found.first - found.second == pytest.approx(2.0)
    assert found.p < 1e-4
    assert found.extra["carryover_p"] > 0.1


def test_what_is_carried_over_shows():
    order = np.repeat([True, False], 30)
    periods = RNG.normal(0.0, 1.0, (60, 2))
    periods[order, 1] += 4.0  # the first arm's effect lasts
    assert crossover(periods, order).extra["carryover_p"] < 1e-3


def test_clusters_count_as_one_each():
    of = np.repeat(np.arange(8), 5)
    side = of % 2 == 0
    y = RNG.normal(0.0, 1.0, 8)[of] + RNG.normal(0.0, 0.2, 40)
    found = clusters(y, of, side)
    means = np.array([y[of == k].mean() for k in range(8)])
    known = stats.ttest_ind(means[::2], means[1::2])
    assert found.p == pytest.approx(known.pvalue)
    assert found.n == (4, 4)
    assert found.extra["icc"] > 0.7
    assert two_arms(y[side], y[~side]).error < found.error


def test_intraclass_correlation_of_independent_values_is_none():
    of = np.repeat(np.arange(40), 25)
    y = np.random.default_rng(2).normal(0.0, 1.0, 1000)
    assert abs(clusters(y, of, of % 2 == 0).extra["icc"]) < 0.05


@pytest.mark.parametrize("found", [two_arms([1.0], [1.0, 2.0]), paired([1.0], [1.0]), two_arms([], []),
                                   clusters([1.0, 2.0], [0, 1], [True, False]),
                                   crossover([[1.0, 2.0]], [True])])  # fmt: skip
def test_too_few_values_show_nothing(found):
    assert found.p == 1.0
    assert found.statistic == 0.0
    assert np.isnan(found.estimate)


def test_equal_values_differ_in_nothing_or_in_all():
    assert two_arms([1.0] * 5, [1.0] * 5).p == 1.0
    assert two_arms([1.0] * 5, [0.0] * 5).p == 0.0


def test_a_repeated_interval_is_as_wide_as_its_bound():
    found = widened(two_arms(A, B), 3.0)
    assert found.high - found.estimate == pytest.approx(3.0 * found.error)
    with pytest.raises(ConfigError):
        widened(found, 0.0)


@pytest.mark.parametrize("design", ["welch", "shares", "paired", "crossover", "cluster"])
def test_no_effect_is_found_as_often_as_alpha_says(design):
    """1000 trials of no effect: 5 % within 4 Monte-Carlo standard errors (0.7 points) and a point for small samples."""
    rng = np.random.default_rng(17)
    order, of = np.arange(40) < 20, np.repeat(np.arange(10), 6)

    def p():
        if design == "welch":
            return two_arms(rng.normal(0, 1, 30), rng.normal(0, 3, 20)).p
        if design == "shares":
            return two_arms(rng.random(80) < 0.6, rng.random(80) < 0.6, binary=True).p
        if design == "paired":
            return paired(rng.normal(0, 1, 25), rng.normal(0, 1, 25)).p
        if design == "crossover":
            return crossover(rng.normal([0.0, 3.0], 1.0, (40, 2)), order).p
        return clusters(rng.normal(0, 1, 10)[of] + rng.normal(0, 1, 60), of, of % 2 == 0).p

    share = np.mean([p() < 0.05 for _ in range(1000)])
    assert abs(share - 0.05) < 4 * 0.007 + 0.01
