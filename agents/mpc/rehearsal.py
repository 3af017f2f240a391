"""Rehearsals: every candidate dose is simulated ahead in rows of its own, and each row adds up what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.simulator import Simulator
from thecal.agents.view import Floats

Score = Callable[[NDArray[np.void], int], Floats]  # of a step's TICK_OUT [rows] and its place in the horizon


def multiples(lowest: float, highest: float, count: float) -> Floats:
    """``count`` multiples of the dose in force, even in the logarithm, with 1 first so that it wins among equals."""
    grid = np.geomspace(lowest, highest, round(count))
    return np.concatenate([[1.0], grid[np.abs(np.log(grid)) > _SAME]])


_SAME = 0.01  # of the logarithm of two doses that count as one


def rehearse(simulator: Simulator, doses_mg: Floats, armed: Floats, steps: int, score: Score) -> Floats:
    """Worth of each row over at most ``steps`` decisions, ``[rows]``.

    Args:
        simulator: whose rows stand where the rehearsal begins.
        doses_mg: asked for at every step, mg/d, ``[rows]``.
        armed: bolus sizes, ``[rows]``.
        steps: length of the horizon; a row ends earlier with its episode, or with its patient.
        score: adds a step's worth.
    """
    worth = np.zeros(simulator.rows)
    left = simulator.steps_left
    live = simulator.batch.world["episode"]["terminated"] == 0
    for k in range(steps):
        going = live & (k < left)
        if not going.any():
            break
        out = simulator.step(doses_mg, armed, going)
        worth += np.where(going, score(out, k), 0.0)
        live = live & (out["terminated"] == 0)
    return worth


def best(worth: Floats) -> NDArray[np.int64]:
    """The place of the best candidate of each patient, ``[n]``, of ``worth [candidates, n]``; the first among equals."""
    found: NDArray[np.int64] = np.argmax(np.nan_to_num(worth, nan=-np.inf), axis=0)
    return found


def choose(values: Any, chosen: NDArray[np.int64]) -> Floats:
    """What ``chosen [n]`` picks of ``values [candidates, n]``."""
    picked: Floats = np.take_along_axis(np.asarray(values), chosen[None], axis=0)[0]
    return picked
