"""The forms of the native vector environment: discrete actions, a six-tuple with costs, rewards as arrays of terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.envs.adapters.accounts import Costs, Terms
from thecal.envs.adapters.actions import read_choices
from thecal.envs.adapters.masks import BOLUSES, RATES, Masks, action_table
from thecal.envs.adapters.vector import ThecalVectorEnv


class DiscreteThecalVectorEnv(ThecalVectorEnv):
    """Its actions are the rows of ``table``, as those of :class:`thecal.envs.adapters.forms.DiscreteThecalEnv`."""

    def __init__(
        self,
        task: Any = "CancerMorphine",
        num_envs: int = 1,
        *,
        rates: Sequence[float] = RATES,
        boluses: Sequence[float] = BOLUSES,
        **options: Any,
    ) -> None:
        super().__init__(task, num_envs, **{"shield_mode": "mask"} | options)
        self.table, self._hold = action_table(rates, boluses, self.spec_task.action.fields)
        self._masks = Masks(self.batch, self.table)
        single: Any = Discrete(len(self.table))
        self.single_action_space, self.action_space = single, batch_space(single, num_envs)

    def step(self, actions: Any) -> Any:
        """As the parent, with the numbers of rows ``[n]``; the shield holds the rate for one that is not in the table."""
        chosen = read_choices(actions, self.num_envs, len(self.table))
        missing = np.full(self.table.shape[1], np.nan)
        return super().step(np.array([missing if row is None else self.table[row] for row in chosen], np.float64))

    def action_masks(self) -> NDArray[np.bool_]:
        """``bool[n, A]``: which actions the shield would run unchanged; see :class:`thecal.envs.adapters.masks.Masks`."""
        masks = self._masks()
        masks[:, self._hold] = True
        return masks


class CostThecalVectorEnv(ThecalVectorEnv):
    """Its step gives costs ``[n]`` after the rewards, as that of :class:`thecal.envs.adapters.forms.CostThecalEnv`."""

    def __init__(
        self,
        task: Any = "CancerMorphine",
        num_envs: int = 1,
        *,
        costs: Iterable[str] | None = None,
        cost_limit: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(task, num_envs, **options)
        self.costs = Costs(self.spec_task, costs, cost_limit)
        self.cost_limit = cost_limit
        self._charged: NDArray[np.float64] = np.zeros(num_envs)

    def step(self, actions: Any) -> Any:
        """Observations, rewards, costs, terminated, truncated, info."""
        observations, rewards, terminated, truncated, info = super().step(actions)
        return observations, rewards, self._charged.copy(), terminated, truncated, info

    def _reward(self) -> NDArray[Any]:
        self._charged = np.asarray(self.costs.of(self.batch.out), np.float64)
        return super()._reward()


class TermsThecalVectorEnv(ThecalVectorEnv):
    """Its rewards are ``[n, K]``, as those of :class:`thecal.envs.adapters.forms.TermsThecalEnv`."""

    def __init__(self, task: Any = "CancerMorphine", num_envs: int = 1, **options: Any) -> None:
        super().__init__(task, num_envs, **options)
        if self.batch.own_reward is not None:
            raise ConfigError("an array of the task's terms leaves no place for reward_fn")
        self._tells_own = True
        self.terms = Terms(self.spec_task)
        self.reward_names, self.reward_weights = self.terms.names, self.terms.weights
        self.reward_space = self.terms.space
        self.reward_dim = len(self.reward_names)

    def _reward(self) -> NDArray[Any]:
        return self.terms.of(self.batch.out)
