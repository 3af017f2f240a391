"""Forms of the Gymnasium environment: a table of discrete actions, a six-tuple with the cost, the reward as an array of terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.guarded import is_mapping
from thecal.envs.adapters.accounts import Costs, Terms
from thecal.envs.adapters.actions import read_choice
from thecal.envs.adapters.masks import BOLUSES, RATES, Masks, action_table
from thecal.envs.adapters.single import ThecalEnv


class DiscreteThecalEnv(ThecalEnv):
    """:class:`ThecalEnv` whose actions are the rows of ``table``; every pair of a rate and a bolus is one.

    Args:
        task, **options: as :class:`ThecalEnv`.
        rates, boluses: values of both components, see :func:`thecal.envs.adapters.masks.action_table`.
    """

    def __init__(
        self,
        task: Any = "CancerMorphine",
        *,
        rates: Sequence[float] = RATES,
        boluses: Sequence[float] = BOLUSES,
        **options: Any,
    ) -> None:
        super().__init__(task, **{"shield_mode": "mask"} | options)
        self.table, self._hold = action_table(rates, boluses, self.spec_task.action.fields)
        self._masks = Masks(self.batch, self.table)
        space: Any = Discrete(len(self.table))
        self.action_space = space

    def step(self, action: Any) -> tuple[NDArray[np.float32], Any, bool, bool, dict[str, Any]]:
        """As the parent, with the number of a row; the shield holds the rate for one that is not in the table."""
        if is_mapping(action):
            return super().step(action)
        chosen = read_choice(action, len(self.table))
        return super().step(np.full(self.table.shape[1], np.nan) if chosen is None else self.table[chosen])

    def action_masks(self) -> NDArray[np.bool_]:
        """``bool[A]``: which actions the shield would run unchanged; see :class:`thecal.envs.adapters.masks.Masks`."""
        mask: NDArray[np.bool_] = self._masks()[0]
        mask[self._hold] = True
        return mask


class CostThecalEnv(ThecalEnv):
    """:class:`ThecalEnv` whose step gives the cost beside the reward, in the manner of Safety-Gymnasium.

    Gymnasium's own wrappers take five things from a step, so put them around the plain environment and :class:`WithCost`
    around them.

    Args:
        task, **options: as :class:`ThecalEnv`.
        costs: channels that add up, the task's own where none are named.
        cost_limit: of an episode, for the learner; see :class:`thecal.envs.adapters.accounts.Costs`.
    """

    def __init__(
        self,
        task: Any = "CancerMorphine",
        *,
        costs: Iterable[str] | None = None,
        cost_limit: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(task, **options)
        self.costs = Costs(self.spec_task, costs, cost_limit)
        self.cost_limit = cost_limit

    def step(self, action: Any) -> tuple[NDArray[np.float32], Any, float, bool, bool, dict[str, Any]]:  # type: ignore[override]
        """Observation, reward, cost, terminated, truncated, info."""
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, float(self.costs.of(self.batch.out)[0]), terminated, truncated, info


class WithCost(gym.Wrapper[Any, Any, Any, Any]):
    """A Thecal environment, also a wrapped one, with a step of six things; arguments as :class:`CostThecalEnv`."""

    def __init__(
        self, env: gym.Env[Any, Any], costs: Iterable[str] | None = None, cost_limit: float | None = None
    ) -> None:
        super().__init__(env)
        base = env.unwrapped
        if not isinstance(base, ThecalEnv) or isinstance(base, CostThecalEnv):
            raise ConfigError("costs are taken from a Thecal environment that does not give them yet")
        self.costs = Costs(base.spec_task, costs, cost_limit)
        self.cost_limit = cost_limit

    def step(self, action: Any) -> tuple[Any, Any, float, bool, bool, dict[str, Any]]:  # type: ignore[override]
        """Observation, reward, cost, terminated, truncated, info."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, float(self.costs.of(info)), terminated, truncated, info


class TermsThecalEnv(ThecalEnv):
    """:class:`ThecalEnv` whose reward is the array of the task's terms, in the manner of MO-Gymnasium.

    ``reward_names`` and ``reward_weights`` belong to it: ``reward_weights @ reward`` is the task's own reward, which stays in
    ``info["task_reward"]``; ``reward_space`` bounds it.
    """

    def __init__(self, task: Any = "CancerMorphine", **options: Any) -> None:
        super().__init__(task, **options)
        if self.batch.own_reward is not None:
            raise ConfigError("an array of the task's terms leaves no place for reward_fn")
        self._tells_own = True
        self.terms = Terms(self.spec_task)
        self.reward_names, self.reward_weights = self.terms.names, self.terms.weights
        self.reward_space = self.terms.space
        self.reward_dim = len(self.reward_names)

    def _reward(self) -> NDArray[np.float32]:
        terms: NDArray[np.float32] = self.terms.of(self.batch.out)[0]
        return terms
