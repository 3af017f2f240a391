"""Sensors that hang together: pressures of one pulse, a breath that wanders, a vagal tone, and the night."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import SENSORS, TICK_H
from thecal.physiology.regimen import advance, begin

from support.bodies import drawn

PLACE = {name: k for k, name in enumerate(SENSORS)}
DAYS = 7


@pytest.fixture(scope="module", params=[2025, 11])
def readings(request):
    """Readings ``{sensor: [ticks, B]}`` without dropouts over a week without drug, and who is awake."""
    par = drawn(["morphine"], 60, seed=request.param).copy()
    par["s_drop_per_h"] = 0.0
    state = begin(par)
    rows, awake = [], []
    for _ in range(DAYS * 96):
        advance(par, state, TICK_H)
        rows.append(state["s_value"].copy())
        awake.append(state["awake"] == 1)
    values = np.array(rows)
    return {name: values[:, :, k] for name, k in PLACE.items()}, np.array(awake)


def within(a, b):
    """Correlation of two signals within each patient, ``[B]``."""
    return np.array([np.corrcoef(x, y)[0, 1] for x, y in zip(a.T, b.T, strict=True)])


def night_to_day(signal, awake):
    """Mean asleep and awake of each patient."""
    asleep = np.array([x[~w].mean() for x, w in zip(signal.T, awake.T, strict=True)])
    up = np.array([x[w].mean() for x, w in zip(signal.T, awake.T, strict=True)])
    return asleep, up


def test_mean_pressure_follows_systolic(readings):
    """Above 0.8 in people."""
    values, _ = readings
    assert np.median(within(values["sbp"], values["map"])) > 0.8


def test_breathing_readings_remember_a_quarter_of_an_hour(readings):
    values, _ = readings
    rr = values["rr"]
    assert np.median(within(rr[:-1], rr[1:])) > 0.5
    assert 0.5 < np.median(rr.std(axis=0)) < 3.0


def test_pressure_dips_at_night_by_ten_to_twenty_percent(readings):
    asleep, up = night_to_day(readings[0]["sbp"], readings[1])
    assert 0.10 <= np.median(1.0 - asleep / up) <= 0.20


def test_carbon_dioxide_rises_asleep_by_two_to_four(readings):
    asleep, up = night_to_day(readings[0]["etco2"], readings[1])
    assert 2.0 <= np.median(asleep - up) <= 4.0


def test_variability_of_the_pulse_is_higher_at_night(readings):
    asleep, up = night_to_day(readings[0]["hrv"], readings[1])
    assert 1.1 <= np.median(asleep / up) <= 1.6


def test_heart_rate_and_its_variability_move_apart(readings):
    values, awake = readings
    day = awake.all(axis=1)
    assert np.median(within(values["hr"][day], np.log(values["hrv"][day]))) < -0.2


def test_saturation_at_night_stays_normal(readings):
    asleep, up = night_to_day(readings[0]["spo2"], readings[1])
    assert np.median(asleep) > 92.0
    assert np.median(up - asleep) < 2.5
