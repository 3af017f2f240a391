"""Each residual monitor rises on its own signal, stays silent without it, and counts one cause once."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import N_SENSORS, SENSORS
from thecal.devices.monitor_records import MONITOR_STATE, Monitor, monitor_parameters
from thecal.devices.monitors import see_day, see_patient, see_pump, see_refill, see_report
from thecal.devices.program import program_prime

from support.device_runs import shipped

HR, RR, SPO2 = (SENSORS.index(name) for name in ("hr", "rr", "spo2"))
FILL_ML = 36.0


@pytest.fixture
def par():
    return monitor_parameters()[0]


@pytest.fixture
def state():
    return np.zeros(1, MONITOR_STATE)[0]


def rose(state, monitor: Monitor) -> bool:
    return bool(state["standing"] >> monitor & 1)


def refills(state, par, ratio: float, number: int, noise: float = 0.0) -> int:
    """Refills until a volume monitor is set off by a pump of this true / programmed ratio; 0 for never."""
    for k in range(1, number + 1):
        commanded = k * FILL_ML
        see_refill(state, par, FILL_ML * (1.0 - ratio) + 4.0, 4.0, commanded, noise if k % 2 else -noise)
        if state["from_refill"]:
            return k
    return 0


@pytest.mark.parametrize(
    ("ratio", "within", "monitor"),
    [
        (1.20, 1, Monitor.VOLUME_HIGH),
        (1.10, 2, Monitor.VOLUME_HIGH),
        (0.80, 1, Monitor.VOLUME_LOW),
        (0.90, 2, Monitor.VOLUME_LOW),
    ],
)
def test_the_volume_balance_finds_a_pump_off_its_label(state, par, ratio, within, monitor):
    assert 1 <= refills(state, par, ratio, 10) <= within
    assert state["from_refill"] == 1 << monitor


@pytest.mark.parametrize("ratio", [0.98, 1.0, 1.02, 1.03])
def test_the_volume_balance_lets_ordinary_errors_pass(state, par, ratio):
    assert refills(state, par, ratio, 12, noise=1.5) == 0


def test_a_refill_with_nothing_infused_says_nothing(state, par):
    see_refill(state, par, 0.0, 40.0, 0.0, 0.0)
    assert state["from_refill"] == 0


def look(state, par, pump, ordered=2600, lost=0):
    see_pump(state, par, pump, ordered, lost)


def test_each_disagreement_of_telemetry_raises_its_own_monitor(state, par):
    pump = shipped()[0]
    look(state, par, pump)
    assert state["raised"] == 0
    pump["clock_offset_h"] = 0.03
    look(state, par, pump)
    assert state["raised"] == 1 << Monitor.CLOCK
    look(state, par, pump, ordered=2610)
    assert state["raised"] == 1 << Monitor.ECHO
    pump["commanded_ml"] = 0.02
    look(state, par, pump)
    assert state["raised"] == 1 << Monitor.MOTOR
    pump["alarms"] = 64
    look(state, par, pump)
    assert state["raised"] == 1 << Monitor.ALARM


def test_a_low_reservoir_is_no_cause_for_alarm(state, par):
    pump = shipped()[0]
    pump["alarms"] = 1
    look(state, par, pump)
    assert state["raised"] == 0


def test_a_prime_nobody_sent_is_read_from_the_log(state, par):
    system = shipped()
    look(state, par, system[0])
    program_prime(system[0], system[1], 1000.0)
    look(state, par, system[0])
    assert state["raised"] == 1 << Monitor.ECHO


def test_one_cause_counts_once_in_its_silence(state, par):
    pump = shipped()[0]
    pump["clock_offset_h"] = 1.0
    hours = np.arange(0.0, 2.5 * float(par["silent_h"]), 6.0)
    for hour in hours:
        pump["age_h"] = hour
        look(state, par, pump)
    assert state["count"][Monitor.CLOCK] == 3


def days_of_reports(state, par, values, rate=2600.0, temperature=37.0):
    for day, value in enumerate(values):
        for _ in range(4):
            see_report(state, value)
        see_day(state, par, rate, temperature, 24.0 * (day + 1))


def test_pain_that_comes_back_to_stay_is_noticed_but_no_bad_day(state, par):
    days_of_reports(state, par, [3, 4, 3, 4, 3, 4, 3, 4, 3, 4, 6, 3, 4, 3])
    assert not rose(state, Monitor.EFFECT_LOSS)
    days_of_reports(state, par, [6.5] * 4)
    assert rose(state, Monitor.EFFECT_LOSS)


def test_pain_after_a_lowered_dose_is_no_surprise(state, par):
    days_of_reports(state, par, [3] * 14)
    days_of_reports(state, par, [6] * 6, rate=1300.0)
    assert not rose(state, Monitor.EFFECT_LOSS)


def test_the_thermometer(state, par):
    days_of_reports(state, par, [3], temperature=37.9)
    assert not rose(state, Monitor.FEVER)
    days_of_reports(state, par, [3], temperature=38.1)
    assert rose(state, Monitor.FEVER)


def signals(state, par, ticks, *, rr=14.0, moving=True, valid=True, poss=1):
    values, masks = np.full(N_SENSORS, 90.0), np.full(N_SENSORS, int(valid))
    for k in range(ticks):
        values[[HR, RR, SPO2]] = 70.0 + 0.1 * k * moving, rr + 0.1 * (k % 7) * moving, 96.0 + 0.1 * (k % 5) * moving
        see_patient(state, par, values, masks, poss, 0.25 * k)


def test_signals_that_stand_still_or_stay_away_are_noticed(state, par):
    signals(state, par, 96)
    assert state["standing"] == 0
    signals(state, par, 4, moving=False)
    assert rose(state, Monitor.SIGNAL)
    away = np.zeros(1, MONITOR_STATE)[0]
    signals(away, par, 23, valid=False)
    assert not rose(away, Monitor.SIGNAL)
    signals(away, par, 1, valid=False)
    assert rose(away, Monitor.SIGNAL)


@pytest.mark.parametrize(
    ("rr", "poss", "ticks", "expected"),
    [(7.0, 1, 2, True), (7.0, 1, 1, False), (14.0, 3, 1, True), (14.0, 2, 9, False)],
)
def test_slow_breathing_twice_or_sedation_once(state, par, rr, poss, ticks, expected):
    signals(state, par, ticks, rr=rr, poss=poss)
    assert rose(state, Monitor.OVERDOSE) is expected
