"""A policy that says nothing usable: the pump's own ticks between two decisions are no usable requests in its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thecal.envs.adapters.single import ThecalEnv
from thecal.safety.invariants import Fallback, names

NONSENSE = np.array([np.nan, 0.0])
MORE = np.array([1.0, 1.0])


@pytest.fixture
def env() -> ThecalEnv:
    made = ThecalEnv("CancerMorphine", split="test", trail=True)
    made.reset(seed=0, options={"patient": 1})
    return made


def _shield(env: ThecalEnv) -> Any:
    return env.batch.world["shield"][0]


def _wait_for_a_round(env: ThecalEnv) -> None:
    """Hold until just after a clinician's round, so that the next one is a day away."""
    for _ in range(48):
        env.step(np.zeros(2))
        if env.batch.trail["received"]["clear"].any():
            return
    pytest.fail("no round in two days")


def test_three_unusable_actions_end_automation_until_a_round(env: ThecalEnv) -> None:
    assert env.spec_task.ticks_per_step > 1, "the ticks in between must not end the count"
    _wait_for_a_round(env)
    for _ in range(3):
        info = env.step(NONSENSE)[4]
        assert info["fallback"] >= Fallback.HOLD
    assert int(_shield(env)["errors"]) == 3
    before = int(_shield(env)["prev_rate"])
    info = env.step(MORE)[4]
    assert "finite" in names(info["violations"])
    assert int(_shield(env)["prev_rate"]) <= before
    assert info["allowed_bolus_ul"] == 0.0
    _wait_for_a_round(env)
    assert int(_shield(env)["errors"]) == 0


def test_a_usable_action_ends_the_count(env: ThecalEnv) -> None:
    _wait_for_a_round(env)
    for action in (NONSENSE, NONSENSE, np.zeros(2), NONSENSE, NONSENSE):
        env.step(action)
    assert int(_shield(env)["errors"]) == 2


def test_silence_is_counted_in_ticks_and_lets_the_lease_lapse(env: ThecalEnv) -> None:
    per_step = env.spec_task.ticks_per_step
    env.step(np.zeros(2))
    assert int(_shield(env)["since_command"]) == per_step - 1
    lease = int(env.batch.par["shield"]["lease"][0])
    for _ in range(lease // per_step + 1):
        env.step(NONSENSE)
    assert int(_shield(env)["since_command"]) >= lease
    # Higher than a clinician saw it: the rate goes back.
    shield = env.batch._world["shield"]
    seen = int(shield["baseline"][0])
    shield["baseline"][0] = seen - 100
    info = env.step(NONSENSE)[4]
    assert info["fallback"] == Fallback.SAFE_BASAL
    assert "lease" in names(info["violations"])
    assert int(_shield(env)["prev_rate"]) == seen - 100


def test_without_vital_signs_the_rate_is_the_clinicians_again(env: ThecalEnv) -> None:
    env.step(np.zeros(2))
    world = env.batch._world
    world["shield"]["baseline"][0] = int(_shield(env)["prev_rate"]) - 100
    world["shield"]["rr_age"][0] = 2 * int(env.batch.par["shield"]["stale"][0])
    world["patient"]["s_valid"][0] = 0
    info = env.step(np.zeros(2))[4]
    assert "stale" in names(info["violations"])
    assert info["fallback"] == Fallback.SAFE_BASAL
    assert int(_shield(env)["prev_rate"]) == int(_shield(env)["baseline"])
