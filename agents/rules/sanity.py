"""Sanity baselines: uniform random requests, and the largest request always (what the shield must hold back)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import BatchPolicy
from thecal.agents.info import PolicyInfo
from thecal.agents.view import BOLUS, RATE, TARGET, Components, Fields, Floats
from thecal.core.errors import ConfigError
from thecal.core.rng import philox
from thecal.core.seeds import SEED_LIMIT

# Apart from the patient's own streams (disturbance, sensors, reports), so that a policy never shares their draws.
STREAM_POLICY = 101

_LOW_WORD = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)
_TO_UNIT = 1.0 / 4294967296.0
_WORDS = 4  # a block of Philox gives four words
_NEXT_BLOCK = 1 << 16  # further blocks of one key are told apart in the upper half of the stream's word


def policy_uniforms(seed: int, patients: NDArray[np.int64], steps: NDArray[np.int64], count: int = 2) -> Floats:
    """``count`` independent uniforms in (0, 1) for each (patient, step) under ``seed``, ``[n, count]``."""
    who = patients.astype(np.uint64)
    # The plain function behind the compiled one: the same arithmetic, elementwise over arrays.
    rounds = getattr(philox, "py_func", philox)
    words: list[NDArray[np.uint64]] = []
    for block in range(-(-count // _WORDS)):
        words += rounds(
            steps.astype(np.uint64) & _LOW_WORD,
            np.full(len(who), STREAM_POLICY + block * _NEXT_BLOCK, np.uint64),
            who & _LOW_WORD,
            who >> _WORD,
            np.uint64(seed) & _LOW_WORD,
            np.uint64(seed) >> _WORD,
        )
    return (np.stack(words[:count], axis=1).astype(np.float64) + 0.5) * _TO_UNIT


class RandomRequest(BatchPolicy):
    """Asks for anything that can be asked for, by chance alone: what the shield makes of a policy that knows nothing."""

    info = PolicyInfo(
        name="random",
        label="Random requests",
        kind="sanity",
        text="Asks for anything that can be asked for, by chance alone: what the shield makes of a policy that knows nothing.",
    )

    def __init__(self, seed: int = 0) -> None:
        if not 0 <= int(seed) < SEED_LIMIT:
            raise ConfigError(f"policy 'random': seed must lie in [0, {SEED_LIMIT}), got {seed}")
        self.seed = int(seed)
        super().__init__(seed=self.seed)

    def _decide(self, fields: Fields) -> Components:
        names = self.view.action_names
        drawn = policy_uniforms(self.seed, self.context.patients, self.steps, len(names))
        return {name: 2.0 * drawn[:, k] - 1.0 for k, name in enumerate(names)}

    def log_prob(self, observation: NDArray[Any], actions: NDArray[Any]) -> Floats:
        """Log density ``[n]`` of ``actions`` ``[n, n_actions]``: the same everywhere in the box, none outside."""
        given = np.asarray(actions, np.float64)
        inside = (np.abs(given) <= 1.0).all(axis=1)
        return np.where(inside, -np.log(2.0) * given.shape[1], -np.inf)


class MaxRequest(BatchPolicy):
    """Asks for the largest rise and the largest bolus at every step."""

    info = PolicyInfo(
        name="max_request",
        label="Maximal requests",
        kind="sanity",
        text="Asks for the largest rise and the largest bolus at every step: how much of a result is the shield's.",
    )

    def __init__(self) -> None:
        super().__init__()

    def _decide(self, fields: Fields) -> Components:
        return {name: 1.0 for name in (RATE, TARGET, BOLUS) if name in self.view.action_names}
