"""PPO under limits on costs, and PPO that imitates a student first: back ends on that of PPO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from thecal.agents.backends.base import Trained
from thecal.agents.backends.checkpoint import Checkpoints
from thecal.agents.backends.hyperparameters import LagrangianSettings, RLSettings, WarmPPOSettings
from thecal.agents.backends.networks import import_torch
from thecal.agents.backends.sb3_backend import SB3Backend
from thecal.core.errors import ConfigError
from thecal.core.extras import importing


@dataclass(frozen=True)
class LagrangianBackend(SB3Backend):
    """PPO whose reward is charged for costs, at prices that rise while a cost is above its limit."""

    name: str = "ppo_lagrangian"
    settings: type[RLSettings] = LagrangianSettings
    base: str = "ppo"

    def train(
        self,
        env: Any,
        settings: RLSettings,
        seed: int,
        frames: int,
        callbacks: Sequence[Any],
        checkpoints: Checkpoints | None = None,
    ) -> Trained:
        """Train on an SB3 ``VecEnv`` whose step infos have ``cost_<channel>``; the curve's reward is what is left of it."""
        import_torch()
        with importing("training", "train"):
            from thecal.agents.backends.lagrangian import DualCallback, PricedVecEnv
        if not isinstance(settings, LagrangianSettings):
            raise ConfigError(f"algorithm {self.name!r} cannot use {type(settings).__name__}")
        priced = PricedVecEnv(env, settings)
        return super().train(priced, settings, seed, frames, [DualCallback(priced), *callbacks], checkpoints)


@dataclass(frozen=True)
class WarmBackend(SB3Backend):
    """PPO that begins as a student of the privileged teacher."""

    name: str = "ppo_warm"
    settings: type[RLSettings] = WarmPPOSettings
    base: str = "ppo"

    def prepare(self, model: Any, env: Any, settings: RLSettings) -> None:
        """Imitate the student."""
        from thecal.agents.backends.warm_start import imitate

        if not isinstance(settings, WarmPPOSettings):
            raise ConfigError(f"algorithm {self.name!r} cannot use {type(settings).__name__}")
        imitate(model, env, settings)
