"""Ratios, net benefit and acceptability against closed forms; draws against their means and spreads with Monte-Carlo error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from thecal.clinic.costs.draws import draw, draw_all, quantiles
from thecal.clinic.costs.economics import acceptability, increment, net_benefit
from thecal.clinic.costs.model import Input
from thecal.core.errors import ConfigError


def row(value=0.2, spread="beta", **more):
    return Input(
        name="trial_pass",
        value=value,
        unit="1",
        source="made up",
        confidence="low",
        kind="proposed",
        spread=spread,
        **more,
    )


PLACES = [
    (10, 2, "dearer and better"), (-10, -2, "cheaper and worse"), (-10, 2, "dominant"), (10, -2, "dominated"),
    (0, 2, "dominant"), (10, 0, "dominated"), (0, 0, "equal"),
]  # fmt: skip


@pytest.mark.parametrize(("cost", "effect", "place"), PLACES)
def test_where_an_option_lies(cost, effect, place):
    found = increment(100.0 + cost, 5.0 + effect, 100.0, 5.0)
    assert found.place == place
    assert (found.icer == 5.0) if place in ("dearer and better", "cheaper and worse") else math.isnan(found.icer)


@given(some.floats(-1e6, 1e6), some.floats(-10.0, 10.0), some.floats(0.0, 2e5))
def test_net_benefit_is_worth_less_cost(cost, effect, worth):
    assert net_benefit(cost, effect, worth) == pytest.approx(worth * effect - cost)


def test_acceptability_of_a_normal_is_its_distribution():
    """Of normal net benefit the share better is Phi(mean / sd), and perfect information is worth the unit loss."""
    rng = np.random.default_rng(5)
    n, worth = 200_000, 20_000.0
    more, better = rng.normal(8000.0, 3000.0, n), rng.normal(0.5, 0.2, n)
    (found,) = acceptability(more, better, worth)
    mean, sd = worth * 0.5 - 8000.0, math.hypot(worth * 0.2, 3000.0)
    assert abs(found.share - stats.norm.cdf(mean / sd)) < 4 * found.error
    assert abs(found.gain - mean) < 4 * found.gain_error
    loss = sd * (stats.norm.pdf(mean / sd) - mean / sd * stats.norm.cdf(-mean / sd))
    assert found.perfect_information == pytest.approx(loss, rel=0.02)


def test_acceptability_of_few_draws_by_hand():
    curve = acceptability([10.0, 10.0, 0.0, 20.0], [1.0, -1.0, 0.0, 2.0], [0.0, 10.0, 100.0])
    assert [one.share for one in curve] == [0.125, (0.5 + 0.0 + 0.5 + 0.5) / 4, (1 + 0 + 0.5 + 1) / 4]
    assert curve[2].perfect_information == pytest.approx((90 + 0 + 0 + 180) / 4 - (90 - 110 + 0 + 180) / 4)


@pytest.mark.parametrize("wrong", [([1.0], [1.0]), ([1.0, 2.0], [1.0])])
def test_acceptability_needs_draws(wrong):
    with pytest.raises(ConfigError):
        acceptability(*wrong, [1.0])


@pytest.mark.parametrize("one", [row(0.2, "beta", sd=0.1), row(50.0, "gamma", sd=20.0), row(50.0, "lognormal", sd=20.0),
                                 row(3.0, "uniform", low=1.0, high=5.0)])  # fmt: skip
def test_draws_have_the_stated_mean_and_spread(one):
    n = 100_000
    found = draw(one, n, 3, "x")
    sd = one.sd if one.sd is not None else 4.0 / math.sqrt(12.0)
    assert abs(found.mean() - one.value) < 4 * sd / math.sqrt(n)
    assert found.std() == pytest.approx(sd, rel=0.03)
    low, high = quantiles(one)
    assert np.quantile(found, [0.025, 0.975]) == pytest.approx([low, high], rel=0.03)


def test_a_draw_hangs_on_its_own_name_alone():
    few = draw_all({"a": row(sd=0.1)}, 50, 7)
    more = draw_all({"b": row(sd=0.1), "a": row(sd=0.1)}, 50, 7)
    assert (few["a"] == more["a"]).all()
    assert (more["a"] != more["b"]).any()
    assert (draw_all({"a": row(sd=0.1)}, 50, 8)["a"] != few["a"]).any()


def test_what_is_given_is_not_drawn():
    assert (draw(row(spread="none"), 5, 0, "x") == 0.2).all()
    assert quantiles(row(spread="none")) == (0.2, 0.2)
    with pytest.raises(ConfigError):
        draw(row(sd=0.1), 0, 0, "x")
