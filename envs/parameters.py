"""The parameters of environments in mid-episode, made from those of their patients as drawn: nobody has to store them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thecal.envs.assembly import Assembled
from thecal.envs.kernel.records import WORLD_PAR
from thecal.envs.kernel.start import prepare_rows


def as_drawn(
    known: Mapping[int, Assembled], patients: NDArray[np.int64], seeds: NDArray[np.integer]
) -> NDArray[np.void]:
    """WORLD_PAR of ``known`` patients ``[n]`` at the start, on the days of these seeds."""
    par = np.zeros(len(patients), WORLD_PAR)
    for row, patient in enumerate(patients.tolist()):
        par[row] = known[patient].par
    par["patient"]["seed"] = par["fault"]["seed"] = seeds
    return par


def in_episode(drawn: NDArray[np.void], world: NDArray[np.void], tips: NDArray[np.int64]) -> NDArray[np.void]:
    """The same after what changes parameters in an episode: the mixture that a refill chose, a tip that migrated."""
    par = drawn.copy()
    for row in np.flatnonzero(par["task"]["n_mixtures"]).tolist():
        mixture = par["mixture"][row, world["episode"]["mixture"][row]]
        par["shield"][row], par["ordered_conc"][row] = mixture["shield"], mixture["ordered"]
    moved = np.flatnonzero(par["patient"]["tip_node"] != tips)
    if moved.size:
        part = par[moved]
        part["patient"]["tip_node"] = tips[moved]
        prepare_rows(part)
        par[moved] = part
    return par


def seal_of(one: Assembled) -> str:
    """SHA-256 of a patient as drawn, hex."""
    return hashlib.sha256(one.par.tobytes() + one.pump.tobytes() + one.shield.tobytes()).hexdigest()
