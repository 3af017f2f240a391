"""Compiles the kernels once, with any Gymnasium: nothing here needs the vector environment."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from thecal.envs.batch import PARALLEL_FROM, Batch
from thecal.envs.scenario import Scenario


def warm_up(scenario: Any = None) -> float:
    """Compile (or load from the cache) the kernels a batch and a single environment use; returns the seconds taken."""
    begin = time.perf_counter()
    for count in (1, PARALLEL_FROM):
        batch = Batch(Scenario.of(scenario), count)
        where = np.arange(count)
        batch.restart(where, where, np.zeros(count, np.uint64))
        batch.advance(np.zeros((count, batch.spec.n_actions)))
    return time.perf_counter() - begin
