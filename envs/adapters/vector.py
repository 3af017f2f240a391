"""The native vector environment: a batch of patients stepped by one kernel call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.seeds import whole
from thecal.envs.adapters.actions import read_actions
from thecal.envs.adapters.arguments import (
    name_of,
    options_of,
    render_mode_of,
    seeds_of,
    some_patients,
    where_asked,
)
from thecal.envs.adapters.draws import Draws, everybody
from thecal.envs.adapters.held import HoldsBatch
from thecal.envs.adapters.infos import Infos, shown
from thecal.envs.adapters.members import Member
from thecal.envs.adapters.releases import AutoresetMode, VectorEnv
from thecal.envs.adapters.specs import true_spec
from thecal.envs.batch import Batch
from thecal.envs.kernel.records import TICK_OUT
from thecal.envs.snapshots import Totals

_Results = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]
_MODES = {
    "next_step": AutoresetMode.NEXT_STEP,
    "same_step": AutoresetMode.SAME_STEP,
    "disabled": AutoresetMode.DISABLED,
}


class ThecalVectorEnv(HoldsBatch, VectorEnv[NDArray[np.float32], NDArray[np.float32], Any]):
    """``num_envs`` patients in one batch; arguments as :class:`thecal.envs.adapters.single.ThecalEnv`.

    Args:
        seed: of the first reset, where that names none.
        autoreset: ``"next_step"`` (Gymnasium's default), ``"same_step"`` or ``"disabled"``, or a member of Gymnasium's
            ``AutoresetMode``; True and False stand for the first and the last.
        truth: give the hidden truth too, and ``info["out"]``, the full TICK_OUT array of the step.
        max_episode_steps: end episodes after so many steps, at most the task's own number.

    ``reset(seed=s)`` makes environment ``i`` meet the patients and days that a single environment under seed ``s + i``
    meets, now and after every later end; a list gives each its own seed, ``None`` in it lets one go on.
    ``reset(seed=s, options={"patients": indices})`` chooses the patients; all then share the episode seed ``s``, so two
    policies meet the same patients on the same days. ``options={"reset_mask": booleans}`` resets only some.
    """

    metadata = {"render_modes": ["ansi"], "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(
        self,
        task: Any = "CancerMorphine",
        num_envs: int = 1,
        *,
        seed: int | None = None,
        trail: bool = False,
        patients: Sequence[int] | None = None,
        truth: bool = False,
        autoreset: Any = True,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        **options: Any,
    ) -> None:
        self._spec: EnvSpec | None = None
        self.render_mode = render_mode_of(render_mode)
        self.mode = _mode(autoreset)
        self._batch = Batch(task, num_envs, trail=trail, **options)
        self.num_envs = self.batch.n
        self.metadata = {**type(self).metadata, "autoreset_mode": self.mode}
        if self.batch.own_reward is not None:
            self.metadata["reward"] = self.batch.own_reward.words
        self._tells_own = self.batch.own_reward is not None  # the task's reward, where another is paid
        self.spec_task = self.batch.spec
        lens = self.batch.lens
        self.observation_names, self.observation_units = lens.names, lens.units
        self.observation_low, self.observation_high = lens.low, lens.high
        self.decode = lens.decode
        self.action_names = self.spec_task.action.fields
        self.single_observation_space = Box(-1.0, 1.0, (len(lens),), np.float32)
        self.single_action_space = Box(-1.0, 1.0, (len(self.action_names),), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.draws = Draws(self.batch, everybody(self.batch.scene) if patients is None else some_patients(patients))
        self._n_steps = _steps(max_episode_steps, self.spec_task.n_steps)
        self._truth = truth
        self._infos = Infos(self.batch, shown(truth))
        self._done = np.zeros(self.num_envs, np.bool_)
        self._first_seeds = seeds_of(seed, self.num_envs)

    @property
    def spec(self) -> EnvSpec | None:
        """The specification that ``gymnasium.make_vec`` gave, in plain values and with the length of an episode."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = true_spec(spec, self.spec_task, self._n_steps)

    @property  # type: ignore[misc]
    def np_random(self) -> Any:
        """The stream of every environment."""
        return self.get_attr("np_random")

    @property
    def np_random_seed(self) -> Any:
        """The seed of every environment's stream."""
        return self.get_attr("np_random_seed")

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin new episodes everywhere, or where ``options["reset_mask"]`` says so.

        Raises:
            ConfigError: a seed or an option is unknown or has a value it cannot have; nothing has changed then.
        """
        n = self.num_envs
        given = options_of(options, "patients", "reset_mask")
        where = where_asked(given["reset_mask"], n) if "reset_mask" in given else np.arange(n)
        seeds = seeds_of(seed, n)
        seeds = self._first_seeds if all(one is None for one in seeds) else seeds
        patients: dict[int, int] = {}
        days: dict[int, int] = {}
        if "patients" in given:
            chosen = some_patients(given["patients"])
            if chosen.shape != where.shape:
                raise ConfigError(f"{chosen.size} patients were given for {where.size} environments")
            patients = dict(zip(where.tolist(), chosen.tolist(), strict=True))
            if np.ndim(seed) == 0 and seeds[0] is not None:
                days = dict.fromkeys(where.tolist(), seeds[0])
        self.draws.begin(where, seeds, patients, days)
        self._first_seeds = [None] * n
        self._done[where] = False
        return self.batch.observations.copy(), self._info()

    def step(self, actions: Any) -> _Results:
        """Advance every environment by one interval; the shield holds the rate in a row that cannot be used."""
        usable = read_actions(actions, self.num_envs, len(self.action_names))
        waiting = self._done
        if self.mode is AutoresetMode.NEXT_STEP and waiting.any():
            self.batch.advance(usable, ~waiting)
            self.draws.begin(np.flatnonzero(waiting))
        else:
            self.batch.advance(usable)
        out = self.batch.out
        terminated = out["terminated"] == 1
        truncated = (self.batch.world["episode"]["step"] >= self._n_steps) & ~terminated
        reward = self._reward()
        self._done = terminated | truncated
        if self.mode is AutoresetMode.SAME_STEP and self._done.any():
            return self._restarted(reward, terminated, truncated)
        return self.batch.observations.copy(), reward, terminated, truncated, self._info()

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Call a method of every environment, or read an attribute of it; see :class:`thecal.envs.adapters.members.Member`.

        Raises:
            AttributeError: a single environment has no such attribute.
        """
        found = (getattr(Member(self, i), name) for i in range(self.num_envs))
        return tuple(one(*args, **kwargs) if callable(one) else one for one in found)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """An attribute of every environment.

        Raises:
            AttributeError: a single environment has no such attribute.
        """
        return tuple(getattr(Member(self, i), name) for i in range(self.num_envs))

    def set_attr(self, name: str, values: Any) -> None:
        """Set an attribute of every environment: a list or tuple has one value for each, anything else is for all.

        Raises:
            ConfigError: the environments share it, or there are too few or too many values.
            AttributeError: there is no such attribute.
        """
        each = values if isinstance(values, (list, tuple)) else [values] * self.num_envs
        if len(each) != self.num_envs:
            raise ConfigError(f"{len(each)} values were given for {self.num_envs} environments")
        for i, value in enumerate(each):
            Member(self, i).set(name, value)

    def render(self) -> Any:
        """One line of text for every environment, ``None`` without a ``render_mode``."""
        return None if self.render_mode is None else self.call("render")

    def member_spaces(self) -> tuple[Any, Any]:
        """Spaces of one observation and one action."""
        return self.single_observation_space, self.single_action_space

    def member_totals(self, i: int) -> None:
        """Nothing is added up here."""

    def member_restored(self, i: int, totals: Totals) -> None:
        """Environment ``i`` stands in the middle of an episode again."""
        self._done[i] = False

    def _restarted(
        self, reward: NDArray[np.float64], terminated: NDArray[np.bool_], truncated: NDArray[np.bool_]
    ) -> _Results:
        """The results of a step in which some episodes ended and the next ones began."""
        done, last = self._done, self.batch.observations.copy()
        final = self._info()
        self.draws.begin(np.flatnonzero(done))
        self._done = np.zeros(self.num_envs, np.bool_)
        info = self._info()
        info |= {"final_obs": last, "final_info": final, "_final_obs": done, "_final_info": done.copy()}
        return self.batch.observations.copy(), reward, terminated, truncated, info

    def _reward(self) -> NDArray[Any]:
        """What the agents are paid for the step, read before any environment restarts; other forms pay otherwise."""
        return self.batch.paid.copy()

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = self._infos.columns()
        if self._tells_own:
            info["task_reward"] = self.batch.rewards.copy()
        if self._truth:
            info["out"] = self.batch.words.copy().view(TICK_OUT)[:, 0]  # the words are copied faster than records
        return info


def _mode(value: Any) -> AutoresetMode:
    if isinstance(value, AutoresetMode):
        return value
    if isinstance(value, (bool, np.bool_)):
        return AutoresetMode.NEXT_STEP if value else AutoresetMode.DISABLED
    return _MODES[name_of("autoreset", value, _MODES)]


def _steps(most: Any, own: int) -> int:
    return own if most is None else whole(most, "max_episode_steps", own + 1, least=1)
