"""Drug in CSF and cord: one linear system per drug, advanced by an L-stable implicit step whose factors are kept.

Nodes form a chain (cranial, C1 ... S2). Each exchanges CSF with its neighbours (``g_node``, mL/h), trades drug with the
cord tissue beside it, and loses drug to the epidural space; the catheter feeds a small unmixed cell on the tip's node. Cord
and tip cell couple to one node only, so they are eliminated and one tridiagonal solve per stage remains. It runs from both
ends of the chain to its middle, because two short dependency chains take half the time of a long one.

The step is Alexander's SDIRK2 (R. Alexander 1977, SIAM J Numer Anal 14:1006): two stages with the same matrix, second
order, L-stable, exactly conservative because the loss is integrated with the same stages.
"""

from __future__ import annotations

import math

import numpy as np

from thecal.physiology.jit import fma, kernel
from thecal.physiology.records import N_NODES

GAMMA = 1.0 - 1.0 / math.sqrt(2.0)
_MIX = (1.0 - GAMMA) / GAMMA
_LAST = N_NODES - 1
_MIDDLE = _LAST // 2
# A bolus enters as a jet over the tip's node and its two neighbours (about 5 cm of canal for 1 mL).
_JET_CENTER = 0.5
_JET_SIDE = 0.25


@kernel
def _diagonal(par, drug, step, i, h):
    """Diagonal of (I - h A) for node ``i`` after cord and tip cell are eliminated."""
    out = par.g_node[i]
    if i > 0:
        out += par.g_node[i - 1]
    if i == 0:
        out += par.cranial_out
    value = 1.0 + h * (drug.k_uptake + drug.k_csf_loss + out / par.v_node[i])
    value -= h * h * drug.k_uptake * drug.k_return * step.cord_div
    if i == par.tip_node:
        exchange = h * par.tip_flow / par.v_node[i]
        value += exchange - exchange * (h * par.tip_flow / par.tip_ml) * step.tip_div
    return value


@kernel
def prepare_transport(par, drug, step, dt_h):
    """Factor the stage matrix of one drug for substeps of ``dt_h`` (h) into ``step``."""
    h = GAMMA * dt_h
    step.dt_h = dt_h
    step.cord_div = 1.0 / (1.0 + h * (drug.k_return + drug.k_cord_loss))
    step.tip_div = 1.0 / (1.0 + h * par.tip_flow / par.tip_ml)
    for k in range(_MIDDLE + 1):
        for half in range(2):
            i = k if half == 0 else _LAST - k
            if half == 1 and k == _MIDDLE:
                continue
            pivot = _diagonal(par, drug, step, i, h)
            sides = 2 if k == _MIDDLE else (1 if k > 0 else 0)
            for side in range(sides):
                outer = i - 1 if (half == 0 and side == 0) else i + 1
                g = h * par.g_node[min(i, outer)]
                factor = -(g / par.v_node[outer]) * step.pivot[outer]
                pivot += factor * (g / par.v_node[i])
                if side == 1:
                    step.elim_below = factor
                else:
                    step.elim[i] = factor
            step.pivot[i] = 1.0 / pivot
    for i in range(N_NODES):
        inner = i + 1 if i < _MIDDLE else i - 1
        if i != _MIDDLE:
            step.back[i] = -h * par.g_node[min(i, inner)] / par.v_node[inner] * step.pivot[i]


@kernel
def _solve_stage(par, drug, step, h, csf, cord, tip):
    """Solve (I - h A) y = r in place for CSF and cord; returns the tip cell's new amount."""
    feed = h * drug.k_return * step.cord_div
    for i in range(N_NODES):
        csf[i] += feed * cord[i]
    csf[par.tip_node] += h * par.tip_flow / par.tip_ml * step.tip_div * tip
    upper = 0.0
    lower = 0.0
    for k in range(_MIDDLE):
        upper = fma(-step.elim[k], upper, csf[k])
        lower = fma(-step.elim[_LAST - k], lower, csf[_LAST - k])
        csf[k] = upper
        csf[_LAST - k] = lower
    upper = fma(-step.elim_below, lower, fma(-step.elim[_MIDDLE], upper, csf[_MIDDLE])) * step.pivot[_MIDDLE]
    lower = upper
    csf[_MIDDLE] = upper
    for k in range(_MIDDLE - 1, -1, -1):
        upper = fma(-step.back[k], upper, csf[k] * step.pivot[k])
        lower = fma(-step.back[_LAST - k], lower, csf[_LAST - k] * step.pivot[_LAST - k])
        csf[k] = upper
        csf[_LAST - k] = lower
    gain = h * drug.k_uptake
    for i in range(N_NODES):
        cord[i] = (cord[i] + gain * csf[i]) * step.cord_div
    return (tip + h * par.tip_flow / par.v_node[par.tip_node] * csf[par.tip_node]) * step.tip_div


@kernel
def loss_rate(par, drug, csf, cord):
    """Loss to plasma (µg/h): from cord, over the epidural space, and with the CSF absorbed at the cranial end.

    Three partial sums, because one sum of 27 terms would wait for each addition in turn.
    """
    a = 0.0
    b = 0.0
    c = 0.0
    for i in range(0, N_NODES, 3):
        a += drug.k_csf_loss * csf[i] + drug.k_cord_loss * cord[i]
        b += drug.k_csf_loss * csf[i + 1] + drug.k_cord_loss * cord[i + 1]
        c += drug.k_csf_loss * csf[i + 2] + drug.k_cord_loss * cord[i + 2]
    return a + b + c + par.cranial_out * csf[0] / par.v_node[0]


@kernel
def _add_jet(par, csf, amount):
    """Add drug (µg) to the tip's node and its neighbours; at an end of the canal the node itself keeps the side's share."""
    k = par.tip_node
    csf[k] += _JET_CENTER * amount
    csf[max(0, k - 1)] += _JET_SIDE * amount
    csf[min(_LAST, k + 1)] += _JET_SIDE * amount


@kernel
def step_transport(par, drug, step, state, into_tip_ug, jet_ug, csf, cord):
    """Advance CSF, cord and tip cell of one drug by ``step.dt_h``.

    Args:
        par, drug, step, state: the patient's parameters, its drug's, the prepared step, and the drug's state.
        into_tip_ug, jet_ug: drug (µg) entering at a constant rate over the step, into the tip cell and as a jet.
        csf, cord: scratch, each ``[N_NODES]``.

    Returns:
        Drug (µg) that left the canal for plasma during the step.
    """
    h = GAMMA * step.dt_h
    tip_source = GAMMA * into_tip_ug
    jet_source = GAMMA * jet_ug
    for i in range(N_NODES):
        csf[i] = state.csf[i]
        cord[i] = state.cord[i]
    if jet_ug > 0.0:
        _add_jet(par, csf, jet_source)
    tip = _solve_stage(par, drug, step, h, csf, cord, state.tip + tip_source)
    for i in range(N_NODES):
        state.csf[i] += _MIX * (csf[i] - state.csf[i])
        state.cord[i] += _MIX * (cord[i] - state.cord[i])
    # The first stage's increment already holds (1 - gamma) of the source; the second stage adds the rest.
    if jet_ug > 0.0:
        _add_jet(par, state.csf, jet_source)
    tip = state.tip + _MIX * (tip - state.tip) + tip_source
    state.tip = _solve_stage(par, drug, step, h, state.csf, state.cord, tip)
    # The loss is linear, so its mean over the step is the loss at the stages' weighted mean.
    for i in range(N_NODES):
        csf[i] += GAMMA * (state.csf[i] - csf[i])
        cord[i] += GAMMA * (state.cord[i] - cord[i])
    state.given += into_tip_ug + jet_ug
    return loss_rate(par, drug, csf, cord) * step.dt_h


@kernel
def rate_of_change(par, drug, y, into_tip_ug_per_h, jet_ug_per_h, out):
    """The same system as an ordinary differential equation, for reference solvers.

    ``y`` and ``out`` hold CSF, cord, tip cell and the loss to plasma: ``[2 * N_NODES + 2]`` (µg, µg/h).
    """
    n = N_NODES
    for i in range(n):
        to_cord = drug.k_uptake * y[i] - drug.k_return * y[n + i]
        out[i] = -to_cord - drug.k_csf_loss * y[i]
        out[n + i] = to_cord - drug.k_cord_loss * y[n + i]
        if i > 0:
            flow = par.g_node[i - 1] * (y[i - 1] / par.v_node[i - 1] - y[i] / par.v_node[i])
            out[i] += flow
            out[i - 1] -= flow
    out[0] -= par.cranial_out * y[0] / par.v_node[0]
    k = par.tip_node
    flow = par.tip_flow * (y[2 * n] / par.tip_ml - y[k] / par.v_node[k])
    out[2 * n] = into_tip_ug_per_h - flow
    out[k] += flow
    _add_jet(par, out, jet_ug_per_h)
    out[2 * n + 1] = loss_rate(par, drug, y[:n], y[n : 2 * n])


@kernel
def jet_share(par, bolus_ml):
    """Share of a bolus that leaves the unmixed cell at once: a jet of large volume mixes with the canal around it."""
    return bolus_ml / (bolus_ml + par.jet_ml)


def stability(z: complex) -> complex:
    """The step's stability function at ``z = lambda dt``; it tends to 0 for stiff modes (L-stability)."""
    return (1.0 + (1.0 - 2.0 * GAMMA) * z) / (1.0 - GAMMA * z) ** 2


def empty_scratch() -> tuple[np.ndarray, np.ndarray]:
    """Scratch arrays for :func:`step_transport` when it is called from Python."""
    return np.zeros(N_NODES), np.zeros(N_NODES)
