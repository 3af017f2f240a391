"""Every microgram from fill to tip is accounted for, and every pump delivers its program over half a year."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.devices.fault_records import FAULT_NAMES
from thecal.devices.reservoir import unaccounted
from thecal.devices.specs import load_pump, pump_names

from support.device_runs import days, plan, shipped

SOLUTIONS = (
    {"morphine": 10_000.0},
    {"ziconotide": 25.0},
    {"fentanyl": 1_000.0, "bupivacaine": 10_000.0},
    {"morphine": 20_000.0, "bupivacaine": 20_000.0, "clonidine": 500.0},
)
RATE = 5200


def balance(system) -> None:
    state = system[0]
    for d in range(3):
        filled = float(state["filled_ug"][d])
        assert abs(unaccounted(state, d)) <= 1e-9 * max(filled, 1.0)
    for name in state.dtype.names:
        assert np.isfinite(np.asarray(state[name], float)).all(), name
    assert state["true_ml"] >= 0.0
    assert state["stored_ml"] >= 0.0
    assert (state["slug_ml"] >= 0.0).all()
    held = state["slug_ml"][: state["n_slugs"]].sum()
    assert held == pytest.approx(system[1]["dead_ml"] + state["stored_ml"], rel=1e-9)


@pytest.mark.parametrize("name", pump_names())
@pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda s: "+".join(s))
def test_half_a_year_of_every_pump_keeps_every_drug(name, solution):
    system = shipped(name, solution, rate_nl=RATE)
    out = days(system, 180, refill_h=40 * 24.0)
    balance(system)
    state, par = system[0], system[1]
    assert state["refills"] >= 4
    assert (state["decayed_ug"][: len(solution)] > 0.0).all()
    programmed = int(state["rate_nl"]) * 96 * 180 * 1e-6
    assert state["commanded_ml"] == pytest.approx(programmed, rel=1e-12)
    assert out[:, 0].sum() == pytest.approx(programmed, abs=2.0 * float(par["stroke_nl"]) * 1e-6 + 1e-9)


@pytest.mark.parametrize("name", pump_names())
def test_a_pump_of_usual_accuracy_stays_within_its_label(name):
    spec = load_pump(name)
    system = shipped(name, rate_nl=RATE, bias=spec.flow_bias)
    out = days(system, 180)
    programmed = int(system[0]["rate_nl"]) * 96 * 180 * 1e-6
    assert out[:, 0].sum() / programmed == pytest.approx(spec.flow_bias, rel=1e-3)
    assert abs(out[:, 0].sum() / programmed - 1.0) <= spec.label_tolerance


@pytest.mark.parametrize("fault", FAULT_NAMES)
@pytest.mark.parametrize("name", ["synchromed_ii_20", "prometra_ii_20", "constant_1p0"])
def test_no_fault_loses_drug(name, fault):
    system = shipped(name, {"morphine": 20_000.0, "bupivacaine": 20_000.0}, rate_nl=9000, faults=plan(fault))
    days(system, 60, refill_h=20 * 24.0)
    assert system[2]["ever"] >> FAULT_NAMES.index(fault) & 1 == 1
    balance(system)


def test_degradation_follows_the_rate_of_the_file():
    system = shipped(solution={"ziconotide": 25.0}, rate_nl=0, wall_ug=0.0)
    days(system, 40)
    assert system[0]["conc"][0] / 25.0 == pytest.approx(np.exp(-0.00125 * 40), rel=1e-9)


def test_only_a_first_ziconotide_fill_loses_drug_to_the_walls():
    system = shipped("synchromed_ii_20", {"ziconotide": 25.0}, rate_nl=500, decay_per_h=0.0)
    days(system, 14)
    first = 1.0 - system[0]["conc"][0] / 25.0
    assert 0.10 < first < 0.20
    days(system, 0.25, refill_h=0.0)
    system[0]["conc"][0], kept = 25.0, float(system[0]["conc"][0])
    days(system, 14)
    assert 1.0 - system[0]["conc"][0] / 25.0 < 0.01
    assert kept < 25.0


def test_a_lipophilic_drug_is_late_until_the_catheter_is_full():
    system = shipped(solution={"fentanyl": 1_000.0})
    out = days(system, 5)
    dose = out[:, 1] / out[:, 0]
    assert dose[4] == pytest.approx(900.0, rel=0.01)
    assert dose[-1] == pytest.approx(1_000.0, rel=0.01)
    assert system[0]["on_catheter_ug"][0] == pytest.approx(20.0)


def test_drug_above_its_solubility_precipitates_and_stays():
    system = shipped(solution={"bupivacaine": 30_000.0}, soluble_ug_per_ml=[20_000.0, np.inf, np.inf])
    days(system, 1)
    assert system[0]["conc"][0] == pytest.approx(20_000.0, rel=1e-3)
    assert system[0]["precipitated_ug"][0] == pytest.approx(10_000.0 * 40.0, rel=1e-3)
    balance(system)
