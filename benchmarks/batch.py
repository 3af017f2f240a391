"""The batch kernel from 1 to many patients on one and two threads, with memory per patient and the cost of boluses."""

from __future__ import annotations

import time

import numba
import numpy as np

from thecal.envs.batch import Batch
from thecal.envs.tasks import load_task

from common import Row, best
from single import STATES, SUBSTEPS

SIZES = (1, 64, 1024, 16384, 100_000)
TARGET_SIZE = 1024
TARGET_RATE = 300_000.0
TWO_DRUG_RATE = 200_000.0
MIXTURES = (("morphine",), ("morphine", "bupivacaine"), ("morphine", "bupivacaine", "clonidine"))
RATIOS = (2.0, 0.02)  # mg of the second and third drug for each mg of morphine
TARGET_UPDATES = 124.0e6  # py-mgipsim on one core: compiled RK4, 20 patients, no environment around it


def ready(n: int, drugs: tuple[str, ...] = ("morphine",), faults: str | None = None) -> Batch:
    """A batch of ``n`` test patients on a mixture; above 1024 they repeat, each with its own days."""
    task = load_task("CancerMorphine")
    solution = task.solution.model_copy(update={"ratios": RATIOS[: len(drugs) - 1]})
    batch = Batch(task.model_copy(update={"drugs": drugs, "solution": solution}), n, split="test", faults=faults)
    patients = np.arange(n) % 1024
    batch.restart(np.arange(n), patients, np.arange(n, dtype=np.uint64))
    return batch


def speed(batch: Batch, action: tuple[float, float]) -> float:
    """Patient-ticks (environment steps of one hour) a second with a constant action, over and over the same horizon."""
    actions = np.tile(np.array(action), (batch.n, 1))
    start = batch.world.copy()
    batch.advance(actions)
    steps_left = batch.spec.n_steps

    def work() -> int:
        nonlocal steps_left
        if steps_left == 0:
            batch._world[...] = start
            steps_left = batch.spec.n_steps
        steps_left -= 1
        batch.advance(actions)
        return batch.n

    return best(work)


def mixtures(threads: int) -> list[Row]:
    """One, two and three drugs in use of the three a record has room for: what each further drug adds to a tick."""
    numba.set_num_threads(threads)
    rates = [speed(ready(TARGET_SIZE, drugs), (0.0, 0.0)) for drugs in MIXTURES]
    rows = []
    for drugs, value in zip(MIXTURES, rates, strict=True):
        target = TWO_DRUG_RATE if len(drugs) == 2 else None
        rows.append(Row(f"{TARGET_SIZE} patients on {' + '.join(drugs)}", value, "patient-ticks/s", target))
    first, second, third = (1.0 / value for value in rates)
    rows.append(Row("... time added by the second drug / by the third", (second - first) / (third - second), ""))
    rows.append(Row("... time of a patient with two drugs / with one", second / first, ""))
    return rows


def faulty(threads: int) -> list[Row]:
    """What faults cost: the same patients without, and with every hazard at its stress value."""
    numba.set_num_threads(threads)
    sound, stressed = (speed(ready(TARGET_SIZE, faults=preset), (0.0, 0.0)) for preset in (None, "stress"))
    return [Row(f"{TARGET_SIZE} patients under stress: time of a tick / without faults", sound / stressed, "")]


def run() -> list[Row]:
    """Throughput by size and threads."""
    rows = []
    most = min(2, numba.config.NUMBA_NUM_THREADS)
    for n in SIZES:
        batch = ready(n)
        for threads in sorted({1, most}):
            numba.set_num_threads(threads)
            wall, cpu = time.perf_counter(), time.process_time()
            value = speed(batch, (0.0, 0.0))
            used = (time.process_time() - cpu) / (time.perf_counter() - wall)
            title = f"{n} patients, {threads} thread{'s' if threads > 1 else ''}"
            aimed = n == TARGET_SIZE
            rows.append(Row(title, value, "patient-ticks/s", TARGET_RATE if aimed and threads == most else None))
            if threads > 1 and n >= TARGET_SIZE:
                # Less than the threads means that other work held a core: then the figure is not Thecal's.
                rows.append(Row("... cores used (processor time / wall time)", used, ""))
            if aimed:
                updates = value * SUBSTEPS * STATES
                rows.append(Row("... state updates", updates, "1/s", TARGET_UPDATES if threads == 1 else None))
        if n == TARGET_SIZE:
            rows.append(Row("... with demand boluses armed", speed(batch, (0.0, 1.0)), "patient-ticks/s"))
    rows += [*mixtures(most), *faulty(most)]
    per_patient = batch.world.itemsize + batch.par.itemsize + batch.out.itemsize
    rows.append(Row("memory per patient (state, parameters, step account)", per_patient, "bytes"))
    return rows
