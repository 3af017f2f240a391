"""Costs and reward terms read from the account of a step by name, for one patient or for many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.envs.kernel.records import TICK_OUT
from thecal.envs.kernel.rewards import COST_NAMES, TERMS
from thecal.envs.tasks import TaskSpec


class Costs:
    """The channels that add up to the cost of a step, and how much of it an episode may hold.

    Args:
        task: whose channels count where none are named.
        channels: names of ``thecal list costs`` that add up.
        limit: of the sum over an episode, for a constrained learner; nothing ends when it is passed.

    Raises:
        ConfigError: a channel is unknown or stands twice, none is named, or the limit is no number of at least 0.
    """

    def __init__(self, task: TaskSpec, channels: Iterable[str] | None = None, limit: float | None = None) -> None:
        self.names = task.costs if channels is None else (channels,) if isinstance(channels, str) else tuple(channels)
        for name in self.names:
            if name not in COST_NAMES:
                raise UnknownNameError("cost", str(name), COST_NAMES)
        if not self.names or len(set(self.names)) < len(self.names):
            raise ConfigError(f"costs {', '.join(self.names) or 'of no channel'}: name each channel once, at least one")
        if limit is not None and not (np.isfinite(limit) and limit >= 0.0):
            raise ConfigError(f"cost_limit {limit} is not a number of at least 0")
        self.limit = limit

    def of(self, out: NDArray[np.void] | Mapping[str, Any]) -> Any:
        """The cost of the step: ``[n]`` from rows, one number from the ``info`` of one patient."""
        return sum(out[f"cost_{name}"] for name in self.names)


class Terms:
    """The reward terms that a task weighs, as they are before that.

    Attributes:
        names: of the terms; those without a weight are left out.
        weights: ``weights @ terms`` is the task's reward, ``[K]``.
        space: where the terms lie, more always better.
    """

    def __init__(self, task: TaskSpec) -> None:
        chosen = [term for term in TERMS if task.weights.get(term.name, 0.0) > 0.0]
        self.names = tuple(term.name for term in chosen)
        self.weights = np.array([task.weights[name] for name in self.names])
        low, high = (np.array([getattr(term, side) for term in chosen], np.float32) for side in ("low", "high"))
        self.space = Box(low, high, dtype=np.float32)

    def of(self, out: NDArray[np.void]) -> NDArray[np.float32]:
        """The terms of the rows of a step, ``[n, K]``."""
        assert out.dtype == TICK_OUT
        weighed = np.stack([out[f"r_{name}"] for name in self.names], axis=1)
        return np.asarray(weighed / self.weights, np.float32)
