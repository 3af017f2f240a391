"""Discrete actions with masks: a table of actions, and which of them the shield would run unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.envs.adapters.actions import read_choice
from thecal.envs.adapters.single import ThecalEnv
from thecal.envs.batch import PARALLEL_FROM, Batch
from thecal.envs.kernel.actions import NEUTRAL, RATE_FIELDS
from thecal.envs.kernel.look_ahead import look_parallel, look_serial
from thecal.envs.kernel.records import STEP_OUT

RATES = (-1.0, -0.5, 0.0, 0.5, 1.0)
BOLUSES = (0.0, 0.5, 1.0)


class Masks:
    """Asks the shield of a batch which actions of a table it would run unchanged.

    What is promised: an action that is not masked passes the first pump tick of its step as it was asked for, on what was
    known when the mask was made; its demand bolus is judged as if the patient asked for it at once. In the later ticks of
    the step a lock may close, and a bolus that the patient asks for then is judged anew. Holding always counts as allowed,
    because something has to be; a lock may still cut the rate.
    """

    def __init__(self, batch: Batch, table: NDArray[np.float64]) -> None:
        self.batch = batch
        self.table = np.array(table, np.float64, order="C")
        rows = batch.n if batch.n >= PARALLEL_FROM else 1
        self._scratch = np.zeros(rows, batch.world.dtype)
        self._out = np.zeros(rows, STEP_OUT)

    def __call__(self) -> NDArray[np.bool_]:
        """``bool[B, A]``: neither time nor any state moves."""
        allowed = np.zeros((self.batch.n, len(self.table)), np.bool_)
        look = look_parallel if self.batch.n >= PARALLEL_FROM else look_serial
        self.batch.look_ahead(look, self._scratch, self._out, self.table, allowed)
        return allowed


def action_masks(batch: Batch, actions: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of ``actions`` ``[A, n]`` would pass the shield unchanged now, ``bool[B, A]``; see :class:`Masks`."""
    return Masks(batch, actions)()


def action_table(
    rates: Sequence[float] = RATES,
    boluses: Sequence[float] = BOLUSES,
    fields: Sequence[str] = ("relative_rate", "bolus_size"),
) -> tuple[NDArray[np.float64], int]:
    """Every pair of a rate and a bolus as the table of discrete actions ``[A, n]``, and the number of the one that holds.

    Args:
        rates, boluses: values of the two components; a task without bolus has only the rates.
        fields: the task's action fields; those that are neither rate nor bolus are left as they are. Where no rate holds,
            because the rate is a target dose, one more row switches ``hold`` on.

    Raises:
        ConfigError: holding is not among them.
    """
    targets = "target_dose" in fields
    if targets and "hold" not in fields:
        raise ConfigError("a table of target doses needs the action field hold: holding is always allowed")
    if (0.0 not in rates and not targets) or 0.0 not in boluses:
        raise ConfigError("the table needs a 0 in both components: holding is always allowed")
    sizes = boluses if "bolus_size" in fields else (0.0,)
    pairs = [(rate, bolus) for rate in rates for bolus in sizes]
    table = np.full((len(pairs) + targets, len(fields)), NEUTRAL)
    if targets:
        pairs.append((NEUTRAL, NEUTRAL))
        table[-1, fields.index("hold")] = 1.0
    for column, name in enumerate(fields):
        if name in RATE_FIELDS:
            table[:, column] = [rate for rate, _ in pairs]
        elif name == "bolus_size":
            table[:, column] = [bolus for _, bolus in pairs]
    return table, len(pairs) - 1 if targets else pairs.index((0.0, 0.0))


class DiscreteActions(
    gym.ActionWrapper[NDArray[np.float32], int, NDArray[np.float32]], gym.utils.RecordConstructorArgs
):
    """The environment with a table of discrete actions; ``action_masks()`` is what sb3-contrib's MaskablePPO asks for.

    A batch of them for Stable-Baselines3 is ``make_sb3(..., discrete=True)``.

    Args:
        env: a :class:`ThecalEnv` (also wrapped, as ``gym.make`` returns it).
        rates, boluses: the values of both action components; every pair is one action.
    """

    def __init__(
        self, env: gym.Env[Any, Any], rates: Sequence[float] = RATES, boluses: Sequence[float] = BOLUSES
    ) -> None:
        gym.utils.RecordConstructorArgs.__init__(self, rates=list(rates), boluses=list(boluses))
        gym.ActionWrapper.__init__(self, env)
        base = env.unwrapped
        if not isinstance(base, ThecalEnv):
            raise ConfigError("discrete actions need a Thecal environment")
        self.table, self._hold = action_table(rates, boluses, base.spec_task.action.fields)
        self._masks = Masks(base.batch, self.table)
        table: Any = Discrete(len(self.table))
        self.action_space = table

    def action(self, action: int) -> NDArray[np.float32]:
        """The components of a discrete action; NaN, which the shield holds, for one that is not in the table."""
        chosen = read_choice(action, len(self.table))
        row = np.full(self.table.shape[1], np.nan) if chosen is None else self.table[chosen]
        return row.astype(np.float32)

    def action_masks(self) -> NDArray[np.bool_]:
        """``bool[A]``: which actions the shield would run unchanged; see :class:`Masks` for what that promises."""
        mask: NDArray[np.bool_] = self._masks()[0]
        mask[self._hold] = True
        return mask
