"""Rehearsals on a toy with a known optimum: the best dose is found, an ended row counts no more, equals go to the first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thecal.agents.mpc.rehearsal import best, choose, multiples, rehearse

OUT = np.dtype([("dose", float), ("terminated", np.int64)])


class Toy:
    """Rows whose dose is what was asked for; a row dies at its third step where the dose is above 5."""

    def __init__(self, rows: int, left: int = 100) -> None:
        self.rows = rows
        self.steps_left = np.full(rows, left)
        self.batch = SimpleNamespace(world={"episode": {"terminated": np.zeros(rows, np.int64)}})
        self.taken = np.zeros(rows, np.int64)

    def step(self, doses: np.ndarray, armed: np.ndarray, going: np.ndarray) -> np.ndarray:
        self.taken += going
        out = np.zeros(self.rows, OUT)
        out["dose"] = np.where(going, doses, 0.0)
        out["terminated"] = going & (doses > 5.0) & (self.taken == 3)
        return out


def near(optimum: float) -> Any:
    return lambda out, _k: -((out["dose"] - optimum) ** 2)


def test_the_best_dose_of_a_known_optimum_is_found():
    grid = multiples(0.25, 4.0, 9)
    toy: Any = Toy(len(grid) * 2)
    doses = np.repeat(grid[:, None], 2, axis=1).ravel()
    optima = np.tile([0.5, 2.8], len(grid))
    worth = rehearse(toy, doses, np.zeros(toy.rows), 4, lambda out, _k: -((out["dose"] - optima) ** 2))
    chosen = best(worth.reshape(len(grid), 2))
    np.testing.assert_allclose(choose(np.repeat(grid[:, None], 2, axis=1), chosen), [0.5, 2.83], atol=0.01)


def test_a_row_that_ended_is_worth_nothing_more():
    toy: Any = Toy(2)
    worth = rehearse(toy, np.array([1.0, 6.0]), np.zeros(2), 10, lambda out, _k: np.ones(2))
    assert worth.tolist() == [10.0, 3.0]
    assert toy.taken.tolist() == [10, 3]


def test_a_plan_ends_with_the_episode():
    toy: Any = Toy(1, left=2)
    assert rehearse(toy, np.ones(1), np.zeros(1), 10, lambda out, _k: np.ones(1)).tolist() == [2.0]


def test_among_equals_the_dose_in_force_stays():
    grid = multiples(0.5, 2.0, 5)
    assert grid[0] == 1.0
    assert len(grid) == 5
    assert (np.diff(grid[1:]) > 0.0).all()
    assert len(multiples(0.5, 2.0, 4)) == 5
    assert best(np.zeros((3, 2))).tolist() == [0, 0]
    assert best(np.array([[np.nan, 1.0], [-5.0, np.nan]])).tolist() == [1, 0]


@pytest.mark.parametrize("optimum", [0.4, 1.0, 1.9])
def test_the_plan_is_the_grid_point_nearest_to_the_optimum(optimum):
    grid = multiples(0.5, 2.0, 7)
    toy: Any = Toy(len(grid))
    worth = rehearse(toy, grid, np.zeros(len(grid)), 3, near(optimum))
    assert grid[best(worth[:, None])[0]] == grid[np.argmin(np.abs(grid - optimum))]
