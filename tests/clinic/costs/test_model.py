"""The expected course of a pump against a sum done by hand, its uncertainty, published figures, and the mapping to utility."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from thecal.clinic.costs.comparators import comparator, comparators
from thecal.clinic.costs.model import Setting, compare_courses, effects, pump_course, read_inputs, sensitivity
from thecal.clinic.costs.prices import read_prices
from thecal.clinic.costs.published import attempts, figures
from thecal.clinic.costs.use import Use, priced, upkeep_per_month
from thecal.clinic.costs.utility import pain_decrement, qalys, utility
from thecal.core.errors import ConfigError, UnknownNameError

PRICES, INPUTS = read_prices(), read_inputs()


def numbers():
    return {name: one.center for name, one in (PRICES.rows | INPUTS).items()}


def test_a_year_with_a_pump_adds_up():
    of = numbers()
    yearly = (
        10.6 * 250.0 + 4.0 * 120.0 + 0.068 * 9000.0 + 0.037 * 14000.0 + 0.01 * 15000.0 + 0.02 * 9000.0
        + 5.0 * 3.2 * 365.25 + 12 * 100.0
    )  # fmt: skip
    once = 3500.0 / 0.75 + 19955.0
    assert pump_course(of, 12).total() == pytest.approx(once + yearly + 0.039 * 25000.0, rel=1e-12)


def test_ten_years_need_one_more_pump():
    of = numbers()
    with_it, without = (pump_course(of | {"replacement": price}, 120).total() for price in (13000.0, 0.0))
    assert with_it - without == pytest.approx(13000.0)


def test_draws_of_certain_numbers_are_the_expected_course():
    of = {name: np.full(3, value) for name, value in numbers().items()}
    assert pump_course(of, 60).total() == pytest.approx(float(pump_course(numbers(), 60).total()))
    assert effects(of, 60)[0] == pytest.approx(float(effects(numbers(), 60)[0]))


def test_a_comparison_agrees_with_its_parts():
    found = compare_courses(PRICES, INPUTS, Setting(months=60))
    assert found.first_year_more == pytest.approx(found.first_year - 12 * 2000.0)
    assert found.net_benefit == pytest.approx(50_000.0 * found.result.effect - found.result.cost)
    assert 0.0 < found.break_even < 60.0
    ahead = found.pump.cumulative() - found.other.cumulative()
    assert ahead[int(found.break_even)] > 0.0 >= ahead[int(found.break_even) + 1]


def test_sensitivity_is_repeatable_and_centered():
    setting = Setting(months=24)
    found, again = (sensitivity(PRICES, INPUTS, setting, 4000, 1) for _ in range(2))
    assert (found.cost == again.cost).all()
    assert (sensitivity(PRICES, INPUTS, setting, 4000, 2).cost != found.cost).any()
    expected = compare_courses(PRICES, INPUTS, setting).result.cost
    # Nothing but 1 / trial_pass is bent: its mean lies 2 to 4 % above that of the share, on 3,500 of a trial.
    error = found.cost.std() / np.sqrt(4000)
    assert abs(found.cost.mean() - expected) < 4 * error + 200.0
    shares = [one.share for one in found.curve]
    assert all(0.0 <= share <= 1.0 for share in shares)
    widths = [abs(high - low) for _, low, high in found.tornado]
    assert widths == sorted(widths, reverse=True)
    assert found.tornado[0][0] == "conventional_month"


def test_a_comparator_without_prices_is_told():
    with pytest.raises(ConfigError, match="no price for stimulator, stimulation_month"):
        compare_courses(PRICES, INPUTS, Setting(against="stimulation"))
    with pytest.raises(UnknownNameError):
        comparator("nothing")
    assert all(one.published for one in comparators().values())


@pytest.mark.parametrize("one", [one for one in attempts() if one.here is not None], ids=lambda one: one.key)
def test_a_published_figure_follows_from_its_inputs(one):
    assert one.met, f"{one.here} against {one.figure.value}"


def test_every_figure_of_the_review_is_answered():
    """17,317 USD in the first year; break-even at 24, 28, 22 and 4.5 months; what cannot be says why."""
    said = {(one.value, one.unit) for one in figures().values()}
    assert {(17317.0, "USD"), (24.0, "month"), (28.0, "month"), (22.0, "month"), (4.5, "month")} <= said
    assert all(len(one.why) > 20 for one in figures().values() if one.status == "out of reach")


def test_pain_takes_what_is_published():
    assert pain_decrement([0, 4, 8, 10]).tolist() == [0.0, 0.121, 0.575, 0.793]
    assert pain_decrement(8) - pain_decrement(4) == pytest.approx(0.454)
    assert pain_decrement(3.5) == pytest.approx((0.061 + 0.121) / 2)
    with pytest.raises(ConfigError):
        pain_decrement(10.5)


@given(some.floats(0.0, 10.0), some.floats(0.0, 1.0), some.floats(0.0, 100.0), some.floats(0.0, 10.0))
def test_utility_is_bounded_and_falls_with_harm(nrs, share, function, nausea):
    free = utility(nrs)
    found = utility(nrs, sedation=share, function=function, nausea=nausea, breathing=share, withdrawal=share)
    assert 0.0 <= found <= free <= 1.0
    assert utility(nrs, alive=0.0) == 0.0
    assert utility(min(nrs + 1.0, 10.0)) <= free


def test_life_years_count_days():
    assert qalys(np.ones((1461, 1)))[0] == pytest.approx(4.0)
    half = qalys(np.full((1461, 1), 0.5), 0.03)[0]
    assert half == pytest.approx(0.5 * (1 - 1.03**-4) / np.log(1.03), rel=1e-5)


def use(**more):
    base = {
        "days": np.array([30.0, 10.0]),
        "refills": np.array([1.0, 0.0]),
        "visits": np.zeros(2),
        "emergencies": np.zeros(2),
    }
    return Use(**(base | more))


def test_use_costs_what_it_was_by_the_table():
    found = priced(
        PRICES, use(drug_mg={"morphine": np.array([100.0, 10.0])}, events={"infection": np.array([0.0, 1.0])})
    )
    assert found["refill"].tolist() == [250.0, 0.0]
    assert found["drug:morphine"] == pytest.approx([320.0, 32.0])
    assert found["infection"].tolist() == [0.0, 25000.0]
    assert found["implant"].tolist() == [19955.0, 19955.0]
    month = upkeep_per_month(found, np.array([30.0, 0.0]), 30.0)
    assert month[0] == pytest.approx(570.0)
    assert np.isnan(month[1])


def test_what_was_used_needs_a_price_and_nothing_else():
    free = use(drug_mg={"ropivacaine": np.zeros(2)})
    assert "drug:ropivacaine" not in priced(PRICES, free, upfront=False)
    with pytest.raises(ConfigError, match="no price for drug:ropivacaine"):
        priced(PRICES, use(drug_mg={"ropivacaine": np.ones(2)}))
    with pytest.raises(ConfigError, match="not negative"):
        priced(PRICES, use(visits=np.array([-1.0, 0.0])))
