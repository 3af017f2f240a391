"""The Stable-Baselines3 adapter: its VecEnv interface over the same batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvStepReturn

from thecal.core.seeds import SEED_LIMIT
from thecal.envs.adapters.actions import read_actions
from thecal.envs.adapters.continued import continue_batch
from thecal.envs.batch import Batch

_KEPT = ("_returns", "_costs", "_whole")  # what an environment adds up over an episode


class ThecalSB3VecEnv(VecEnv):
    """``n_envs`` patients as an SB3 ``VecEnv`` (it resets within the step, as SB3 expects).

    ``infos`` hold what SB3 needs at the end of an episode (``terminal_observation``, ``TimeLimit.truncated``, ``episode``
    with return, length and total cost) and are empty otherwise, because building thousands of dictionaries a second costs
    more than the simulation; :attr:`batch` gives everything else as arrays.
    """

    def __init__(self, batch: Batch, pool: NDArray[np.int64], seed: int | None, stagger: bool) -> None:
        self.batch = batch
        self.spec_task = batch.spec
        self.observation_names = batch.lens.names
        self.decode = batch.lens.decode
        self.action_names = self.spec_task.action.fields
        self.render_mode = None
        self._pool = pool
        self._rng = np.random.default_rng(seed)
        self._actions: Any = np.zeros((batch.n, self.spec_task.n_actions))
        self._returns = np.zeros(batch.n)
        self._costs = np.zeros(batch.n)
        self._stagger = stagger
        self._whole = np.ones(batch.n, np.bool_)
        super().__init__(
            batch.n,
            Box(-1.0, 1.0, (len(batch.lens),), np.float32),
            Box(-1.0, 1.0, (self.spec_task.n_actions,), np.float32),
        )
        self.reset_infos = [{} for _ in range(batch.n)]

    def reset(self) -> NDArray[np.float32]:
        """New episodes everywhere; the seed of :meth:`seed` is used once."""
        if self._seeds[0] is not None:
            self._rng = np.random.default_rng([int(value) for value in self._seeds if value is not None])
        self._reset_seeds()
        self._reset_options()
        self._restart(np.arange(self.num_envs))
        if self._stagger:
            self._spread_out()
        return self.batch.observations.copy()

    def step_async(self, actions: NDArray[np.floating[Any]]) -> None:
        """Keep the actions for :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step the batch; the shield holds the rate in a row that cannot be used."""
        self.batch.advance(self._read(self._actions))
        out = self.batch.out
        rewards = self._rewards()
        self._returns += out["reward"]
        self._costs += out["cost"]
        terminated = out["terminated"] == 1
        steps = self.batch.world["episode"]["step"]
        dones = terminated | (steps >= self.spec_task.n_steps)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            ended = np.flatnonzero(dones)
            for i in ended.tolist():
                infos[i] = {
                    "terminal_observation": self.batch.observations[i].copy(),
                    "TimeLimit.truncated": not bool(terminated[i]),
                }
                if self._whole[i]:
                    infos[i]["episode"] = {
                        "r": float(self._returns[i]),
                        "l": int(steps[i]),
                        "t": 0.0,
                        "cost": float(self._costs[i]),
                    }
            self._restart(ended)
        return self.batch.observations.copy(), rewards, dones, infos

    def _read(self, actions: Any) -> NDArray[np.float64]:
        """The components of every environment's action."""
        return read_actions(actions, self.num_envs, self.spec_task.n_actions)

    def _rewards(self) -> NDArray[np.float32]:
        """Rewards of the step that was just taken, before any environment restarts."""
        return self.batch.out["reward"].astype(np.float32)

    def close(self) -> None:
        """Nothing to release."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute of this adapter, once for every index asked for."""
        return [getattr(self, attr_name)] * len(self._chosen(indices))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the adapter (all environments share it)."""
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any) -> list[Any]:
        """Call a method of the adapter once and repeat its answer."""
        answer = getattr(self, method_name)(*args, **kwargs)
        return [answer] * len(self._chosen(indices))

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Never: the batch has no per-environment wrappers (episode statistics are built in)."""
        return [False] * len(self._chosen(indices))

    def _chosen(self, indices: VecEnvIndices) -> Sequence[int]:
        return list(self._get_indices(indices))

    def _restart(self, where: NDArray[np.int64]) -> None:
        patients = self._pool[self._rng.integers(len(self._pool), size=len(where))]
        self.batch.restart(where, patients, self._rng.integers(SEED_LIMIT, size=len(where)).astype(np.uint64))
        self._returns[where] = 0.0
        self._costs[where] = 0.0
        self._whole[where] = True

    def _spread_out(self) -> None:
        """Hold each patient for a random part of the horizon, so that a learner sees all its days at once.

        Episodes that began so are not whole; they end without ``episode`` statistics.
        """
        steps = self.spec_task.n_steps
        offset = self._rng.integers(steps, size=self.num_envs)
        hold = np.zeros((self.num_envs, self.spec_task.n_actions))
        for k in range(int(offset.max())):
            active = offset > k
            self.batch.keep_rate(active)
            self.batch.advance(hold, active)
            self._restart(np.flatnonzero(active & (self.batch.out["terminated"] == 1)))
        self._whole[:] = offset == 0

    def training_state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Everything that changes while it runs, as arrays and plain data; :meth:`continue_from` goes on from it."""
        arrays = {
            "world": self.batch.world.copy().view(np.uint8).reshape(self.num_envs, -1),
            "par": self.batch.par.copy().view(np.uint8).reshape(self.num_envs, -1),
            "patients": self.batch.patients.copy(),
            **{name: value.copy() for name, value in vars(self).items() if name in _KEPT},
        }
        return arrays, {"generator": self._rng.bit_generator.state}

    def continue_from(self, arrays: dict[str, NDArray[Any]], state: dict[str, Any]) -> None:
        """Go on from :meth:`training_state`, to the bit.

        Raises:
            ValueError, KeyError: the state is not one of this environment.
        """
        if not np.isin(arrays["patients"], self._pool).all():
            raise ValueError("a patient is not of the pool")
        world = arrays["world"].reshape(-1).view(self.batch.world.dtype)
        continue_batch(self.batch, arrays["patients"], world, arrays["par"].reshape(-1).view(self.batch.par.dtype))
        for name in _KEPT:
            getattr(self, name)[:] = arrays[name]
        self._rng.bit_generator.state = state["generator"]
