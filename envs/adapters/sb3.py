"""The Stable-Baselines3 adapter: its VecEnv interface over the same batch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvStepReturn

from thecal.core.errors import ConfigError
from thecal.envs.adapters.actions import read_actions
from thecal.envs.adapters.arguments import one_reset, one_seed, render_mode_of, seeds_of, some_patients
from thecal.envs.adapters.continued import continue_batch, shapes_of, stored
from thecal.envs.adapters.draws import Draws
from thecal.envs.adapters.held import HoldsBatch
from thecal.envs.adapters.infos import Infos, known
from thecal.envs.adapters.members import Member
from thecal.envs.adapters.specs import spec_of
from thecal.envs.batch import Batch
from thecal.envs.kernel.rewards import COST_NAMES
from thecal.envs.snapshots import Totals

# What a constrained or shield-aware learner needs at every step; each further field costs every environment some 50 ns.
STEP_INFO = ("cost", *(f"cost_{name}" for name in COST_NAMES), "intervened", "violations", "patient")
_STAGGER = 1  # keeps the moments of the start apart from everything else that a seed decides

_KEPT = ("_returns", "_costs", "_whole")  # what an environment adds up over an episode


class ThecalSB3VecEnv(HoldsBatch, VecEnv):
    """``n_envs`` patients as an SB3 ``VecEnv`` (it resets within the step, as SB3 expects).

    Step ``infos`` hold ``info_fields``, and at the end of an episode what SB3 needs (``terminal_observation``,
    ``TimeLimit.truncated``, ``episode`` with return, length and total cost). ``reset_infos`` hold every public field;
    :attr:`batch` gives everything as arrays. Seeds, options and attributes of one environment are as in SB3's
    ``DummyVecEnv`` over single environments: environment ``i`` under seed ``s`` meets what the single one under ``s + i``
    meets, also after later ends.

    Args:
        batch: the patients.
        pool: indices (in the split) that resets draw from.
        seed: of the first reset, where :meth:`seed` names none.
        stagger: begin each environment at a random moment of its first episode.
        render_mode: ``"ansi"`` (``env_method("render")`` gives the lines) or ``None``.
        info_fields: names of what a step reports, see :data:`thecal.envs.adapters.infos.NAMES`.
    """

    def __init__(
        self,
        batch: Batch,
        pool: Sequence[int] | NDArray[np.int64],
        seed: int | None,
        stagger: bool,
        *,
        render_mode: str | None = None,
        info_fields: Sequence[str] = STEP_INFO,
    ) -> None:
        self._batch = batch
        self.spec_task = batch.spec
        self.observation_names = batch.lens.names
        self.decode = batch.lens.decode
        self.action_names = self.spec_task.action.fields
        self.render_mode = render_mode_of(render_mode)
        self.draws = Draws(batch, some_patients(pool))
        self._actions: Any = np.zeros((batch.n, self.spec_task.n_actions))
        self._returns = np.zeros(batch.n)
        self._costs = np.zeros(batch.n)
        self.step_costs = np.zeros(batch.n)  # of the last step, also where it was an episode's last
        self._stagger = stagger
        self._whole = np.ones(batch.n, np.bool_)
        self._infos = Infos(batch)
        self._step_infos = Infos(batch, known(info_fields))
        super().__init__(
            batch.n,
            Box(-1.0, 1.0, (len(batch.lens),), np.float32),
            Box(-1.0, 1.0, (self.spec_task.n_actions,), np.float32),
        )
        self._seeds = seeds_of(seed, batch.n)

    @property
    def spec(self) -> EnvSpec:
        """The specification of a single environment of the same scenario."""
        return spec_of(self.batch.scene)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seeds of the coming reset: ``seed + i`` for environment ``i``; random ones for ``None``."""
        return super().seed(None if seed is None else one_seed(seed))

    def set_options(self, options: Any = None) -> None:
        """Options of the coming reset (``patient``, ``seed`` of the days), for all environments or a list with one for each.

        Raises:
            ConfigError: an option is unknown or has a value it cannot have, or there are too few or too many.
        """
        each = list(options) if isinstance(options, (list, tuple)) else [options] * self.num_envs
        if len(each) != self.num_envs:
            raise ConfigError(f"options of {len(each)} environments were given for {self.num_envs}")
        for one in each:
            one_reset(one)
        self._options = [dict(one or {}) for one in each]

    def reset(self) -> NDArray[np.float32]:
        """New episodes everywhere; what :meth:`seed` and :meth:`set_options` said is used once."""
        chosen = [one_reset(one) for one in self._options]
        patients = {i: patient for i, (patient, _) in enumerate(chosen) if patient is not None}
        days = {i: day for i, (_, day) in enumerate(chosen) if day is not None}
        self._restart(np.arange(self.num_envs), self._seeds, patients, days)
        self._reset_seeds()
        self._reset_options()
        if self._stagger:
            self._spread_out()
        self.reset_infos = [self._infos.row(i) for i in range(self.num_envs)]
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
        self.step_costs[:] = out["cost"]
        self._costs += self.step_costs
        terminated = out["terminated"] == 1
        steps = self.batch.world["episode"]["step"]
        dones = terminated | (steps >= self.spec_task.n_steps)
        infos = self._step_infos.rows()
        if dones.any():
            ended = np.flatnonzero(dones)
            for i in ended.tolist():
                infos[i] |= self._last_info(i, bool(terminated[i]), int(steps[i]))
            self._restart(ended)
            for i in ended.tolist():
                self.reset_infos[i] = self._infos.row(i)
        return self.batch.observations.copy(), rewards, dones, infos

    def _last_info(self, i: int, terminated: bool, steps: int) -> dict[str, Any]:
        """What the last step of an episode adds."""
        found: dict[str, Any] = {
            "terminal_observation": self.batch.observations[i].copy(),
            "TimeLimit.truncated": not terminated,
        }
        if self._whole[i]:
            total, cost = self.member_totals(i)
            found["episode"] = {"r": total, "l": steps, "t": 0.0, "cost": cost}
        return found

    def _read(self, actions: Any) -> NDArray[np.float64]:
        """The components of every environment's action."""
        return read_actions(actions, self.num_envs, self.spec_task.n_actions)

    def _rewards(self) -> NDArray[np.float32]:
        """Rewards of the step that was just taken, before any environment restarts."""
        return self.batch.paid.astype(np.float32)

    def close(self) -> None:
        """Nothing to release; a closed environment can still be used."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute of every environment asked for; see :class:`thecal.envs.adapters.members.Member`.

        Raises:
            AttributeError: a single environment has no such attribute.
        """
        return [getattr(Member(self, i), attr_name) for i in self._chosen(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the environments asked for: ``patients``, whom their resets draw from.

        Raises:
            ConfigError: all environments share it.
            AttributeError: a single environment has no such attribute.
        """
        for i in self._chosen(indices):
            Member(self, i).set(attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any) -> list[Any]:
        """Call a method of every environment asked for (``snapshot``, ``restore``, ``interrogate``, ``render``, ...).

        Raises:
            AttributeError: a single environment has no such method.
        """
        return [getattr(Member(self, i), method_name)(*args, **kwargs) for i in self._chosen(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Never: the batch has no per-environment wrappers (episode statistics are built in)."""
        return [False] * len(self._chosen(indices))

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """No picture of any environment: nothing is drawn, and SB3 is told so as it tells itself."""
        warnings.warn(f"the render mode is {self.render_mode}: there are no images, only lines of text", stacklevel=2)
        return [None] * self.num_envs

    def member_spaces(self) -> tuple[Any, Any]:
        """Spaces of one observation and one action."""
        return self.observation_space, self.action_space

    def member_totals(self, i: int) -> tuple[float, float]:
        """Return and cost of the episode of environment ``i`` so far."""
        return float(self._returns[i]), float(self._costs[i])

    def member_restored(self, i: int, totals: Totals) -> None:
        """Environment ``i`` stands where a snapshot was taken; without its totals the episode is not whole."""
        self._whole[i] = totals is not None
        self._returns[i], self._costs[i] = totals or (0.0, 0.0)

    def _chosen(self, indices: VecEnvIndices) -> Sequence[int]:
        return [range(self.num_envs)[i] for i in self._get_indices(indices)]

    def _restart(
        self,
        where: NDArray[np.int64],
        seeds: Sequence[int | None] | None = None,
        patients: Mapping[int, int] | None = None,
        days: Mapping[int, int] | None = None,
    ) -> None:
        self.draws.begin(where, seeds, patients or {}, days or {})
        self._returns[where] = 0.0
        self._costs[where] = 0.0
        self._whole[where] = True

    def _spread_out(self) -> None:
        """Hold each patient for a random part of the horizon, so that a learner sees all its days at once.

        Episodes that began so are not whole; they end without ``episode`` statistics.
        """
        steps, begun = self.spec_task.n_steps, self.batch.par["patient"]["seed"].tolist()
        offset = np.array([np.random.default_rng([_STAGGER, seed]).integers(steps) for seed in begun])
        hold = np.zeros((self.num_envs, self.spec_task.n_actions))
        for k in range(int(offset.max())):
            active = offset > k
            self.batch.keep_rate(active)
            self.batch.advance(hold, active)
            self._restart(np.flatnonzero(active & (self.batch.out["terminated"] == 1)))
        self.batch.observe()  # what is reported is what stands now
        self._whole[:] = offset == 0

    def training_state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Everything that changes while it runs, as arrays and plain data; :meth:`continue_from` goes on from it."""
        arrays, state = stored(self.batch)
        arrays |= {name: value.copy() for name, value in vars(self).items() if name in _KEPT}
        return arrays, {**state, "streams": self.draws.state}

    def training_shapes(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and type of every array of :meth:`training_state`."""
        own = {name: (value.shape, value.dtype) for name, value in vars(self).items() if name in _KEPT}
        return {**shapes_of(self.batch), **own}

    def continue_from(self, arrays: dict[str, NDArray[Any]], state: dict[str, Any]) -> None:
        """Go on from :meth:`training_state`, to the bit.

        Raises:
            ConfigError, ValueError, KeyError, TypeError: the state is not one of this environment.
        """
        for i, patient in enumerate(arrays["patients"].tolist()):
            if patient not in self.draws.pool(i):
                raise ValueError(f"patient {patient} is not of the pool")
        continue_batch(self.batch, arrays, state)
        for name in _KEPT:
            getattr(self, name)[:] = arrays[name]
        self.draws.continue_from(state["streams"])
