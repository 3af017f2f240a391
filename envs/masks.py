"""Discrete actions with masks: which of them the shield would run unchanged, asked of the shield itself on a copy."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from thecal.envs.actions import read_choice
from thecal.envs.core import Batch
from thecal.envs.facts import write_facts
from thecal.envs.single import ThecalEnv
from thecal.envs.tick import SOURCE_KEY, begin_step
from thecal.physiology.errors import ConfigError
from thecal.physiology.jit import entry_point
from thecal.safety.shield import shield_tick

RATES = (-1.0, -0.5, 0.0, 0.5, 1.0)
BOLUSES = (0.0, 0.5, 1.0)


def _compile(key: int) -> Any:
    @entry_point()
    def look_ahead(world, par, scratch, scratch_out, actions, allowed):
        """For every environment and action: 1 where the shield would change nothing in the first tick of the step."""
        for b in range(world.shape[0]):
            for a in range(actions.shape[0]):
                scratch[0] = world[b]
                trial = scratch[0]
                rate, valid = begin_step(trial, par[b], actions[a], scratch_out[0])
                write_facts(trial, par[b])
                shield_tick(trial.shield, par[b].shield, trial.facts, rate, trial.episode.armed_nl, valid)
                allowed[b, a] = trial.shield.binding == 0
        return key

    return look_ahead


_look_ahead = _compile(SOURCE_KEY)


def action_masks(batch: Batch, actions: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of ``actions`` ``[A, 2]`` would pass the shield unchanged now, for every environment: ``bool[B, A]``.

    Neither time nor any state moves. A demand bolus is judged as if the patient asked for it at once.
    """
    allowed = np.zeros((batch.n, len(actions)), np.bool_)
    _look_ahead(batch.world, batch.par, np.zeros(1, batch.world.dtype), np.zeros(1, batch.out.dtype), actions, allowed)
    return allowed


class DiscreteActions(gym.ActionWrapper[NDArray[np.float32], int, NDArray[np.float32]]):
    """The environment with a table of discrete actions; ``action_masks()`` is what sb3-contrib's MaskablePPO asks for.

    Args:
        env: a :class:`ThecalEnv` (also wrapped, as ``gym.make`` returns it).
        rates, boluses: the values of both action components; every pair is one action.
    """

    def __init__(
        self, env: gym.Env[Any, Any], rates: tuple[float, ...] = RATES, boluses: tuple[float, ...] = BOLUSES
    ) -> None:
        super().__init__(env)
        if not isinstance(env.unwrapped, ThecalEnv):
            raise ConfigError("discrete actions need a Thecal environment")
        if 0.0 not in rates or 0.0 not in boluses:
            raise ConfigError("the table needs a 0 in both components: holding is always allowed")
        self.table = np.array([(rate, bolus) for rate in rates for bolus in boluses], np.float64)
        self._hold = int(np.flatnonzero((self.table == 0.0).all(axis=1))[0])
        table: Any = Discrete(len(self.table))
        self.action_space = table

    def action(self, action: int) -> NDArray[np.float32]:
        """The two components of a discrete action; NaN, which the shield holds, for one that is not in the table."""
        chosen = read_choice(action, len(self.table))
        row = np.full(2, np.nan) if chosen is None else self.table[chosen]
        return row.astype(np.float32)

    def action_masks(self) -> NDArray[np.bool_]:
        """``bool[A]``: which actions the shield would run unchanged; holding always counts as one."""
        base = self.unwrapped
        assert isinstance(base, ThecalEnv)
        mask: NDArray[np.bool_] = action_masks(base.batch, self.table)[0]
        mask[self._hold] = True
        return mask
