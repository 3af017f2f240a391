"""Whether stored states may go on in a batch: kernels do not check what they index by, so it is checked before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import N_NODES
from thecal.devices.records import N_PARTS, N_SLUGS
from thecal.envs.batch import Batch

# What a fault of the catheter moves in a patient's parameters; all others follow from patient and seed.
_MOVED = ("drug", "tip_node")
_BOUNDS = (("pump", "n_slugs", 1, N_SLUGS), ("pump", "n_parts", 0, N_PARTS), ("fault", "home_node", 0, N_NODES - 1))


def continue_batch(batch: Batch, patients: NDArray[np.int64], world: NDArray[np.void], par: NDArray[np.void]) -> None:
    """Put a batch into a stored state of these patients.

    Raises:
        ValueError: the parameters are not those of the patients, or a number lies where no index may lie.
    """
    batch.restart(np.arange(batch.n), patients, par["patient"]["seed"].copy())
    for name in par.dtype.names or ():
        if name != "patient":
            _same(name, par[name], batch.par[name])
    own, known = par["patient"], batch.par["patient"]
    for name in own.dtype.names or ():
        if name not in _MOVED:
            _same(f"patient.{name}", own[name], known[name])
    _same_shape_of("patient.drug", own["drug"], known["drug"])
    _within("patient.tip_node", own["tip_node"], 0, N_NODES - 1)
    for part, name, low, high in _BOUNDS:
        _within(f"{part}.{name}", world[part][name], low, high)
    batch.world[...], batch.par[...] = world, par


def _same(name: str, own: NDArray[Any], known: NDArray[Any]) -> None:
    if own.tobytes() != known.tobytes():
        raise ValueError(f"{name} is not that of the patients")


def _same_shape_of(name: str, own: NDArray[Any], known: NDArray[Any]) -> None:
    """Whole numbers have to be the same, others finite where they were."""
    if own.dtype.names:
        for part in own.dtype.names:
            _same_shape_of(f"{name}.{part}", own[part], known[part])
    elif own.dtype.base.kind != "f":
        _same(name, own, known)
    elif not np.array_equal(np.isfinite(own), np.isfinite(known)):
        raise ValueError(f"{name} holds a number that is not finite")


def _within(name: str, values: NDArray[Any], low: int, high: int) -> None:
    if values.min() < low or values.max() > high:
        raise ValueError(f"{name} lies beyond {low} to {high}")
