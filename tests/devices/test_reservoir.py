"""The reservoir: what is true, what the pump believes, computed alarms, refills, and the mass balance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.devices.alarms import EMPTY_RESERVOIR, LOW_RESERVOIR, PumpAlarm, alarm_names
from thecal.devices.reservoir import refill

from support.device_runs import days, shipped
from support.pumps import MORPHINE_20, catheter_ug, program, pump, run, step

DAY = 24 * 12  # substeps


def test_180_days_deliver_the_program() -> None:
    state, par = pump(rate_nl=2600)
    given_ug, volume = np.zeros(3), 0.0
    for _ in range(2):
        volume += run(state, par, 90 * DAY, 1 / 12, given_ug)
        refill(state, par, 38.6, np.array(MORPHINE_20))
    programmed = 180 * 96 * 2600e-6
    assert volume == pytest.approx(programmed, rel=1e-10)
    assert given_ug[0] == pytest.approx(programmed * 20_000, rel=1e-10)
    assert state["delivered_ml"] == pytest.approx(programmed, rel=1e-10)
    assert state["commanded_ml"] == pytest.approx(programmed, rel=1e-10)
    assert state["age_h"] == pytest.approx(180 * 24, rel=1e-10)


@pytest.mark.parametrize("bias", [0.87, 1.0, 1.1])
def test_bias_drives_true_and_estimated_volume_apart(bias: float) -> None:
    state, par = pump(rate_nl=2600, flow_bias=bias)
    run(state, par, 60 * DAY, 1 / 12, np.zeros(3))
    programmed = 60 * 96 * 2600e-6
    assert state["estimated_ml"] == pytest.approx(40.0 - programmed, rel=1e-10)
    assert state["true_ml"] == pytest.approx(40.0 - bias * programmed, rel=1e-10)
    assert state["delivered_ml"] == pytest.approx(bias * programmed, rel=1e-10)


def test_drift_changes_the_flow_with_age() -> None:
    hours = 30 * 24
    system = shipped(solution={}, flow_drift_per_h=1e-4, stroke_nl=0.0)
    volume = days(system, 30)[:, 0].sum()
    mean_ratio = 1.0 + 1e-4 * (hours - 1) / 2  # the ratio holds over each hour
    assert volume == pytest.approx(hours * 4 * 2600e-6 * mean_ratio, rel=1e-10)
    falling = shipped(solution={}, flow_drift_per_h=-1.0)
    assert days(falling, 1)[-1, 0] == 0.0


def substeps_until(state, par, alarm: int) -> int:
    count = 0
    while not state["alarms"] & alarm:
        step(state, par)
        count += 1
        assert count < 10_000
    return count


@pytest.mark.parametrize("bias", [0.87, 1.0, 1.1])
def test_the_low_alarm_follows_the_estimate_not_the_true_volume(bias: float) -> None:
    state, par = pump(rate_nl=250_000, flow_bias=bias)
    # 38 mL of programmed flow at 0.25 mL a tick; one substep more where rounding leaves the estimate a hair above.
    assert substeps_until(state, par, LOW_RESERVOIR) in (456, 457)
    assert state["estimated_ml"] == pytest.approx(2.0, abs=0.084)
    assert not state["alarms"] & EMPTY_RESERVOIR
    assert substeps_until(state, par, EMPTY_RESERVOIR) in (7, 8)


def test_an_over_infusing_pump_empties_without_an_alarm() -> None:
    state, par = pump(rate_nl=250_000, flow_bias=1.1)
    given_ug = np.zeros(3)
    volume = run(state, par, 430, 1 / 12, given_ug)
    assert volume == pytest.approx(38.6, rel=1e-12)
    assert state["true_ml"] == pytest.approx(1.4, rel=1e-12)
    assert state["alarms"] == 0
    assert state["estimated_ml"] > 4.0


def test_an_empty_pump_delivers_nothing_while_it_counts_on() -> None:
    state, par = pump(fill_ml=1.5, rate_nl=2600)
    assert run(state, par, 3 * 96, 1 / 12, np.zeros(3)) == pytest.approx(0.1, rel=1e-12)
    basal_ml, bolus_ml, out = step(state, par)
    assert (basal_ml, bolus_ml) == pytest.approx((0.0, 0.0), abs=1e-15)
    assert out == pytest.approx([0.0] * 3, abs=1e-10)
    run(state, par, 20 * DAY, 1 / 12, np.zeros(3))
    assert state["true_ml"] == pytest.approx(1.4, rel=1e-12)
    assert state["estimated_ml"] == 0.0
    assert state["commanded_ml"] > 5.0 > state["delivered_ml"]


def test_basal_and_bolus_share_the_last_drop() -> None:
    state, par = pump(fill_ml=1.41, rate_nl=25_000)
    program(state, par, 25_000, 200_000)
    basal_ml, bolus_ml, _ = step(state, par)
    assert basal_ml + bolus_ml == pytest.approx(0.01, rel=1e-9)
    assert bolus_ml / basal_ml == pytest.approx(9.0, rel=1e-9)


def test_a_refill_mixes_with_the_residual_and_keeps_the_program() -> None:
    state, par = pump(rate_nl=2600, flow_bias=1.05)
    run(state, par, 90 * DAY, 1 / 12, np.zeros(3))
    programmed = 90 * 96 * 2600e-6
    slugs = state["slug_conc"].copy()
    aspirated, expected = refill(state, par, 30.0, np.array([10_000.0, 2_000.0, 0.0]))
    assert expected == pytest.approx(40.0 - programmed - 1.4, rel=1e-9)
    assert aspirated == pytest.approx(40.0 - 1.05 * programmed - 1.4, rel=1e-9)
    assert state["true_ml"] == state["estimated_ml"] == pytest.approx(31.4, rel=1e-12)
    assert state["conc"] == pytest.approx([(1.4 * 20_000 + 30 * 10_000) / 31.4, 30 * 2_000 / 31.4, 0.0], rel=1e-12)
    assert state["label_conc"].tolist() == [10_000.0, 2_000.0, 0.0]
    assert np.array_equal(state["slug_conc"], slugs)
    assert (state["rate_nl"], state["refills"]) == (2600, 1)


@pytest.mark.parametrize(
    ("volume", "filled"), [(100.0, 40.0), (0.3, 1.7), (0.0, 1.4), (-5.0, 1.4), (float("nan"), 1.4)]
)
def test_refill_respects_the_capacity_and_sets_alarms_anew(volume: float, filled: float) -> None:
    state, par = pump(fill_ml=1.9, rate_nl=2600)
    assert alarm_names(state["alarms"]) == ("low_reservoir",)
    refill(state, par, volume, np.array(MORPHINE_20))
    assert state["true_ml"] == state["estimated_ml"] == pytest.approx(filled, rel=1e-12)
    expected = 0 if filled > 2.0 else (LOW_RESERVOIR if filled > 1.4 else LOW_RESERVOIR | EMPTY_RESERVOIR)
    assert state["alarms"] == expected


def test_alarm_names_follow_the_bits() -> None:
    assert alarm_names(0) == ()
    assert alarm_names(PumpAlarm.LOW_RESERVOIR | PumpAlarm.EMPTY_RESERVOIR) == ("low_reservoir", "empty_reservoir")


rates = st.one_of(st.just(0), st.integers(0, 6000), st.integers(0, 300_000))
runs = st.tuples(st.just("run"), rates, st.one_of(st.just(0), st.integers(0, 400_000)), st.integers(1, 400))
fluids = st.tuples(*[st.one_of(st.just(0.0), st.floats(1.0, 5e4))] * 3)
refills = st.tuples(st.just("refill"), st.floats(0.0, 45.0), fluids, st.integers(1, 3))
programs = st.lists(st.one_of(runs, refills), min_size=1, max_size=30)


@settings(max_examples=150, deadline=None)
@given(start=fluids, fill=st.floats(1.4, 40.0), bias=st.floats(0.8, 1.3), primed=st.booleans(), events=programs)
def test_no_drug_and_no_fluid_is_lost_in_random_programs(start, fill, bias, primed, events) -> None:
    state, par = pump(conc=start, fill_ml=fill, flow_bias=bias, primed=primed, rate_nl=0)
    entered_ug = fill * np.array(start) + catheter_ug(state)
    left_ug, entered_ml, left_ml, given_ug = np.zeros(3), fill, 0.0, np.zeros(3)
    for event in events:
        if event[0] == "run":
            program(state, par, event[1], event[2])
        else:
            before, conc = float(state["true_ml"]), state["conc"].copy()
            aspirated, expected = refill(state, par, event[1], np.array(event[2]))
            injected = float(state["true_ml"]) - (before - aspirated)
            entered_ug += injected * np.array(event[2])
            left_ug += aspirated * conc
            entered_ml += injected
            left_ml += aspirated
            assert expected >= 0.0
        left_ml += run(state, par, event[3], 1 / 12, given_ug)
        assert all(np.isfinite(state[name]).all() for name in state.dtype.names)
        assert 0.0 <= state["true_ml"] <= 40.0
        assert 0.0 <= state["estimated_ml"] <= 40.0
        assert state["bolus_left_nl"] >= 0.0
        assert (state["conc"] >= 0.0).all()
    held = state["true_ml"] * state["conc"] + catheter_ug(state)
    assert held + given_ug + left_ug == pytest.approx(entered_ug, rel=1e-9, abs=1e-9)
    assert state["true_ml"] + left_ml == pytest.approx(entered_ml, rel=1e-9)
