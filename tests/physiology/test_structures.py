"""The second structural model: what lumping keeps, its equations against a reference solver, its likeness to the first."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from thecal.core.layout import AXIAL, COARSE_H, COMPARTMENT, N_NODES, NODES, REGIONS, TICK_H
from thecal.physiology.population import shipped
from thecal.physiology.regimen import advance, begin
from thecal.physiology.transport import rate_of_change

from support.bodies import amount, calm, copies, drawn

N = 40
FIRST = [0, *(NODES.index(level) for level in ("C1", "T1", "L1", "S1")), N_NODES]
TOLERANCE = 1e-3  # of the transport step, as stated for the first structure
STATES = 2 * N_NODES + 1


@pytest.fixture(scope="module")
def pair():
    """The same drawn patients by both structures."""
    return drawn(["morphine"], N), drawn(["morphine"], N, structure=COMPARTMENT)


def test_volumes_and_painful_weights_add_up_region_by_region(pair):
    axial, lumped = pair
    for field in ("v_node", "w_pain"):
        sums = np.add.reduceat(axial[field], FIRST[:-1], axis=1)
        np.testing.assert_allclose(lumped[field][:, : len(REGIONS)], sums, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(lumped["w_pain"].sum(axis=1), 1.0, rtol=1e-12)


def test_net_flow_is_what_the_regions_below_absorb(pair):
    axial, lumped = pair
    last = len(REGIONS) - 1
    below = lumped["v_node"][:, 1 : last + 1][:, ::-1].cumsum(axis=1)[:, ::-1]
    np.testing.assert_allclose(lumped["q_node"][:, :last], lumped["k_bulk"][:, None] * below, rtol=1e-9)
    np.testing.assert_allclose(lumped["q_node"][:, 0], axial["q_node"][:, 0], rtol=1e-12)
    assert np.all(lumped["q_node"][:, last:] == 0.0)
    assert np.all(lumped["g_node"][:, last:] == 0.0)


def test_exchange_between_regions_is_of_the_levels_in_series(pair):
    axial, lumped = pair
    factor = shipped("structures")["compartment.exchange"].value
    centers = [(a + b - 1) // 2 for a, b in itertools.pairwise(FIRST)]
    for r in range(len(REGIONS) - 1):
        resistance = (1.0 / axial["g_node"][:, centers[r] : centers[r + 1]]).sum(axis=1)
        np.testing.assert_allclose(lumped["g_node"][:, r] * resistance, factor, rtol=1e-12)


def test_tip_and_sites_lie_in_the_region_of_their_level(pair):
    axial, lumped = pair
    for field in ("tip_node", "lumbar_node", "sym_first", "mot_first", "mot_last"):
        inside = np.array([np.searchsorted(FIRST, node, side="right") - 1 for node in axial[field]])
        np.testing.assert_array_equal(lumped[field], inside)
    assert np.all(lumped["last_node"] == len(REGIONS) - 1)
    assert np.all(lumped["sym_last"] == REGIONS.index("thoracic"))


def test_a_patient_differs_only_in_canal_and_form_of_agonism(pair):
    axial, lumped = pair
    changed = {name for name in axial.dtype.names if not np.array_equal(axial[name], lumped[name])}
    sites = {"last_node", "tip_node", "lumbar_node", "sym_first", "sym_last", "mot_first", "mot_last"}
    assert changed == sites | {"structure", "v_node", "g_node", "q_node", "w_pain", "tip_flow", "drug"}


def linear_system(par):
    """Matrix of the CSF, cord and tip cell of one prepared patient, column by column through ``rate_of_change``."""
    drug, out = par["drug"][0], np.zeros(STATES + 1)
    columns = []
    for i in range(STATES):
        y = np.zeros(STATES + 1)
        y[i] = 1.0
        out[:] = 0.0
        rate_of_change(par, drug, y, 0.0, 0.0, par["tip_node"], 0.0, out)
        columns.append(out[:STATES].copy())
    return np.array(columns).T


def solve(matrix, y, source, start, end, times):
    found = solve_ivp(
        lambda _t, y: matrix @ y + source,
        (start, end),
        y,
        method="Radau",
        jac=matrix,
        rtol=1e-9,
        atol=1e-12,
        t_eval=times,
    )
    return found.y.T


@pytest.mark.parametrize("drug", ["morphine", "sufentanil", "baclofen"])
def test_regions_match_a_reference_solver(drug):
    par = calm(copies(drawn([drug], structure=COMPARTMENT), 1))
    state = begin(par)
    rate, bolus, hours = 10.0, 100.0, 12.0
    rows = []
    for k in range(round(hours / TICK_H)):
        advance(par, state, TICK_H, rate_ug_per_h=rate, bolus_ug=bolus if k == 0 else 0.0, bolus_ml=0.2)
        own = state["drug"][0, 0]
        rows.append(np.concatenate((own["csf"], own["cord"], [own["tip"]])))
    matrix, source = linear_system(par[0]), np.zeros(STATES)
    source[par["tip_node"][0]] = 1.0
    # The bolus enters at a constant rate over the first short substep.
    first = solve(matrix, np.zeros(STATES), source * (rate + bolus / COARSE_H), 0.0, COARSE_H, [COARSE_H])[-1]
    times = np.minimum(np.arange(1, len(rows) + 1) * TICK_H, hours)
    expected = solve(matrix, first, source * rate, COARSE_H, hours, times)
    used = expected.max(axis=0) > 0.0
    error = np.abs(np.array(rows) - expected)[:, used] / expected[:, used].max(axis=0)
    assert error.max() <= TOLERANCE
    assert used.sum() == 2 * len(REGIONS) + 1


def test_unused_nodes_stay_empty_and_mass_is_conserved():
    par = calm(drawn(["hydromorphone", "bupivacaine"], N, structure=COMPARTMENT))
    state = begin(par)
    rates = np.tile([20.0, 200.0, 0.0], (N, 1))
    for _ in range(3):
        advance(par, state, 48.0, rate_ug_per_h=rates, bolus_ug=3.0 * rates, bolus_ml=1.0)
    for d in range(2):
        own = state["drug"][:, d]
        assert np.all(own["csf"][:, len(REGIONS) :] == 0.0)
        assert np.all(own["cord"][:, len(REGIONS) :] == 0.0)
        assert np.all(own["csf"][:, : len(REGIONS)] > 0.0)
        np.testing.assert_allclose(own["given"], 3 * 48.0 * rates[:, d] + 9.0 * rates[:, d], rtol=1e-12)
        np.testing.assert_allclose(amount(state, d), own["given"], rtol=1e-9)


def test_at_steady_state_a_region_loses_what_it_is_given(pair):
    par = calm(pair[1].copy())
    par["granuloma_per_h"] = 0.0
    state = begin(par)
    rate = 25.0
    advance(par, state, 40 * 24.0, rate_ug_per_h=rate)
    before = state["drug"]["eliminated"][:, 0].copy()
    advance(par, state, 24.0, rate_ug_per_h=rate)
    np.testing.assert_allclose(state["drug"]["eliminated"][:, 0] - before, 24.0 * rate, rtol=1e-6)


def half_life(par, drug_ug=250.0, first_h=4.0, last_h=12.0):
    """Half-life (h) of all drug in CSF and cord between two hours after a bolus at the tip."""
    state = begin(par)
    held = []
    for hours, bolus in ((first_h, drug_ug), (last_h - first_h, 0.0)):
        advance(par, state, hours, bolus_ug=bolus)
        own = state["drug"][:, 0]
        held.append(own["csf"].sum(axis=1) + own["cord"].sum(axis=1) + own["tip"])
    return np.log(2.0) * (last_h - first_h) / np.log(held[0] / held[1])


@pytest.mark.parametrize("drug", ["morphine", "baclofen", "ziconotide"])  # fentanyl leaves before it spreads
def test_half_life_in_the_canal_is_near_the_first_structures(drug):
    axial, lumped = (half_life(calm(drawn([drug], N, structure=s))) for s in (AXIAL, COMPARTMENT))
    ratio = lumped / axial
    assert 0.8 < np.median(ratio) < 1.25
    assert np.all((ratio > 0.5) & (ratio < 2.0))


def test_lumping_smooths_the_gradient_but_not_the_amount():
    held = {}
    peak = {}
    for structure in (AXIAL, COMPARTMENT):
        par = calm(drawn(["morphine"], N, structure=structure))
        state = begin(par)
        advance(par, state, 10 * 24.0, rate_ug_per_h=25.0)
        own = state["drug"][:, 0]
        held[structure] = own["csf"].sum(axis=1)
        peak[structure] = (own["csf"] / par["v_node"]).max(axis=1)
    assert np.median(peak[COMPARTMENT] / peak[AXIAL]) < 0.9
    np.testing.assert_allclose(held[COMPARTMENT], held[AXIAL], rtol=0.25)
    assert np.median(held[COMPARTMENT] / held[AXIAL]) == pytest.approx(1.0, abs=0.1)


def test_both_structures_relieve_the_same_patients(pair):
    relief = []
    for par in pair:
        own = calm(par.copy())
        own["channel"]["tol_prior"] = 0.0
        relief.append(advance(own, begin(own), 72.0, rate_ug_per_h=40.0)["relief"][-1])
    ranks = [np.argsort(np.argsort(values)) for values in relief]
    assert np.corrcoef(*ranks)[0, 1] > 0.7
    assert abs(np.median(relief[0]) - np.median(relief[1])) < 0.2
