"""The batch kernel from 1 to many patients on one and two threads, with memory per patient and the cost of boluses."""

from __future__ import annotations

import numba
import numpy as np

from thecal.envs.core import Batch

from common import Row, rate
from single import STATES, SUBSTEPS

SIZES = (1, 64, 1024, 16384)
TARGET_SIZE = 1024


def ready(n: int) -> Batch:
    """A batch of ``n`` test patients; above 1024 they repeat, each with its own days."""
    batch = Batch("CancerMorphine", n, split="test")
    patients = np.arange(n) % 1024
    batch.restart(np.arange(n), patients, np.arange(n, dtype=np.uint64))
    return batch


def speed(batch: Batch, action: tuple[float, float]) -> float:
    """Patient-ticks (environment steps of one hour) a second with a constant action."""
    actions = np.tile(np.array(action), (batch.n, 1))
    batch.advance(actions)

    def work() -> int:
        batch.advance(actions)
        return batch.n

    return rate(work, 1.5)


def run() -> list[Row]:
    """Throughput by size and threads."""
    rows = []
    most = min(2, numba.config.NUMBA_NUM_THREADS)
    for n in SIZES:
        batch = ready(n)
        for threads in sorted({1, most}):
            numba.set_num_threads(threads)
            value = speed(batch, (0.0, 0.0))
            target = 300_000.0 if n == TARGET_SIZE and threads == most else None
            rows.append(Row(f"{n} patients, {threads} threads", value, "patient-ticks/s", target))
        if n == TARGET_SIZE:
            rows.append(Row("... with demand boluses armed", speed(batch, (0.0, 1.0)), "patient-ticks/s"))
            rows.append(Row("... state updates", value * SUBSTEPS * STATES, "1/s"))
    per_patient = batch.world.itemsize + batch.par.itemsize + batch.out.itemsize
    rows.append(Row("memory per patient (state, parameters, step account)", per_patient, "bytes"))
    return rows
