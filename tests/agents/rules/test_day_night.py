"""The schedule by the clock: the starting dose over a day, more of it by day, whatever the hours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from thecal.agents import make_policy
from thecal.agents.base import BatchPolicy
from thecal.core.errors import ConfigError

from support.agent_toys import TARGETS, change, make_context, observe


def at(hour: float) -> dict[str, float]:
    angle = 2.0 * math.pi * hour / 24.0
    return {"clock_sin": math.sin(angle), "clock_cos": math.cos(angle)}


def a_day(policy: BatchPolicy, granted: bool = True) -> list[float]:
    """Rates of the hours 6 to 30 as multiples of the start's; where rises are not granted only cuts happen."""
    ratio, rates = 1.0, []
    for hour in range(6, 30):
        step = change(float(policy.act(observe(rate_ratio_start=ratio, **at(hour + 0.5)))[0, 0]))
        ratio *= 1.0 + (step if granted else min(step, 0.0))
        rates.append(ratio)
    return rates


def started(**settings: Any) -> BatchPolicy:
    policy = make_policy("day_night", **settings)
    assert isinstance(policy, BatchPolicy)
    policy.reset(make_context())
    return policy


@pytest.mark.parametrize(("begins", "ends"), [(8, 20), (6, 22), (22, 4)])
def test_a_day_holds_the_starting_dose(begins, ends):
    """The first turn of the schedule moves the mean of a first, incomplete day; the second day is whole."""
    policy = started(day_begins=begins, day_ends=ends)
    a_day(policy)
    assert np.mean(a_day(policy)) == pytest.approx(1.0, abs=0.01)


def test_more_flows_by_day_than_by_night():
    rates = a_day(started())
    by_hour = dict(zip(range(6, 30), rates, strict=True))
    assert by_hour[12] == pytest.approx(1.1, abs=1e-3)
    assert by_hour[23] == pytest.approx(0.9, abs=1e-3)
    assert by_hour[12] / by_hour[23] == pytest.approx(1.1 / 0.9, rel=1e-3)


def test_mornings_that_are_not_granted_leave_the_night():
    assert a_day(started(), granted=False)[-1] == pytest.approx(0.9, abs=1e-3)


def test_a_rate_that_stands_is_not_asked_for_again():
    policy = started()
    assert not policy.act(observe(rate_ratio_start=1.1, **at(12.0))).any()
    assert not policy.act(observe(rate_ratio_start=0.9, **at(2.0))).any()


def test_the_schedule_reaches_its_target_dose():
    policy = make_policy("day_night")
    policy.reset(make_context(action_names=("target_dose",), actions=TARGETS))
    asked = policy.act(observe(rate_ratio_start=1.0, **at(12.0)))[0, 0]
    assert asked == pytest.approx(float(TARGETS.target(1.1)), abs=1e-3)


def test_a_day_without_hours_is_refused():
    with pytest.raises(ConfigError, match="day_ends"):
        make_policy("day_night", day_begins=8.0, day_ends=8.0)
