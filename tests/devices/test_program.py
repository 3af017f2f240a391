"""What a programmer can do: day schedules, single and patient boluses, bridges, primes, stops; and what a pump refuses."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.devices.alarms import PumpEvent
from thecal.devices.fault_delivery import clinician_reset
from thecal.devices.interrogate import describe_event, recent_events
from thecal.devices.orders import plan_bridge
from thecal.devices.program import (
    command,
    press,
    program_bridge,
    program_flex,
    program_prime,
    set_patient_bolus,
    single_bolus,
)
from thecal.devices.pump import battery_reset
from thecal.devices.records import N_EVENTS, N_GRANTS
from thecal.devices.specs import load_pump

from support.device_runs import days, shipped

DAY = np.array([0, 32, 80], np.int64)
RATES = np.array([1000, 3000, 1500], np.int64)


def kinds(state) -> list[PumpEvent]:
    return [PumpEvent(entry[2]) for entry in recent_events(state)]


def test_a_flex_day_repeats_by_the_pump_s_clock():
    system = shipped()
    assert program_flex(system[0], system[1], DAY, RATES, 3) == 1
    flow = days(system, 3)[:, 0].reshape(3, 96) * 1e6
    for day in flow:
        assert day[5] == pytest.approx(1000, abs=5)
        assert day[40] == pytest.approx(3000, abs=5)
        assert day[90] == pytest.approx(1500, abs=5)
    assert flow.sum() == pytest.approx(3 * (32 * 1000 + 48 * 3000 + 16 * 1500), abs=10)


def test_a_wrong_clock_moves_the_day_with_it():
    system = shipped()
    program_flex(system[0], system[1], DAY, RATES, 3)
    system[0]["clock_offset_h"] = 2.0
    flow = days(system, 1)[:, 0] * 1e6
    assert flow[25] == pytest.approx(3000, abs=5)
    assert flow[23] == pytest.approx(1000, abs=5)


@pytest.mark.parametrize(
    "parts",
    [
        ([0, 32, 32], [1000, 1000, 1000], 3),
        ([0, 96], [1000, 1000], 2),
        ([0], [-1], 1),
        ([], [], 0),
        ([0] * 13, [1] * 13, 13),
    ],
)
def test_a_malformed_day_is_refused_whole(parts):
    system = shipped()
    before = int(system[0]["rate_nl"])
    ticks, rates, n = parts
    assert program_flex(system[0], system[1], np.array(ticks, np.int64), np.array(rates, np.int64), n) == 0
    assert system[0]["rate_nl"] == before
    assert system[0]["mode"] == 2
    assert kinds(system[0]) == [PumpEvent.REFUSED]


def test_a_patient_bolus_keeps_lockout_and_allotment():
    system = shipped(rate_nl=1000)
    state, par = system[0], system[1]
    assert set_patient_bolus(state, par, 10_000, 2.0, 3) == 1
    given = []
    for hour in range(30):
        given.append(press(state, par) > 0)
        days(system, 1 / 24)
        assert hour < 2 or sum(given[-24:]) <= 3
    assert given[:10] == [False, False, True, False, True, False, True, False, False, False]
    assert given[26]
    assert not any(given[7:26])
    assert state["ptm_denied"] == 30 - sum(given)
    assert kinds(state).count(PumpEvent.PATIENT_DENIED) == state["ptm_denied"]
    assert state["commanded_ml"] == pytest.approx(30 * 4 * 1e-3 + sum(given) * 10e-3)


def test_a_new_program_starts_the_lockout_again():
    system = shipped(rate_nl=1000)
    set_patient_bolus(system[0], system[1], 10_000, 2.0, 6)
    days(system, 0.25)
    command(system[0], system[1], 1200, 0)
    assert press(system[0], system[1]) == 0


def test_no_more_boluses_are_allotted_than_the_pump_remembers():
    system = shipped()
    assert set_patient_bolus(system[0], system[1], 10_000, 1.0, N_GRANTS + 1) == 0
    assert set_patient_bolus(system[0], system[1], 10_000, np.nan, 3) == 0


def test_a_slow_bolus_takes_its_time():
    system = shipped(rate_nl=1000)
    assert single_bolus(system[0], system[1], 20_000, 5_000) == 20_000
    flow = days(system, 0.125)[:, 0] * 1e6
    assert flow[:4] == pytest.approx([6000] * 4, abs=5)
    assert flow[4:] == pytest.approx([1000] * 8, abs=5)


def test_a_bridge_pushes_the_old_fluid_out_at_its_own_dose():
    plan = plan_bridge(load_pump("synchromed_ii_40"), old_ug_per_ml=10e3, new_ug_per_ml=20e3, dose_ug_per_d=2500.0)
    assert plan.volume_ml == pytest.approx(0.375)
    assert plan.hours == pytest.approx(36.0, rel=0.01)
    assert plan.old_dose_ug_per_d == pytest.approx(2500, rel=0.01)
    system = shipped(rate_nl=2600, decay_per_h=0.0)
    state, par = system[0], system[1]
    state["conc"][0] = 20_000.0  # the reservoir has just been filled anew; the catheter still holds the old drug
    assert program_bridge(state, par, plan.volume_ml * 1e6, plan.rate_nl, plan.after_nl) == 1
    out = days(system, 4)
    assert out[:, 1].reshape(4, 96).sum(axis=1) == pytest.approx([2500] * 4, rel=0.03)
    assert kinds(state) == [PumpEvent.BRIDGE, PumpEvent.BRIDGE_END]
    assert state["rate_nl"] == plan.after_nl


def test_a_bridge_says_when_the_pump_cannot_run_it():
    plan = plan_bridge(load_pump("synchromed_ii_40"), old_ug_per_ml=20e3, new_ug_per_ml=20e3, dose_ug_per_d=100.0)
    assert any("lowest rate" in text for text in plan.warnings)
    with pytest.raises(ConfigError, match="one flow"):
        plan_bridge(load_pump("constant_0p5"), old_ug_per_ml=1e3, new_ug_per_ml=2e3, dose_ug_per_d=100.0)
    with pytest.raises(ConfigError, match="finite"):
        plan_bridge(load_pump("synchromed_ii_40"), old_ug_per_ml=np.nan, new_ug_per_ml=2e3, dose_ug_per_d=100.0)


def test_priming_a_full_catheter_is_a_bolus_of_its_whole_volume():
    system = shipped(solution={"morphine": 20_000.0}, rate_nl=500)
    program_prime(system[0], system[1], float(system[1]["dead_ml"]) * 1e6)
    out = days(system, 0.125)
    assert out[:, 1].sum() == pytest.approx(7_500, rel=0.02)
    assert np.flatnonzero(out[:, 0] > 0.01).tolist() == [0, 1]  # 22 min at 1 mL/h


def test_a_stopped_pump_warns_after_two_days_until_a_new_rate():
    system = shipped()
    command(system[0], system[1], 0, 0)
    days(system, 1.9)
    assert system[0]["alarms"] == 0
    days(system, 0.3)
    assert system[0]["alarms"] == 8
    command(system[0], system[1], 1000, 0)
    days(system, 0.1)
    assert system[0]["alarms"] == 0


def test_a_pump_that_waits_for_a_reset_takes_no_command():
    system = shipped()
    state, par = system[0], system[1]
    battery_reset(state, par)
    assert state["rate_nl"] == par["min_mode_rate_nl"]
    assert command(state, par, 5000, 1000) == (int(par["min_mode_rate_nl"]), 0)
    assert program_flex(state, par, DAY, RATES, 3) == 0
    assert program_prime(state, par, 1000.0) == 0
    clinician_reset(state)
    assert command(state, par, 5000, 1000) == (5000, 1000)


def test_a_constant_flow_pump_takes_no_program_at_all():
    system = shipped("constant_0p5")
    state, par = system[0], system[1]
    rate = int(state["rate_nl"])
    assert command(state, par, 10, 1000) == (rate, 0)
    assert program_flex(state, par, DAY, RATES, 3) == 0
    assert program_bridge(state, par, 1e5, 1000, 1000) == 0
    assert single_bolus(state, par, 1000, 0) == 0
    assert set_patient_bolus(state, par, 1000, 1.0, 2) == 0
    assert state["rate_nl"] == rate == 5200
    assert set(kinds(state)) == {PumpEvent.REFUSED}


def test_the_log_keeps_the_latest_changes_with_id_and_time():
    system = shipped()
    for k in range(N_EVENTS + 10):
        command(system[0], system[1], 1000 + 10 * k, 0)
        days(system, 1 / 96)
    entries = recent_events(system[0])
    assert [entry[0] for entry in entries] == list(range(10, N_EVENTS + 10))
    assert [entry[1] for entry in entries] == pytest.approx([0.25 * k for k in range(10, N_EVENTS + 10)])
    assert describe_event(*entries[0][2:]) == f"program: {1100 * 96e-6:.4f} mL/d"
