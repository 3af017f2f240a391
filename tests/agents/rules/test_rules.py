"""The baselines' rules on crafted observations: what they ask for, when, and what they must never do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.agents import make_policy
from thecal.agents.base import BatchPolicy, HasDensity

from support.agent_toys import FIELDS, TARGETS, change, make_context, observe


def run(policy: BatchPolicy, hours: int, **values: object) -> list[float]:
    """Relative changes asked for, hour by hour, while the observation never moves."""
    return [change(float(policy.act(observe(**values))[0, 0])) for _ in range(hours)]


def started(name: str, n: int = 1, monitored: bool = True, **settings: object) -> BatchPolicy:
    policy = make_policy(name, **settings)
    assert isinstance(policy, BatchPolicy)
    policy.reset(make_context(n, monitored=monitored))
    return policy


def test_fixed_never_asks() -> None:
    policy = started("fixed", 3)
    assert not policy.act(observe(3, nrs_report=10.0)).any()


def test_fixed_ptm_arms_a_tenth_of_the_day_and_holds_the_rate() -> None:
    actions = started("fixed_ptm").act(observe(dose_mg_per_d=2.0))
    assert actions[0].tolist() == pytest.approx([0.0, 0.5])


@pytest.mark.parametrize(("monitored", "visit_h"), [(True, 24), (False, 168)])
def test_guideline_raises_only_at_visits(monitored: bool, visit_h: int) -> None:
    policy = started("guideline", monitored=monitored, order_stands=0.0)
    asked = run(policy, 2 * visit_h + 1, nrs_report=8.0)
    assert [k for k, step in enumerate(asked) if step != 0.0] == [visit_h, 2 * visit_h]
    assert asked[visit_h] == pytest.approx(0.2)


def test_guideline_takes_small_steps_once_relief_is_meaningful() -> None:
    policy = started("guideline", order_stands=0.0)
    policy.act(observe(nrs_report=8.0))
    assert run(policy, 24, nrs_report=4.0)[-1] == pytest.approx(0.1)


@pytest.mark.parametrize("target", [1.0, 2.0, 3.0, 4.0])
def test_guideline_holds_when_pain_is_at_the_target(target: float) -> None:
    policy = started("guideline", target_nrs=target)
    policy.act(observe(nrs_report=8.0))
    assert not any(run(policy, 60, nrs_report=target))


def test_guideline_never_raises_without_a_report() -> None:
    policy = started("guideline")
    policy.act(observe(nrs_report=9.0))
    assert not any(run(policy, 60, nrs_report=9.0, nrs_age_h=5.0))
    assert not any(run(policy, 60, nrs_report=0.0, nrs_valid=0.0))


@pytest.mark.parametrize("sign", [{"poss": 3.0}, {"rr": 9.0}, {"spo2": 90.0}])
def test_guideline_lowers_on_confirmed_danger_and_waits_a_day(sign: dict[str, float]) -> None:
    asked = run(started("guideline", order_stands=0.0), 26, nrs_report=9.0, **sign)
    assert asked[0] == 0.0
    assert asked[1] == pytest.approx(-0.2)
    assert not any(asked[2:25])
    assert asked[25] == pytest.approx(-0.2)


def test_guideline_ignores_single_low_and_missing_readings() -> None:
    policy = started("guideline")
    policy.act(observe())
    for rr in (6.0, 14.0, 6.0, 14.0):
        assert policy.act(observe(rr=rr))[0, 0] == 0.0
    assert not any(run(policy, 5, rr=0.0, rr_valid=0.0))


def test_guideline_lowers_for_nausea_even_in_pain() -> None:
    asked = run(started("guideline", order_stands=0.0), 25, nrs_report=9.0, nausea=6.0)
    assert asked[24] == pytest.approx(-0.1)


def test_guideline_repeats_an_order_until_it_is_seen_or_stale() -> None:
    policy = started("guideline", order_stands=3.0)
    run(policy, 24, nrs_report=8.0)
    assert run(policy, 2, nrs_report=8.0) == pytest.approx([0.2, 0.2])
    assert run(policy, 3, nrs_report=8.0, rate_ratio_start=1.2) == [0.0, 0.0, 0.0]
    run(policy, 19, nrs_report=8.0, rate_ratio_start=1.2)
    assert run(policy, 6, nrs_report=8.0, rate_ratio_start=1.2) == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.0, 0.0])


def test_guideline_keeps_patients_apart_and_forgets_on_reset() -> None:
    policy = started("guideline", 2, order_stands=0.0)
    for _ in range(12):
        policy.act(observe(2, nrs_report=8.0))
    policy.reset_where(np.array([True, False]))
    asked = np.stack([policy.act(observe(2, nrs_report=8.0))[:, 0] for _ in range(25)])
    assert np.flatnonzero(asked[:, 0]).tolist() == [24]
    assert np.flatnonzero(asked[:, 1]).tolist() == [12]


def test_guideline_ptm_is_the_guideline_with_a_bolus() -> None:
    plain, armed = started("guideline"), started("guideline_ptm", share_of_day=0.2)
    for _ in range(26):
        a, b = plain.act(observe(nrs_report=7.0)), armed.act(observe(nrs_report=7.0))
        assert a[0, 0] == b[0, 0]
        assert (a[0, 1], b[0, 1]) == (0.0, 1.0)


def test_random_is_a_function_of_seed_patient_and_step() -> None:
    def draws(patients: list[int], seed: int, steps: int = 5) -> np.ndarray:
        policy = make_policy("random", seed=seed)
        policy.reset(make_context(len(patients), patients))
        return np.stack([policy.act(observe(len(patients))) for _ in range(steps)])

    alone, among = draws([17], 3), draws([4, 17, 90], 3)
    np.testing.assert_array_equal(alone[:, 0], among[:, 1])
    assert not np.array_equal(among[:, 0], among[:, 1])
    assert not np.array_equal(alone, draws([17], 4))
    assert not np.array_equal(alone[0], alone[1])


def test_random_is_uniform_over_the_box() -> None:
    policy = started("random", 20_000)
    actions = policy.act(observe(20_000))
    assert np.abs(actions).max() <= 1.0
    # Mean and variance of a uniform on [-1, 1] are 0 and 1/3; 5 standard errors.
    assert np.abs(actions.mean(0)).max() < 5 * np.sqrt(1 / 3 / 20_000)
    assert np.abs(actions.var(0) - 1 / 3).max() < 5 * np.sqrt(4 / 45 / 20_000)
    assert abs(np.corrcoef(actions.T)[0, 1]) < 5 / np.sqrt(20_000)


def test_random_follows_its_own_counter_after_a_partial_reset() -> None:
    policy = started("random", 2)
    first = policy.act(observe(2))
    policy.reset_where(np.array([True, False]))
    again = policy.act(observe(2))
    np.testing.assert_array_equal(again[0], first[0])
    assert not np.array_equal(again[1], first[1])


def test_max_request_is_constant() -> None:
    policy = started("max_request", 3)
    for nrs in (0.0, 5.0, 10.0):
        np.testing.assert_array_equal(policy.act(observe(3, nrs_report=nrs, poss=4.0)), np.ones((3, 2)))


@given(
    st.lists(
        st.lists(st.floats(-1.0, 1.0, width=32), min_size=len(FIELDS), max_size=len(FIELDS)), min_size=1, max_size=30
    )
)
def test_actions_are_finite_and_in_the_box_whatever_is_observed(rows: list[list[float]]) -> None:
    obs = np.array(rows, np.float32)
    for name in ("fixed_ptm", "guideline_ptm", "pid", "day_night", "fault_response"):
        policy = make_policy(name)
        policy.reset(make_context())
        for row in obs:
            actions = policy.act(row[None])
            assert actions.dtype == np.float32
            assert np.isfinite(actions).all()
            assert np.abs(actions).max() <= 1.0


NAMES = ("relative_rate", "bolus_size", "lockout", "mixture", "call", "hold")


def test_random_draws_every_component_of_the_task() -> None:
    """The first two are those of a task with two, and no two components share their draws."""
    policy, plain = make_policy("random", seed=5), make_policy("random", seed=5)
    policy.reset(make_context(4_000, action_names=NAMES))
    plain.reset(make_context(4_000))
    actions = policy.act(observe(4_000))
    np.testing.assert_array_equal(actions[:, :2], plain.act(observe(4_000)))
    assert np.abs(np.corrcoef(actions.T) - np.eye(len(NAMES))).max() < 5 / np.sqrt(4_000)


def test_random_knows_the_density_of_its_actions() -> None:
    policy = started("random", 3)
    assert isinstance(policy, HasDensity)
    seen = observe(3)
    np.testing.assert_allclose(policy.log_prob(seen, policy.act(seen)), np.log(0.25))
    assert policy.log_prob(seen, np.full((3, 2), 1.5)).tolist() == [-np.inf] * 3


def test_max_request_asks_for_the_largest_target_dose() -> None:
    policy = make_policy("max_request")
    policy.reset(make_context(2, action_names=("target_dose", "hold"), actions=TARGETS))
    assert policy.act(observe(2)).tolist() == [[1.0, 0.0]] * 2
