"""Thecal: its single environment, its native batch on one thread, and the solver of its kinetics alone."""

from __future__ import annotations

import sys

from window import measure

PATIENTS = 1024
TICKS = 4  # in a step of an hour, each one substep in quiet times
STAGES = 2  # of the implicit Runge-Kutta method, each a solve; plasma and effect sites are exact, one evaluation


def counted() -> tuple[int, float]:
    """Kinetic states of a patient on one drug, and evaluations a state and step."""
    from thecal.core.layout import N_NODES

    transport, exact = 2 * N_NODES + 1, 2 + 3
    return transport + exact, TICKS * (STAGES * transport + exact) / (transport + exact)


def single():
    """One environment that holds its rate."""
    import gymnasium
    import numpy as np

    env = gymnasium.make("thecal:thecal/CancerMorphine-v0", patients=[0]).unwrapped
    env.reset(seed=0)
    action = np.zeros(2, np.float32)

    def work() -> int:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()
        return 1

    return work


def batch():
    """The native batch, which holds its rates."""
    import numba
    import numpy as np

    from thecal.envs.batch import Batch

    numba.set_num_threads(1)
    patients = Batch("CancerMorphine", PATIENTS, split="test")
    rows, action = np.arange(PATIENTS), np.zeros((PATIENTS, 2))
    at = [patients.spec.n_steps]

    def work() -> int:
        if at[0] == patients.spec.n_steps:
            patients.restart(rows, rows, rows.astype(np.uint64))
            at[0] = 0
        at[0] += 1
        patients.advance(action)
        return PATIENTS

    return work


STATES, EVALUATIONS = counted()
SHARED = {"step_min": 60, "states": STATES, "evaluations": EVALUATIONS, "integrator": "SDIRK2, 15 min"}
if sys.argv[1] == "single":
    measure("Thecal, single environment", single, patients=1, **SHARED)
else:
    measure(f"Thecal, native batch, {PATIENTS} patients", batch, patients=PATIENTS, **SHARED)
