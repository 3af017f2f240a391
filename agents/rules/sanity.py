"""Policies without sense: uniform random requests, and the largest request always (what the shield must hold back)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.agents.base import BatchPolicy, Fields, Flags, Floats
from thecal.core.errors import ConfigError
from thecal.core.rng import philox

# Apart from the patient's own streams (disturbance, sensors, reports), so that a policy never shares their draws.
STREAM_POLICY = 101

_LOW_WORD = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)
_TO_UNIT = 1.0 / 4294967296.0


def policy_uniforms(seed: int, patients: NDArray[np.int64], steps: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Two independent uniforms in (0, 1) for each (patient, step) under ``seed``, ``[B]`` each."""
    who = patients.astype(np.uint64)
    # The plain function behind the compiled one: the same arithmetic, elementwise over arrays.
    rounds = getattr(philox, "py_func", philox)
    a, b, _, _ = rounds(
        steps.astype(np.uint64) & _LOW_WORD,
        np.full(len(who), STREAM_POLICY, np.uint64),
        who & _LOW_WORD,
        who >> _WORD,
        np.uint64(seed) & _LOW_WORD,
        np.uint64(seed) >> _WORD,
    )
    return (a.astype(np.float64) + 0.5) * _TO_UNIT, (b.astype(np.float64) + 0.5) * _TO_UNIT


class RandomRequest(BatchPolicy):
    """Uniform over the action box, a function of (seed, patient, step) alone, so runs repeat."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        if not 0 <= int(seed) < 2**63:
            raise ConfigError(f"policy 'random': seed must lie in [0, 2**63), got {seed}")
        self.seed = int(seed)

    def _decide(self, fields: Fields, rows: Flags) -> tuple[ArrayLike, ArrayLike]:
        patients = self.view.patients
        if patients is None:
            patients = np.arange(self.n)
        a, b = policy_uniforms(self.seed, patients, self.steps)
        return 2.0 * a - 1.0, 2.0 * b - 1.0


class MaxRequest(BatchPolicy):
    """Asks for the largest rise and the largest bolus at every step: how much of a result is the shield's."""

    name = "max_request"

    def _decide(self, fields: Fields, rows: Flags) -> tuple[ArrayLike, ArrayLike]:
        return 1.0, 1.0
