"""From a request to the pump in one tick: what is asked, what is allowed, what is sent, what is booked."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import TICKS_PER_DAY

from support.wiring import Bench, asking, grown, press, ticking

FAR = 10**6  # nL per tick, or nL: far beyond every limit


def test_the_pump_runs_what_was_allowed_from_the_first_tick() -> None:
    bench = grown()
    before = int(bench.shield["prev_rate"])
    row = bench.quiet(FAR)
    step = 1000 + int(bench.par["shield"]["step_permille"])
    assert row["request"] == FAR
    assert row["prev_rate"] == before < row["rate"] <= before * step // 1000
    assert bench.pump["rate_nl"] == row["rate"]
    assert bench.shield["prev_rate"] == row["rate"]
    spent = float(bench.pump["commanded_ml"])
    bench.quiet()
    assert round(1e6 * (bench.pump["commanded_ml"] - spent)) == row["rate"]


def test_a_fall_runs_at_once_and_a_rise_only_once() -> None:
    bench = grown()
    before = int(bench.shield["prev_rate"])
    assert bench.quiet(before - 100)["rate"] == (before - 100) // 10 * 10 == bench.pump["rate_nl"]
    bench.grown_up()
    up = int(bench.quiet(FAR)["rate"])
    for _ in range(3):
        row = bench.quiet(FAR)
        assert row["rate"] == up == bench.pump["rate_nl"], "the interval"


def test_later_ticks_of_a_step_hold_what_was_allowed() -> None:
    bench = Bench(ticking(ticks=4))
    bench.quiet()
    bench.grown_up()
    before = int(bench.shield["prev_rate"])
    rows = bench.quiet(before - 105, 0)
    assert [int(tick) for tick in rows["tick"]] == [4, 5, 6, 7]
    assert rows["request"].tolist() == [before - 105, *rows["rate"][:3].tolist()]
    assert rows["prev_rate"].tolist() == [before, *rows["rate"][:3].tolist()]
    assert rows["valid"].tolist() == [1, 2, 2, 2]
    assert len(set(rows["rate"].tolist())) == 1
    assert (rows["received"]["pumped_nl"][1:] == rows["rate"][:3]).all()
    rows = bench.quiet(0, 0, valid=-1)
    assert rows["valid"].tolist() == [-1, 2, 2, 2]
    assert (rows["rate"] == rows["prev_rate"][0]).all()


def test_the_policys_bolus_is_asked_for_once_and_runs() -> None:
    bench = Bench(asking(ticks=4))
    bench.quiet()
    bench.grown_up()
    rows = bench.quiet(None, 1_250)
    assert rows["bolus_request"].tolist() == [1_250, 0, 0, 0]
    given = int(rows["bolus"][0])
    assert given == 1_200
    assert rows["received"]["pumped_nl"][1] == rows["rate"][0] + given
    assert bench.out["allowed_bolus_ul"] == 1.2
    assert bench.out["requested_bolus_ul"] == 1.25


def test_the_patient_alone_triggers_the_armed_bolus() -> None:
    bench = grown()
    row = bench.quiet(None, 1_250)
    assert (row["bolus_request"], row["bolus"], bench.out["demands"]) == (0, 0, 0.0)
    row = press(bench, 1_250)
    assert (row["bolus_request"], row["bolus"]) == (1_250, 1_200)
    assert [float(bench.out[name]) for name in ("demands", "demands_given", "demands_denied")] == [1.0, 1.0, 0.0]
    assert (bench.episode["given_last"], bench.episode["pressed_last"]) == (1, 1)
    assert bench.quiet()["received"]["pumped_nl"] == row["rate"] + row["bolus"]
    row = press(bench, 1_250)
    assert (row["bolus_request"], row["bolus"]) == (1_250, 0), "the shield's lockout"
    assert [float(bench.out[name]) for name in ("demands", "demands_given", "demands_denied")] == [1.0, 0.0, 1.0]
    assert (bench.episode["given_last"], bench.episode["pressed_last"]) == (0, 1)
    assert bench.shield["since_bolus"] == 2


def test_the_policys_own_lockout_counts_from_the_last_bolus() -> None:
    for lockout, since, asks in ((0, 0, True), (30, 29, False), (30, 30, True)):
        bench = grown()
        bench.episode["lockout"] = lockout
        bench.shield["since_bolus"] = since
        assert (press(bench, 1_000)["bolus_request"] == 1_000) == asks


def test_presses_of_the_last_day_are_counted() -> None:
    bench = Bench(ticking(days=3.0))
    pressed = [int(k % 7 == 0 or k in (3, 96, 97)) for k in range(210)]
    for k, one in enumerate(pressed):
        bench.well()
        bench.patient["demand"] = one
        bench.step(None, 0)
        assert bench.episode["presses24"] == sum(pressed[max(0, k - TICKS_PER_DAY + 1) : k + 1])


def test_the_shields_account_reaches_the_report() -> None:
    bench = grown()
    row = bench.quiet(FAR)
    assert bench.out["binding"] == row["binding"] > 0
    assert bench.out["violations"] == row["violations"] > 0
    assert bench.out["intervened"] == 1
    assert bench.out["requested_rate"] == pytest.approx(FAR * 96e-6)
    assert bench.out["allowed_rate"] == pytest.approx(row["rate"] * 96e-6)
    bench.quiet()
    assert (bench.out["binding"], bench.out["intervened"]) == (0, 0)
    row = bench.quiet(valid=0)
    assert bench.out["fallback"] == row["fallback"] > 0
    assert np.isnan(bench.out["requested_rate"])
    bench = Bench(ticking(ticks=4))
    bench.grown_up()
    rows = bench.quiet(0, 0, valid=0)
    assert bench.out["fallback"] == rows["fallback"].max() > rows["fallback"].min()
    assert bench.out["binding"] == np.bitwise_or.reduce(rows["binding"])
    dose = (rows["rate"] + rows["bolus"]).sum() * int(bench.par["shield"]["conc"][0]) * 1e-6
    assert bench.out["dose_ug"][0] == pytest.approx(dose)
    assert bench.out["delivered_rate"] == pytest.approx(rows["rate"][0] * 96e-6, rel=0.3)


def test_the_ledger_books_the_larger_of_allowed_and_counted() -> None:
    bench = Bench(ticking(days=10.0))
    rng = np.random.default_rng(3)
    conc = int(bench.par["shield"]["conc"][0])
    allowed: list[int] = []
    counted: list[int] = []
    for k in range(260):
        if k in (60, 61, 150):
            bench.pump["commanded_ml"] += 0.0021
        bench.well()
        bench.patient["demand"] = int(rng.random() < 0.3)
        lower = int(bench.shield["prev_rate"]) - 30 if k % 50 == 49 else FAR
        row = bench.step(lower, 900)
        counted.append(int(row["received"]["pumped_nl"]))
        allowed.append(int(row["rate"] + row["bolus"]))
        extra = sum(2_100 for j in (60, 61, 150) if k - 94 <= j <= k)
        window = sum(allowed[max(0, k - 95) :]) + extra
        assert abs(int(bench.shield["dose24"][0]) - window * conc) <= 2 * conc, k
        ledger = bench.shield["ledger"][0]
        assert int(ledger[-1]) == allowed[-1] * conc
    assert max(allowed) > min(allowed)
    assert sum(counted[1:]) == pytest.approx(sum(allowed[:-1]) + 3 * 2_100, abs=3)


def test_time_and_the_round_of_the_day_move_by_one_tick() -> None:
    bench = Bench()
    for k in range(3):
        assert bench.patient["tick"] == bench.shield["ticks"] == bench.pump["ticks"] == k
        bench.quiet()
    assert bench.pump["age_h"] == pytest.approx(0.75)
    assert bench.episode["step"] == 3
    assert bench.out["time_h"] == 0.75
    assert bench.pump["body_c"] == bench.patient["temperature"]
    assert bench.patient["grain_ug"] == pytest.approx(bench.par["pump"]["stroke_nl"] * bench.pump["conc"][0] * 1e-6)


def test_the_body_and_the_stroke_reach_the_pump_before_it_runs() -> None:
    bench = Bench()
    bench.quiet()
    bench.patient["temperature"] = 39.0
    bench.pump["conc"][0] = 7_000.0
    bench.quiet()
    assert bench.pump["body_c"] == 39.0
    assert bench.patient["grain_ug"] == pytest.approx(bench.par["pump"]["stroke_nl"] * 7e-3)


def test_what_leaves_the_pump_enters_the_patient() -> None:
    bench = Bench(ticking(ticks=4))
    before = bench.pump["tip_ug"].copy()
    bench.quiet()
    tip = bench.pump["tip_ug"] - before
    assert tip[0] > 0.0
    np.testing.assert_allclose(bench.out["tip_ug"], tip)
    moved = bench.pump["delivered_ml"]
    assert bench.out["delivered_rate"] == pytest.approx(24.0 * moved, rel=1e-6)
    assert tip[0] == pytest.approx(moved * bench.pump["conc"][0], rel=1e-3)


def test_nothing_is_delivered_or_monitored_after_death() -> None:
    bench = Bench()
    bench.quiet()
    bench.patient["dead"] = 1
    left, tick = float(bench.pump["true_ml"]), int(bench.patient["tick"])
    raised = bench.monitor["count"].copy()
    bench.step()
    assert bench.pump["true_ml"] == left
    assert bench.patient["tick"] == tick + 1
    assert bench.out["terminated"] == 1
    assert bench.patient["s_value"][0] == pytest.approx(0.0, abs=30.0)
    np.testing.assert_array_equal(bench.monitor["count"], raised)
    assert bench.episode["present"] == 0
