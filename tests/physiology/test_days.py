"""The body from day to day and night to night: levels of pressure and breathing, the tone of sleep, and the resting heart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thecal.core.layout import SENSORS, TICK_H
from thecal.physiology.regimen import advance, begin

from support.bodies import calm, drawn, naive

N = 2_000
DAY = 24.0
LEVELS = ("day_pressure", "day_breath")


def people(n=N, **changes):
    """``[n]`` calm, drug-naive patients without the sensors' errors, changed as stated."""
    par = naive(calm(drawn(["morphine"], n)))
    for name in ("s_noise", "s_drift", "s_drop_per_h"):
        par[name] = 0.0
    for name, value in changes.items():
        par[name] = value
    return par


def read(state, name):
    return state["s_value"][:, SENSORS.index(name)].copy()


@pytest.mark.parametrize("days", [0, 3, pytest.param(30, marks=pytest.mark.slow)])
def test_levels_of_a_day_are_standard_normal_from_the_first_on(days):
    par = people()
    state = begin(par)
    if days:
        advance(par, state, days * DAY)
    found = np.array([state[name] for name in LEVELS] + [np.log(state["occ_pain"] + 1e-12)])
    np.testing.assert_allclose(found[:2].mean(axis=1), 0.0, atol=4.5 / math.sqrt(N))
    np.testing.assert_allclose(found[:2].std(axis=1), 1.0, rtol=4.5 / math.sqrt(2 * N))
    assert abs(np.corrcoef(found[:2])[0, 1]) < 4.5 / math.sqrt(N)


@pytest.mark.parametrize("name", LEVELS)
def test_a_day_resembles_the_next_and_not_that_of_another_week(name):
    par = people()
    state = begin(par)
    first = state[name].copy()
    for hours in (DAY, 6 * DAY):
        advance(par, state, hours)
        passed = state["tick"][0] * TICK_H
        expected = math.exp(-passed / par["day_tau_h"][0])
        assert np.corrcoef(first, state[name])[0, 1] == pytest.approx(expected, abs=4.5 / math.sqrt(N))


def test_every_policy_meets_the_same_days():
    par = people(20)
    none, much = begin(par), begin(par)
    advance(par, none, 5 * DAY)
    advance(par, much, 5 * DAY, rate_ug_per_h=100.0)
    for name in (*LEVELS, "airway"):
        assert none[name].tobytes() == much[name].tobytes()
        assert len(np.unique(none[name])) == 20


def test_pressure_differs_between_days_as_the_file_states():
    par = people(day_sbp=7.0)
    state = begin(par)
    first = advance(par, state, DAY)["sbp"][20]
    advance(par, state, 13 * DAY)
    later = advance(par, state, DAY)["sbp"][20]
    assert (later - first).std() == pytest.approx(math.sqrt(2.0) * 7.0, rel=0.1)


def test_sleep_moves_pressure_more_than_the_day_does():
    """Systolic readings vary no less at night than by day, though activity is gone (Am J Hypertens 2000, 13:1203)."""
    par = people(200, tone_sbp=6.0, tone_night=1.5, night_dip=0.0, wake_h=8.0, sleep_h=20.0)
    par["s_gain_pain"] = 0.0
    pressure = advance(par, begin(par, 8.0), 10 * DAY)["sbp"].reshape(10, -1, 200)
    half = pressure.shape[1] // 2
    day, night = pressure[:, : half - 1], pressure[:, half + 1 : -1]
    assert night.std(axis=(0, 1)).mean() / day.std(axis=(0, 1)).mean() == pytest.approx(1.5, rel=0.05)


def test_sleep_slows_the_heart_by_the_patients_own_measure():
    par = people(50)
    par["s_gain_pain"] = 0.0
    state = begin(par, 12.0)
    noon = advance(par, state, TICK_H)["hr"][-1]
    night = advance(par, state, 15.0)["hr"][-1]
    np.testing.assert_allclose(noon - night, par["night_hr"], atol=1e-9)
    assert par["night_hr"].std() > 1.0


def test_hearts_at_rest_beat_as_in_the_healthy():
    """65.5 +- 7.7/min before getting up (Quer 2020, PLoS One 15:e0227709), 24-h means of 70-80/min."""
    par = naive(drawn(["morphine"], 300))
    beats = advance(par, begin(par, 8.0), 2 * DAY)["hr"]
    clock = (8.0 + TICK_H * np.arange(1, len(beats) + 1)) % DAY
    resting = beats[(clock > 5.0) & (clock <= 6.0)].mean(axis=0)
    assert 62.0 < resting.mean() < 71.0
    assert 6.0 < resting.std() < 9.6
    assert 67.0 < beats.mean() < 80.0


def test_some_breathe_steadily_and_some_do_not():
    """SD / mean of 14 nights: 2.3-2.7 % in the steadiest twentieth, 9-22 % in the least (Natarajan 2021, NPJ Digit Med 4:136)."""
    par = naive(drawn(["morphine"], 300))
    state = begin(par, 0.0)
    nights = []
    for _ in range(14):
        hours = []
        for _ in range(6):
            advance(par, state, 1.0)
            hours.append(read(state, "rr"))
        nights.append(np.mean(hours, axis=0))
        advance(par, state, 18.0)
    varying = np.std(nights, axis=0, ddof=1) / np.mean(nights, axis=0)
    steady, unsteady = np.quantile(varying, (0.05, 0.95))
    assert 0.020 < steady < 0.030
    assert 0.092 < unsteady < 0.217
    order = np.argsort(par["rr_swing"])
    assert varying[order[-75:]].mean() > 2.0 * varying[order[:75]].mean()


def test_an_unsteady_rate_is_read_and_is_no_depression():
    steady, unsteady = people(20, rr_swing=0.0), people(20, rr_swing=0.15)
    states = begin(steady), begin(unsteady)
    true = [advance(par, state, 3 * DAY) for par, state in zip((steady, unsteady), states, strict=True)]
    assert true[0]["rr"].tobytes() == true[1]["rr"].tobytes()
    assert true[0]["depressed"].tobytes() == true[1]["depressed"].tobytes()
    assert (read(states[0], "rr") != read(states[1], "rr")).all()


@pytest.mark.parametrize(("level", "moved", "still"), [("day_breath", "rr", "sbp"), ("day_pressure", "sbp", "rr")])
def test_each_level_of_a_day_moves_its_own_reading_only(level, moved, still):
    par = people(20, rr_swing=0.1, rr_days=1.0, day_sbp=6.0)
    usual, raised = begin(par), begin(par)
    raised[level] += 2.0
    for state in (usual, raised):
        advance(par, state, TICK_H)
    assert (read(raised, moved) > read(usual, moved)).all()
    assert read(raised, still).tobytes() == read(usual, still).tobytes()
