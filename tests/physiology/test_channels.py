"""Drugs at their receptors: both forms of agonism, drugs together, tolerance and what another drug of the receptor shares."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import AXIAL, COMPARTMENT, TICK_H
from thecal.physiology.regimen import advance, begin

from support.bodies import held, hold, naive

DOSES = np.concatenate(([0.0], np.logspace(-2, 3, 41)))  # multiples of EC50


def one_tick(par, shift=0.0, **sites):
    """State after one tick with drug 0's sites held and its tolerance set."""
    state = begin(par)
    hold(par, state, **sites)
    state["drug"]["tol_fast"][:, 0] = shift
    advance(par, state, TICK_H)
    return state


def relief_at(par, *doses):
    """State after one tick with the dorsal-horn site of every drug held at multiples of its EC50."""
    state = begin(par)
    for d, dose in enumerate(doses):
        hold(par, state, d, dh=dose)
    advance(par, state, TICK_H)
    return state


def dose_for(target, doses, relief):
    """Dose at which a rising curve reaches ``target``, by interpolation on the log scale."""
    assert relief[0] < target < relief[-1]
    return float(np.exp(np.interp(target, relief, np.log(doses))))


@pytest.mark.parametrize("shift", [0.0, 0.7, 2.0])
def test_the_hill_form_matches_its_closed_form(shift):
    par = held(["morphine"], len(DOSES))
    effect = one_tick(par, shift, dh=DOSES)["channel"]["effect"][:, 0]
    top = (DOSES * np.exp(-shift)) ** par["channel"]["hill"][:, 0]
    np.testing.assert_allclose(effect, top / (1.0 + top), rtol=1e-12)


@pytest.mark.parametrize("efficacy", [0.5, 5.0, 25.0])
@pytest.mark.parametrize("slope", [1.0, 1.5, 2.4])
def test_the_operational_model_has_half_its_maximum_at_the_ec50(efficacy, slope):
    par = held(["morphine"], 2, structure=COMPARTMENT)
    par["drug"]["efficacy"][:, 0] = efficacy
    par["channel"]["hill"][:, 0] = slope
    half, full = one_tick(par, dh=np.array([1.0, 1e9]))["channel"]["effect"][:, 0]
    assert full == pytest.approx(efficacy**slope / (1.0 + efficacy**slope), rel=1e-6)
    assert half == pytest.approx(0.5 * full, rel=1e-6)


def test_tolerance_is_lost_receptors_as_in_black_and_leff():
    efficacy, slope, shift = 5.0, 2.4, 1.1
    par = held(["morphine"], len(DOSES), structure=COMPARTMENT)
    par["drug"]["efficacy"][:, 0] = efficacy
    par["channel"]["hill"][:, 0] = slope
    effect = one_tick(par, shift, dh=DOSES)["channel"]["effect"][:, 0]
    x = DOSES / ((2.0 + efficacy**slope) ** (1.0 / slope) - 1.0)
    stimulus = (efficacy * np.exp(-shift) * x) ** slope
    np.testing.assert_allclose(effect, stimulus / (stimulus + (1.0 + x) ** slope), rtol=1e-12)


def test_tolerance_costs_low_efficacy_effect_and_high_potency():
    shift = 1.5
    left = {}
    for efficacy in (2.0, 25.0):
        par = held(["morphine"], 1, structure=COMPARTMENT)
        par["drug"]["efficacy"][:, 0] = efficacy
        before, after = (float(one_tick(par, s, dh=1e9)["channel"]["effect"][0, 0]) for s in (0.0, shift))
        left[efficacy] = after / before
    assert left[2.0] < 0.3
    assert left[25.0] > 0.97
    hill = held(["morphine"], 1)
    assert one_tick(hill, shift, dh=1e9)["channel"]["effect"][0, 0] == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(("structure", "within"), [(AXIAL, 1e-3), (COMPARTMENT, 0.1)])
def test_tolerance_shifts_ec50_by_its_exponential(structure, within):
    doses = np.logspace(-2, 3, 1001)
    par = held(["sufentanil"], len(doses), structure=structure)
    found = []
    for shift in (0.0, 1.0):
        effect = one_tick(par, shift, dh=doses)["channel"]["effect"][:, 0]
        top = 1.0 if structure == AXIAL else float(one_tick(par[:1].copy(), shift, dh=1e9)["channel"]["effect"][0, 0])
        found.append(dose_for(0.5 * top, doses, effect))
    assert found[0] == pytest.approx(1.0, rel=1e-3)
    assert found[1] / found[0] == pytest.approx(np.exp(par["drug"]["tol_share"][0, 0]), rel=within)


def test_an_interaction_raises_the_opioids_drive_by_greco_term():
    par = held(["morphine", "clonidine"], len(DOSES))
    alpha = 1.7
    par["channel"]["synergy"][:, 1] = alpha
    state = relief_at(par, 0.5, DOSES)
    np.testing.assert_allclose(state["channel"]["drive"][:, 0], 0.5 + alpha * np.sqrt(0.5 * DOSES), rtol=1e-12)
    np.testing.assert_allclose(state["channel"]["drive"][:, 1], DOSES, rtol=1e-12)


@pytest.mark.parametrize("second", ["clonidine", "midazolam"])
def test_other_receptors_deepen_a_block_by_the_greco_term(second):
    par = held(["bupivacaine", second], len(DOSES))
    alpha = par["channel"]["synergy_block"][0, 1]
    assert alpha > 0.0
    state = begin(par)
    hold(par, state, 0, dh=0.3, mot=0.7)
    hold(par, state, 1, dh=DOSES)
    advance(par, state, TICK_H)
    np.testing.assert_allclose(state["channel"]["drive"][:, 0], 0.3 + alpha * np.sqrt(0.3 * DOSES), rtol=1e-12)
    np.testing.assert_allclose(state["channel"]["motor"][:, 0], 0.7 + alpha * np.sqrt(0.7 * DOSES), rtol=1e-12)
    np.testing.assert_allclose(state["channel"]["drive"][:, 1], DOSES, rtol=1e-12)


@pytest.mark.parametrize("drugs", [["bupivacaine"], ["bupivacaine", "ziconotide"], ["morphine", "clonidine"]])
def test_only_a_local_anesthetic_beside_such_a_drug_is_deepened(drugs):
    par = held(drugs, 1)
    other = par.copy()
    other["channel"]["synergy_block"][:, : len(drugs)] = [9.0, 0.0][: len(drugs)]
    effects = []
    for people in (par, other):
        state = begin(people)
        hold(people, state, 0, dh=0.3, mot=0.7)
        if len(drugs) > 1:
            hold(people, state, 1, dh=2.0)
        advance(people, state, TICK_H)
        effects.append((state["channel"]["effect"][0].tobytes(), state["channel"]["motor"][0].tobytes()))
    assert effects[0] == effects[1]


def test_interaction_in_the_brain_is_its_own_number():
    par = held(["morphine", "midazolam"], 1)
    par["channel"]["synergy"][:, 1], par["channel"]["synergy_resp"][:, 1] = 0.0, 0.6
    state = begin(par)
    hold(par, state, 0, dh=1.0, bs=0.4)
    hold(par, state, 1, dh=1.0, bs=0.9)
    advance(par, state, TICK_H)
    assert state["channel"]["drive"][0, 0] == pytest.approx(1.0, rel=1e-12)
    assert state["channel"]["central"][0, 0] == pytest.approx(0.4 + 0.6 * np.sqrt(0.36), rel=1e-12)
    assert state["channel"]["central"][0, 1] == pytest.approx(0.9, rel=1e-12)


def test_receptors_join_by_bliss_independence_on_each_pain():
    par = held(["morphine", "bupivacaine", "clonidine"], 1)
    par["channel"]["synergy"] = 0.0
    together = relief_at(par, 0.8, 0.7, 0.9)
    for kind, largest in (("relief_noci", "emax_noci"), ("relief_neuro", "emax_neuro")):
        left = np.prod(1.0 - par["channel"][largest][0] * together["channel"]["effect"][0])
        assert together[kind][0] == pytest.approx(1.0 - left, rel=1e-12)
    share = par["neuropathic"][0]
    expected = (1.0 - share) * together["relief_noci"][0] + share * together["relief_neuro"][0]
    assert together["relief"][0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("structure", [AXIAL, COMPARTMENT])
def test_two_opioids_of_one_efficacy_add_as_doses(structure):
    par = held(["morphine", "hydromorphone"], 3, structure=structure)
    par["drug"]["efficacy"] = 5.0
    state = relief_at(par, np.array([1.2, 0.0, 0.5]), np.array([0.0, 1.2, 0.7]))
    np.testing.assert_allclose(state["channel"]["effect"][:, 0], state["channel"]["effect"][0, 0], rtol=1e-12)
    assert np.all(par["n_channels"] == 1)


def combination_index(drugs, target, synergy=None):
    """Sum of d / D at ``target`` relief: a mixture of equal parts (in EC50) over each drug alone; below 1 is synergy."""
    doses = np.logspace(-2, 3, 1001)
    par = naive(held(drugs, len(doses)))
    par["channel"]["emax_noci"] = par["channel"]["emax_neuro"] = 0.8  # of a patient whose pain answers
    if synergy is not None:
        par["channel"]["synergy"] = synergy
    nothing = np.zeros_like(doses)
    alone = [dose_for(target, doses, relief_at(par, *pair)["relief"]) for pair in ((doses, nothing), (nothing, doses))]
    mixed = dose_for(target, doses, relief_at(par, doses, doses)["relief"])
    return mixed / alone[0] + mixed / alone[1]


def test_clonidine_is_synergistic_and_hydromorphone_additive():
    with_clonidine = combination_index(["morphine", "clonidine"], 0.25)
    assert with_clonidine < 0.8
    assert with_clonidine < combination_index(["morphine", "clonidine"], 0.25, synergy=0.0)
    assert combination_index(["morphine", "hydromorphone"], 0.25) == pytest.approx(1.0, abs=1e-4)


def test_a_rotation_meets_only_the_shared_part_of_tolerance():
    par = held(["morphine", "hydromorphone"], 2)
    tolerance, cross = 1.4, par["channel"]["cross"][0, 0]
    assert 0.0 < cross < 1.0
    state = begin(par)
    state["drug"]["tol_slow"][:, 0] = tolerance
    hold(par, state, 0, dh=np.array([1.0, 0.0]))
    hold(par, state, 1, dh=np.array([0.0, 1.0]))
    advance(par, state, TICK_H)
    stays, rotates = state["channel"]["drive"][:, 0]
    assert stays == pytest.approx(np.exp(-tolerance), rel=1e-12)
    felt = par["drug"]["tol_share"][0, 1]
    assert rotates == pytest.approx(np.exp(-felt * cross * tolerance), rel=1e-12)
    assert state["relief"][1] > state["relief"][0]


def test_tolerance_grows_with_each_drugs_share_of_the_receptor():
    par = held(["morphine", "hydromorphone"], 1)
    state = begin(par)
    hold(par, state, 0, dh=3.0)
    hold(par, state, 1, dh=1.0)
    days = 30
    advance(par, state, days * 24.0)
    grown = 1.0 - np.exp(-days * 24.0 / par["channel"]["tol_fast_tau_h"][0, 0])
    occupied = np.array([3.0, 1.0]) / (par["channel"]["tol_half"][0, 0] + 4.0)
    expected = par["channel"]["tol_fast_max"][0, 0] * occupied * grown
    np.testing.assert_allclose(state["drug"]["tol_fast"][0, :2], expected, rtol=1e-9)


def test_a_drug_of_another_receptor_shares_no_tolerance():
    par = held(["morphine", "clonidine"], 1)
    par["channel"]["synergy"] = 0.0
    state = begin(par)
    state["drug"]["tol_slow"][:, 0] = 2.0
    hold(par, state, 1, dh=1.0)
    advance(par, state, TICK_H)
    assert state["channel"]["drive"][0, 1] == pytest.approx(1.0, rel=1e-12)


def test_the_brain_sums_both_routes_and_shares_the_tolerance():
    par = held(["morphine"], 3)
    shift = 1.3
    par["channel"]["habit_gain"] = 0.0  # a brainstem that habituates by itself shares only tolerance from before
    kept = np.exp(-par["channel"]["resp_tolerance"][0, 0] * shift)
    state = one_tick(par, shift, bs=np.array([0.6, 0.0, 0.6]), pl=np.array([0.0, 0.3, 0.3]))
    np.testing.assert_allclose(state["channel"]["central"][:, 0], kept * np.array([0.6, 0.3, 0.9]), rtol=1e-12)


def test_use_before_the_implant_counts_as_tolerance():
    par = held(["morphine"], 2)
    par["channel"]["tol_prior"][:, 0] = [0.0, 1.0]
    state = one_tick(par, dh=1.0, bs=1.0)
    drive, central = state["channel"]["drive"][:, 0], state["channel"]["central"][:, 0]
    assert drive[1] / drive[0] == pytest.approx(np.exp(-1.0), rel=1e-12)
    assert central[1] / central[0] == pytest.approx(np.exp(-par["channel"]["resp_tolerance"][0, 0]), rel=1e-12)
