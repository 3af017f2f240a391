"""What the shield receives is what sensors, pump and clinic show: each fact in its own field, by hand-made worlds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thecal.core.layout import SENSORS, TICK_H
from thecal.devices.alarms import PumpAlarm
from thecal.devices.records import HALT_MRI, HALT_STALL

from support.wiring import SIGNS, Bench, ticking

SHOWN = {"rr": 17.3, "spo2": 94.6, "co2": 41.2, "sbp": 128.7, "map": 93.1, "hr": 74.9}
TENTHS = {"rr": 173, "spo2": 946, "co2": 412, "sbp": 1287, "map": 931, "hr": 749}


def test_every_sign_arrives_in_its_own_field() -> None:
    bench = Bench()
    bench.show = dict(SHOWN)
    row = bench.quiet()
    for name, value in TENTHS.items():
        assert row["received"][name] == value, name
        assert row["raw"][name] == SHOWN[name], name
        assert bench.received[name] == value, name


@pytest.mark.parametrize("lost", sorted(SHOWN))
def test_a_lost_sample_is_missing_and_alone(lost: str) -> None:
    for kind in ("invalid", "nan", "infinite"):
        bench = Bench()
        bench.show = dict(SHOWN)
        bench.well()
        k = SENSORS.index(SIGNS[lost])
        if kind == "invalid":
            bench.patient["s_valid"][k] = 0
        else:
            bench.patient["s_value"][k] = math.nan if kind == "nan" else math.inf
        row = bench.step()
        for name, value in TENTHS.items():
            assert row["received"][name] == (-1 if name == lost else value), (kind, name)
        assert math.isnan(row["raw"][lost]) == (kind != "infinite")


def test_a_sign_is_rounded_to_tenths_within_bounds() -> None:
    for value, tenths in ((9.96, 100), (9.94, 99), (12.25, 123), (0.0, 0), (-4.0, 0), (0.04, 0), (2e4, 100_000)):
        bench = Bench()
        bench.show = {"rr": value}
        assert bench.quiet()["received"]["rr"] == tenths, value


def test_scores_arrive_and_what_is_none_counts_as_the_worst() -> None:
    for field, good in (("poss", 2), ("weakness", 1), ("confusion", 3)):
        for shown, received in ((good, good), (4, 4), (5, 4), (-1, 4), (0, 4 if field == "poss" else 0)):
            bench = Bench()
            bench.well()
            bench.patient["poss_seen"], bench.patient["weakness_seen"], bench.patient["confusion_seen"] = 2, 1, 3
            bench.patient[f"{field}_seen"] = shown
            row = bench.step()
            expected = {"poss": 2, "weakness": 1, "confusion": 3, field: received}
            assert {name: int(row["received"][name]) for name in expected} == expected
            assert row["raw"][field] == shown
    bench = Bench()
    bench.patient["weakness_seen"], bench.patient["confusion_seen"], bench.patient["poss_seen"] = 3, 2, 1
    row = bench.step()
    assert [int(row["received"][name]) for name in ("weakness", "confusion", "poss")] == [3, 2, 1]


@pytest.mark.parametrize(
    ("mean", "age", "tenths"),
    [(4.26, 2.0, 43), (0.0, 24.0, 0), (10.0, 23.75, 100), (4.26, 24.25, -1), (10.1, 1.0, -1), (math.nan, 1.0, -1)],
)
def test_pain_is_the_mean_report_of_the_last_day(mean: float, age: float, tenths: int) -> None:
    bench = Bench()
    bench.well()
    bench.patient["nrs_mean"], bench.patient["nrs_age_h"] = mean, age
    row = bench.step()
    assert row["received"]["nrs"] == tenths
    np.testing.assert_equal(float(row["raw"]["nrs_mean"]), mean)
    assert row["raw"]["nrs_age_h"] == age


def test_the_reservoir_is_the_pumps_estimate_and_never_more() -> None:
    capacity = 40.0
    for ml, nl in ((12.3456789, 12_345_678), (0.0, 0), (capacity, 40_000_000), (41.0, 0), (-1.0, 0), (math.nan, 0)):
        bench = Bench()
        bench.well()
        bench.pump["estimated_ml"], bench.pump["true_ml"] = ml, 20.0
        row = bench.step()
        assert abs(int(row["received"]["reservoir_nl"]) - nl) <= 1, ml
        assert row["received"]["reservoir_nl"] <= max(nl, 0)
        np.testing.assert_equal(float(row["raw"]["estimated_ml"]), ml)
    bench = Bench()
    assert bench.par["pump"]["capacity_ml"] == capacity


def test_the_age_of_a_fill_counts_in_ticks() -> None:
    for ticks, filled, age in ((0, 0, 0), (37, 0, 37), (37, 30, 7), (37, 37, 0)):
        bench = Bench()
        bench.well()
        bench.pump["ticks"] = ticks
        bench.pump["fill_h"] = filled * TICK_H
        row = bench.step()
        assert row["received"]["fill_age"] == row["received"]["since_refill"] == age
        assert row["raw"]["age_h"] == ticks * TICK_H
        assert row["raw"]["fill_h"] == filled * TICK_H
    for fill_h in (math.nan, 1e3, -math.inf, 0.25, 0.4):
        bench = Bench()
        bench.well()
        bench.pump["fill_h"] = fill_h
        row = bench.step()
        assert row["received"]["fill_age"] == 1 << 40, "an unknown fill is too old"
        assert row["received"]["since_refill"] == 0, "and too new"


@pytest.mark.parametrize(
    ("share", "permille"), [(0.0464, 46), (-0.0464, -46), (0.2, 200), (math.nan, 1 << 40), (math.inf, 1 << 40)]
)
def test_the_balance_of_a_refill_arrives_in_permille(share: float, permille: int) -> None:
    bench = Bench()
    bench.well()
    bench.monitor["residual"] = share
    row = bench.step()
    assert row["received"]["residual"] == permille
    np.testing.assert_equal(float(row["raw"]["residual"]), share)


STOPS = ("EMPTY_RESERVOIR", "MOTOR_STALL", "END_OF_SERVICE", "RESET", "VALVE_SHUT")


@pytest.mark.parametrize("alarm", [alarm.name for alarm in PumpAlarm])
def test_an_alarm_is_handed_on_with_what_it_means(alarm: str) -> None:
    bench = Bench()
    bench.well()
    bench.pump["alarms"] = PumpAlarm[alarm]
    bench.pump["no_flow_h"] = 1.0
    row = bench.step()
    assert row["received"]["alarms"] == PumpAlarm[alarm] == row["raw"]["alarms"]
    assert row["received"]["stopped"] == (alarm in STOPS)
    assert row["received"]["battery"] == {"ERI": 1, "END_OF_SERVICE": 2}.get(alarm, 0)


def test_a_worn_and_ended_battery_is_an_ended_one() -> None:
    bench = Bench()
    bench.well()
    bench.pump["alarms"] = PumpAlarm.ERI | PumpAlarm.END_OF_SERVICE
    assert bench.step()["received"]["battery"] == 2


def test_the_scanner_is_known_and_a_stall_is_not_the_scanner() -> None:
    for halt, mri in ((0, 0), (HALT_STALL, 0), (HALT_MRI, 1), (HALT_MRI | HALT_STALL, 1)):
        bench = Bench()
        bench.well()
        bench.pump["halt"] = halt
        row = bench.step()
        assert row["received"]["mri"] == mri
        assert row["raw"]["halt"] == halt


def test_a_running_bolus_and_a_bridge_are_known() -> None:
    for left, running in ((0.0, 0), (0.5, 1), (900.0, 1)):
        bench = Bench()
        bench.well()
        bench.pump["bolus_left_nl"] = left
        row = bench.step()
        assert row["received"]["bolus_running"] == running
        assert row["raw"]["bolus_left_nl"] == left
    for mode, bridging in ((2, 0), (3, 0), (4, 1)):
        bench = Bench()
        bench.well()
        bench.pump["mode"], bench.pump["bridge_left_nl"] = mode, 1e6
        bench.pump["n_parts"], bench.pump["part_rate_nl"][0] = 1, bench.pump["rate_nl"]
        row = bench.step()
        assert row["received"]["bridging"] == bridging
        assert row["raw"]["mode"] == mode


def test_another_rate_in_the_pump_is_unverified() -> None:
    for change, unverified in ((0, 0), (10, 1), (-10, 1)):
        bench = Bench()
        bench.quiet()
        bench.well()
        bench.pump["rate_nl"] += change
        row = bench.step()
        assert row["received"]["unverified"] == unverified
        assert row["raw"]["rate_nl"] == row["prev_rate"] + change


@pytest.mark.parametrize(("hours", "seconds"), [(0.02, 72), (-0.02, -72), (0.0, 0), (math.nan, 1 << 40)])
def test_the_pumps_clock_is_compared_in_seconds(hours: float, seconds: int) -> None:
    bench = Bench()
    bench.well()
    bench.pump["clock_offset_h"] = hours
    row = bench.step()
    assert row["received"]["skew_s"] == seconds
    np.testing.assert_equal(float(row["raw"]["clock_offset_h"]), hours)


def test_the_pumps_count_is_read_once_a_tick() -> None:
    bench = Bench()
    assert bench.quiet()["received"]["pumped_nl"] == 0
    rate = int(bench.pump["rate_nl"])
    for _ in range(3):
        row = bench.quiet()
        assert row["received"]["pumped_nl"] == rate
    bench.pump["commanded_ml"] += 0.005
    assert bench.quiet()["received"]["pumped_nl"] == rate + 5_000
    assert bench.quiet()["received"]["pumped_nl"] == rate
    before = float(bench.pump["commanded_ml"])
    row = bench.quiet()
    assert row["raw"]["commanded_ml"] == before
    for spoiled in (math.nan, 0.0):
        bench = Bench()
        bench.quiet()
        bench.quiet()
        bench.pump["commanded_ml"] = spoiled
        assert bench.quiet()["received"]["pumped_nl"] == -1, "a count that cannot be is none"


def test_the_row_says_who_asked_for_what_and_when() -> None:
    bench = Bench(patient=3)
    who = bench.par["patient"]["patient"]
    for tick in range(3):
        before = int(bench.shield["prev_rate"])
        row = bench.quiet(before + 137, 450)
        assert (row["patient"], row["tick"], row["mode"], row["valid"]) == (who, tick, bench.par["shield"]["mode"], 1)
        assert (row["prev_rate"], row["request"], row["bolus_request"]) == (before, before + 137, 0)
        verdict = [int(bench.shield[name]) for name in ("allowed_rate", "allowed_bolus", "binding", "violations")]
        assert [int(row[name]) for name in ("rate", "bolus", "binding", "violations")] == verdict
        assert row["fallback"] == bench.shield["fallback"]
    assert bench.quiet(valid=-2)["valid"] == -2
    assert bench.quiet(valid=0)["fallback"] == bench.shield["fallback"] > 0
    for name in row["raw"].dtype.names:
        assert np.isfinite(row["raw"][name]), name


def test_on_the_round_and_after_a_call_a_clinician_looks_in() -> None:
    bench = Bench(ticking(start_clock_h=8.0, clinic_clock_h=9.0))
    rows = [bench.quiet() for _ in range(100)]
    assert [int(row["received"]["clear"]) for row in rows] == [int(k in (4, 100)) for k in range(100)]
    assert [round(float(row["raw"]["clock_h"]), 6) for row in rows[:3]] == [8.0, 8.25, 8.5]
    for present, poss, clear in ((0, 1, 0), (1, 1, 1), (1, 2, 1), (1, 3, 0), (1, 4, 0)):
        bench = Bench()
        bench.well()
        bench.patient["poss_seen"] = poss
        bench.episode["present"] = present
        row = bench.step()
        assert row["received"]["clear"] == clear
        assert row["raw"]["present"] == present
        assert row["raw"]["confirms"] == row["received"]["confirms"] <= clear


def test_a_clinician_who_looks_in_confirms_what_is_asked() -> None:
    for present, stage, rises in ((0, "confirm", False), (1, "confirm", True), (0, "auto", True)):
        bench = Bench(stage=stage)
        bench.quiet()
        bench.grown_up()
        bench.episode["present"] = present
        row = bench.quiet(10**6)
        assert (row["rate"] > row["prev_rate"]) == rises, (present, stage)
        assert row["received"]["confirms"] == present
