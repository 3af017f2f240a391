"""The native vector environment: a batch of patients stepped by one kernel call."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.seeds import SEED_LIMIT
from thecal.envs.adapters.actions import read_actions
from thecal.envs.adapters.releases import AutoresetMode, VectorEnv
from thecal.envs.adapters.single import POOL
from thecal.envs.batch import Batch
from thecal.envs.kernel.records import PUBLIC_NAMES

_MODES = {
    True: AutoresetMode.NEXT_STEP,
    False: AutoresetMode.DISABLED,
    "next_step": AutoresetMode.NEXT_STEP,
    "same_step": AutoresetMode.SAME_STEP,
    "disabled": AutoresetMode.DISABLED,
}


class ThecalVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.float32], Any]):
    """``num_envs`` patients in one batch; arguments as :class:`thecal.envs.adapters.single.ThecalEnv`.

    Args:
        autoreset: ``"next_step"`` (Gymnasium's default), ``"same_step"`` or ``"disabled"``; True and False stand for the
            first and the last.
        truth: give ``info["out"]``, the full TICK_OUT array of the step (hidden truth included).

    ``reset(seed=s, options={"patients": indices})`` chooses the patients; all then share the episode seed ``s``, so two
    policies meet the same patients on the same days.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(
        self,
        task: Any = "CancerMorphine",
        num_envs: int = 1,
        *,
        seed: int | None = None,
        trail: bool = False,
        patients: list[int] | None = None,
        truth: bool = False,
        autoreset: bool | str = True,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.batch = Batch(task, num_envs, trail=trail, **options)
        if autoreset not in _MODES:
            raise ConfigError(f"autoreset {autoreset!r} is not one of next_step, same_step, disabled")
        self.mode = _MODES[autoreset]
        self.metadata = {**type(self).metadata, "autoreset_mode": self.mode}
        if self.batch.own_reward is not None:
            self.metadata["reward"] = self.batch.own_reward.words
        self.spec_task = self.batch.spec
        lens = self.batch.lens
        self.observation_names, self.observation_units = lens.names, lens.units
        self.observation_low, self.observation_high = lens.low, lens.high
        self.decode = lens.decode
        self.action_names = self.spec_task.action.fields
        self.single_observation_space = Box(-1.0, 1.0, (len(lens),), np.float32)
        self.single_action_space = Box(-1.0, 1.0, (len(self.action_names),), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._pool = np.arange(POOL) if patients is None else np.asarray(patients, np.int64)
        self._truth = truth
        self._done = np.zeros(num_envs, np.bool_)
        self._seed = seed

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin new episodes everywhere, or where ``options["reset_mask"]`` says so."""
        options = dict(options or {})
        mask = options.pop("reset_mask", None)
        chosen = options.pop("patients", None)
        if options:
            raise ConfigError(f"unknown reset option {sorted(options)[0]!r}; known: patients, reset_mask")
        seed, self._seed = (self._seed if seed is None else seed), None
        super().reset(seed=seed)
        where = np.arange(self.num_envs) if mask is None else np.flatnonzero(mask)
        self._restart(where, chosen, seed)
        return self.batch.observations.copy(), self._info()

    def step(
        self, actions: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Advance every environment by one interval; the shield holds the rate in a row that cannot be used."""
        usable = read_actions(actions, self.num_envs, len(self.action_names))
        waiting = self._done.copy()
        if self.mode is AutoresetMode.NEXT_STEP and waiting.any():
            self.batch.advance(usable, ~waiting)
            self._restart(np.flatnonzero(waiting), None, None)
        else:
            self.batch.advance(usable)
        out = self.batch.out
        terminated = out["terminated"] == 1
        truncated = (self.batch.world["episode"]["step"] >= self.spec_task.n_steps) & ~terminated
        reward = self._reward()
        self._done = terminated | truncated
        info = self._info()
        if self.mode is AutoresetMode.SAME_STEP and self._done.any():
            info["final_obs"] = self.batch.observations.copy()
            info["final_info"] = {name: value.copy() for name, value in info.items() if name != "final_obs"}
            info["_final_obs"] = info["_final_info"] = self._done.copy()
            self._restart(np.flatnonzero(self._done), None, None)
            self._done = np.zeros(self.num_envs, np.bool_)
        return self.batch.observations.copy(), reward, terminated, truncated, info

    def _reward(self) -> NDArray[Any]:
        """What the agents are paid for the step, read before any environment restarts; other forms pay otherwise."""
        return self.batch.rewards.copy()

    def _restart(self, where: NDArray[np.int64], chosen: Any, seed: int | None) -> None:
        if chosen is None:
            patients = self._pool[self.np_random.integers(len(self._pool), size=len(where))]
            seeds = self.np_random.integers(SEED_LIMIT, size=len(where)).astype(np.uint64)
        else:
            patients = np.asarray(chosen, np.int64)
            if patients.shape != where.shape:
                raise ConfigError(f"{patients.size} patients were given for {where.size} environments")
            common = int(self.np_random.integers(SEED_LIMIT)) if seed is None else seed
            seeds = np.full(len(where), common, np.uint64)
        self.batch.restart(where, patients, seeds)
        self._done[where] = False

    def _info(self) -> dict[str, Any]:
        if self._truth:
            return {"out": self.batch.out.copy(), "patient": self.batch.patients.copy()}
        info: dict[str, Any] = {name: self.batch.out[name].copy() for name in PUBLIC_NAMES}
        info["patient"] = self.batch.patients.copy()
        return info
