"""The states of a batch as arrays and plain data, for checkpoints that keep all their arrays in one file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.envs.batch import Batch
from thecal.envs.kernel.records import WORLD
from thecal.envs.snapshots import Snapshot

_OF_ROWS = ("patients", "seeds", "tips")


def shapes_of(batch: Batch) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of every array of :func:`stored`, also before the first reset."""
    rows = {"patients": np.int64, "seeds": np.uint64, "tips": np.int64}
    return {
        "world": ((batch.n, WORLD.itemsize), np.dtype(np.uint8)),
        **{name: ((batch.n,), np.dtype(kind)) for name, kind in rows.items()},
    }


def stored(batch: Batch) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """(arrays, plain data) of the states of all environments; no parameter is among them."""
    found = batch.snapshot()
    arrays: dict[str, NDArray[Any]] = {
        "world": np.frombuffer(found.state, np.uint8).reshape(batch.n, -1).copy(),
        "patients": np.array(found.patients, np.int64),
        "seeds": np.array(found.seeds, np.uint64),
        "tips": np.array(found.tips, np.int64),
    }
    return arrays, {"identity": dict(found.identity), "owners": list(found.owners)}


def continue_batch(batch: Batch, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> None:
    """Put a batch into a stored state.

    Raises:
        ValueError: it is none of this batch: another scenario, kernel or patient, or a number that no state holds.
    """
    n = batch.n
    found = Snapshot.of(
        state["identity"],
        arrays["world"],
        **{name: arrays[name].tolist() for name in _OF_ROWS},
        owners=state["owners"],
        commands=[()] * n,
        totals=[None] * n,
    )
    try:
        batch.restore(found)
    except ConfigError as error:
        raise ValueError(str(error)) from error
