"""A reward of one's own in place of the task's: what it may see, and that it gives one finite number for each patient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.envs.kernel.records import PUBLIC_NAMES

RewardFunction = Callable[[NDArray[np.void]], Any]
Sees = Literal["truth", "public"]


class OwnReward:
    """Calls a function on the rows of a step and checks what it gives.

    The task's own reward stays in ``info["task_reward"]``, and every reported return is its sum; the function only replaces what
    an agent is paid.

    Args:
        function: takes the rows ``[n]`` of the step (fields of ``thecal.envs.kernel.records.TICK_OUT``, read only) and gives
            real numbers ``[n]``.
        sees: ``"truth"`` for every field, as the task's own terms are paid; ``"public"`` for those alone that ``info`` shows.

    Raises:
        ConfigError: the function cannot be called, or ``sees`` is neither.
    """

    def __init__(self, function: RewardFunction, sees: Sees = "truth") -> None:
        if not callable(function):
            raise ConfigError(f"reward_fn is a function of the rows of a step, not {type(function).__name__}")
        if sees not in get_args(Sees):
            raise ConfigError(f"reward_sees {sees!r} is not one of {', '.join(get_args(Sees))}")
        self.function, self.sees = function, sees
        kind = type(function)
        self.name = f"{function.__module__}.{getattr(function, '__qualname__', kind.__qualname__)}"

    @property
    def words(self) -> str:
        """What stands in the environment's description."""
        return f"{self.name} on {'all fields, hidden truth included' if self.sees == 'truth' else 'public fields'}"

    def __call__(self, out: NDArray[np.void], active: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Rewards ``[n]``, 0 where an environment was not stepped.

        Raises:
            ConfigError: the function gave another shape, no real numbers, or one that is not finite.
        """
        rows = (out if self.sees == "truth" else out[list(PUBLIC_NAMES)]).view()
        rows.flags.writeable = False
        given = np.asarray(self.function(rows))
        if given.shape != out.shape:
            raise ConfigError(
                f"reward_fn {self.name} gave shape {given.shape} for {len(out)} patients, not {out.shape}"
            )
        if given.dtype.kind not in "fiub":
            raise ConfigError(f"reward_fn {self.name} gave {given.dtype}, not real numbers")
        rewards = np.where(active, given.astype(np.float64), 0.0)
        if not np.isfinite(rewards).all():
            raise ConfigError(f"reward_fn {self.name} gave a reward that is not finite")
        return rewards
