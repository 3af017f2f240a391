"""A local anesthetic's block: how far a large injection is driven, and what is added to it, against published durations."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import AXIAL, COMPARTMENT, MAX_DRUGS, NODES, TICK_H
from thecal.physiology.jets import jet_push, region_side
from thecal.physiology.regimen import advance, begin

from support.bodies import calm, copies, drawn, naive

PEOPLE = 40


def injected(par, ug, ml, hours=TICK_H, second_ug=0.0):
    """State and course after one injection."""
    dose = np.zeros((len(par), MAX_DRUGS))
    dose[:, 0], dose[:, 1] = ug, second_ug
    state = begin(par)
    return state, advance(par, state, hours, bolus_ug=dose, bolus_ml=ml)


def at_l3(drugs, n=PEOPLE, structure=AXIAL):
    """Naive patients with tip and pain at L3."""
    par = naive(calm(drawn(drugs, n, structure=structure)))
    if structure == AXIAL:
        par["tip_node"] = NODES.index("L3")
        par["w_pain"] = 0.0
        par["w_pain"][:, NODES.index("L1") : NODES.index("L5") + 1] = 0.2
    return par


@pytest.mark.parametrize("structure", [AXIAL, COMPARTMENT])
def test_up_to_a_milliliter_nothing_is_driven_along_the_canal(structure):
    par = at_l3(["morphine"], 3, structure)
    other = par.copy()
    other["push"] = 7.0
    assert injected(par, 200.0, 1.0)[0].tobytes() == injected(other, 200.0, 1.0)[0].tobytes()
    assert injected(par, 200.0, 2.0)[0].tobytes() != injected(other, 200.0, 2.0)[0].tobytes()


@pytest.mark.parametrize("structure", [AXIAL, COMPARTMENT])
@pytest.mark.parametrize("push", [0.0, 0.3, 1.0, 2.7, 40.0])
def test_a_driven_injection_reaches_further_and_loses_nothing(structure, push):
    par = copies(at_l3(["bupivacaine"], 1, structure), 2)
    par["push"] = [0.0, push]
    own = injected(par, 20_000.0, 4.0)[0]["drug"][:, 0]
    kept = (
        own["csf"].sum(axis=1)
        + own["cord"].sum(axis=1)
        + own["tip"]
        + own["plasma"]
        + own["periph"]
        + own["eliminated"]
    )
    np.testing.assert_allclose(kept, 20_000.0, rtol=1e-9)
    assert np.all(own["csf"] >= 0.0)
    at = par["tip_node"][0]
    assert own["csf"][1, at] <= own["csf"][0, at]


def test_a_jet_is_driven_by_what_exceeds_a_milliliter():
    par = at_l3(["bupivacaine"], 1)[0]
    par["push"] = 0.5
    assert [jet_push(par, ml) for ml in (0.2, 1.0, 4.0)] == [0.0, 0.0, 1.5]
    assert region_side(1.5) == 0.0  # four of the lumbar region's five levels
    assert region_side(4.5) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("second", "ug", "low", "high"), [("clonidine", 150.0, 1.13, 1.89), ("midazolam", 2000.0, 1.0, 2.0)]
)
def test_what_is_added_lengthens_the_block(second, ug, low, high):
    # Strebel 2004: 445 min with 150 ug of clonidine against 295 min without; midazolam adds an hour or more (Ho and Ismail 2008).
    par = at_l3(["bupivacaine", second])
    enough = 0.5 * (
        par["channel"]["emax_noci"][:, 0]
        + par["neuropathic"] * (par["channel"]["emax_neuro"][:, 0] - par["channel"]["emax_noci"][:, 0])
    )
    hours = [
        float((injected(par, 18_000.0, 3.6, 24.0, dose)[1]["relief"] >= enough).sum(axis=0).mean()) * TICK_H
        for dose in (ug, 0.0)
    ]
    assert low < hours[0] / hours[1] < high


def test_an_added_drug_that_is_not_there_changes_nothing():
    par = at_l3(["bupivacaine", "clonidine"], 3)
    other = par.copy()
    other["channel"]["synergy_block"] = 9.0
    assert injected(par, 12_000.0, 3.0, 6.0)[0].tobytes() == injected(other, 12_000.0, 3.0, 6.0)[0].tobytes()
