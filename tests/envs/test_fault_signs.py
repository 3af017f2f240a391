"""Faults through the whole environment: repairs, sensors, telemetry, every pump, and that no action moves them."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.jit import set_threads
from thecal.core.layout import SENSORS
from thecal.devices.alarms import PumpAlarm
from thecal.devices.fault_records import FAULT_NAMES, Fault
from thecal.devices.monitor_records import Monitor
from thecal.devices.reservoir import unaccounted
from thecal.devices.specs import pump_names
from thecal.envs import ThecalEnv

from support.fault_runs import DAY, ONSET_D, N, advance, batch, planned, seen, sound


def test_what_is_seen_is_repaired_and_treatment_goes_on():
    log = advance(batch(planned("stall_permanent", serviced=True)), 21)
    step = ONSET_D * DAY
    assert (log["tip_ug"][step + DAY, :, 0] == 0.0).all()
    assert (log["tip_ug"][step + 8 * DAY, :, 0] > 0.0).all()
    assert (log["faults"][-1] == 0).all()


def test_sensor_faults_spoil_the_reading_and_nothing_else():
    plain = sound()
    sensor = SENSORS.index("hr")
    for fault, entry in (("sensor_stuck", {}), ("sensor_dropout", {}), ("sensor_bias", {"size": 0.3})):
        built = batch(planned(fault, sensor="hr", at_h=24.0, **entry))
        log = advance(built, 4)
        np.testing.assert_array_equal(log["pain_mean"], plain["pain_mean"][: len(log["pain_mean"])])
        reading = built.world["patient"]["s_value"][:, sensor]
        if fault == "sensor_stuck":
            before = reading.copy()
            advance(built, 1)
            np.testing.assert_array_equal(before, built.world["patient"]["s_value"][:, sensor])
        if fault == "sensor_dropout":
            assert (built.world["patient"]["s_valid"][:, sensor] == 0).all()
        if fault != "sensor_bias":
            assert seen(log, Monitor.SIGNAL) == N


def test_telemetry_shows_clock_jumps_and_lost_or_twin_commands():
    assert seen(advance(batch(planned("clock_jump", size=1.0)), 8), Monitor.CLOCK) == N
    lost = advance(batch(planned("command_lost", duration_h=24.0)), 9, (1.0, 1.0))
    step = ONSET_D * DAY
    hit = np.abs(lost["programmed_rate"] - lost["allowed_rate"])[step : step + DAY].max(axis=0) > 1e-9
    asked = np.ptp(lost["allowed_rate"][step - 1 : step + DAY - 2], axis=0) > 0.0
    assert asked.sum() > N // 3
    assert hit[asked].all()
    twice = advance(batch(planned("command_repeated", duration_h=1.0)), 9)
    given = sound()["allowed_bolus_ul"][:step].sum(axis=0) > 0.0
    read = (twice["suspicions"] >> Monitor.ECHO & 1).any(axis=0)
    np.testing.assert_array_equal(read, given)


def test_altitude_and_mri_through_other_pumps():
    gas = batch(planned("altitude", size=200.0, duration_h=72.0), pump="constant_0p5")
    log = advance(gas, 9)
    step = ONSET_D * DAY
    assert log["delivered_rate"][step + 3] / log["delivered_rate"][step - 2] == pytest.approx(np.full(N, 1.2), rel=0.02)
    valve = advance(batch(planned("mri_scan"), pump="prometra_ii_20"), 9)
    assert (valve["alarms"][-1] & PumpAlarm.VALVE_SHUT).all()
    assert (valve["tip_ug"][-1, :, 0] == 0.0).all()
    rotor = advance(batch(planned("mri_scan")), 9)
    assert seen(rotor, Monitor.MOTOR) == N
    assert (rotor["tip_ug"][-1, :, 0] > 0.0).all()


def test_faults_depend_on_no_action_batch_or_thread():
    def begun(n, action, threads):
        set_threads(threads)
        return advance(batch("stress", n=n), 10, action)["fault_begun"][:, :4]

    first = begun(N, (0.0, 0.0), 1)
    drawn = sum(1 << k for k in range(len(FAULT_NAMES)) if not Fault.POCKET_FILL <= k <= Fault.WRONG_CONCENTRATION)
    np.testing.assert_array_equal(first & drawn, begun(128, (0.0, 0.0), 2) & drawn)
    assert first.any()
    other = begun(N, (-0.3, 1.0), 2)
    # Repairs follow detection, so only the first onset of each kind is independent of what is done.
    for k in range(len(FAULT_NAMES)):
        if drawn >> k & 1:
            ours, theirs = (first >> k & 1).argmax(axis=0), (other >> k & 1).argmax(axis=0)
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("pump", pump_names())
@pytest.mark.parametrize("task", ["CancerMorphine", "NonCancerMix"])
def test_every_pump_runs_every_task_under_stress_without_loss(pump, task):
    built = batch("stress", task=task, pump=pump)
    log = advance(built, 28, (0.3, 1.0))
    assert np.isfinite(built.observations).all()
    assert (log["reservoir_true_ml"] >= 0.0).all()
    assert (log["faults"] != 0).any()
    for row in built.world["pump"]:
        for d in range(3):
            assert abs(unaccounted(row, d)) <= 1e-9 * max(1.0, float(row["filled_ug"][d]))


@pytest.mark.parametrize("pump", ["constant_0p5", "constant_1p0"])
def test_a_constant_pump_is_dosed_by_concentration(pump):
    built = batch(pump=pump)
    log = advance(built, 7, (1.0, 1.0))
    rate = built.scene.pump.max_rate_nl * 96e-6
    assert log["allowed_rate"] == pytest.approx(np.full_like(log["allowed_rate"], rate))
    assert (log["allowed_bolus_ul"] >= 0.0).all()
    doses = batch().par["shield"]["conc"][:, 0] * batch().par["task"]["start_rate_nl"]
    assert built.par["shield"]["conc"][:, 0] * built.par["task"]["start_rate_nl"] == pytest.approx(doses, rel=0.05)


def test_an_environment_is_interrogated_like_a_pump():
    env = ThecalEnv("CancerMorphine", faults=planned("battery", at_h=24.0))
    env.reset(seed=1, options={"patient": 0})
    for _ in range(30):
        env.step([0.0, 0.0])
    sections = env.interrogate()
    text = str(sections)
    assert "SynchroMed II, 40 mL" in text
    assert "ERI reached" in text
    assert "eri" in dict(sections["status"])["alarms"]
    assert "true" not in text
