"""Malformed observations written into the world before a step: none raises, none loosens a limit, what comes out is finite."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thecal.envs import ThecalEnv, load_task
from thecal.physiology.sensors import ETCO2, HR, MAP, RR, SBP, SPO2

WILD = [
    np.nan, np.inf, -np.inf, 1e300, -1e300, 1.8e308, 9.3e18, -9.3e18, 5e-324, -0.0, -1.0, 0.0, 1.0, 42.0, 1e4, 1e9,
]  # fmt: skip
BAD = [np.nan, np.inf, -np.inf, 1e300, -1e300]  # what no telemetry can mean
TELEMETRY = {
    "patient": ("nrs_mean", "nrs_age_h", "weakness_seen", "confusion_seen", "nausea_seen", "spasm_seen"),
    "pump": ("estimated_ml", "age_h", "fill_h", "clock_offset_h"),
    "monitor": ("residual",),
}
CODES = {"patient": ("poss_seen", "demand"), "pump": ("alarms", "mode")}
GREEDY = np.array([1.0, 1.0])


@pytest.fixture(scope="module")
def ready() -> Iterator[tuple[ThecalEnv, Any, int, int]]:
    """An environment at a moment in which a rise and a bolus would be granted, and what would be granted."""
    task = load_task("CancerMorphine")
    asks = task.action.model_copy(update={"bolus_trigger": "policy"})  # at once, so that a denial shows
    env = ThecalEnv(task.model_copy(update={"action": asks}), split="test")
    env.reset(seed=0, options={"patient": 1})
    for _ in range(200):
        there = env.snapshot()
        before = int(env.batch.world["shield"]["prev_rate"][0])
        info = env.step(GREEDY)[4]
        rate = int(env.batch.world["shield"]["prev_rate"][0])
        env.restore(there)
        if rate > before and info["allowed_bolus_ul"] > 0.0:
            yield env, there, before, rate
            return
        env.step(np.array([0.0, 0.0]))
    pytest.fail("no rise was granted in 200 h")


def _asked(ready: tuple[ThecalEnv, Any, int, int], changes: dict[tuple[str, str, int], Any]) -> tuple[int, float]:
    """(rise, bolus) that a greedy request got after ``changes`` were written into the world."""
    env, there, before, most = ready
    env.restore(there)
    for (part, field, k), value in changes.items():
        column = env.batch._world[part][field]
        column.reshape(-1)[k] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observation, reward, *_, info = env.step(GREEDY)
    assert np.isfinite(observation).all(), changes
    assert np.isfinite(reward), changes
    rate = int(env.batch.world["shield"]["prev_rate"][0])
    assert 0 <= rate <= most, changes
    assert most <= before * 1.2 + 1
    assert np.isfinite(info["allowed_bolus_ul"])
    return rate - before, float(info["allowed_bolus_ul"])


FLOATS = st.one_of(st.sampled_from(WILD), st.floats())
CHANGES = st.one_of(
    st.tuples(st.just("patient"), st.just("s_value"), st.integers(0, 11), FLOATS),
    st.tuples(st.just("patient"), st.just("s_valid"), st.integers(0, 11), st.integers(-(2**63), 2**63 - 1)),
    *(
        st.tuples(st.just(part), st.sampled_from(fields), st.just(0), FLOATS)
        for part, fields in TELEMETRY.items()
    ),
    *(
        st.tuples(st.just(part), st.sampled_from(fields), st.just(0), st.integers(-(2**63), 2**63 - 1))
        for part, fields in CODES.items()
    ),
)  # fmt: skip


@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(CHANGES, min_size=1, max_size=12))
def test_a_thousand_malformed_observations_never_loosen(
    ready: tuple[ThecalEnv, Any, int, int], changes: list[tuple[str, str, int, Any]]
) -> None:
    _asked(ready, {change[:3]: change[3] for change in changes})


def test_an_honest_moment_grants_both(ready: tuple[ThecalEnv, Any, int, int]) -> None:
    rise, bolus = _asked(ready, {})
    assert rise > 0
    assert bolus > 0.0


# (what it withholds: rises, boluses)
WITHHELD = {
    "estimated_ml": (False, True), "fill_h": (True, True), "clock_offset_h": (True, True),
    "residual": (True, False), "weakness_seen": (True, True), "confusion_seen": (True, True),
}  # fmt: skip


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("field", WITHHELD)
def test_telemetry_that_means_nothing_withholds(
    ready: tuple[ThecalEnv, Any, int, int], field: str, value: float
) -> None:
    part = next(part for part, fields in TELEMETRY.items() if field in fields)
    rise, bolus = _asked(ready, {(part, field, 0): value})
    rises, boluses = WITHHELD[field]
    assert not (rises and rise > 0)
    assert not (boluses and bolus > 0.0)


@pytest.mark.parametrize("value", [-(2**63), -1, 5, 99, 2**62])
def test_a_sedation_score_that_does_not_exist_withholds(ready: tuple[ThecalEnv, Any, int, int], value: int) -> None:
    rise, bolus = _asked(ready, {("patient", "poss_seen", 0): value})
    assert rise <= 0
    assert bolus == 0.0


@pytest.mark.parametrize("value", BAD[:3])
@pytest.mark.parametrize("sensors", [(RR,), (SPO2,), (RR, SPO2), (ETCO2,), (SBP, MAP, HR)])
def test_a_vital_sign_that_is_no_number_is_a_missing_one(
    ready: tuple[ThecalEnv, Any, int, int], sensors: tuple[int, ...], value: float
) -> None:
    spoilt = _asked(ready, {("patient", "s_value", k): value for k in sensors})
    missing = _asked(ready, {("patient", "s_valid", k): 0 for k in sensors})
    assert spoilt == missing
