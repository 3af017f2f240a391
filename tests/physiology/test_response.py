"""Plasma, effect, adaptation, pain, breathing and sensors: closed forms, limits, and what must never happen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from thecal.core.layout import COARSE, COARSE_H, N_SENSORS, SLOW_H, SLOW_TICKS, TICK_H
from thecal.physiology.adaptation import share, step_hyperalgesia, step_tolerance, step_withdrawal
from thecal.physiology.breathing import respiratory_drive, saturation, step_breathing, ventilation
from thecal.physiology.circulation import step_circulation
from thecal.physiology.drug_records import DRUG_STATE
from thecal.physiology.effect import hill, step_channels
from thecal.physiology.harm import poss, step_sedation, step_slow_harm
from thecal.physiology.pain import activity, breakthrough, felt_pain, is_awake, steady_pain, step_disturbance
from thecal.physiology.plasma import step_plasma
from thecal.physiology.reports import step_report
from thecal.physiology.sensors import step_sensors

from support.patients import fresh_state, toy_patients


def test_plasma_step_is_the_matrix_exponential():
    drug = toy_patients()[0]["drug"][0]
    k10, k12, k21 = (float(drug[name]) for name in ("k10", "k12", "k21"))
    matrix = np.array([[-k10 - k12, k21, 1.0], [k12, -k21, 0.0], [0.0, 0.0, 0.0]]) * COARSE_H
    expected = expm(matrix) @ np.array([30.0, 12.0, 7.0 / COARSE_H])
    state = np.zeros(1, DRUG_STATE)[0]
    state["plasma"], state["periph"] = 30.0, 12.0
    step_plasma(drug["step"][COARSE], state, 7.0)
    assert state["plasma"] == pytest.approx(expected[0], rel=1e-12)
    assert state["periph"] == pytest.approx(expected[1], rel=1e-12)
    assert state["eliminated"] == pytest.approx(49.0 - expected[0] - expected[1], rel=1e-9)


def test_hill_halves_at_the_ec50():
    assert hill(1.0, 2.4) == pytest.approx(0.5)
    assert hill(0.0, 2.4) == 0.0
    assert hill(1e9, 2.4) == pytest.approx(1.0)
    for slope in (1.0, 1.5, 2.0, 2.4):  # the first three take a short way
        assert hill(0.3, slope) == pytest.approx(0.3**slope / (1.0 + 0.3**slope), rel=1e-12)


def test_a_lag_closes_its_gap_exactly():
    assert share(10.0) == pytest.approx(1.0 - np.exp(-SLOW_H / 10.0))
    assert (1.0 - share(10.0)) ** 10 == pytest.approx(np.exp(-1.0))


def adapt(par, state, u, days):
    """Hold the dorsal horn at ``u`` naive EC50 for ``days``."""
    state["drug"][0]["ce_dh"] = u * par["drug"][0]["ec50"]
    for _ in range(int(days * 24 / SLOW_H)):
        step_channels(par, state)
        step_tolerance(par, state)
        step_hyperalgesia(par, state)
        step_withdrawal(par, state)


def test_tolerance_saturates_and_recovers():
    par = toy_patients()[0]
    state = fresh_state(np.array([par]))[0]
    adapt(par, state, 50.0, 900)
    own, rule = state["drug"][0], par["channel"][0]
    full = own["tol_fast"] + own["tol_slow"]
    assert full == pytest.approx((rule["tol_fast_max"] + rule["tol_slow_max"]) * 50 / 51, rel=0.06)
    adapt(par, state, 0.0, 90)
    assert own["tol_fast"] < 0.2 * rule["tol_fast_max"]
    assert own["tol_slow"] > 0.7 * rule["tol_slow_max"] * 0.9


def test_stopping_a_chronic_dose_brings_withdrawal_that_fades():
    par = toy_patients()[0]
    state = fresh_state(np.array([par]))[0]
    adapt(par, state, 5.0, 60)
    assert state["withdrawal"] < 0.02
    course = []
    for _ in range(14):
        adapt(par, state, 0.0, 1)
        course.append(float(state["withdrawal"]))
    assert max(course[:3]) > 0.3
    assert int(np.argmax(course)) <= 2
    assert course[-1] < 0.5 * max(course)


def test_hyperalgesia_follows_tolerance_and_raises_pain():
    par = toy_patients()[0]
    state = fresh_state(np.array([par]))[0]
    adapt(par, state, 50.0, 20)
    reached_tolerance = state["drug"][0]["tol_fast"] / (par["channel"][0]["tol_fast_max"] * 50 / 51)
    reached_oih = state["oih"] / (par["oih_max"] * 50 / 70)
    assert reached_oih < reached_tolerance
    with_oih = felt_pain(par, state, 6.0, 0.0, 1e6)
    state["oih"] = 0.0
    assert with_oih > felt_pain(par, state, 6.0, 0.0, 1e6)


def test_no_drug_gives_no_relief_but_only_placebo():
    par = toy_patients(ou_sd=0.0, bt_rate_per_h=0.0, circ_amp=0.0, pain_trend_per_h=0.0)[0]
    state = fresh_state(np.array([par]))[0]
    drive = steady_pain(par, state, 0.0, 0.0)
    assert drive == pytest.approx(7.5)
    assert felt_pain(par, state, drive, 0.0, 0.0) == pytest.approx(7.5 * (1 - 0.12))
    assert felt_pain(par, state, drive, 0.0, 1e6) == pytest.approx(7.5)


def test_breakthrough_is_a_trapezoid_and_as_frequent_as_stated():
    par = toy_patients()[0]
    state = fresh_state(np.array([par]))[0]
    state["bt_age_h"], state["bt_height"] = 0.0, 3.0
    assert breakthrough(par, state, 1 / 12) == pytest.approx(1.5)
    assert breakthrough(par, state, 0.5) == pytest.approx(3.0)
    assert breakthrough(par, state, 1.5) == 0.0
    starts, before = 0, -1.0
    days = 400
    state = fresh_state(np.array([par]))[0]
    for tick in range(days * 96):
        state["tick"] = tick
        step_disturbance(par, state, tick * TICK_H)
        starts += state["bt_age_h"] == 0.0
        before = state["bt_age_h"]
    assert before <= par["bt_length_h"]
    awake_h = 16.0 - starts / days * par["bt_length_h"]
    assert starts / days == pytest.approx(par["bt_rate_per_h"] * awake_h, rel=0.1)


def test_activity_has_mean_one_while_awake():
    par = toy_patients()[0]
    hours = np.arange(0, 24, 0.01)
    awake = np.array([is_awake(par, h) for h in hours]) == 1
    act = np.array([activity(par, h) for h in hours])
    assert awake.mean() == pytest.approx(16 / 24, abs=0.01)
    assert act[awake].mean() == pytest.approx(1.0, abs=0.01)
    assert np.all(act[~awake] == 0.0)


def test_breathing_at_rest_and_its_steady_state_under_drug():
    par = toy_patients()[0]
    state = fresh_state(np.array([par]))[0]
    step_breathing(par, state)
    assert ventilation(par, state) == pytest.approx(1.0)
    assert state["spo2"] > 95.0
    state["channel"][0]["depressant"] = 1.0
    for _ in range(200):
        step_breathing(par, state)
    assert respiratory_drive(par, state) == pytest.approx(0.5)
    vent = ventilation(par, state)
    # Bouillon's balance: PaCO2 * ventilation = baseline product.
    assert state["paco2"] * vent == pytest.approx(par["paco2_0"], rel=1e-9)
    assert vent == pytest.approx(0.5 * (state["paco2"] / par["paco2_0"]) ** par["co2_gain"], rel=1e-9)
    assert state["rr"] < par["rr0"]


def test_sleep_apnea_takes_drive_in_sleep_only():
    par = toy_patients(apnea=0.15)[0]
    state = fresh_state(np.array([par]))[0]
    assert respiratory_drive(par, state) == pytest.approx(1.0)
    state["awake"] = 0
    assert respiratory_drive(par, state) == pytest.approx(0.85)


def test_saturation_follows_the_dissociation_curve():
    assert saturation(26.8) == pytest.approx(50.0, abs=1.5)
    assert saturation(60.0) == pytest.approx(90.6, abs=1.0)
    assert saturation(100.0) == pytest.approx(97.5, abs=0.7)


def test_overwhelming_drug_kills_and_says_so():
    par = toy_patients()[0]
    state = fresh_state(np.array([par]))[0]
    state["channel"][0]["depressant"] = 1e6
    for _ in range(40):
        step_breathing(par, state)
        step_circulation(par, state)
    assert state["dead"] == 1


@given(level=st.floats(0, 1))
def test_poss_is_one_to_four_and_monotone(level):
    assert 1 <= poss(level) <= 4
    assert poss(level) <= poss(min(1.0, level + 0.1))


def test_nausea_fades_with_tolerance():
    par = toy_patients()[0]
    state = fresh_state(np.array([par]))[0]
    state["channel"][0]["central"] = 1.0
    step_slow_harm(par, state)
    first = float(state["nausea"])
    for _ in range(24 * 20):
        step_slow_harm(par, state)
    assert 0.0 < state["nausea"] < 0.65 * first


def test_sleeping_or_unrousable_patients_report_nothing():
    par = toy_patients(nrs_skip=1e-9, nrs_skip_slope=0.0)[0]
    for awake, level in ((0, 1), (1, 4)):
        state = fresh_state(np.array([par]))[0]
        state["awake"], state["poss"], state["pain"] = awake, level, 9.0
        before = float(state["nrs_report"])
        for tick in range(100):
            state["tick"] = tick
            step_report(par, state)
            assert state["nrs_new"] == 0
            assert state["demand"] == 0
        assert state["nrs_report"] == before
        assert state["nrs_age_h"] == pytest.approx(25.0)


def test_worse_pain_means_fewer_reports():
    par = toy_patients(nrs_skip=0.1, nrs_skip_slope=0.4)[0]
    counts = []
    for pain in (3.0, 9.5):
        state = fresh_state(np.array([par]))[0]
        state["awake"], state["pain"] = 1, pain
        n = 0
        for tick in range(4000):
            state["tick"] = tick
            state["asked_age_h"] = 10.0
            step_report(par, state)
            n += int(state["nrs_new"])
        counts.append(n)
    assert counts[0] / 4000 == pytest.approx(0.9, abs=0.03)
    assert counts[1] < counts[0]


def test_a_skipped_report_waits_until_the_next_is_due():
    par = toy_patients(nrs_skip=0.5, nrs_skip_slope=0.0, nrs_every_h=1.0)[0]
    state = fresh_state(np.array([par]))[0]
    n = 0
    for tick in range(8000):
        state["tick"] = tick
        step_report(par, state)
        n += int(state["nrs_new"])
    assert n / 2000 == pytest.approx(0.5, abs=0.04)


def test_sensors_drop_out_as_often_and_as_long_as_stated():
    par = toy_patients()[0]
    state = fresh_state(np.array([par]))[0]
    valid = []
    for tick in range(60_000):
        state["tick"] = tick
        step_sensors(par, state, tick * TICK_H)
        valid.append(state["s_valid"].copy())
    missing = 1.0 - np.mean(valid, axis=0)
    assert missing.shape == (N_SENSORS,)
    # On a grid of one tick, a dropout of mean 0.5 h hides between that and one tick more.
    rate, length = 0.02, 0.5
    low, high = rate * length, rate * (length + TICK_H)
    assert np.all(missing > 0.7 * low / (1 + low))
    assert np.all(missing < 1.3 * high / (1 + high))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**62), u=st.floats(0, 1e4))
def test_nothing_becomes_nan_or_leaves_its_range(seed, u):
    par = toy_patients(seed=np.uint64(seed))[0]
    state = fresh_state(np.array([par]))[0]
    for tick in range(300):
        state["tick"] = tick
        step_disturbance(par, state, tick * TICK_H)
        state["drug"][0]["ce_dh"], state["drug"][0]["ce_bs"] = u, u
        step_channels(par, state)
        if tick % SLOW_TICKS == 0:
            step_tolerance(par, state)
            step_hyperalgesia(par, state)
            step_withdrawal(par, state)
            step_slow_harm(par, state)
        step_sedation(par, state)
        step_breathing(par, state)
        state["pain"] = felt_pain(par, state, steady_pain(par, state, tick * TICK_H, 0.1), 0.0, tick * TICK_H)
        step_sensors(par, state, tick * TICK_H)
        step_report(par, state)
    numbers = [state[name] for name in state.dtype.names if name not in ("drug", "channel", "life")]
    assert all(np.all(np.isfinite(value)) for value in numbers)
    assert 0.0 <= state["pain"] <= 10.0
    assert 0.0 <= state["spo2"] <= 100.0
