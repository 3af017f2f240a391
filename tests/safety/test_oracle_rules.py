"""The auditor's newer rules by hand: what the pump counts, locks that cut again, frozen signals, monitored titration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thecal.safety.oracle_caps import beyond_allowed, most_ahead

from support.trajectories import Trajectory

T = 1_000
MONITORED = {
    "step": 0.05, "interval": 6.0, "day": 0.15, "fresh": 30.0, "quiet": 12.0, "settle": 4.0, "sedation": 2.0, "near": 0.7,
}  # fmt: skip


def _counted(patient: Trajectory, at: int, ticks: int, more: int) -> Trajectory:
    """A pump that counts what was allowed, and ``more`` in some ticks."""
    volume = patient.rows["rate"] + patient.rows["bolus"]
    volume[at : at + ticks] += more
    patient.rows["received"]["pumped_nl"] = np.concatenate(([0], volume[:-1]))
    return patient


def test_a_cap_filled_by_the_device_alone_is_no_breach() -> None:
    # 15 mg of 10 mg/mL are 1.5 mL a day; 2,000 nL a tick are 0.19 mL.
    assert _counted(Trajectory(), T, 1, 1_000_000).broken() == set()
    full = _counted(Trajectory().rate(T + 1, 500), T, 1, 2_000_000)
    assert full.broken() == set(), "down to the pump's lowest in the next tick"
    late = _counted(Trajectory().rate(T + 2, 500), T, 1, 2_000_000)
    assert late.broken() == {42}
    assert "cannot be held" in late.judged().breaches[0][3]
    assert late.judged().tested[42] == 2


@pytest.mark.parametrize("what", ["rise", "bolus"])
def test_nothing_runs_on_top_of_a_cap_the_device_filled(what: str) -> None:
    def on_top(more: int) -> set[int]:
        patient = Trajectory()
        patient = patient.rate(T + 1, 2_100) if what == "rise" else patient.bolus(T + 1, size=10_000)
        return _counted(patient, T, 1, more).broken()

    # 1.5 mL less a day of the rate, and the step or the bolus.
    room = 1_500_000 - 96 * (2_100 if what == "rise" else 2_000) - (0 if what == "rise" else 10_000)
    assert on_top(room) == set()
    assert on_top(room + 2_001) == {42}


def test_a_bolus_that_comes_late_is_no_excess() -> None:
    patient = Trajectory().bolus(T, size=5_000)
    volume = patient.rows["rate"].copy()
    volume[T + 2] += 5_000
    patient.rows["received"]["pumped_nl"] = np.concatenate(([0], volume[:-1]))
    patient.received(T + 1, 2, bolus_running=1)
    case: Any = type(
        "Case", (), {"facts": patient.rows["received"], "rate": patient.rows["rate"], "bolus": patient.rows["bolus"]}
    )
    assert beyond_allowed(case).sum() == 0
    patient.rows["received"]["bolus_running"] = 0
    assert beyond_allowed(case).tolist()[T + 2] == 5_000


def test_the_coming_day_is_added_up_as_by_hand() -> None:
    rng = np.random.default_rng(1)
    rate, bolus = rng.integers(0, 100, 260), rng.integers(0, 2, 260) * rng.integers(0, 500, 260)
    found = most_ahead(rate, bolus, rate, bolus)
    for t in (0, 50, 97, 200, 259):
        past = rate[: t + 1].tolist() + [rate[t]] * 96
        jumps = bolus[: t + 1].tolist() + [0] * 96
        assert found[t] == max(
            sum(past[max(0, end - 95) : end + 1]) + sum(jumps[max(0, end - 96) : end + 1]) for end in range(t, t + 97)
        )


def test_a_lock_cuts_again_while_harm_lasts() -> None:
    """Depressed from T on, seen with the second sample; an hour later half of it again."""
    once = Trajectory().received(T, 6, rr=79).rate(T + 1, 1_000)
    assert once.broken() == {19}, "not cut again"
    assert Trajectory().received(T, 4, rr=79).rate(T + 1, 1_000).broken() == set(), "over before the hour was"
    assert once.rate(T + 5, 500).broken() == set()
    slow = Trajectory().received(T, 6, rr=79).rate(T + 1, 1_000).rate(T + 6, 500)
    assert slow.broken() == {19}


@pytest.mark.parametrize(("sign", "value"), [("spo2", 970), ("co2", 380)])
def test_frozen_saturation_and_co2_withhold(sign: str, value: int) -> None:
    for still, broken in ((9, {23}), (8, set[int]())):
        patient = Trajectory().rate(T, 2_100).received(T - still + 1, still, **{sign: value})
        patient.received(T - still, **{sign: value + 1})
        assert patient.broken() == broken


def _monitored(start: int = 2_000, **changes: float) -> Trajectory:
    patient = Trajectory(start=start)
    patient.limits |= {f"monitored.{name}": value for name, value in {**MONITORED, **changes}.items()}
    return patient


def test_a_rise_sooner_needs_each_condition() -> None:
    """After an ordinary rise at T a smaller one, six hours later."""
    second = T + 24

    def risen(at: int = second, to: int = 2_200, **changes: float) -> Trajectory:
        return _monitored(**changes).rate(T, 2_100).rate(at, to)

    assert risen().broken() == set()
    assert Trajectory().rate(T, 2_100).rate(second, 2_200).broken() == {12}, "not stated"
    assert risen(second - 1).broken() == {43}, "sooner"
    assert risen(to=2_210).broken() == {43}, "larger"
    assert risen(settle=6.5).broken() == {43}
    assert risen().received(T + 1, 8, unverified=1).broken() == set(), "read back four hours before"
    assert risen().received(T + 1, 9, unverified=1).broken() == {43}, "read back too late to have settled"
    assert risen().received(second - 10, mri=1).broken() == {43}, "no quiet time"
    assert risen(quiet=2.0).received(second - 8, mri=1).broken() == set()
    assert risen().received(second, poss=2).broken() == set()
    assert risen(sedation=1.0).received(second, poss=2).broken() == {43}
    for names in (("rr",), ("spo2",), ("co2",), ("sbp", "map"), ("hr",)):
        old = dict.fromkeys(names, -1)
        assert risen(quiet=0.0).received(second - 2, 3, **old).broken() >= {43}, names
        assert 43 not in risen(quiet=0.0).received(second - 1, 2, **old).broken(), names
    assert risen(day=0.09).broken() == {43}, "against the rate of 24 h before"
    assert risen().judged().tested[43] >= 1


def test_steps_shrink_near_the_cap() -> None:
    # 1.5 mL a day are 15,463 nL in each of 97 ticks; at 0.8 of it a third of the step is gone, from 0.7 on.
    near = _monitored(start=12_370, day=1.0).rate(T, 12_780)
    assert near.broken() == set(), "an ordinary rise"
    assert _monitored(start=12_370, interval=1.0).rate(T, 12_380).rate(T + 24, 12_800).broken() == {43}
    assert _monitored(start=12_370, interval=1.0).rate(T, 12_380).rate(T + 24, 12_790).broken() == set()
