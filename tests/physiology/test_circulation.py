"""Circulation: block and reflex, the bell of clonidine, and overdose as a whole course, against the published figures."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import COMPARTMENT, NODES, SENSORS, TICK_H
from thecal.physiology.regimen import advance, begin

from support.bodies import drawn, held, hold, naive

HR, SBP, MAP, RR, SPO2, ETCO2 = map(SENSORS.index, ("hr", "sbp", "map", "rr", "spo2", "etco2"))
SEEDS = (2025, 11)


def at_l3(drug, n=60, *, seed=5):
    """``n`` drug-naive patients with tip and pain at L3, as in studies of single injections."""
    par = drawn([drug], n, seed=seed).copy()
    par["channel"]["tol_prior"] = 0.0
    level = NODES.index("L3")
    par["tip_node"] = level
    par["w_pain"] = 0.0
    par["w_pain"][:, level - 2 : level + 3] = 0.2
    return par


def bolus(drug, dose_ug, hours, n=60, *, seed=5):
    """``(par, state, course)`` after one bolus at L3."""
    par = at_l3(drug, n, seed=seed)
    state = begin(par)
    return par, state, advance(par, state, hours, bolus_ug=dose_ug)


@pytest.mark.parametrize("seed", SEEDS)
def test_spinal_block_drops_pressure_in_a_third(seed):
    """Systolic pressure fell by over 30 % in 36.8 % of 1,220 spinal anesthesias (J Med Assoc Thai 2007)."""
    par, _, course = bolus("bupivacaine", 15_000.0, 4.0, 200, seed=seed)
    hypotensive = (course["sbp"] < 0.7 * par["sbp0"]).any(axis=0).mean()
    assert 0.25 <= hypotensive <= 0.50
    assert course["dead"][-1].mean() <= 0.02
    assert (course["hr"].min(axis=0) < 50.0).mean() <= 0.20  # 13 % (Carpenter 1992)


def test_reflexes_carry_a_half_block_and_not_a_whole_one():
    par = naive(held(["bupivacaine"], 3))
    state = begin(par)
    hold(par, state, sym=np.array([1.0, 1e3, 0.0]))
    advance(par, state, TICK_H)
    half, whole, none = state["bp_fall"]
    emax = par["channel"]["emax_bp"][0, 0]
    assert none == 0.0
    assert half < 0.25 * emax
    assert whole > 0.95 * emax


def test_vessels_grow_accustomed_to_a_lasting_block():
    """Fall = emax e / (1 + reflex (1 - e)) / (1 + gain H), H follows the blocked share e in three equal lags."""
    par = naive(held(["bupivacaine"], 2))
    state = begin(par)
    hold(par, state, sym=np.array([0.8, 4.0]))
    days = 30
    advance(par, state, 24.0 * days)
    rule, channel = par["channel"][:, 0], state["channel"][:, 0]
    drive = channel["sympathetic"] ** rule["hill_sym"]
    e = drive / (1.0 + drive)
    passed = 24.0 * days / rule["habit_tau_h"]
    habit = e * (1.0 - (1.0 + passed + passed**2 / 2.0) * np.exp(-passed))
    assert channel["habit"] == pytest.approx(habit, rel=0.02)  # tolerance shifts the block a little meanwhile
    acute = rule["emax_bp"] * e / (1.0 + par["reflex"] * (1.0 - e))
    assert state["bp_fall"] == pytest.approx(acute / (1.0 + rule["habit_gain"] * habit), rel=0.03)
    assert channel["depressant"] == pytest.approx(channel["central"])  # the brainstem has no part in it


def test_years_without_outflow_cost_a_tenth_of_pressure():
    """107 against 117 mmHg in quadriplegics (Mathias 1976, Circ Res 39:204); an acute block of it all is not survived."""
    par = naive(held(["bupivacaine"], 1))
    par["channel"]["habit_tau_h"] = 24.0
    state = begin(par)
    hold(par, state, sym=1e3)
    advance(par, state, TICK_H)
    assert state["bp_fall"][0] > 0.5
    state["dead"] = 0
    par["map0"] = 200.0  # of no account here: the heart must not fail on the way
    advance(par, state, 24.0 * 20)
    assert 0.06 <= state["bp_fall"][0] <= 0.13


def test_a_single_spinal_meets_no_adaptation():
    falls = []
    for gain in (7.2, 0.0):
        par = at_l3("bupivacaine", 40)
        par["channel"]["habit_gain"][:, 0] = gain
        falls.append(advance(par, begin(par), 4.0, bolus_ug=12_000.0)["bp_fall"].max(axis=0))
    assert falls[0] == pytest.approx(falls[1], rel=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gram_of_bupivacaine_kills_untreated(seed):
    _, _, course = bolus("bupivacaine", 1e6, 6.0, 60, seed=seed)
    assert course["dead"][-1].mean() >= 0.95
    assert course["sedation"].max(axis=0).mean() > 0.9
    assert course["rr"][1].mean() < 8.0


@pytest.mark.parametrize("seed", SEEDS)
def test_pressure_after_clonidine_is_bell_shaped(seed):
    """Filos 1994: about 21, 18 and 11 % after 150, 300 and 450 µg; sheep 15 % after 300 µg (Castro and Eisenach 1989)."""
    courses = {dose: bolus("clonidine", dose, 3.0, seed=seed)[2]["bp_fall"] for dose in (30.0, 150.0, 300.0, 450.0)}
    at_1h = {dose: np.median(fall[3]) for dose, fall in courses.items()}
    assert at_1h[150.0] > at_1h[300.0] > at_1h[450.0]
    assert at_1h[150.0] > at_1h[30.0]
    assert 0.12 <= np.median(courses[150.0].max(axis=0)) <= 0.26
    assert 0.113 <= np.median(courses[300.0].max(axis=0)) <= 0.188


@pytest.mark.parametrize(("drug", "dose_ug"), [("morphine", 1e6), ("bupivacaine", 1e6)])
def test_the_dead_have_no_pulse_breath_or_report(drug, dose_ug):
    _, state, course = bolus(drug, dose_ug, 30.0, 20)
    dead = state["dead"] == 1
    assert dead.mean() >= 0.75
    for name in ("hr", "sbp", "rr", "vent", "pain", "function"):
        assert np.all(course[name][-1, dead] == 0.0), name
    assert np.all(course["spo2"][-1, dead] < 1.0)
    shown = state["s_value"][dead]
    fresh = state["s_valid"][dead] == 1
    for k in (HR, SBP, MAP, RR, SPO2, ETCO2):
        assert np.all(shown[fresh[:, k], k] < 2.0), SENSORS[k]
    assert np.all(state["demand"][dead] == 0)
    assert np.all(state["nrs_age_h"][dead] > 24.0)
    assert np.all(state["poss"][dead] == 4)


def test_death_by_opioid_passes_through_apnea_and_arrest():
    par, _, course = bolus("morphine", 1e6, 24.0, 20)
    last_pulse = []
    for b in np.flatnonzero(course["dead"][-1]):
        death = int(course["dead"][:, b].argmax())
        before = slice(max(0, death - 2), death)
        assert course["spo2"][before, b].min() < 80.0
        # The rate tells less of ventilation than saturation does.
        assert course["rr"][before, b].min() < 0.5 * par["rr0"][b]
        last_pulse.append([course[name][death - 1, b] / course[name][0, b] for name in ("hr", "sbp")])
    assert np.all(np.median(last_pulse, axis=0) < 0.8)


def test_hypoxia_that_ends_in_time_leaves_the_heart_whole():
    par = naive(held(["morphine"], 1))
    state = begin(par)
    state["failure"] = 0.6
    first = advance(par, state, TICK_H)["sbp"][0, 0]
    later = advance(par, state, 3.0)["sbp"][-1, 0]
    assert first < 0.8 * par["sbp0"][0] < later
    assert state["dead"][0] == 0


def test_a_high_block_stops_breath_in_either_structure():
    for structure in (0, COMPARTMENT):
        par = naive(held(["bupivacaine"], 2, structure=structure))
        state = begin(par)
        neck = slice(1, 2) if structure else slice(NODES.index("C1"), NODES.index("T1"))
        state["drug"]["csf"][1, 0, neck] = 50.0 * par["drug"]["ec50_mot"][1, 0] * par["v_node"][1, neck]
        course = advance(par, state, TICK_H)
        assert course["vent"][0, 0] > 0.9
        assert course["rr"][0, 1] < 4.0


def test_a_surgical_dose_reaches_no_diaphragm():
    _, _, course = bolus("bupivacaine", 10_000.0, 4.0, 100)
    assert course["dead"][-1].sum() == 0
    assert course["rr"].min() > 8.0
