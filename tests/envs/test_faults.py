"""Faults through the whole environment: what they leave in patient, telemetry, monitors and hidden truth."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.core.jit import set_threads
from thecal.core.layout import SENSORS
from thecal.devices.alarms import PumpAlarm
from thecal.devices.fault_records import FAULT_NAMES, Fault
from thecal.devices.monitor_records import Monitor
from thecal.envs.kernel.observation import FIELD_NAMES
from thecal.envs.kernel.records import PUBLIC_NAMES, TRUTH_NAMES

from support.fault_runs import ONSET_D, N, advance, batch, planned

DAY = 24  # steps of the task in a day


@cache
def sound() -> dict[str, np.ndarray]:
    return advance(batch(), 21)


def after(log, name, start_d=ONSET_D + 2.0, stop_d=21.0):
    """Mean of a field over patients and the days after the onset."""
    part = log[name][round(start_d * DAY) : round(stop_d * DAY)]
    return float(np.nanmean(part.astype(float)))


def seen(log, monitor: Monitor) -> int:
    """Patients in whom a monitor rose."""
    return int(((log["suspicions"] >> monitor & 1) == 1).any(axis=0).sum())


def test_an_empty_plan_of_faults_changes_no_bit():
    plain = sound()
    same = advance(batch({"hazards": False}), 21)
    for name in plain:
        np.testing.assert_array_equal(plain[name], same[name], err_msg=name)


@pytest.mark.parametrize(
    ("fault", "entry", "share"),
    [
        ("occlusion", {"size": 1.0}, 0.35),
        ("disconnection", {"size": 1.0}, 0.02),
        ("leak", {"size": 0.6}, 0.8),
        ("dislodgement", {"size": 0.1}, 0.15),
        ("stall_permanent", {}, 0.02),
        ("infection", {}, 0.6),
    ],
)
def test_what_keeps_drug_from_the_csf_brings_pain_back(fault, entry, share):
    log = advance(batch(planned(fault, **entry)), 21)
    assert after(log, "tip_ug") < share * after(sound(), "tip_ug")
    assert after(log, "pain_mean") > after(sound(), "pain_mean") + 0.1
    if share < 0.5:
        assert after(log, "demands") > after(sound(), "demands")
        assert seen(log, Monitor.EFFECT_LOSS) + seen(log, Monitor.MOTOR) >= N // 3


def test_withdrawal_follows_an_abrupt_stop():
    log = advance(batch(planned("stall_permanent", at_h=14 * 24.0)), 21)
    assert after(log, "withdrawal", 15, 18) > after(sound(), "withdrawal", 15, 18) + 0.02


def test_an_occlusion_shows_at_the_refill_and_not_in_the_alarms():
    built = batch(planned("occlusion", size=1.0, at_h=24.0))
    log = advance(built, 20)
    built._par["task"]["refill_h"] = 24.0 * 20
    log = advance(built, 1)
    assert (log["refill_residual"][-1] < -0.145).mean() > 0.9
    assert seen(log, Monitor.VOLUME_LOW) > 0.9 * N
    assert not (log["alarms"] & PumpAlarm.MOTOR_STALL).any()


def test_over_infusion_gives_more_drug_and_shows_at_the_refill():
    built = batch(planned("over_infusion", size=1.0, at_h=0.0))
    built._par["fault"]["growth_h"] = 0.0
    log = advance(built, 13)
    built._par["task"]["refill_h"] = 24.0 * 13
    log = advance(built, 1)
    assert (log["refill_residual"][-1] > 0.145).all()
    assert seen(log, Monitor.VOLUME_HIGH) == N
    pump = built.world["pump"]
    assert (pump["delivered_ml"] > 1.8 * pump["commanded_ml"]).all()


def test_the_reservoirs_slow_clock_never_enters_the_observation():
    hidden = {"reservoir_true_ml", "conc_true", "tip_ug", "faults", "fault_begun"}
    assert hidden <= set(TRUTH_NAMES)
    assert not hidden & (set(PUBLIC_NAMES) | set(FIELD_NAMES))
    built = batch(planned("occlusion", size=1.0, at_h=0.0))
    advance(built, 3)
    before = built.observations.copy()
    built._world["pump"]["true_ml"] *= 0.5
    built.restore(built.snapshot())
    np.testing.assert_array_equal(before, built.observations)


def test_truth_labels_every_fault_while_it_lasts():
    log = advance(batch(planned("leak", size=0.5, duration_h=72.0)), 14)
    bit = log["faults"] >> Fault.LEAK & 1
    days = np.flatnonzero(bit[:, 0]) / DAY
    assert days[0] == pytest.approx(ONSET_D, abs=0.2)
    assert days[-1] == pytest.approx(ONSET_D + 3, abs=0.2)
    assert (log["fault_begun"] >> Fault.LEAK & 1).sum(axis=0).tolist() == [1] * N


def test_a_migrated_tip_treats_another_level_until_moved_back():
    built = batch(planned("migration", size=8.0, duration_h=7 * 24.0))
    home = built.par["patient"]["tip_node"].copy()
    advance(built, 10)
    last = built.par["patient"]["last_node"]
    np.testing.assert_array_equal(built.par["patient"]["tip_node"], np.minimum(home + 8, last))
    log = advance(built, 5)
    np.testing.assert_array_equal(built.par["patient"]["tip_node"], home)
    drug = built.world["patient"]["drug"][:, 0]
    assert np.isfinite(drug["csf"]).all()
    assert log["ce_dh"].min() > 0.0


def test_a_granuloma_takes_the_effect_over_months():
    built = batch(planned("granuloma", size=1.2, at_h=0.0))
    built._par["fault"]["growth_h"] = 24.0 * 10
    log = advance(built, 21)
    assert (log["granuloma"][-1] > 1.0).all()
    assert after(log, "ce_dh", 14, 21) < 0.4 * after(sound(), "ce_dh", 14, 21)


def test_an_infection_brings_fever_then_the_pump_is_taken_out():
    log = advance(batch(planned("infection", at_h=24.0)), 14)
    assert log["temperature"][2 * DAY : 5 * DAY].max() > 38.0
    assert seen(log, Monitor.FEVER) == N
    assert (log["tip_ug"][7 * DAY :, :, 0] == 0.0).all()
    assert (log["tip_ug"][3 * DAY : 5 * DAY, :, 0] > 0.0).all()


def test_a_pocket_fill_floods_the_blood_not_the_reservoir():
    built = batch(planned("pocket_fill", at_h=0.0))
    built._par["task"]["refill_h"] = 24.0 * 3
    log = advance(built, 5.5)
    day = log["plasma"][: 6 * DAY].max(axis=1)
    assert day[3 * DAY : 4 * DAY].max() > 20 * day[: 3 * DAY].max()
    assert (log["reservoir_true_ml"][-1] < 2.0).all()
    assert (log["reservoir_est_ml"][-1] > 30.0).all()
    assert log["sedation"][3 * DAY : 4 * DAY].mean() > log["sedation"][2 * DAY : 3 * DAY].mean()


def test_a_mix_up_of_drugs_arrives_a_dead_volume_later():
    def after_one_refill(**faults):
        built = batch(planned(at_h=0.0, **faults))
        built._par["task"]["refill_h"] = 24.0 * 2
        early = advance(built, 2.5)
        built._par["task"]["refill_h"] = np.inf
        return early, advance(built, 10)

    early, late = after_one_refill(fault="wrong_drug", wrong_drug="hydromorphone")
    assert (late["conc_true"][-1, :, 1] > 10 * late["conc_true"][-1, :, 0]).all()
    assert (early["tip_ug"][2 * DAY, :, 1] == 0.0).all()
    assert (late["tip_ug"][-1, :, 1] > 0.0).mean() > 0.6
    early, late = after_one_refill(fault="wrong_concentration", size=0.1)
    assert late["conc_true"][-1, :, 0] == pytest.approx(0.13 * early["conc_true"][0, :, 0], rel=0.05)
    ratio = late["tip_ug"][-DAY:, :, 0].sum(axis=0) / early["tip_ug"][:DAY, :, 0].sum(axis=0)
    assert np.median(ratio) < 0.4
    with pytest.raises(ConfigError, match="is a drug of the task"):
        batch({"hazards": False, "wrong_drug": "morphine"})


def test_a_decimal_point_is_read_back_at_once():
    log = advance(batch(planned("program_error", size=10.0, duration_h=4.0)), 9)
    step = ONSET_D * DAY
    ratio = log["programmed_rate"][step] / log["allowed_rate"][step]
    assert ratio == pytest.approx(np.full(N, 10.0), rel=0.01)
    assert seen(log, Monitor.ECHO) == N
    assert log["tip_ug"][step, :, 0].mean() > 5 * sound()["tip_ug"][step, :, 0].mean()


def test_an_accidental_prime_is_taken_back_a_tick_later():
    log = advance(batch(planned("accidental_prime", size=1.0, duration_h=1.0)), 8)
    step = ONSET_D * DAY
    extra = (log["delivered_rate"][step] - sound()["delivered_rate"][step]) / DAY
    assert ((extra > 0.15) & (extra < 0.28)).all(), (
        "a quarter hour of the highest flow, not the dead volume of 0.375 mL"
    )
    assert seen(log, Monitor.ECHO) == N


@pytest.mark.parametrize(("fault", "alarm"), [("battery_reset", PumpAlarm.RESET), ("battery", PumpAlarm.ERI)])
def test_battery_faults_raise_the_pump_s_own_alarm(fault, alarm):
    log = advance(batch(planned(fault)), 9)
    assert (log["alarms"][-1] & alarm == alarm).all()
    assert (log["alarms"][ONSET_D * DAY - 1] == 0).all()
    assert seen(log, Monitor.ALARM) == N
    if fault == "battery_reset":
        assert (log["programmed_rate"][-1] <= 0.006).all()


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
    assert (sound()["allowed_bolus_ul"][:step].sum(axis=0) > 0.0).mean() > 0.5, "there is a bolus to repeat"
    assert seen(twice, Monitor.ECHO) == N
    np.testing.assert_array_equal(twice["delivered_rate"], sound()["delivered_rate"][: 9 * DAY], "but it acts once")


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
