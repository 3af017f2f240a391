"""Sensors and reports: gain, lag, drift, noise with motion, dropouts, stuck values, and what a patient says of pain."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import LOG_SENSORS, N_SENSORS, SENSORS, TICK_H
from thecal.physiology.regimen import advance, begin

from support.bodies import calm, copies, drawn, hold, naive

NOON, NIGHT = 12.0, 0.0
LINEAR = np.array([name not in LOG_SENSORS for name in SENSORS])
ONE_CUFF = np.eye(N_SENSORS)  # errors are independent, but systolic and mean pressure come from one cuff
ONE_CUFF[1, 2] = ONE_CUFF[2, 1] = 0.6
ALWAYS_AWAKE = {"wake_h": 0.0, "sleep_h": 23.75}


def watched(par):
    """Calm patients whose sensors are exact: no noise, drift or dropouts, and nothing of the body moves but pain."""
    calm(par)
    for name in ("s_noise", "s_drift", "s_drop_per_h", "apnea", "nrs_noise", "poss_error", "nrs_skip"):
        par[name] = 0.0
    par["function_tau_h"] = par["distress_tau_h"] = 1e12
    par["distress_felt"] = 0.0
    return par


def spread_out(par):
    """Keep every reading away from the ends of its instrument, so that none is clipped."""
    par["s_rest"][:, SENSORS.index("conductance")] = 5.0
    par["s_gain_sed"] = par["s_gain_pain"] = 0.0
    par["s_gain_pain"][:, SENSORS.index("activity")] = 5.0  # there is none at night to lift it off 0
    par["aa_gradient"] = 35.0
    return par


def signal(state):
    """Readings ``[B, N_SENSORS]`` on the scale on which each sensor works."""
    return np.where(LINEAR, state["s_value"], np.log(np.maximum(state["s_value"], 1e-300)))


def ticks(par, state, n):
    """Advance by one tick at a time."""
    for _ in range(n):
        advance(par, state, TICK_H)
        yield state


def settled_readings(pain, sedated):
    """Readings of one patient at noon at the pains given, the last copies of it sedated by a drug that spares breathing."""
    par = naive(watched(copies(drawn(["morphine"]), len(pain))))
    par["pain_base"] = pain
    par["channel"]["emax_resp"] = par["channel"]["emax_noci"] = par["channel"]["emax_neuro"] = 0.0
    par["drug"]["ke0_bs"] = 1e-15
    par["s_tau_h"] = 1e-6
    state = begin(par, NOON)
    hold(par, state, bs=np.where(sedated, 1e6, 0.0))
    advance(par, state, TICK_H)
    np.testing.assert_allclose(state["pain"], pain)
    np.testing.assert_allclose(state["sedation"], np.where(sedated, 1.0, 0.0), atol=1e-9)
    return par, signal(state)


def test_every_sensor_answers_pain_by_the_stated_sign_and_size():
    par, shown = settled_readings(np.array([2.0, 8.0]), np.array([False, False]))
    rise = dict(zip(SENSORS, shown[1] - shown[0], strict=True))
    gain = dict(zip(SENSORS, par["s_gain_pain"][0], strict=True))
    ratio = par["map0"][0] / par["sbp0"][0]
    expected = {name: 6.0 * gain[name] for name in SENSORS} | {"map": 6.0 * gain["sbp"] * ratio}
    curve = 8.0**2 / (8.0**2 + 3.2**2) - 2.0**2 / (2.0**2 + 3.2**2)
    expected["conductance"] = gain["conductance"] * curve
    for name in set(SENSORS) - {"activity"}:
        assert rise[name] == pytest.approx(expected[name], abs=1e-9), name
    assert rise["activity"] < expected["activity"] < 0.0  # pain stills directly, and through lost function
    assert {name for name in SENSORS if rise[name] > 1e-9} == {
        "hr",
        "sbp",
        "map",
        "rr",
        "conductance",
        "emg",
        "eeg",
        "sweat",
    }
    assert {name for name in SENSORS if rise[name] < -1e-9} == {"activity", "hrv"}


def test_every_sensor_answers_sedation_by_the_stated_size():
    par, shown = settled_readings(np.array([5.0, 5.0]), np.array([False, True]))
    rise = dict(zip(SENSORS, shown[1] - shown[0], strict=True))
    expected = dict(zip(SENSORS, par["s_gain_sed"][0], strict=True))
    expected |= {"hr": -par["sed_hr"][0], "sbp": -par["sed_sbp"][0]}
    expected["map"] = expected["sbp"] * par["map0"][0] / par["sbp0"][0]
    for name in set(SENSORS) - {"activity"}:
        assert rise[name] == pytest.approx(expected[name], abs=1e-6), name
    assert rise["activity"] < 0.0
    assert {name for name in SENSORS if rise[name] < -1e-6} == {
        "hr",
        "sbp",
        "map",
        "conductance",
        "activity",
        "emg",
        "eeg",
    }


def test_every_sensor_lags_by_its_own_time_constant():
    par = watched(copies(drawn(["morphine"]), 4))
    par["pain_base"] = 2.0
    par["s_gain_pain"] = np.where(par["s_gain_pain"] == 0.0, 0.1, par["s_gain_pain"])
    tau = np.linspace(0.2, 2.0, N_SENSORS)
    par["s_tau_h"][:2], par["s_tau_h"][2:] = tau, 1e-6  # the last two copies show the truth at once
    state = begin(par, 10.0)
    advance(par, state, TICK_H)
    par["pain_base"][[1, 3]] = 8.0
    for k, _ in enumerate(ticks(par, state, 8), start=1):
        shown = state["s_lag"][1] - state["s_lag"][0]
        true = state["s_lag"][3] - state["s_lag"][2]
        np.testing.assert_allclose(shown / true, 1.0 - np.exp(-k * TICK_H / tau), rtol=1e-6)


def test_drift_has_the_stated_spread_and_memory():
    par = watched(spread_out(drawn(["morphine"], 600)))
    par["s_drift"] = np.linspace(0.05, 0.2, N_SENSORS)
    par["s_drift_tau_h"] = 12.0
    state = begin(par, NIGHT)
    advance(par, state, 60.0)
    early = state["s_wander"].copy()
    advance(par, state, 12.0)
    late = state["s_wander"]
    np.testing.assert_allclose(late.std(axis=0), par["s_drift"][0], rtol=0.12)
    np.testing.assert_allclose(late.mean(axis=0) / par["s_drift"][0], 0.0, atol=0.2)
    memory = [np.corrcoef(early[:, k], late[:, k])[0, 1] for k in range(N_SENSORS)]
    np.testing.assert_allclose(memory, np.exp(-1.0), atol=0.15)
    assert np.abs(np.corrcoef(late.T) - ONE_CUFF).max() < 0.2
    np.testing.assert_allclose(signal(state) - state["s_lag"], late, atol=1e-9)


def residuals(par, clock_h, n=6):
    """Noise ``[n * B, N_SENSORS]`` of readings over some ticks, and the activity of the last."""
    state = begin(par, clock_h)
    rows = [(signal(now) - now["s_lag"]).copy() for now in ticks(par, state, n)]
    return np.concatenate(rows), float(state["activity"].mean())


def test_noise_has_the_stated_spread_and_motion_raises_it():
    par = watched(spread_out(drawn(["morphine"], 600)))
    par["s_noise"] = np.linspace(0.02, 0.2, N_SENSORS)
    par["s_motion"] = np.linspace(0.2, 1.0, N_SENSORS)
    rest, still = residuals(par, NIGHT)
    moving, act = residuals(par, NOON)
    assert still == 0.0
    assert act > 1.2
    np.testing.assert_allclose(rest.std(axis=0), par["s_noise"][0], rtol=0.06)
    np.testing.assert_allclose(rest.mean(axis=0) / par["s_noise"][0], 0.0, atol=0.08)
    np.testing.assert_allclose(moving.std(axis=0) / par["s_noise"][0], 1.0 + par["s_motion"][0] * act, rtol=0.08)
    assert np.abs(np.corrcoef(rest.T) - ONE_CUFF).max() < 0.1


def record(par, hours, clock_h=8.0):
    """``(missing, valid, value)`` at every tick, each ``[ticks, B, N_SENSORS]``; missing is a dropout, stuck or not."""
    state = begin(par, clock_h)
    rows = [
        (now["s_drop_left_h"] > 0.0, now["s_valid"] == 1, now["s_value"].copy(), now["s_age_h"].copy())
        for now in ticks(par, state, round(hours / TICK_H))
    ]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def starts(missing):
    """Where a dropout begins."""
    return missing & ~np.concatenate((np.zeros_like(missing[:1]), missing[:-1]))


def test_dropouts_have_the_stated_rate_and_length():
    par = calm(drawn(["morphine"], 200))
    missing, *_ = record(par, 300.0)
    begun = starts(missing).sum(axis=(0, 1))
    at_risk_h = (~missing).sum(axis=(0, 1)) * TICK_H
    # At most one sensor fails in a tick, which costs a few percent of the stated rate.
    np.testing.assert_allclose(begun / at_risk_h / par["s_drop_per_h"][0], 1.0, atol=0.15)
    length = missing.sum(axis=(0, 1)) * TICK_H / begun
    on_grid = TICK_H / -np.expm1(-TICK_H / par["s_drop_h"][0])
    np.testing.assert_allclose(length, on_grid, rtol=0.12)


def test_a_missing_sample_ages_and_a_stuck_one_looks_valid():
    par = calm(drawn(["morphine"], 150))
    par["s_stuck"] = 0.3
    missing, valid, value, age = record(par, 200.0)
    during = missing[1:]
    np.testing.assert_array_equal(value[1:][during], value[:-1][during])
    np.testing.assert_allclose(age[1:][during], age[:-1][during] + TICK_H)
    assert np.all(valid[~missing])
    assert np.all(age[~missing] == 0.0)
    repeated = value[1:][~during] == value[:-1][~during]
    assert repeated.mean() < 0.05  # only readings at the end of a scale repeat by themselves
    begun = starts(missing)
    share, n = valid[begun].mean(), begun.sum()
    assert abs(share - 0.3) < 4.0 * np.sqrt(0.21 / n)
    lasting = missing[1:] & missing[:-1] & ~begun[1:]
    np.testing.assert_array_equal(valid[1:][lasting], valid[:-1][lasting])


def test_nothing_is_stuck_or_missing_where_the_rates_are_zero():
    par = calm(drawn(["morphine"], 50))
    par["s_stuck"] = 0.0
    missing, valid, *_ = record(par, 100.0)
    np.testing.assert_array_equal(valid, ~missing)
    par["s_drop_per_h"] = 0.0
    missing, valid, *_ = record(par, 50.0)
    assert not missing.any()
    assert valid.all()


def test_sensor_faults_do_not_depend_on_action_or_batch():
    base = spread_out(drawn(["morphine"], 20))
    runs = []
    for rate, rows in ((0.0, slice(None)), (200.0, slice(None)), (0.0, slice(7, 8))):
        par = base[rows].copy()
        state = begin(par)
        advance(par, state, 100.0, rate_ug_per_h=rate)
        runs.append(state)
    off, on, alone = runs
    assert np.all((on["relief"] > off["relief"]) | (on["dead"] == 1))
    for name in ("s_wander", "s_valid", "s_stuck_now", "s_drop_left_h", "s_age_h", "ou", "bt_age_h", "tone", "rhythm"):
        np.testing.assert_array_equal(on[name], off[name], err_msg=name)
    alive = on["dead"] == 0
    np.testing.assert_array_equal(on["activity"][alive], off["activity"][alive])
    fresh = (on["s_age_h"] == 0.0) & (on["s_value"] > 0.0) & (off["s_value"] > 0.0)
    fresh[:, SENSORS.index("spo2")] = False  # either may be at the top of the scale
    fresh[~alive] = False  # nothing is left to disturb
    noise = [(signal(state) - state["s_lag"])[fresh] for state in (on, off)]
    np.testing.assert_allclose(*noise, atol=1e-9)
    assert alone[0].tobytes() == off[7].tobytes()


def reports(par, days, distress=None):
    """``(when, what)``: whether a report arrived in each tick and what it said, ``[ticks, B]``."""
    state = begin(par)
    if distress is not None:
        state["distress"] = distress
    rows = [(now["nrs_new"] == 1, now["nrs_report"].copy()) for now in ticks(par, state, days * 96)]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def test_reports_are_missing_more_often_in_worse_pain():
    par = watched(copies(drawn(["morphine"]), 200))
    for name, value in ALWAYS_AWAKE.items():
        par[name] = value
    par["patient"] += np.arange(len(par), dtype=np.uint64)
    par["nrs_skip"], par["nrs_skip_slope"], par["nrs_every_h"] = 0.2, 0.5, TICK_H
    par["pain_base"] = np.repeat([1.0, 5.0, 7.0, 9.5], 50)
    came, _ = reports(par, 10)
    missing = 1.0 - came[:-1].reshape(-1, 4, 50).mean(axis=(0, 2))
    odds = 0.25 * np.exp(0.5 * np.array([0.0, 0.0, 2.0, 4.5]))
    np.testing.assert_allclose(missing, 1.0 - (1.0 - odds / (1.0 + odds)) * 95.0 / 96.0, atol=0.02)


def test_distress_raises_what_a_patient_says_and_calm_lowers_it():
    par = watched(copies(drawn(["morphine"]), 300))
    par["patient"] += np.arange(len(par), dtype=np.uint64)
    par["pain_base"], par["nrs_noise"] = 5.0, 0.7
    came, said = reports(par, 3, distress=np.repeat([0.0, 0.5, 1.0], 100))
    means = [said[:, rows][came[:, rows]].mean() for rows in (slice(0, 100), slice(100, 200), slice(200, 300))]
    half = 0.5 * par["distress_nrs"][0]
    np.testing.assert_allclose(means, [5.0 - half, 5.0, 5.0 + half], atol=0.08)


def test_reports_are_whole_numbers_and_only_from_the_awake():
    par = watched(drawn(["morphine"], 40))
    par["nrs_noise"] = 2.0
    came, said = reports(par, 4)
    assert np.all((said >= 0.0) & (said <= 10.0) & (said == np.floor(said)))
    clock = (8.0 + np.arange(len(came)) * TICK_H) % 24.0
    asleep = (clock[:, None] < par["wake_h"] - TICK_H) | (clock[:, None] > par["sleep_h"] + TICK_H)
    assert not came[asleep].any()
    assert came[~asleep].any()


def test_the_observer_errs_by_one_step_as_often_as_stated():
    par = naive(watched(copies(drawn(["morphine"]), 400)))
    par["patient"] += np.arange(len(par), dtype=np.uint64)
    par["drug"]["ke0_bs"], par["poss_error"] = 1e-15, 0.2
    par["channel"]["habit_gain"] = 0.0
    state = begin(par)
    ratio, slope = par["channel"]["ec50_sed_ratio"][0, 0], par["channel"]["hill_sed"][0, 0]
    hold(par, state, bs=ratio * (0.35 / 0.65) ** (1.0 / slope))
    off = np.array([(now["poss_seen"] - now["poss"]).copy() for now in ticks(par, state, 40)])[::4]
    assert np.all(state["poss"] == 2)
    assert set(np.unique(off)) == {-1, 0, 1}
    np.testing.assert_allclose([(off == 1).mean(), (off == -1).mean()], 0.1, atol=0.02)
