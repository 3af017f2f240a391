"""What each fault does to pump and catheter: flow, what is stored and released, where drug goes, what the pump notes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thecal.devices.alarms import PumpAlarm
from thecal.devices.fault_records import Fault
from thecal.devices.faults import see_faults
from thecal.devices.monitor_records import RESPONDS
from thecal.devices.records import HALT_BATTERY
from thecal.devices.specs import load_pump

from support.device_runs import days, plan, shipped

DAY = 96
PER_TICK = 2600e-6


def test_an_occlusion_holds_back_drug_and_opens_with_a_bolus():
    system = shipped(faults=plan("occlusion", size=0.8, duration_h=30 * 24.0))
    out = days(system, 40)
    flow, stored = out[:, 0], out[:, 2]
    assert flow[DAY] == pytest.approx(PER_TICK, rel=0.01)
    assert flow[20 * DAY] == pytest.approx(0.2 * PER_TICK, rel=0.02)
    compliance = float(system[1]["compliance_ml"])
    assert stored.max() == pytest.approx(0.8 * compliance, rel=0.01)
    opens = 32 * DAY
    extra = flow[opens : opens + 24].sum() - 24 * PER_TICK
    assert extra == pytest.approx(0.8 * compliance, rel=0.05)
    assert stored[-1] == 0.0
    missing = 40 * DAY * PER_TICK - flow.sum()
    assert system[0]["true_ml"] - system[0]["estimated_ml"] == pytest.approx(missing, rel=1e-6)


def test_a_kink_comes_and_goes_with_posture():
    flow = days(shipped(faults=plan("kink", size=1.0, at_h=0.0)), 30)[:, 0]
    share = np.mean(flow < 0.5 * PER_TICK)
    assert 0.25 < share < 0.55
    assert (flow > PER_TICK).any()  # what was held back leaves


@pytest.mark.parametrize(("fault", "size", "kept"), [("disconnection", 1.0, 0.0), ("leak", 0.4, 0.6)])
def test_a_leak_loses_its_share_and_the_volume_does_not_show_it(fault, size, kept):
    system = shipped(faults=plan(fault, size=size, at_h=0.0))
    out = days(system, 30)
    assert out[20 * DAY :, 0].mean() == pytest.approx(kept * PER_TICK, rel=0.02, abs=1e-9)
    assert system[0]["true_ml"] == pytest.approx(system[0]["estimated_ml"], abs=1e-4)
    assert system[0]["absorbed_ug"][0] > 0.0


def test_a_dislodged_tip_delivers_the_volume_but_not_the_drug():
    system = shipped(faults=plan("dislodgement", size=0.1))
    out = days(system, 10)
    assert out[5 * DAY, 1] == pytest.approx(0.1 * out[DAY, 1], rel=0.02)
    assert system[0]["true_ml"] == pytest.approx(system[0]["estimated_ml"], abs=1e-4)


@pytest.mark.parametrize("fault", ["stall_transient", "stall_permanent"])
def test_a_stall_stops_the_flow_and_is_noted_late(fault):
    system = shipped(faults=plan(fault, duration_h=6.0, at_h=24.0))
    days(system, 1)
    days(system, 1 / DAY)  # 15 minutes into the stall
    assert system[0]["alarms"] == 0
    days(system, 1 / DAY)
    assert system[0]["alarms"] == PumpAlarm.MOTOR_STALL
    out = days(system, 1)
    assert out[: 4 * 5, 0].sum() == 0.0
    assert out[-1, 0] > 0.0
    assert system[0]["alarms"] == 0
    missing = system[0]["commanded_ml"] - system[0]["motor_ml"]
    assert missing == pytest.approx(24 * PER_TICK, rel=0.05)


@pytest.mark.parametrize("name", ["prometra_ii_20", "constant_0p5"])
def test_a_pump_without_a_rotor_cannot_stall(name):
    with_fault = days(shipped(name, faults=plan("stall_permanent", at_h=0.0)), 2)[:, 0].sum()
    assert with_fault == pytest.approx(days(shipped(name), 2)[:, 0].sum())


def test_over_infusion_empties_the_reservoir_without_any_alarm():
    system = shipped(rate_nl=5200, faults=plan("over_infusion", size=1.0, at_h=0.0))
    days(system, 65, refill_ml=-1.0)
    assert system[0]["true_ml"] == pytest.approx(1.4)
    assert system[0]["estimated_ml"] > 5.0
    assert not system[0]["alarms"] & (PumpAlarm.LOW_RESERVOIR | PumpAlarm.EMPTY_RESERVOIR)


def test_a_creeping_over_infusion_grows_over_its_time():
    system = shipped(faults=plan("over_infusion", size=0.6, at_h=0.0))
    flow = days(system, 70)[:, 0].reshape(70, DAY).mean(axis=1)
    assert flow[30] == pytest.approx(1.305 * PER_TICK, rel=0.01)
    assert flow[65] == pytest.approx(1.6 * PER_TICK, rel=0.01)


def test_the_battery_warns_and_stops_the_pump_ninety_days_later():
    system = shipped(faults=plan("battery", at_h=24.0))
    days(system, 1.1)
    assert system[0]["alarms"] == PumpAlarm.ERI
    days(system, 89)
    assert system[0]["halt"] == 0
    out = days(system, 2)
    assert system[0]["halt"] == HALT_BATTERY
    assert out[-1, 0] == 0.0
    assert system[0]["alarms"] & PumpAlarm.END_OF_SERVICE


def test_a_battery_lasts_its_life_at_the_reference_flow():
    spec = load_pump("synchromed_ii_40")
    reference = round(spec.battery_reference_ml_per_d / 96e-6)
    life = {}
    for rate in (reference, 4 * reference):
        system = shipped(rate_nl=rate, battery_hard_h=math.inf)
        while system[0]["eri_h"] < 0.0:
            days(system, 100)
        life[rate] = float(system[0]["eri_h"])
    assert life[reference] == pytest.approx(spec.battery_h, rel=1e-3)
    assert life[4 * reference] == pytest.approx(spec.battery_h / (0.7 + 0.3 * 4), rel=1e-2)


def test_no_battery_outlives_its_limit_and_some_pumps_have_none():
    system = shipped(battery_h=1e9)
    days(system, 7 * 365.25 - 89, refill_ml=3.0)
    assert system[0]["alarms"] & PumpAlarm.ERI
    days(system, 91)
    assert system[0]["halt"] == HALT_BATTERY
    gas = shipped("constant_0p5")
    days(gas, 4000)
    assert gas[0]["eri_h"] < 0.0
    assert gas[0]["halt"] == 0


def test_a_reset_falls_to_the_minimum_rate_and_waits():
    system = shipped(faults=plan("battery_reset", at_h=24.0))
    out = days(system, 3)
    assert out[-1, 0] <= 60e-6 * 1.2
    assert system[0]["latched"] == 1
    assert system[0]["alarms"] == PumpAlarm.RESET


def test_in_the_magnet_a_rotor_stops_and_starts_again():
    system = shipped(faults=plan("mri_scan", at_h=24.0))
    flow = days(system, 3)[:, 0]
    still = np.flatnonzero(flow[DAY:] == 0.0)
    assert still.tolist() == list(range(len(still)))
    assert len(still) * 0.25 == pytest.approx(1.0 + 1.0 / 3.0, abs=0.25)


def test_a_rotor_may_not_start_again_before_a_reset():
    system = shipped(faults=plan("mri_scan", at_h=24.0), mri_no_resume=1.0)
    assert days(system, 10)[2 * DAY :, 0].sum() == 0.0


def test_a_flow_activated_valve_leaks_a_little_and_stays_shut():
    system = shipped("prometra_ii_20", rate_nl=0, faults=plan("mri_scan", at_h=24.0))
    out = days(system, 5)
    assert out[:, 0].sum() == pytest.approx(0.010, rel=0.11)  # whole valve cycles
    assert system[0]["alarms"] & PumpAlarm.VALVE_SHUT
    assert days(shipped("constant_0p5", faults=plan("mri_scan", at_h=24.0)), 2)[:, 0].min() > 0.0


def test_height_speeds_a_gas_driven_pump_and_hardly_a_rotor():
    flow = {
        name: days(shipped(name, stroke_nl=0.0, faults=plan("altitude", size=200.0, at_h=24.0, duration_h=48.0)), 2)[
            :, 0
        ]
        for name in ("constant_0p5", "synchromed_ii_40")
    }
    assert flow["constant_0p5"][-1] / flow["constant_0p5"][0] == pytest.approx(1.2)
    assert flow["synchromed_ii_40"][-1] / flow["synchromed_ii_40"][0] == pytest.approx(1.02)


def test_fever_speeds_a_gas_driven_pump():
    system = shipped("constant_0p5")
    calm = days(system, 1)[:, 0].sum()
    system[0]["body_c"] = 39.0
    assert days(system, 1)[:, 0].sum() / calm == pytest.approx(1.2)


def test_a_pocket_fill_misses_a_pump_that_believes_it_is_full():
    system = shipped("synchromed_ii_20", rate_nl=5200, faults=plan("pocket_fill", at_h=0.0))
    days(system, 38)
    state = system[0]
    assert state["refills"] == 1
    assert state["estimated_ml"] > 15.0
    assert state["true_ml"] == pytest.approx(1.4)
    assert state["absorbed_ug"][0] == pytest.approx(18.6 * 10_000, rel=0.01)


@pytest.mark.parametrize(("size", "factor"), [(10.0, 10.0), (0.5, 0.5)])
def test_a_wrong_concentration_goes_in_under_the_right_label(size, factor):
    system = shipped("synchromed_ii_20", rate_nl=5200, faults=plan("wrong_concentration", size=size), decay_per_h=0.0)
    days(system, 40)
    state = system[0]
    kept = 1.4 / 20.0
    assert state["label_conc"][0] == 10_000.0
    wanted = min(10_000.0 * (factor + (1.0 - factor) * kept), float(system[1]["soluble_ug_per_ml"][0]))
    assert state["conc"][0] == pytest.approx(wanted, rel=0.1)


def test_a_wrong_drug_stays_in_its_slot_until_the_next_refill():
    system = shipped("synchromed_ii_20", rate_nl=5200, faults=plan("wrong_drug", at_h=0.0), decay_per_h=0.0)
    system[3]["wrong_slot"] = 1
    days(system, 38)
    assert system[0]["conc"][1] == pytest.approx(9_300.0, rel=0.01)
    assert system[0]["conc"][0] == pytest.approx(700, rel=0.05)
    days(system, 38)
    assert system[0]["conc"][0] > 9_000.0
    assert not system[2]["active"]


def test_a_decimal_point_multiplies_what_is_programmed():
    from thecal.devices.program import command

    system = shipped(faults=plan("program_error", size=10.0, at_h=0.0))
    days(system, 1 / DAY)
    assert command(system[0], system[1], 2600, 1000) == (26_000, 10_000)


def test_what_is_detected_is_repaired_after_its_delay():
    faults = {"hazards": False, "planned": [{"fault": "stall_permanent", "at_h": 24.0}]}
    system = shipped(faults=faults)
    days(system, 2)
    see_faults(system[2], system[3], 1 << 8, float(system[0]["age_h"]), RESPONDS)
    out = days(system, 9)
    first = np.flatnonzero(out[:, 0] > 0.0)[0]
    assert first / DAY == pytest.approx(7.0, abs=0.1)
    kind = int(Fault.STALL_PERMANENT)
    assert system[2]["delay_h"][kind] == pytest.approx(24.0, abs=0.5)
