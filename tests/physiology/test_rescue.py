"""Rescue: what saves after an overdose, what wears off first, and that no action of a policy orders any of it."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import AXIAL, COMPARTMENT, TICK_H
from thecal.envs.kernel.actions import ACTION_NAMES
from thecal.physiology.regimen import advance, begin
from thecal.physiology.rescue import (
    ALL_MEASURES,
    EXCHANGE,
    NALOXONE,
    PRESSOR,
    RESCUE_NAMES,
    VENTILATION,
    give_rescue,
    measures_for,
)

from support.bodies import amount, calm, copies, drawn, held, hold, naive


def treat(par, state, bits):
    for i in range(len(par)):
        give_rescue(par[i], state[i], bits)


def overdosed(drug, dose_ug, n=60, *, seed=5):
    """``(par, state)`` of patients a quarter of an hour after a bolus."""
    par = drawn([drug], n, seed=seed).copy()
    par["channel"]["tol_prior"] = 0.0
    state = begin(par)
    advance(par, state, TICK_H, bolus_ug=dose_ug)
    return par, state


@pytest.mark.parametrize("drug", ["morphine", "bupivacaine"])
@pytest.mark.parametrize("seed", [2025, 11])
def test_a_gram_kills_without_rescue_and_not_with_it(drug, seed):
    par, state = overdosed(drug, 1e6, seed=seed)
    alone = state.copy()
    assert advance(par, alone, 24.0)["dead"][-1].mean() >= (0.75 if drug == "morphine" else 0.95)
    early = state["dead"] == 0
    assert early.mean() > 0.9
    treat(par, state, ALL_MEASURES)
    course = advance(par, state, 24.0)
    assert course["dead"][-1, early].mean() <= 0.05
    assert np.median(course["spo2"][4:, early]) > 95.0


def test_rescue_that_comes_late_finds_nobody_to_save():
    par, state = overdosed("morphine", 1e6, 20)
    advance(par, state, 24.0)
    treat(par, state, ALL_MEASURES)
    assert np.all(state["rescues"][state["dead"] == 1] == 0)
    assert advance(par, state, 1.0)["dead"][-1].mean() >= 0.75


def test_naloxone_wears_off_before_morphine():
    par = naive(held(["morphine"], 2))
    state = begin(par)
    hold(par, state, bs=5.0)
    low = advance(par, state, TICK_H)["rr"][-1]
    give_rescue(par[1], state[1], NALOXONE)
    rr = advance(par, state, 12.0)["rr"]
    assert rr[0, 1] > 1.2 * rr[0, 0]
    assert rr[-1, 1] == pytest.approx(rr[-1, 0], rel=0.01)
    half = par["nal_tau_h"][0] * np.log(2.0)
    assert half == pytest.approx(64.0 / 60.0, rel=0.01)
    assert np.all(low < par["rr0"])


def test_naloxone_takes_relief_and_brings_withdrawal():
    par = naive(held(["morphine"], 2))
    state = begin(par)
    hold(par, state, dh=3.0)
    advance(par, state, 21 * 24.0)
    give_rescue(par[1], state[1], NALOXONE)
    course = advance(par, state, 1.0)
    assert course["relief"][0, 1] < 0.8 * course["relief"][0, 0]
    assert course["withdrawal"][-1, 1] > course["withdrawal"][-1, 0]


@pytest.mark.parametrize("structure", [AXIAL, COMPARTMENT])
def test_naloxone_shifts_the_curve_by_its_dose_ratio(structure):
    ratio = 1.0 + 2.0 / 0.9
    par = naive(held(["morphine"], 2, structure=structure))
    state = begin(par)
    hold(par, state, dh=np.array([2.0, 2.0 * ratio]))
    state["naloxone_mg"][1] = 2.0 / par["nal_keep"][1]
    state["rescues"][1] = 1
    advance(par, state, TICK_H)
    assert state["channel"]["effect"][1, 0] == pytest.approx(state["channel"]["effect"][0, 0], rel=1e-6)


def test_naloxone_does_nothing_to_other_receptors():
    par = naive(held(["bupivacaine"], 2))
    state = begin(par)
    hold(par, state, dh=2.0, sym=2.0, mot=2.0)
    give_rescue(par[1], state[1], NALOXONE)
    course = advance(par, state, 1.0)
    for name in ("relief", "bp_fall", "motor_block"):
        assert course[name][-1, 1] == course[name][-1, 0]


def test_an_exchange_removes_its_share_and_keeps_the_balance():
    """30-40 mL withdrawn (SynchroMed emergency procedures) from a canal of about 80 mL: a third or more of the drug."""
    par = calm(copies(drawn(["morphine"]), 2))
    state = begin(par)
    advance(par, state, 2.0, bolus_ug=10_000.0)
    before = state["drug"]["csf"][:, 0, 1:].sum(axis=1)
    give_rescue(par[1], state[1], EXCHANGE)
    left = state["drug"]["csf"][1, 0, 1:].sum() / before[1]
    assert left == pytest.approx(np.exp(-40.0 / par["v_node"][1, 1:].sum()))
    np.testing.assert_allclose(amount(state), state["drug"]["given"][:, 0], rtol=1e-9)


def test_a_vasopressor_holds_pressure_until_it_is_not_needed():
    par = naive(held(["bupivacaine"], 2))
    state = begin(par)
    hold(par, state, sym=5.0)
    advance(par, state, TICK_H)
    give_rescue(par[1], state[1], PRESSOR)
    sbp = advance(par, state, TICK_H)["sbp"][-1]
    assert sbp[1] > 1.15 * sbp[0]
    state["drug"]["ce_sym"] = 0.0
    advance(par, state, 0.5)
    assert state["pressor"][1] == 0.0


def test_ventilation_goes_when_the_patients_own_drive_is_back():
    par = naive(held(["morphine"], 1))
    state = begin(par)
    hold(par, state, bs=50.0)
    give_rescue(par[0], state[0], VENTILATION | NALOXONE)
    advance(par, state, TICK_H)
    assert state["ventilated"][0] == 1
    assert advance(par, state, 12.0)["spo2"].min() > 95.0
    state["drug"]["ce_bs"] = 0.0
    advance(par, state, 0.5)
    assert state["ventilated"][0] == 0


def bedside(drug, **sites):
    """What is ordered for a patient whose sites are held at multiples of their EC50."""
    par = naive(held([drug]))
    state = begin(par)
    hold(par, state, **sites)
    advance(par, state, TICK_H)
    return measures_for(par[0], state[0])


def test_the_bedside_orders_what_the_patient_needs():
    assert bedside("morphine", bs=50.0) == VENTILATION | NALOXONE
    assert bedside("bupivacaine", sym=50.0) == PRESSOR
    assert bedside("bupivacaine", sym=50.0, bs=50.0) == PRESSOR | VENTILATION
    assert bedside("morphine", bs=0.1) == 0


def test_no_action_of_a_policy_names_a_rescue():
    assert not set(ACTION_NAMES) & set(RESCUE_NAMES)
    assert not any(name in action for name in RESCUE_NAMES for action in ACTION_NAMES)


def test_who_was_never_rescued_is_bitwise_the_same():
    par = drawn(["morphine"], 10).copy()
    state, other = begin(par), begin(par.copy())
    changed = par.copy()
    changed["nal_mg"], changed["exchange_ml"] = 99.0, 99.0
    advance(par, state, 48.0, rate_ug_per_h=10.0)
    advance(changed, other, 48.0, rate_ug_per_h=10.0)
    assert state.tobytes() == other.tobytes()
