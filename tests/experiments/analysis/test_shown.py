"""Numbers in tables: decimals by their interval, harm that never was in words, bounds that are possible, no minus zero."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.envs.outcomes import CATALOG
from thecal.experiments.analysis.compare import estimate, summarize
from thecal.experiments.analysis.results import Interval
from thecal.experiments.analysis.shown import decimals, fixed, shown, shown_difference

from support.runs import die, hand_run

NUMBERS = st.floats(-1e3, 1e3)


def interval(low: float, mean: float, high: float) -> Interval:
    return Interval(mean=mean, low=low, high=high)


@pytest.mark.parametrize(
    ("key", "found", "value", "spread"),
    [
        ("time_controlled", interval(12.2, 22.04, 33.1), "22", "12 to 33"),
        ("time_controlled", interval(21.7, 22.04, 22.6), "22.04", "21.70 to 22.60"),
        ("mean_nrs", interval(4.2, 4.75, 5.3), "4.8", "4.2 to 5.3"),
        ("died", interval(0.0, 0.0, 7.2), "none", "in 40 patients (at most 7.2)"),
        ("resp_hours", interval(0.0, 0.0, 0.0), "none", "in 40 patients"),
        ("demands_given", interval(0.0, 0.0, 0.0), "0.00", ""),
        ("mean_nrs", interval(np.nan, np.nan, np.nan), "-", ""),
        ("dose_mg_per_day", interval(-0.004, -0.001, 0.002), "-0.001", "-0.004 to 0.002"),
    ],
)
def test_an_estimate_reads_as_its_interval_allows(key: str, found: Interval, value: str, spread: str) -> None:
    seen = shown(found, CATALOG[key], 40)
    assert (seen.value, seen.spread) == (value, spread)


def test_differences_carry_a_sign_and_say_when_there_is_none() -> None:
    seen = shown_difference(interval(5.1, 12.2, 19.8), CATALOG["time_controlled"])
    assert (seen.value, seen.spread) == ("+12", "+5 to +20")
    assert shown_difference(interval(0.0, 0.0, 0.0), CATALOG["resp_hours"]).value == "equal"


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS).map(sorted), st.sampled_from(sorted(CATALOG)))
def test_nothing_is_minus_zero_and_ends_are_told_apart(edges: list[float], key: str) -> None:
    found, entry = interval(*edges), CATALOG[key]
    for seen in (shown(found, entry, 3), shown_difference(found, entry)):
        assert not re.search(r"[-+]0(\.0*)?(?![\d.])", f"{seen.value} {seen.spread}")
    assert 0 <= decimals(found, entry) <= entry.digits + 1
    if edges[2] - edges[0] > 10.0 ** (-entry.digits):
        low, high = (fixed(edge, decimals(found, entry)) for edge in (edges[0], edges[2]))
        assert low != high


@pytest.mark.parametrize("n", [1, 2, 40])
@pytest.mark.parametrize(
    "entry", [entry for entry in CATALOG.values() if entry.unit == "% of patients"], ids=lambda e: e.key
)
def test_no_bound_of_a_share_is_beyond_what_is_possible(entry, n: int) -> None:
    for all_alike in (0.0, 100.0):
        found = estimate(entry.key, np.full((1, n), all_alike), 0)
        assert found.mean == all_alike
        assert 0.0 <= found.low <= found.mean <= found.high <= 100.0
        if all_alike == 0.0 or entry.role != "cost":
            assert found.high - found.low == pytest.approx(100.0 * (1.0 - 0.05 ** (1.0 / n)))


def test_a_death_is_bounded_as_a_share_and_onsets_as_a_rate() -> None:
    one = summarize({"fixed": hand_run(24, 1, policy="fixed"), "b": hand_run(24, 1, policy="b")}, "fixed", 0).result
    events = one.policies["b"].events
    assert events["death"].upper_share == pytest.approx(95.0)
    assert events["death"].upper_per_100d == pytest.approx(100.0)  # a patient for a day, who cannot die twice
    assert events["respiratory"].upper_share is None
    assert events["respiratory"].upper_per_100d == pytest.approx(299.57, abs=0.01)  # who can stop breathing again


def test_the_account_of_the_shield_is_that_of_the_outcomes() -> None:
    """Patients who die early weigh as much as any other in both, so a sentence and a table say one number."""
    run = hand_run(48, 3, policy="b")
    rng = np.random.default_rng(0)
    run.data["violations"][:] = np.where(rng.random((48, 3)) < 0.3, (1 << 12) | (1 << 19), 0)
    run.data["intervened"][:] = run.data["violations"] > 0
    run = die(run, 1, 10)
    result = summarize({"fixed": hand_run(48, 3, policy="fixed"), "b": run}, "fixed", 0).result
    one = result.policies["b"]
    assert one.shield is not None
    step_h = result.spec["tick_h"]
    assert one.shield.intervened * step_h / 10.0 == pytest.approx(one.estimates["interventions"].mean)
    assert one.shield.violated == pytest.approx(one.estimates["would_be_violations"].mean)
    assert sum(one.shield.violations.values()) > 1.5 * one.shield.violated  # two limits in one decision
