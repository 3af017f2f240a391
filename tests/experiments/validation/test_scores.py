"""What a score says: value, error and probability of made-up cohorts, and rows that come back or are refused by name."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from thecal.core.errors import ParameterError
from thecal.experiments.validation.scores import Score, by_structure, from_records, records

from support.scores import target

EIGHT = tuple(2.0 + 0.2 * np.array([-1.5, -1.0, -0.5, 0.0, 0.0, 0.5, 1.0, 1.5]))


def score(*values, **changes):
    return Score(target=target(**changes), values=values)


def test_value_and_error_are_mean_and_standard_error():
    one = score(*EIGHT)
    assert one.simulated == pytest.approx(2.0)
    assert one.error == pytest.approx(np.std(EIGHT, ddof=1) / math.sqrt(8))
    assert one.error_share == pytest.approx(one.error / 3.0)
    assert one.inside == 8
    assert one.shown == "2 ± 0.071"


@pytest.mark.parametrize(("low", "high"), [(1.0, 4.0), (1.95, 4.0), (2.0, 4.0), (2.1, 4.0), (1.0, 2.05)])
def test_probability_is_students_of_the_mean(low, high):
    one = score(*EIGHT, low=low, high=high, observed=(low + high) / 2)
    posterior = stats.t(7, loc=one.simulated, scale=one.error)
    assert one.probability == pytest.approx(posterior.cdf(high) - posterior.cdf(low), abs=1e-12)


def test_a_known_probability():
    # Eight cohorts with a mean one standard error above the lower end: t(7) = 1 leaves 0.175 below it.
    low = 2.0 - float(np.std(EIGHT, ddof=1)) / math.sqrt(8)
    one = score(*EIGHT, low=low, high=50.0, observed=3.0)
    assert one.probability == pytest.approx(0.8247, abs=1e-4)
    assert one.verdict == "undecided"
    assert not one.passed
    assert one.chance == "0.82"
    almost = score(*EIGHT, low=2.0 - 1.41 * one.error, high=50.0, observed=3.0)
    assert (almost.verdict, almost.chance) == ("undecided", "0.89")


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        (EIGHT, "pass"), ((1.0, 1.1, 0.9, 1.0), "undecided"), ((-90.0, 95.0, 80.0, -60.0), "undecided"),
        ((9.0, 9.1, 8.9), "miss"), ((2.0,), "pass"), ((9.0,), "miss"),
        ((2.0, 2.0), "pass"), ((9.0, 9.0), "miss"), ((2.0, math.nan), "miss"), ((2.0, math.inf), "miss"),
    ],
)  # fmt: skip
def test_verdicts(values, verdict):
    assert score(*values).verdict == verdict


def test_one_cohort_tells_no_error():
    one = score(2.5)
    assert math.isnan(one.error)
    assert one.shown == "2.5"
    assert one.probability == 1.0


def test_a_cohort_without_a_value_leaves_none():
    one = score(2.0, math.nan)
    assert math.isnan(one.simulated)
    assert one.probability == 0.0
    assert one.inside == 1


def test_ratios_are_averaged_as_ratios():
    one = score(1.0, 4.0, scale="log")
    assert one.simulated == pytest.approx(2.0)
    assert one.error == pytest.approx(2.0 * math.log(4.0) / 2.0)
    assert one.error_share == pytest.approx(0.5)
    assert score(-1.0, 4.0, scale="log").simulated == pytest.approx(1.5)  # no logarithm: as differences


def test_a_single_bound_is_as_wide_as_its_distance():
    assert target(high=1e9).width == pytest.approx(1.0)
    assert target(high=1e9, observed=1.0).width == pytest.approx(1.0)
    assert target(low=-1e9).width == pytest.approx(2.0)
    assert target(low=-1e9).interval == "under 4"
    assert target(scale="log").width == pytest.approx(math.log(4.0))
    assert target(scale="log", high=1e9).width == pytest.approx(math.log(2.0))
    assert score(*(100.0 * np.array(EIGHT)), high=1e9).error_share == pytest.approx(100.0 * score(*EIGHT).error)


def test_rows_come_back_and_say_what_follows():
    one = Score(target=target(), values=(2.0, 2.2), seeds=(5, 6), structure="compartment", scale=3.0)
    row = records([one])[0]
    assert from_records([row]) == [one]
    assert row["error"] == pytest.approx(0.1)
    assert (row["inside"], row["verdict"], row["passed"], row["patients"]) == (2, "pass", True, 3.0)
    old = {name: value for name, value in row.items() if name in ("simulated", *type(target()).model_fields)}
    assert from_records([old])[0].values == pytest.approx((2.1,))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"low": 5.0}, "low 5.0 is not below high 4.0"),
        ({"source": " "}, "source"),
        ({"values": ["two"]}, "values"),
        ({"values": [1.0], "seeds": [1, 2]}, "2 seeds do not fit 1 values"),
        ({"patients": 0.0}, "patients"),
        ({"structure": "third"}, "structure"),
        ({"unit": "furlong//day"}, "unit"),
    ],
)
def test_a_damaged_row_is_named(changes, said):
    row = {**records([Score(target=target(), values=(2.0, 2.1), seeds=(1, 2))])[0], **changes}
    with pytest.raises(ParameterError, match=rf"score 'half_life' is incomplete: .*{said}"):
        from_records([row])


def test_a_row_without_a_value_is_named():
    row = {**target().model_dump()}
    with pytest.raises(ParameterError, match="'half_life' is incomplete: .*values: missing"):
        from_records([row])
    with pytest.raises(ParameterError, match="'\\?' is incomplete"):
        from_records([7])


def test_seeds_belong_to_values():
    with pytest.raises(ValidationError, match="do not fit"):
        Score(target=target(), values=(1.0,), seeds=(1, 2))


def test_structures_stand_apart_in_order():
    both = [Score(target=target(), values=(1.0,), structure=name) for name in ("compartment", "axial")]
    assert list(by_structure(both)) == ["axial", "compartment"]
