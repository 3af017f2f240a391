"""The Stable-Baselines3 batch with a table of discrete actions and their masks, as sb3-contrib's MaskablePPO takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices

from thecal.envs.adapters.actions import read_choices
from thecal.envs.adapters.masks import BOLUSES, RATES, Masks, action_table
from thecal.envs.adapters.sb3 import ThecalSB3VecEnv
from thecal.envs.batch import Batch


class DiscreteSB3VecEnv(ThecalSB3VecEnv):
    """:class:`ThecalSB3VecEnv` whose actions are rows of ``table``; every pair of a rate and a bolus is one.

    Args:
        rates, boluses: the values of both action components.
        **shown: ``render_mode`` and ``info_fields`` of the parent.
    """

    def __init__(
        self,
        batch: Batch,
        pool: Sequence[int] | NDArray[np.int64],
        seed: int | None,
        stagger: bool,
        rates: Sequence[float] = RATES,
        boluses: Sequence[float] = BOLUSES,
        **shown: Any,
    ) -> None:
        super().__init__(batch, pool, seed, stagger, **shown)
        self.table, self._hold = action_table(rates, boluses, self.spec_task.action.fields)
        self._masks = Masks(batch, self.table)
        self.action_space = Discrete(len(self.table))

    def action_masks(self) -> NDArray[np.bool_]:
        """``bool[B, A]``: which actions the shield would run unchanged; see :class:`thecal.envs.adapters.masks.Masks`."""
        masks = self._masks()
        masks[:, self._hold] = True
        return masks

    def env_method(self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any) -> list[Any]:
        """As the parent; ``"action_masks"`` gives every environment its own row."""
        if method_name != "action_masks":
            return super().env_method(method_name, *args, indices=indices, **kwargs)
        masks = self.action_masks()
        return [masks[i] for i in self._chosen(indices)]

    def _read(self, actions: Any) -> NDArray[np.float64]:
        chosen = read_choices(actions, self.num_envs, len(self.table))
        missing = np.full(self.table.shape[1], np.nan)
        return np.array([missing if row is None else self.table[row] for row in chosen], np.float64)
