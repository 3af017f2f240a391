"""Which patient each environment of a batch meets next, and on which days: in every adapter as a single environment draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from thecal.core.seeds import SEED_LIMIT
from thecal.envs.batch import Batch
from thecal.envs.scenario import Resolved

Ints = NDArray[np.int64]
POOL = 4096
Nothing: Mapping[int, int] = {}


def everybody(scene: Resolved) -> Ints:
    """Whom resets draw from unless they are told: the first patients of the split, all of a cohort's table if it has fewer."""
    table = scene.cohort.table
    rows = POOL if table is None else table.count(scene.scenario.split)
    return np.arange(min(rows, POOL) or POOL)  # a reset says what is wrong with a table that has none


def drawn(rng: np.random.Generator, pool: Ints) -> tuple[int, int]:
    """A patient of ``pool`` and a seed of its days; every reset draws both, whatever it is told."""
    seed = int(rng.integers(SEED_LIMIT))
    return int(pool[int(rng.integers(len(pool)))]), seed


class Draws:
    """Begins episodes in a batch: environment ``i`` under seed ``s`` as the single environment under seed ``s + i``.

    Each environment has a stream of its own, made when it is first drawn from, so that what an environment meets does not
    depend on how many there are, or on when its neighbors end.

    Args:
        batch: what episodes begin in.
        pool: indices (in the split) that resets draw from.
    """

    def __init__(self, batch: Batch, pool: Ints) -> None:
        self.batch = batch
        self._pools = [pool] * batch.n
        self._seeds: list[int | None] = [None] * batch.n
        self._streams: list[np.random.Generator | None] = [None] * batch.n
        self._behind = [0] * batch.n  # resets that needed nothing of a stream

    def begin(
        self,
        where: Ints,
        seeds: Sequence[int | None] | None = None,
        patients: Mapping[int, int] = Nothing,
        days: Mapping[int, int] = Nothing,
    ) -> None:
        """Begin episodes in the environments ``where``.

        Args:
            seeds: of all environments; ``None`` where a stream goes on.
            patients, days: what is chosen, by environment; a day's seed is that of the environment otherwise.
        """
        met, on = np.zeros(len(where), np.int64), np.zeros(len(where), np.uint64)
        for k, i in enumerate(where.tolist()):
            seed = None if seeds is None else seeds[i]
            if seed is not None:
                self._seeds[i], self._streams[i], self._behind[i] = seed, None, 0
            patient, day = patients.get(i), days.get(i, seed)
            if patient is None or day is None:
                other, later = drawn(self.stream(i), self._pools[i])
                met[k], on[k] = (other if patient is None else patient), (later if day is None else day)
            else:
                self._behind[i] += 1
                met[k], on[k] = patient, day
        self.batch.restart(where, met, on)

    def stream(self, i: int) -> np.random.Generator:
        """The stream of one environment."""
        found = self._streams[i]
        if found is None:
            found, self._seeds[i] = seeding.np_random(self._seeds[i])
            self._streams[i] = found
        for _ in range(self._behind[i]):
            drawn(found, self._pools[i])
        self._behind[i] = 0
        return found

    @property
    def state(self) -> list[dict[str, Any]]:
        """Every stream, as plain data."""
        return [dict(self.stream(i).bit_generator.state) for i in range(self.batch.n)]

    def continue_from(self, state: list[dict[str, Any]]) -> None:
        """Go on from :attr:`state`.

        Raises:
            ValueError, TypeError, KeyError: it is not one of as many streams.
        """
        if len(state) != self.batch.n:
            raise ValueError(f"{len(state)} streams for {self.batch.n} environments")
        for i, one in enumerate(state):
            self.stream(i).bit_generator.state = one

    def seed(self, i: int) -> int | None:
        """The seed of one environment's stream."""
        self.stream(i)
        return self._seeds[i]

    def pool(self, i: int) -> Ints:
        """The indices that the resets of one environment draw from."""
        return self._pools[i]

    def choose_pool(self, i: int, pool: Ints) -> None:
        """Let the coming resets of one environment draw from other patients."""
        self.stream(i)  # what was drawn so far, was drawn from the pool of then
        self._pools[i] = pool
