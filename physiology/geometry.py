"""The canal as a chain of nodes: volumes, exchange flows and net flow, by vertebral level or lumped into five regions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ParameterError
from thecal.core.layout import COMPARTMENT, N_NODES, NODES, REGIONS
from thecal.physiology.fields import STRUCTURE_FACTORS
from thecal.physiology.population import constant, shipped
from thecal.physiology.sampling import Floats

# First node of each region of the second structure, and one past the last.
_REGION_STARTS = (0, NODES.index("C1"), NODES.index("T1"), NODES.index("L1"), NODES.index("S1"), N_NODES)
_SYMPATHETIC = (NODES.index("T1"), NODES.index("L2"))
_MOTOR = (NODES.index("L1"), NODES.index("S2"))  # the legs' roots; their neurons lie higher: see effect.py
_LUMBAR_TAP = NODES.index("L3")
# Exchange of the regions' tip cell: so fast that the region is well mixed.
_MIXED_ML_PER_H = 1000.0


def level_geometry(length_cm: Floats, spinal_ml: Floats, cranial_ml: Floats) -> tuple[Floats, Floats]:
    """Volumes ``[B, N_NODES]`` (mL) and lengths ``[B, N_NODES]`` (cm) of the nodes; the cranial node has length 0.

    Levels share the canal's length equally; lumbar, sacral and cervical levels hold the shares of CSF that anatomy.toml
    states and thoracic levels the rest.

    Raises:
        ParameterError: the stated shares leave nothing for the thoracic levels.
    """
    anatomy = shipped("anatomy")
    shares = {
        region: constant(anatomy, f"csf.{name}_share", "dimensionless", 1e-6, 1.0)
        for region, name in (("L", "lumbar"), ("S", "sacral"), ("C", "cervical"))
    }
    shares["T"] = 1.0 - sum(shares.values())
    if shares["T"] <= 0.0:
        raise ParameterError(
            f"{anatomy.path}: csf.lumbar_share: with the sacral and cervical shares it leaves {shares['T']:.3g} of the CSF "
            "for the thoracic levels"
        )
    regions = [name[0] for name in NODES[1:]]
    share = np.array([shares[region] / regions.count(region) for region in regions])
    volume = np.empty((len(spinal_ml), N_NODES))
    volume[:, 0] = cranial_ml
    volume[:, 1:] = spinal_ml[:, None] * share
    length = np.zeros_like(volume)
    length[:, 1:] = length_cm[:, None] / (N_NODES - 1)
    return volume, length


def exchange_flows(volume_ml: Floats, length_cm: Floats, d_cm2_per_h: Floats) -> Floats:
    """Exchange flow (mL/h) between neighbors, ``[B, N_NODES]`` with 0 at the end: half-cells in series, D A / dx.

    Args:
        volume_ml, length_cm: of each node; the cranial node (length 0) is well mixed.
        d_cm2_per_h: effective dispersion of each node.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        area = np.where(length_cm > 0, volume_ml / length_cm, np.inf)
        resistance = np.where(length_cm > 0, 0.5 * length_cm / (d_cm2_per_h * area), 0.0)
    flows = np.zeros_like(volume_ml)
    flows[:, :-1] = 1.0 / (resistance[:, :-1] + resistance[:, 1:])
    return flows


def net_flows(volume_ml: Floats, spinal_absorption_ml_per_h: Floats) -> Floats:
    """Caudad flow (mL/h) from each node to the next, ``[B, N_NODES]``: what the nodes below absorb, in proportion to volume."""
    spinal = volume_ml[:, 1:]
    below = spinal[:, ::-1].cumsum(axis=1)[:, ::-1] / spinal.sum(axis=1, keepdims=True)
    flows = np.zeros_like(volume_ml)
    flows[:, :-1] = below * spinal_absorption_ml_per_h[:, None]
    return flows


def set_sites(par: NDArray[np.void]) -> None:
    """Nodes of the lumbar tap, the sympathetic outflow and the legs' roots, on the axis of levels."""
    par["last_node"] = N_NODES - 1
    par["lumbar_node"] = _LUMBAR_TAP
    par["sym_first"], par["sym_last"] = _SYMPATHETIC
    par["mot_first"], par["mot_last"] = _MOTOR


def lump_regions(par: NDArray[np.void]) -> None:
    """Turn patients of the axial structure into the second one, in place: five well-mixed regions in place of 27 levels.

    Volumes add up, exchange flows between the centers of neighboring regions are those of the levels in series, painful
    weights add up, and drug enters its region at once. The effect side of the structure is the operational model of
    agonism (see :mod:`thecal.physiology.effect`).
    """
    volume, flow, net = par["v_node"].copy(), par["g_node"].copy(), par["q_node"].copy()
    weight = par["w_pain"].copy()
    n = len(REGIONS)
    region_of = np.searchsorted(_REGION_STARTS, np.arange(N_NODES), side="right") - 1
    for name in ("v_node", "g_node", "q_node", "w_pain"):
        par[name] = 0.0
    par["v_node"] = 1.0
    for r in range(n):
        inside = slice(_REGION_STARTS[r], _REGION_STARTS[r + 1])
        par["v_node"][:, r] = volume[:, inside].sum(axis=1)
        par["w_pain"][:, r] = weight[:, inside].sum(axis=1)
    centers = [(a + b - 1) // 2 for a, b in itertools.pairwise(_REGION_STARTS)]
    for r in range(n - 1):
        between = slice(centers[r], centers[r + 1])
        par["g_node"][:, r] = 1.0 / (1.0 / flow[:, between]).sum(axis=1)
        par["q_node"][:, r] = net[:, _REGION_STARTS[r + 1] - 1]
    for key, fields in STRUCTURE_FACTORS.items():
        factor = constant(shipped("structures"), f"compartment.{key}", "dimensionless", 1e-3, 1e3)
        for field in fields:
            where = par if field in (par.dtype.names or ()) else par["drug"]
            where[field] *= factor
    par["structure"] = COMPARTMENT
    par["last_node"] = n - 1
    par["tip_node"] = region_of[par["tip_node"]]
    par["tip_flow"] = _MIXED_ML_PER_H
    _lump_sites(par, region_of)


def _lump_sites(par: NDArray[np.void], region_of: NDArray[Any]) -> None:
    for name in ("lumbar_node", "sym_first", "sym_last", "mot_first", "mot_last"):
        par[name] = region_of[par[name]]
    par["sym_last"] = REGIONS.index("thoracic")  # the outflow is thoracic but for its last two levels
