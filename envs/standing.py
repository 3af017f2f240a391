"""Whether a stored state may stand in a batch: kernels do not check what they index by, so it is checked before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import TICKS_PER_DAY
from thecal.devices.records import N_PARTS, N_SLUGS
from thecal.safety.memory import memory_faults
from thecal.safety.records import NEVER


def state_faults(world: NDArray[np.void], par: NDArray[np.void], tips: NDArray[np.int64]) -> list[str]:
    """What cannot be in states under these parameters, as ``field: reason``; empty when all can.

    Args:
        world: WORLD ``[n]``.
        par: WORLD_PAR ``[n]``, of the environment's own patients as drawn.
        tips: where the catheters' tips are said to lie, ``[n]``.
    """
    last = par["patient"]["last_node"]
    episode, task = world["episode"], par["task"]
    mixtures = np.maximum(task["n_mixtures"], 1)
    bounds = (
        ("pump.n_slugs", world["pump"]["n_slugs"], 1, N_SLUGS),
        ("pump.n_parts", world["pump"]["n_parts"], 0, N_PARTS),
        ("fault.home_node", world["fault"]["home_node"], 0, last),
        ("tip_node", tips, 1, last),
        ("episode.step", episode["step"], 0, NEVER),
        ("episode.mixture", episode["mixture"], 0, mixtures - 1),
        ("episode.presses24", episode["presses24"], 0, TICKS_PER_DAY),
        ("patient.tick", world["patient"]["tick"], 0, NEVER),
    )
    found = [
        f"{name}: it lies beyond {np.min(low)} to {np.max(high)}"
        for name, values, low, high in bounds
        if ((values < low) | (values > high)).any()
    ]
    if (world["shield"]["ticks"] != world["patient"]["tick"]).any():
        found.append("shield.ticks: the shield remembers another time than the patient's")
    moved = (tips != par["patient"]["tip_node"]) & (world["fault"]["home_node"] == 0)
    if moved.any():
        found.append("tip_node: it has moved without a migration")
    return found


def shield_faults(world: NDArray[np.void], par: NDArray[np.void]) -> list[str]:
    """The same of what the shield remembers, under the limits in force."""
    return [f"shield.{words}" for words in memory_faults(world["shield"], par["shield"])]
