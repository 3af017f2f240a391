"""Drug in CSF and cord: one linear system per drug, advanced by an L-stable implicit step whose factors are kept.

Nodes form a chain (cranial, C1 ... S2, or five regions in the second structure). Each exchanges CSF with its neighbors
(``g_node``, mL/h) and passes a small net flow caudad (``q_node``), trades drug with the cord tissue beside it, and loses drug
to the epidural space and with the CSF absorbed along the canal; the catheter feeds a small unmixed cell on the tip's node. Cord
and tip cell couple to one node only, so they are eliminated and one tridiagonal solve per stage remains. It runs from both
ends of the chain to its middle, because two short dependency chains take half the time of a long one.

The step is Alexander's SDIRK2 (R. Alexander 1977, SIAM J Numer Anal 14:1006): two stages with the same matrix, second
order, L-stable, exactly conservative because the loss is integrated with the same stages.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from thecal.core.jit import fma, kernel
from thecal.core.layout import AXIAL, N_NODES, REGIONS
from thecal.physiology.jets import add_jet

GAMMA = 1.0 - 1.0 / math.sqrt(2.0)
_MIX = (1.0 - GAMMA) / GAMMA


@kernel
def _leaves(par, i, j):
    """Flow of CSF (mL/h) from node ``i`` to its neighbor ``j``: exchange, and caudad the net flow besides."""
    return par.g_node[i] + par.q_node[i] if j > i else par.g_node[j]


@kernel
def _diagonal(par, drug, step, i, h):
    """Diagonal of (I - h A) for node ``i`` after cord and tip cell are eliminated."""
    out = _leaves(par, i, i + 1) if i < par.last_node else 0.0
    out += _leaves(par, i, i - 1) if i > 0 else par.cranial_out
    loss = drug.k_csf_loss + par.k_bulk if i > 0 else par.cranial_loss * drug.k_csf_loss
    value = 1.0 + h * (drug.k_uptake + loss + out / par.v_node[i])
    value -= h * h * drug.k_uptake * drug.k_return * step.cord_div
    if i == par.tip_node:
        exchange = h * par.tip_flow / par.v_node[i]
        value += exchange - exchange * (h * par.tip_flow / par.tip_ml) * step.tip_div
    return value


@kernel
def _eliminate(par, step, i, outer, h):
    """Elimination factor of node ``i`` for its neighbor ``outer``, and what it adds to the pivot of ``i``."""
    factor = -(h * _leaves(par, outer, i) / par.v_node[outer]) * step.pivot[outer]
    return factor, factor * (h * _leaves(par, i, outer) / par.v_node[i])


@kernel
def prepare_transport(par, drug, step, dt_h):
    """Factor the stage matrix of one drug for substeps of ``dt_h`` (h) into ``step``."""
    h = GAMMA * dt_h
    last = par.last_node
    middle = last // 2
    step.dt_h = dt_h
    step.cord_div = 1.0 / (1.0 + h * (drug.k_return + drug.k_cord_loss))
    step.tip_div = 1.0 / (1.0 + h * par.tip_flow / par.tip_ml)
    for k in range(middle):
        for half in range(2):
            i = k if half == 0 else last - k
            pivot = _diagonal(par, drug, step, i, h)
            if k > 0:
                factor, change = _eliminate(par, step, i, i - 1 if half == 0 else i + 1, h)
                step.elim[i] = factor
                pivot += change
            step.pivot[i] = 1.0 / pivot
    above, change_above = _eliminate(par, step, middle, middle - 1, h)
    below, change_below = _eliminate(par, step, middle, middle + 1, h)
    step.elim[middle] = above
    step.elim_below = below
    step.pivot[middle] = 1.0 / (_diagonal(par, drug, step, middle, h) + change_above + change_below)
    for i in range(last + 1):
        inner = i + 1 if i < middle else i - 1
        if i != middle:
            step.back[i] = -h * _leaves(par, inner, i) / par.v_node[inner] * step.pivot[i]


def _compile_stage(last: int) -> Any:
    """The stage for a chain that ends at node ``last``: one source, compiled once for each length, which it then knows."""
    middle = last // 2

    @kernel
    def solve(par, drug, step, h, csf, cord, tip):
        feed = h * drug.k_return * step.cord_div
        for i in range(last + 1):
            csf[i] += feed * cord[i]
        csf[par.tip_node] += h * par.tip_flow / par.tip_ml * step.tip_div * tip
        upper = 0.0
        lower = 0.0
        for k in range(middle):
            upper = fma(-step.elim[k], upper, csf[k])
            lower = fma(-step.elim[last - k], lower, csf[last - k])
            csf[k] = upper
            csf[last - k] = lower
        upper = fma(-step.elim_below, lower, fma(-step.elim[middle], upper, csf[middle])) * step.pivot[middle]
        lower = upper
        csf[middle] = upper
        for k in range(middle - 1, -1, -1):
            upper = fma(-step.back[k], upper, csf[k] * step.pivot[k])
            lower = fma(-step.back[last - k], lower, csf[last - k] * step.pivot[last - k])
            csf[k] = upper
            csf[last - k] = lower
        gain = h * drug.k_uptake
        for i in range(last + 1):
            cord[i] = (cord[i] + gain * csf[i]) * step.cord_div
        return (tip + h * par.tip_flow / par.v_node[par.tip_node] * csf[par.tip_node]) * step.tip_div

    return solve


def _compile_loss(last: int) -> Any:
    """Loss to plasma (µg/h): from cord, over the epidural space, with the CSF absorbed along the canal and in the head.

    Three partial sums, because one sum of 27 terms would wait for each addition in turn. Nodes past the last hold nothing.
    """

    @kernel
    def loss(par, drug, csf, cord):
        a = 0.0
        b = 0.0
        c = 0.0
        k_csf = drug.k_csf_loss + par.k_bulk
        for i in range(0, last + 1, 3):
            a += k_csf * csf[i] + drug.k_cord_loss * cord[i]
            b += k_csf * csf[i + 1] + drug.k_cord_loss * cord[i + 1]
            c += k_csf * csf[i + 2] + drug.k_cord_loss * cord[i + 2]
        head = par.cranial_out / par.v_node[0] + par.cranial_loss * drug.k_csf_loss
        return a + b + c + (head - k_csf) * csf[0]

    return loss


loss_rate = _compile_loss(N_NODES - 1)


def _compile_step(last: int) -> Any:
    """The step for a chain that ends at node ``last`` (see :func:`_compile_stage`)."""
    solve = _compile_stage(last)
    loss = _compile_loss(last)

    @kernel
    def advance(par, drug, step, state, into_tip_ug, jet_ug, node, side, push, csf, cord):
        h = GAMMA * step.dt_h
        tip_source = GAMMA * into_tip_ug
        jet_source = GAMMA * jet_ug
        for i in range(last + 1):
            csf[i] = state.csf[i]
            cord[i] = state.cord[i]
        if jet_ug > 0.0:
            add_jet(par, csf, jet_source, node, side, push)
        tip = solve(par, drug, step, h, csf, cord, state.tip + tip_source)
        for i in range(last + 1):
            state.csf[i] += _MIX * (csf[i] - state.csf[i])
            state.cord[i] += _MIX * (cord[i] - state.cord[i])
        # The first stage's increment already holds (1 - gamma) of the source; the second stage adds the rest.
        if jet_ug > 0.0:
            add_jet(par, state.csf, jet_source, node, side, push)
        tip = state.tip + _MIX * (tip - state.tip) + tip_source
        state.tip = solve(par, drug, step, h, state.csf, state.cord, tip)
        # The loss is linear, so its mean over the step is the loss at the stages' weighted mean.
        for i in range(last + 1):
            csf[i] += GAMMA * (state.csf[i] - csf[i])
            cord[i] += GAMMA * (state.cord[i] - cord[i])
        state.given += into_tip_ug + jet_ug
        return loss(par, drug, csf, cord) * step.dt_h

    return advance


_step_levels = _compile_step(N_NODES - 1)
_step_regions = _compile_step(len(REGIONS) - 1)


@kernel
def step_transport(par, drug, step, state, into_tip_ug, jet_ug, node, side, push, csf, cord):
    """Advance CSF, cord and tip cell of one drug by ``step.dt_h``.

    Args:
        par, drug, step, state: the patient's parameters, its drug's, the prepared step, and the drug's state.
        into_tip_ug, jet_ug: drug (µg) entering at a constant rate over the step, into the tip cell and as a jet.
        node, side, push: where the jet goes, the share each neighbor takes, and the levels to either side over which a large
            volume drives it (:func:`~.jets.jet_node`, :func:`~.jets.jet_width`, :func:`~.jets.jet_push`).
        csf, cord: scratch, each ``[N_NODES]``.

    Returns:
        Drug (µg) that left the canal for plasma during the step.
    """
    if par.structure == AXIAL:
        return _step_levels(par, drug, step, state, into_tip_ug, jet_ug, node, side, push, csf, cord)
    return _step_regions(par, drug, step, state, into_tip_ug, jet_ug, node, side, push, csf, cord)


@kernel
def rate_of_change(par, drug, y, into_tip_ug_per_h, jet_ug_per_h, node, side, out, push=0.0):
    """The same system as an ordinary differential equation, for reference solvers.

    ``y`` and ``out`` hold CSF, cord, tip cell and the loss to plasma: ``[2 * N_NODES + 2]`` (µg, µg/h).
    """
    n = N_NODES
    for i in range(par.last_node + 1):
        to_cord = drug.k_uptake * y[i] - drug.k_return * y[n + i]
        out[i] = -to_cord - (drug.k_csf_loss if i > 0 else par.cranial_loss * drug.k_csf_loss) * y[i]
        out[n + i] = to_cord - drug.k_cord_loss * y[n + i]
        if i > 0:
            flow = _leaves(par, i - 1, i) * y[i - 1] / par.v_node[i - 1] - _leaves(par, i, i - 1) * y[i] / par.v_node[i]
            out[i] += flow - par.k_bulk * y[i]
            out[i - 1] -= flow
    out[0] -= par.cranial_out * y[0] / par.v_node[0]
    k = par.tip_node
    flow = par.tip_flow * (y[2 * n] / par.tip_ml - y[k] / par.v_node[k])
    out[2 * n] = into_tip_ug_per_h - flow
    out[k] += flow
    add_jet(par, out, jet_ug_per_h, node, side, push)
    out[2 * n + 1] = loss_rate(par, drug, y[:n], y[n : 2 * n])


def stability(z: complex) -> complex:
    """The step's stability function at ``z = lambda dt``; it tends to 0 for stiff modes (L-stability)."""
    return (1.0 + (1.0 - 2.0 * GAMMA) * z) / (1.0 - GAMMA * z) ** 2


def empty_scratch() -> tuple[np.ndarray, np.ndarray]:
    """Scratch arrays for :func:`step_transport` when it is called from Python."""
    return np.zeros(N_NODES), np.zeros(N_NODES)
