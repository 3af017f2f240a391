"""The guard over the PID: nothing without signs, one cut where they last, a ceiling that holds and recovers, silence no sign."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from thecal.agents import make_policy
from thecal.agents.base import PolicyContext
from thecal.core.errors import ConfigError

from support.agent_toys import SCALE, TARGETS, change, make_context, make_view, observe

SIGNS = ({"poss": 3.0}, {"rr": 9.0}, {"spo2": 91.0})
# A slow controller at rest at a report of 2, so that what moves the dose here is the guard.
PLAIN = {"recovery_per_day": 0.02, "target_nrs": 2.0, "gain": 0.05, "filter_time": 24.0, "tracking_time": 12.0}
SILENT = {"rr_valid": 0.0, "spo2_valid": 0.0}


def started(n: int = 1, tick_h: float = 1.0, **settings: float) -> Any:
    policy = make_policy("pid_guarded", **(PLAIN | settings))
    view = make_view()
    view.tick_h = tick_h
    policy.reset(PolicyContext(view, n, np.arange(n), 0))
    return policy


def follow(policy: Any, hours: float, ratio: float = 1.0, tick_h: float = 1.0, **values: float) -> list[float]:
    """Dose ratios of one patient whose requests are granted in full, after each decision."""
    ratios = []
    for _ in range(round(hours / tick_h)):
        action = policy.act(observe(rate_ratio_start=ratio, **values))[0]
        assert action[1] == 0.0
        ratio *= 1.0 + change(float(action[0]))
        ratios.append(ratio)
    return ratios


@pytest.mark.parametrize("task", [{}, {"action_names": ("target_dose",), "actions": TARGETS}])
def test_without_a_sign_it_asks_what_the_pid_asks(task):
    plain, guarded = make_policy("pid"), make_policy("pid_guarded")
    rng = np.random.default_rng(5)
    for policy in (plain, guarded):
        policy.reset(make_context(4, **task))
    for _ in range(200):
        seen = observe(
            4, nrs_report=rng.integers(0, 11, 4), nrs_age_h=rng.uniform(0, 20, 4), rate_ratio_start=rng.uniform(0.5, 4, 4),
            poss=rng.integers(1, 3, 4), rr=rng.uniform(10.5, 20, 4), spo2=rng.uniform(92.5, 99, 4),
        )  # fmt: skip
        np.testing.assert_array_equal(plain.act(seen), guarded.act(seen))


@pytest.mark.parametrize("sign", SIGNS)
def test_lasting_signs_bring_one_cut_of_a_fifth(sign):
    """The average passes one half after 24 h x ln 2, and the next cut waits for a day."""
    policy = started()
    ratios = follow(policy, 16, 1.0, nrs_report=2.0, **sign)
    assert ratios[-1] == 1.0
    ratios = follow(policy, 20, 1.0, nrs_report=2.0, **sign)
    assert ratios[0] == pytest.approx(0.8, rel=1e-3)
    assert ratios[-1] == pytest.approx(0.8, rel=1e-3)
    assert follow(policy, 10, ratios[-1], nrs_report=2.0, **sign)[-1] == pytest.approx(0.8 * 0.8, rel=0.02)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_passing_sign_cuts_nothing(sign):
    policy = started()
    for _ in range(10):
        assert follow(policy, 8, 1.0, nrs_report=2.0, **sign)[-1] == 1.0
        assert follow(policy, 16, 1.0, nrs_report=2.0)[-1] == 1.0


def test_the_ceiling_holds_against_pain_and_recovers():
    policy = started()
    cut = follow(policy, 20, 1.0, nrs_report=2.0, rr=9.0)[-1]
    day = follow(policy, 24, cut, nrs_report=9.0)
    assert max(day) <= 0.8 * 1.02 * 1.001
    later = follow(policy, 24 * 10, day[-1], nrs_report=9.0)
    assert 0.8 * 1.1 < later[-1] <= 0.8 * 1.02**11 * 1.001
    free = started(recovery_per_day=0.0)
    follow(free, 20, 1.0, nrs_report=2.0, rr=9.0)
    assert max(follow(free, 24 * 10, cut, nrs_report=9.0)) <= 0.8 * 1.001


def test_a_dose_that_stands_at_the_ceiling_is_not_lowered_again():
    policy = started(recovery_per_day=0.0)
    follow(policy, 20, 1.0, nrs_report=2.0, rr=9.0)
    assert follow(policy, 20, 0.8 * 1.015, nrs_report=9.0)[-1] == pytest.approx(0.8 * 1.015)
    assert follow(policy, 1, 0.8 * 1.05, nrs_report=9.0)[-1] == pytest.approx(0.8, rel=1e-3)


def test_a_sedated_patient_is_not_raised_at_once():
    policy = started()
    assert follow(policy, 1, nrs_report=9.0, poss=3.0)[-1] == 1.0
    assert follow(started(), 1, nrs_report=9.0, rr=9.0)[-1] > 1.0
    assert follow(policy, 1, nrs_report=9.0, poss=2.0)[-1] > 1.0


def test_a_sedated_patient_may_be_lowered():
    policy = started()
    assert follow(policy, 48, nrs_report=0.0, poss=3.0)[-1] < 0.8


def test_what_the_guard_refuses_does_not_wind_up():
    guarded = started()
    for _ in range(24 * 20):
        guarded.act(observe(nrs_report=9.0, poss=3.0))
    assert guarded.wanted[0] < 1.0


def nowhere(n: int) -> dict[str, np.ndarray]:
    """Fields in which no sign can be read, as a task's own decoder gives them."""
    return {name: np.full(n, np.nan) for name in ("poss", "rr", "spo2", "nausea")}


def test_missing_readings_are_no_signs_and_leave_the_average():
    policy = started()
    for _ in range(200):
        policy._watch(nowhere(1))
    assert policy.signs[0] == 0.0
    follow(policy, 10, nrs_report=2.0, rr=9.0)
    before = policy.signs[0]
    policy._watch(nowhere(1))
    assert policy.signs[0] == before > 0.0
    policy._watch(nowhere(1) | {"spo2": np.array([98.0])})
    assert 0.0 < policy.signs[0] < before


@pytest.mark.parametrize("readings", [{"rr": 0.0, **SILENT}, {"spo2": 70.0, **SILENT}])
def test_an_invalid_sensor_is_no_sign_whatever_it_shows(readings):
    assert follow(started(), 96, 1.0, nrs_report=2.0, **readings)[-1] == 1.0


def test_the_last_score_heard_stands_in_silence():
    policy = started()
    policy._watch(nowhere(1) | {"poss": np.array([3.0])})
    policy._watch(nowhere(1))
    assert policy.sedated[0]
    policy._watch(nowhere(1) | {"poss": np.array([1.0])})
    assert not policy.sedated[0]


def test_an_unknown_dose_is_neither_cut_nor_raised():
    policy = started()
    policy.signs[:] = 1.0
    unknown = np.array([np.nan])
    policy._cut(unknown)
    assert np.isinf(policy.ceiling[0])
    assert policy._under_ceiling(np.array([0.2]), unknown)[0] == 0.2
    policy._cut(np.array([1.0]))
    assert policy._under_ceiling(np.array([0.2]), unknown)[0] == 0.0


def test_only_the_rows_that_begin_anew_forget():
    policy = started(2)
    for _ in range(20):
        policy.act(observe(2, nrs_report=2.0, rate_ratio_start=1.0, poss=3.0))
    policy.reset_where(np.array([True, False]))
    state = (policy.signs[0], policy.ceiling[0], policy.since_cut_h[0], policy.sedated[0])
    assert state == (0.0, np.inf, np.inf, False)
    assert (policy.signs[1] > 0.5, policy.since_cut_h[1] < 24.0, policy.sedated[1]) == (True, True, True)
    assert policy.ceiling[1] == pytest.approx(0.8, rel=0.02)
    asked = policy.act(observe(2, nrs_report=9.0, rate_ratio_start=0.8))[:, 0]
    assert asked[0] > 0.0 >= asked[1]


def test_a_cut_is_told_to_the_integral():
    """The PID was content; after the cut its integral follows the lower rate at the next decision."""
    policy = started()
    follow(policy, 17, nrs_report=2.0, rr=9.0)
    assert policy.ceiling[0] < 1.0
    assert policy.asked[0]
    before = policy.integral[0]
    policy.act(observe(nrs_report=2.0, rate_ratio_start=0.8))
    assert policy.integral[0] < before


@pytest.mark.parametrize("tick_h", [0.25, 4.0, 12.0])
def test_hours_mean_hours_at_any_interval(tick_h):
    policy = started(tick_h=tick_h)
    assert follow(policy, 12, 1.0, tick_h, nrs_report=2.0, rr=9.0)[-1] == 1.0
    assert follow(policy, 12, 1.0, tick_h, nrs_report=2.0, rr=9.0)[-1] == pytest.approx(0.8, rel=1e-3)
    assert policy.ceiling[0] == pytest.approx(0.8, rel=0.01)
    for _ in range(round(240 / tick_h)):
        policy._cut(np.array([np.nan]))
    assert policy.ceiling[0] == pytest.approx(0.8 * 1.02**10, rel=0.01)


def test_a_cut_is_asked_for_as_a_target_dose_too():
    policy = make_policy("pid_guarded", **PLAIN)
    policy.reset(make_context(action_names=("target_dose",), actions=TARGETS))
    seen = observe(nrs_report=2.0, rate_ratio_start=1.0, spo2=90.0)
    asked = [float(policy.act(seen)[0, 0]) for _ in range(20)]
    assert asked[0] == pytest.approx(float(TARGETS.target(1.0)), abs=1e-4)
    assert asked[-1] == pytest.approx(float(TARGETS.target(0.8)), abs=3e-3)


def test_a_large_cut_takes_several_steps():
    policy = started(cut=0.5)
    policy.view.actions = replace(SCALE, max_down=0.2)
    ratios = follow(policy, 30, 1.0, nrs_report=2.0, poss=4.0)
    assert min(np.divide(ratios[1:], ratios[:-1])) == pytest.approx(0.8, rel=1e-3)
    assert ratios[-1] == pytest.approx(0.5, rel=0.03)


def test_every_number_may_be_given_and_is_told():
    told = make_policy("pid_guarded", gain=0.3, level=0.4, rr_limit=9.0).info.parameters
    assert (told["gain"], told["level"], told["rr_limit"], told["cut"]) == (0.3, 0.4, 9.0, 0.2)
    assert follow(started(rr_limit=8.0), 60, 1.0, nrs_report=2.0, rr=9.0)[-1] == 1.0
    with pytest.raises(ConfigError, match="levle"):
        make_policy("pid_guarded", levle=0.4)
    with pytest.raises(ConfigError, match="cut"):
        make_policy("pid_guarded", cut=1.5)


def test_nausea_at_its_limit_is_a_sign_where_it_counts():
    for nausea, counts, cut in ((4.0, 1.0, True), (3.9, 1.0, False), (10.0, 0.0, False), (10.0, 0.4, False)):
        ratios = follow(started(nausea_counts=counts, level=0.5), 36, 1.0, nrs_report=2.0, nausea=nausea)
        assert (min(ratios) < 0.9) == cut, (nausea, counts)


def test_the_limit_of_nausea_is_the_guidelines_and_can_be_set():
    assert (
        make_policy("pid_guarded").info.parameters["nausea_limit"]
        == make_policy("guideline").info.parameters["nausea_limit"]
    )
    ratios = follow(started(nausea_limit=6.0, nausea_counts=1.0), 36, 1.0, nrs_report=2.0, nausea=5.0)
    assert min(ratios) > 0.9
