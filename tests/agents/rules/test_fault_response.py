"""The answer to the monitors: when it calls, when it holds, and that it is the guarded PID otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thecal.agents import make_policy
from thecal.agents.base import BatchPolicy
from thecal.core.errors import ConfigError

from support.agent_toys import FIELDS, TARGETS, change, make_context, observe

SEEN = FIELDS | {"clinic_on_its_way": (0.0, 1.0)}
WATCH = {"action_names": ("target_dose", "hold", "call_clinic"), "actions": TARGETS, "fields": SEEN}
FLAGS = ("pump_alarm", "suspect_under", "suspect_over")


def started(**settings: Any) -> BatchPolicy:
    policy = make_policy("fault_response", **settings)
    assert isinstance(policy, BatchPolicy)
    policy.reset(make_context(**WATCH))
    return policy


def calls(policy: BatchPolicy, hours: int, **values: float) -> list[int]:
    """Hours in which it calls, while the observation never moves."""
    return [k for k in range(hours) if policy.act(observe(fields=SEEN, **values))[0, 2] > 0.5]


def test_without_a_monitor_it_is_the_guarded_pid():
    """On the same 200 observations, signs and ceilings among them."""
    rng = np.random.default_rng(7)
    ours, theirs = make_policy("fault_response"), make_policy("pid_guarded")
    for policy in (ours, theirs):
        policy.reset(make_context(4))
    for _ in range(200):
        seen = observe(
            4, nrs_report=rng.integers(0, 11, 4), rate_ratio_start=rng.uniform(0.5, 4, 4), poss=rng.integers(1, 5, 4),
            rr=rng.uniform(6, 20, 4), nausea=rng.uniform(0, 8, 4), refill_residual=rng.uniform(-0.1, 0.1, 4),
        )  # fmt: skip
        np.testing.assert_array_equal(ours.act(seen), theirs.act(seen))


@pytest.mark.parametrize("flag", FLAGS)
def test_a_monitor_that_stands_calls_now_and_every_three_days(flag):
    assert calls(started(), 150, **{flag: 1.0}) == [0, 72, 144]


def test_nobody_is_called_twice_while_somebody_comes():
    policy = started()
    assert calls(policy, 10, suspect_under=1.0, clinic_on_its_way=1.0) == []
    assert calls(policy, 10, suspect_under=1.0) == [0]


@pytest.mark.parametrize("found", [-0.2, 0.2])
def test_a_refill_that_found_the_volume_wrong_calls_once(found):
    policy = started()
    assert calls(policy, 100, refill_residual=found) == [0]
    assert calls(policy, 5, refill_residual=0.1) == []
    assert calls(policy, 5, refill_residual=found) == [0]


@pytest.mark.parametrize("flag", ["pump_alarm", "suspect_over"])
def test_nothing_rises_while_too_much_may_flow(flag):
    policy, free = started(), started()
    for _ in range(48):
        held = policy.act(observe(fields=SEEN, nrs_report=9.0, **{flag: 1.0}))[0, 0]
        wish = free.act(observe(fields=SEEN, nrs_report=9.0))[0, 0]
    assert held == pytest.approx(float(TARGETS.target(1.0)), abs=1e-3)
    assert wish > held + 0.01


def test_too_little_may_be_bridged():
    policy = started()
    for _ in range(48):
        wish = policy.act(observe(fields=SEEN, nrs_report=9.0, suspect_under=1.0))[0, 0]
    assert wish > float(TARGETS.target(1.0)) + 0.01


def test_a_task_without_calls_is_given_none():
    policy = make_policy("fault_response")
    policy.reset(make_context())
    assert change(float(policy.act(observe(nrs_report=9.0, pump_alarm=1.0))[0, 0])) == 0.0


def test_its_numbers_are_told_and_wrong_ones_refused():
    told = make_policy("fault_response", residual_limit=0.3, gain=0.2, level=0.4).info.parameters
    assert (told["residual_limit"], told["gain"], told["level"]) == (0.3, 0.2, 0.4)
    with pytest.raises(ConfigError, match="residual_limit"):
        make_policy("fault_response", residual_limit=2.0)
