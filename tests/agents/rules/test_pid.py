"""The PID on a simple plant: it settles, does not wind up behind a lock, and never acts on silence."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.agents import make_policy

from support.agent_toys import MORE, change, make_context, observe


class Plant:
    """Pain falls with ln(rate) and a lag; a lock may refuse every rise (as a shield in its titration interval does)."""

    def __init__(self, base: float = 8.0, slope: float = 3.5, tau_h: float = 8.0) -> None:
        self.base, self.slope, self.tau_h = base, slope, tau_h
        self.ratio = 1.0
        self.pain = base

    def step(self, action: float, locked: bool) -> None:
        wanted = change(action)
        if wanted < 0.0 or not locked:
            self.ratio *= 1.0 + wanted
        target = self.base - self.slope * np.log(self.ratio)
        self.pain += (target - self.pain) / self.tau_h


def simulate(policy: object, plant: Plant, hours: int, locked: object, every_h: int = 4) -> list[float]:
    ratios = []
    report, age = round(plant.pain), 0.0
    for hour in range(hours):
        obs = observe(nrs_report=report, nrs_age_h=age, rate_ratio_start=plant.ratio)
        action = policy.act(obs)[0]  # type: ignore[attr-defined]
        assert action[1] == 0.0
        plant.step(float(action[0]), locked(hour))  # type: ignore[operator]
        ratios.append(plant.ratio)
        age += 1.0
        if age >= every_h:
            report, age = round(plant.pain), 0.0
    return ratios


def started(**settings: float) -> object:
    policy = make_policy("pid", **settings)
    policy.reset(make_context())
    return policy


@pytest.mark.parametrize("target", [2.0, 4.0])
def test_settles_at_the_target(target: float) -> None:
    """Within half a report's rounding and the pain that one smallest step moves (0.15 x 3.5)."""
    plant = Plant()
    simulate(started(target_nrs=target), plant, 24 * 40, lambda hour: hour % 24 != 0)
    assert plant.pain == pytest.approx(target, abs=1.0)


def test_does_not_overshoot_after_a_long_lock() -> None:
    """Ten days of refused rises leave no stored wish: the path after the lock is the path of a fresh controller."""
    daily = lambda hour: hour % 24 != 0  # noqa: E731
    fresh = max(simulate(started(), Plant(), 24 * 40, daily))
    waited = max(simulate(started(), Plant(), 24 * 50, lambda hour: hour < 240 or daily(hour)))
    assert waited <= fresh * 1.15


def test_without_back_calculation_it_would_wind_up() -> None:
    """The same lock with the tracking slowed to nothing stores a wish that grows with the lock's length."""

    def wish(tracking_time: float) -> float:
        policy = started(tracking_time=tracking_time)
        simulate(policy, Plant(), 240, lambda hour: True)
        return float(policy.wanted[0])  # type: ignore[attr-defined]

    assert wish(1e6) > 3.0 * wish(12.0)
    assert wish(12.0) < 1.0


def test_stops_asking_for_more_at_once_when_pain_is_gone() -> None:
    policy = started(target_nrs=2.0, gain=0.05, filter_time=24.0, tracking_time=12.0)
    simulate(policy, Plant(), 240, lambda hour: True)
    asked = [float(policy.act(observe(nrs_report=1.0))[0, 0]) for _ in range(24 * 4)]  # type: ignore[attr-defined]
    assert all(action <= 0.0 for action in asked[24:])


def test_holds_the_last_report_and_freezes_in_a_long_silence() -> None:
    policy = started()
    first = [float(policy.act(observe(nrs_report=9.0, nrs_age_h=h))[0, 0]) for h in range(4)]  # type: ignore[attr-defined]
    assert first[-1] > 0.0
    before = policy.integral.copy()  # type: ignore[attr-defined]
    silent = policy.act(observe(nrs_valid=0.0, nrs_report=0.0, nrs_age_h=24.0))  # type: ignore[attr-defined]
    assert silent[0, 0] == 0.0
    assert policy.integral[0] <= before[0]  # type: ignore[attr-defined]
    assert policy.pain[0] == pytest.approx(9.0)  # type: ignore[attr-defined]


def test_never_acts_before_the_first_report() -> None:
    policy = started()
    assert not policy.act(observe(nrs_valid=0.0)).any()  # type: ignore[attr-defined]


def test_lowers_when_pain_is_under_the_target() -> None:
    plant = Plant(base=1.0)
    ratios = simulate(started(), plant, 24 * 10, lambda hour: hour % 24 != 0)
    assert ratios[-1] < 0.9


def test_derivative_on_the_report_has_no_kick() -> None:
    """A jump of the report moves the request through the filter, not at once."""
    slow, kick = started(gain=0.04, filter_time=12.0, derivative_time=20.0), []
    for nrs in (3.0, 3.0, 9.0, 9.0):
        slow.act(observe(nrs_report=nrs))  # type: ignore[attr-defined]
        kick.append(float(slow.wanted[0]))  # type: ignore[attr-defined]
    assert kick[2] - kick[1] < 0.04 * 6 + 0.04 * 20.0 * 6 / 12 + 1e-9
    assert kick[2] > kick[1]


def first_wishes(says: list[float], **context: object) -> float:
    """The wish for ln(rate / start) of a PID without memory of its errors, after these reports."""
    policy = make_policy("pid", integral_time=1e9, tracking_time=1e9, derivative_time=0.0, filter_time=0.01)
    policy.reset(make_context(fields=MORE, **context))
    for said in says:
        policy.act(
            observe(fields=MORE, **({"spasms": said} if context.get("goal") == "spasticity" else {"nrs_report": said}))
        )
    return float(policy.wanted[0] / policy.settings.gain)


def test_aims_under_what_is_left_of_the_first_report() -> None:
    """30 % relief of NRS 8 leaves 5.6; the target is 1 below, whatever is said later; of NRS 4 it is the usual 2.5."""
    assert first_wishes([8.0, 6.0], goal_relief=0.3) == pytest.approx(6.0 - 4.6, abs=1e-3)
    assert first_wishes([4.0, 4.0], goal_relief=0.3) == pytest.approx(1.5, abs=1e-3)
    assert first_wishes([8.0, 6.0]) == pytest.approx(3.5, abs=1e-3)


def test_aims_at_few_spasms() -> None:
    """A spasm score of 3 of 4 is 7.5 of 10, and the target of 0.8 is 2."""
    assert first_wishes([3.0], goal="spasticity") == pytest.approx(5.5, abs=1e-3)
