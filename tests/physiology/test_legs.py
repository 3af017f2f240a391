"""Where drugs meet the legs: baclofen at the motor neurons in the cord, a local anesthetic along their roots."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.layout import COMPARTMENT, NODES, REGIONS, TICK_H
from thecal.physiology.cord import SEGMENTS, vertebra_of
from thecal.physiology.regimen import advance, begin

from support.bodies import held


def seen_from(drug, names, places, structure=0):
    """Places in whose CSF 10 µg/mL reach the legs' site within a tick."""
    par = held([drug], len(names), structure=structure)
    for flow in ("g_node", "q_node"):
        par[flow] = 0.0
    par["drug"]["ke0_dh"] = 1.0
    state = begin(par)
    for b, name in enumerate(names):
        node = places.index(name)
        state["drug"]["csf"][b, 0, node] = 10.0 * par["v_node"][b, node]
    advance(par, state, TICK_H)
    return {name for b, name in enumerate(names) if state["drug"]["ce_mot"][b, 0] > 0.01}


def test_motor_neurons_lie_where_the_cord_ends():
    """Segments L1-S2 lie at T11-L1, as the pain of a leg does."""
    numbers = np.array([SEGMENTS.index(name) + 1.0 for name in ("L1", "S2")])
    assert [NODES[node] for node in vertebra_of(numbers)] == ["T11", "L1"]
    assert seen_from("baclofen", ["T9", "T10", "T11", "T12", "L1", "L2", "L3"], NODES) == {"T11", "T12", "L1"}


def test_a_local_anesthetic_blocks_roots_down_to_the_sacrum():
    assert seen_from("bupivacaine", ["T11", "T12", "L1", "L3", "S2"], NODES) == {"L1", "L3", "S2"}


@pytest.mark.parametrize(
    ("drug", "regions"), [("baclofen", {"thoracic", "lumbar"}), ("bupivacaine", {"lumbar", "sacral"})]
)
def test_regions_of_the_second_structure(drug, regions):
    assert seen_from(drug, list(REGIONS[1:]), REGIONS, COMPARTMENT) == regions
