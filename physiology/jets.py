"""Jets: how much of what leaves the catheter or a needle mixes with the canal at once, where, and how far along it."""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import AXIAL

# Share of a bolus of 1 mL that enters each neighbor of the tip's node (about 5 cm of canal in all).
_JET_SIDE = 0.25
# A bolus up to this volume only mixes; what is more drives the mixed fluid along the canal.
_UNPUSHED_ML = 1.0
_LUMBAR_LEVELS = 5.0


@kernel
def jet_share(par, bolus_ml):
    """Share of a bolus that leaves the unmixed cell at once: a jet of large volume mixes with the canal around it.

    ``bolus_ml`` is what enters in one substep, so a bolus given slowly mixes less than the same volume given fast.
    """
    return bolus_ml / (bolus_ml + par.jet_ml)


@kernel
def jet_width(bolus_ml):
    """Share of a jet that each neighbor of its node takes: it grows with the radius of the injected volume."""
    return _JET_SIDE * min(1.0, bolus_ml ** (1.0 / 3.0))


@kernel
def jet_push(par, bolus_ml):
    """Levels to either side over which a bolus of more than 1 mL drives the fluid that it has mixed with.

    A spinal anesthetic of 2 to 4 mL is a tenth of the lumbosacral CSF, so it reaches further than a pump's bolus; how far
    differs widely between patients.
    """
    return par.push * max(0.0, bolus_ml - _UNPUSHED_ML)


@kernel
def region_side(push):
    """Share of a jet driven over ``push`` levels to either side that leaves the lumbar region at each of its ends."""
    return 0.5 * max(0.0, 1.0 - _LUMBAR_LEVELS / (2.0 * push + 1.0))


@kernel
def direct_share(par, basal_ml, bolus_ml, dt_h):
    """Share of the drug that leaves the unmixed cell at once, and the share of that which each neighboring node takes.

    An infusion's stream does so the more, the faster it flows: at the same mass, a dilute solution at a high flow spreads
    wider than a concentrated one (Bernards 2006, Anesthesiology 105:169: 20 against 1,000 µL/h).
    """
    total = basal_ml + bolus_ml
    if total <= 0.0:
        return 0.0, 0.0
    flow = basal_ml / dt_h
    stream = flow / (flow + par.jet_flow)
    if bolus_ml <= 0.0:
        return stream, _JET_SIDE * stream
    return (bolus_ml * jet_share(par, bolus_ml) + basal_ml * stream) / total, jet_width(bolus_ml)


@kernel
def jet_node(par, drug, awake):
    """Node around which a bolus comes to rest: a heavy solution sinks caudad in an upright patient.

    A supine patient's lumbar lordosis sends it half as far the other way, toward the thoracic kyphosis. A region of the second
    structure is wider than any such shift.
    """
    if par.structure != AXIAL:
        return par.tip_node
    shift = drug.jet_shift if awake == 1 else -0.5 * drug.jet_shift
    return min(par.last_node, max(1, par.tip_node + math.floor(shift + 0.5)))


@kernel
def _folded(par, node):
    """The node itself, or the one at which an end of the canal's closed sac turns back what would lie beyond it."""
    if node < 0:
        return min(par.last_node, -1 - node)
    return max(0, 2 * par.last_node + 1 - node) if node > par.last_node else node


@kernel
def add_jet(par, csf, amount, node, side, push):
    """Add drug (µg) around ``node``, evenly over ``push`` levels to either side; an end of the canal turns it back."""
    whole = math.floor(push)
    for k in range(-whole - 1, whole + 2):
        share = amount / (2.0 * push + 1.0)
        if abs(k) > whole:
            share *= push - whole
        if share > 0.0:
            csf[_folded(par, node + k)] += (1.0 - 2.0 * side) * share
            csf[_folded(par, node + k - 1)] += side * share
            csf[_folded(par, node + k + 1)] += side * share
