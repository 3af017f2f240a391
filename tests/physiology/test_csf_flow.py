"""CSF: what widens the spread of drug, net flow and absorption, boluses, posture, and a catheter tip that moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thecal.core.layout import AXIAL, COMPARTMENT, N_NODES, NODES, REGIONS, SETTLE_H, TICK_H
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.patient import move_tip, prepare_patient
from thecal.physiology.population import constant, draw_value, sampler, shipped
from thecal.physiology.regimen import advance, begin

from support.bodies import amount, calm, copies, drawn

NODE = np.arange(N_NODES)
DAY = 24.0


def one(drugs=("morphine",), n=1, **changes):
    """Copies of one calm patient with fields of the record changed."""
    par = calm(copies(drawn(drugs), n))
    for name, value in changes.items():
        par[name] = value
    return par


def spread(csf):
    """SD (levels) of the place of drug in CSF, ``[B]``."""
    share = csf / csf.sum(axis=1, keepdims=True)
    mean = (share * NODE).sum(axis=1)
    return np.sqrt((share * (NODE - mean[:, None]) ** 2).sum(axis=1))


def mean_node(csf):
    """Mean node of drug in CSF, ``[B]``."""
    return (csf * NODE).sum(axis=1) / csf.sum(axis=1)


def after_bolus(par, hours, ug=100.0, ml=1.0, clock_h=8.0, **kwargs):
    state = begin(par, clock_h)
    advance(par, state, hours, bolus_ug=ug, bolus_ml=ml, **kwargs)
    return state


def test_exchange_rises_with_pulse_stroke_and_breathing():
    """Given each patient's dispersion, level and canal, the three powers must explain what is left to the last digit."""
    seed, n, level = 5, 60, NODES.index("T6")
    cohort = draw(load_cohort_spec("noncancer"), ["morphine"], range(n), "test", seed)
    par, breathing, anatomy = cohort.par, shipped("breathing"), shipped("anatomy")
    draws = sampler(seed, cohort.ids)
    stroke = draw_value(draws, breathing, "breathing", "circulation.stroke_volume", "mL", 1.0)
    own = draw_value(draws, anatomy, "anatomy", "canal.dispersion_lumbar", "cm**2/h", 1e-9)
    known = own * par["v_node"][:, level] / cohort.covariates["height_cm"] ** 2
    pulse = np.column_stack([np.log(par["hr0"]), np.log(stroke), np.log(par["rr0"]), np.ones(n)])
    target = np.log(par["g_node"][:, level] / known)
    found, *_ = np.linalg.lstsq(pulse, target, rcond=None)
    names = ("heart_rate_power", "stroke_volume_power", "breathing_power")
    powers = [constant(anatomy, f"canal.{name}", "dimensionless") for name in names]
    assert min(powers) > 0.0
    np.testing.assert_allclose(found[:3], powers, rtol=1e-9)
    np.testing.assert_allclose(pulse @ found, target, atol=1e-9)


def test_wider_exchange_spreads_a_bolus_further():
    par = one(n=3)
    par["g_node"] *= np.array([0.5, 1.0, 2.0])[:, None]
    assert np.all(np.diff(spread(after_bolus(par, 3.0)["drug"]["csf"][:, 0])) > 0.0)


def test_dispersion_rises_from_the_lower_end_upward():
    par = one()
    dispersion = par["g_node"][0, 1:-1] / par["v_node"][0, 1:-1]  # levels share the canal's length, so it cancels
    region = [np.array([NODES.index(a), NODES.index(b)]) - 1 for a, b in (("C2", "C6"), ("T2", "T11"), ("L2", "L4"))]
    for first, last in region:  # within a region levels have equal volumes
        assert np.all(np.diff(dispersion[first : last + 1]) < 0.0)
    assert dispersion[region[0][0]] > 5.0 * dispersion[region[2][1]]


def test_net_flow_carries_drug_caudad():
    par = one(n=2)
    par["q_node"][0] = 0.0
    par["q_node"][1] = np.where(NODE < N_NODES - 1, 4.0, 0.0)
    still, flowing = mean_node(after_bolus(par, 6.0)["drug"]["csf"][:, 0])
    assert flowing > still + 0.3


def test_water_made_is_water_absorbed():
    par = drawn(["morphine"], 50)
    spinal = par["v_node"][:, 1:].sum(axis=1)
    np.testing.assert_allclose(par["q_node"][:, 0], par["k_bulk"] * spinal, rtol=1e-9)
    absorbed = par["q_node"][:, :-1] - par["q_node"][:, 1:]
    np.testing.assert_allclose(absorbed, par["k_bulk"][:, None] * par["v_node"][:, 1:], rtol=1e-9, atol=1e-12)
    share = constant(shipped("anatomy"), "csf.spinal_absorption", "dimensionless")
    np.testing.assert_allclose(par["q_node"][:, 0] / (par["q_node"][:, 0] + par["cranial_out"]), share, rtol=1e-9)


def test_absorbed_csf_takes_its_drug_along():
    par = one(n=2)
    for name in ("k_uptake", "k_csf_loss", "k_cord_loss"):
        par["drug"][name] = 0.0
    par["g_node"] *= 50.0  # well mixed, so the loss is one exponential
    par["cranial_out"], par["q_node"], par["k_bulk"] = 0.0, 0.0, np.array([0.0, 0.05])
    state = after_bolus(par, 2.0, ml=20.0)
    before = state["drug"]["csf"][:, 0].sum(axis=1) + state["drug"]["tip"][:, 0]
    advance(par, state, 10.0)
    after = state["drug"]["csf"][:, 0].sum(axis=1) + state["drug"]["tip"][:, 0]
    spinal_share = 1.0 - par["v_node"][0, 0] / par["v_node"][0].sum()
    assert after[0] == pytest.approx(before[0], rel=1e-9)
    assert np.log(before[1] / after[1]) == pytest.approx(0.05 * spinal_share * 10.0, rel=0.05)


def test_a_larger_bolus_volume_leaves_the_tip_and_spreads_wider():
    volumes = (0.05, 0.2, 1.0, 5.0)
    early = [after_bolus(one(), TICK_H, ml=ml)["drug"][0, 0] for ml in volumes]
    outside = [own["csf"].sum() / (own["csf"].sum() + own["tip"]) for own in early]
    assert np.all(np.diff(outside) > 0.0)
    width = [spread(own["csf"][None])[0] for own in early]
    assert width[-1] > width[0]


def test_a_slow_bolus_spreads_less_than_the_same_volume_at_once():
    fast, slow = one(), one()
    given_fast = after_bolus(fast, 2.0, ug=100.0, ml=1.0)
    given_slow = begin(slow)
    for _ in range(8):
        advance(slow, given_slow, TICK_H, bolus_ug=12.5, bolus_ml=0.125)
    own = [state["drug"][0, 0] for state in (given_fast, given_slow)]
    assert own[0]["given"] == pytest.approx(own[1]["given"], rel=1e-12)
    assert own[1]["tip"] > 1.5 * own[0]["tip"]
    assert spread(own[1]["csf"][None])[0] < spread(own[0]["csf"][None])[0]


def test_basal_flow_alone_stays_at_the_tip():
    par = one()
    state = begin(par)
    advance(par, state, 2.0, rate_ug_per_h=50.0, basal_ml_per_h=0.02)
    own = state["drug"][0, 0]
    assert own["tip"] / par["tip_ml"][0] > 3.0 * own["csf"].max() / par["v_node"][0, par["tip_node"][0]]


@pytest.mark.parametrize(("clock_h", "direction"), [(10.0, 1.0), (1.0, -1.0)])
def test_heavy_solution_sinks_upright_and_runs_cephalad_supine(clock_h, direction):
    par = one(n=3)
    par["drug"]["jet_shift"][:, 0] = [-2.0, 0.0, 2.0]
    place = mean_node(after_bolus(par, TICK_H, ml=2.0, clock_h=clock_h)["drug"]["csf"][:, 0])
    light, plain, heavy = direction * (place - place[1])
    assert light < -0.4
    assert plain == 0.0
    assert heavy > 0.4


def test_posture_matters_less_supine_and_never_to_an_infusion():
    shift = {}
    for clock_h in (10.0, 1.0):
        par = one(n=2)
        par["drug"]["jet_shift"][:, 0] = [0.0, 4.0]
        place = mean_node(after_bolus(par, TICK_H, ml=2.0, clock_h=clock_h)["drug"]["csf"][:, 0])
        shift[clock_h] = place[1] - place[0]
    assert shift[1.0] == pytest.approx(-0.5 * shift[10.0], rel=0.35)
    par = one(n=2)
    par["drug"]["jet_shift"][:, 0] = [0.0, 4.0]
    state = begin(par)
    advance(par, state, 12.0, rate_ug_per_h=10.0)
    np.testing.assert_array_equal(state["drug"]["csf"][0], state["drug"]["csf"][1])


@pytest.mark.parametrize("level", ["cranial", "C1", "S2"])
def test_a_bolus_near_an_end_of_the_canal_stays_in_it(level):
    par = one(n=3, tip_node=max(1, NODES.index(level)))
    par["drug"]["jet_shift"][:, 0] = [-30.0, 0.0, 30.0]
    state = after_bolus(par, 1.0, ml=5.0)
    np.testing.assert_allclose(amount(state), 100.0, rtol=1e-9)
    assert np.all(np.isfinite(state["drug"]["csf"]))


@pytest.mark.parametrize(("structure", "to", "last"), [(AXIAL, "L4", N_NODES - 1), (COMPARTMENT, "", len(REGIONS) - 1)])
def test_a_tip_that_moves_leaves_its_drug_behind(structure, to, last):
    par = calm(copies(drawn(["morphine"], structure=structure), 1))
    state = begin(par)
    advance(par, state, 48.0, rate_ug_per_h=20.0)
    old = par["tip_node"][0]
    new = NODES.index(to) if to else REGIONS.index("lumbar")
    before, held, tip = amount(state), state["drug"]["csf"][0, 0].copy(), state["drug"]["tip"][0, 0]
    expected = par.copy()
    expected["tip_node"] = new
    prepare_patient(expected[0])
    move_tip(par[0], state[0], new)
    np.testing.assert_allclose(amount(state), before, rtol=1e-12)
    assert state["drug"]["tip"][0, 0] == 0.0
    assert state["drug"]["csf"][0, 0, old] == pytest.approx(held[old] + tip, rel=1e-12)
    assert state["settle_left_h"][0] == SETTLE_H
    assert par.tobytes() == expected.tobytes()
    advance(par, state, 10 * DAY, rate_ug_per_h=20.0)
    np.testing.assert_allclose(amount(state), state["drug"]["given"][:, 0], rtol=1e-9)
    concentration = state["drug"]["csf"][0, 0] / par["v_node"][0]
    assert np.argmax(concentration[: last + 1]) == new


def test_a_tip_pulled_out_of_the_canal_stops_at_its_ends():
    for node, place in ((-5, 1), (99, N_NODES - 1)):
        par = one()
        move_tip(par[0], begin(par)[0], node)
        assert par["tip_node"][0] == place


def test_a_tip_away_from_the_painful_segments_relieves_less():
    par = one(n=2)
    state = begin(par)
    advance(par, state, 5 * DAY, rate_ug_per_h=20.0)
    move_tip(par[1], state[1], NODES.index("S2"))
    relief = advance(par, state, 5 * DAY, rate_ug_per_h=20.0)["relief"][-1]
    assert relief[1] < relief[0]


def test_a_year_of_infusions_and_boluses_loses_no_drug():
    par = calm(drawn(["morphine", "bupivacaine", "clonidine"], 4))
    state = begin(par)
    rates = np.tile([20.0, 300.0, 6.0], (4, 1))
    for k in range(12):
        advance(par, state, 30 * DAY, rate_ug_per_h=rates * (1 + k % 3), bolus_ug=4.0 * rates, bolus_ml=0.05 * (k + 1))
    for d in range(3):
        np.testing.assert_allclose(amount(state, d), state["drug"]["given"][:, d], rtol=1e-9)


POSITIVE = st.floats(1e-6, 1e4)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    structure=st.sampled_from([AXIAL, COMPARTMENT]),
    tip=st.integers(0, N_NODES),
    rates=st.tuples(*[POSITIVE] * 4),
    flow=st.floats(1e-6, 1e6),
    net=st.floats(0.0, 1e3),
    volume=st.floats(1e-2, 1e2),
    cell=st.tuples(st.floats(1e-3, 1e2), st.floats(1e-6, 1e5)),
    dose=st.tuples(st.floats(0.0, 1e4), st.floats(1e-3, 50.0)),
)
def test_extreme_patients_stay_finite_bounded_and_conserve(structure, tip, rates, flow, net, volume, cell, dose):
    par = calm(copies(drawn(["morphine"], structure=structure), 1))
    last = int(par["last_node"][0])
    par["tip_node"] = min(max(tip, 1), last)
    for name, value in zip(("k_uptake", "k_return", "k_cord_loss", "k_csf_loss"), rates, strict=True):
        par["drug"][name] = value
    par["g_node"] *= flow
    par["q_node"] = np.where(last > NODE, net, 0.0)
    par["k_bulk"] = net / 100.0
    par["v_node"] *= volume
    par["tip_ml"], par["tip_flow"] = cell
    state = begin(par)
    bolus_ug, bolus_ml = dose
    advance(par, state, 12.0, rate_ug_per_h=10.0, bolus_ug=bolus_ug, bolus_ml=bolus_ml)
    advance(par, state, 12.0, rate_ug_per_h=1000.0)
    own = state["drug"][0, 0]
    assert all(np.all(np.isfinite(own[name])) for name in own.dtype.names)
    assert amount(state)[0] == pytest.approx(own["given"], rel=1e-8)
    lowest = min(own[name].min() for name in ("csf", "cord", "tip", "plasma", "periph"))
    assert lowest > -1e-3 * own["given"]
    assert own["csf"].sum() + own["cord"].sum() + own["tip"] < 1.01 * own["given"]


@pytest.mark.parametrize("structure", [AXIAL, COMPARTMENT])
def test_stiff_modes_die_out_within_a_substep_without_ringing(structure):
    par = calm(copies(drawn(["morphine"], structure=structure), 1))
    par["g_node"] *= 1e7
    par["drug"]["k_uptake"] = par["drug"]["k_return"] = 1e6
    state = after_bolus(par, TICK_H)
    own = state["drug"][0, 0]
    used = slice(0, int(par["last_node"][0]) + 1)
    concentration = own["csf"][used] / par["v_node"][0, used]
    np.testing.assert_allclose(concentration, concentration[0], rtol=1e-3)
    np.testing.assert_allclose(own["cord"][used], own["csf"][used], rtol=1e-3)
