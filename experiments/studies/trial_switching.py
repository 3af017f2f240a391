"""Two policies on one patient, the second from a step on: a crossover, in which what the first leaves is carried over."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy, PolicyContext
from thecal.core.errors import ConfigError


class Switched:
    """Acts as ``first`` before a step and as ``second`` from it on; the second begins knowing nothing of the first.

    Args:
        first, second: policies.
        step: at which the second begins.

    Raises:
        ConfigError: the step is below 1.
    """

    def __init__(self, first: Policy, second: Policy, step: int) -> None:
        if step < 1:
            raise ConfigError(f"the second policy begins at step 1 or later, not {step}")
        self._both, self._at, self._step = (first, second), step, 0
        name = f"{first.info.name}, then {second.info.name}"
        self.info = first.info.model_copy(update={"name": name, "label": name, "trained": None, "training_seeds": ()})
        self.reads = tuple({*getattr(first, "reads", ()), *getattr(second, "reads", ())})
        self._context: PolicyContext | None = None

    def reset(self, context: PolicyContext) -> None:
        """See :class:`thecal.agents.base.Policy`."""
        self._context, self._step = context, 0
        self._both[0].reset(context)

    def act(self, observation: NDArray[Any]) -> NDArray[np.float32]:
        """See :class:`thecal.agents.base.Policy`."""
        if self._context is None:
            raise ConfigError(f"policy {self.info.name!r} was asked to act before reset")
        if self._step == self._at:
            self._both[1].reset(self._context)
        actions = self._both[self._step >= self._at].act(observation)
        self._step += 1
        return actions
