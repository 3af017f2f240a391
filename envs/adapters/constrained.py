"""A constrained Markov decision process in the manner of OmniSafe: six tensors a step, over one patient or a native batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.extras import importing
from thecal.envs.adapters.forms import CostThecalEnv
from thecal.envs.variants import entries

if TYPE_CHECKING:
    import torch

    Step = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, dict[str, Any]]


class ConstrainedEnv:
    """What OmniSafe asks of an environment, without importing it; :func:`register_omnisafe` makes it known there.

    A batch (``num_envs`` above 1) begins new episodes within the step and gives ``info["final_observation"]``; one patient
    leaves that to the learner's wrapper, as ``need_auto_reset_wrapper`` says. Spaces are those of one environment.

    Args:
        env_id: a Gymnasium id of Thecal with continuous actions.
        num_envs: patients at once.
        device: where the tensors lie.
        costs, cost_limit: see :class:`thecal.envs.adapters.accounts.Costs`.
        **options: fields of the scenario that differ.

    Raises:
        UnknownNameError: no such id.
    """

    _support_envs: ClassVar[list[str]] = [
        entry.id for entry in entries() if entry.variant.name not in ("Discrete", "Cost", "Terms")
    ]
    need_time_limit_wrapper = False
    need_evaluation = False

    def __init__(
        self,
        env_id: str,
        num_envs: int = 1,
        device: Any = "cpu",
        *,
        costs: Iterable[str] | None = None,
        cost_limit: float | None = None,
        **options: Any,
    ) -> None:
        if env_id not in self._support_envs:
            raise UnknownNameError("environment", env_id, self._support_envs)
        if num_envs < 1:
            raise ConfigError(f"num_envs is at least 1, not {num_envs}")
        with importing("the constrained environment", "train"):
            import torch
        self._torch, self._device = torch, torch.device(device)
        entry = next(entry for entry in entries() if entry.id == env_id)
        given: dict[str, Any] = {**entry.variant.options, "costs": costs, "cost_limit": cost_limit, **options}
        self.cost_limit, self._num_envs = cost_limit, num_envs
        self._env: Any
        if num_envs == 1:
            self._env = CostThecalEnv(entry.task, **given)
            self._observation_space, self._action_space = self._env.observation_space, self._env.action_space
        else:
            from thecal.envs.adapters.vector_forms import CostThecalVectorEnv

            self._env = CostThecalVectorEnv(entry.task, num_envs, autoreset="same_step", **given)
            self._observation_space = self._env.single_observation_space
            self._action_space = self._env.single_action_space
        self.need_auto_reset_wrapper = num_envs == 1
        self.metadata = self._env.metadata
        self._time_limit: int | None = self._env.spec_task.n_steps
        self.env_spec_log: dict[str, Any] = {}

    @classmethod
    def support_envs(cls) -> list[str]:
        """Ids that can be made."""
        return cls._support_envs

    @property
    def observation_space(self) -> Any:
        """Of one environment."""
        return self._observation_space

    @property
    def action_space(self) -> Any:
        """Of one environment."""
        return self._action_space

    @property
    def num_envs(self) -> int:
        """Patients at once."""
        return self._num_envs

    @property
    def time_limit(self) -> int | None:
        """Steps of an episode."""
        return self._time_limit

    @property
    def max_episode_steps(self) -> int | None:
        """Steps of an episode."""
        return self._time_limit

    def step(self, action: torch.Tensor) -> Step:
        """Observation, reward, cost, terminated, truncated as float32 tensors, and the info; ``[n, ...]`` for a batch."""
        *parts, info = self._env.step(action.detach().cpu().numpy())
        observation, reward, cost, terminated, truncated = (self._tensor(part) for part in parts)
        if "final_obs" in info:
            info["final_observation"] = self._tensor(np.stack(list(info["final_obs"])))
        return observation, reward, cost, terminated, truncated, info

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """New episodes everywhere."""
        observation, info = self._env.reset(seed=seed, options=options)
        return self._tensor(observation), info

    def set_seed(self, seed: int) -> None:
        """Seed the order of patients and days by a reset."""
        self.reset(seed=seed)

    def sample_action(self) -> torch.Tensor:
        """A random action, of every environment."""
        return self._tensor(self._env.action_space.sample())

    def render(self) -> Any:
        """What the environment renders."""
        return self._env.render()

    def spec_log(self, logger: Any) -> None:
        """Nothing beyond what OmniSafe logs itself."""

    def close(self) -> None:
        """Nothing to release."""
        self._env.close()

    def _tensor(self, values: Any) -> torch.Tensor:
        return self._torch.as_tensor(values, dtype=self._torch.float32, device=self._device)


def register_omnisafe() -> type:
    """Make every id of Thecal known to OmniSafe (``omnisafe.Agent("PPOLag", "thecal/CancerMorphine-v0")``); gives the class.

    Raises:
        MissingExtraError: OmniSafe is not installed.
    """
    try:
        from omnisafe.envs.core import CMDP, env_register
    except ImportError as error:
        from thecal.core.errors import MissingExtraError

        raise MissingExtraError(f"the environments of OmniSafe need it: pip install omnisafe ({error})") from error
    return env_register(type("ThecalConstrainedEnv", (ConstrainedEnv, CMDP), {}))  # type: ignore[no-any-return]
