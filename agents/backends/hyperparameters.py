"""Hyperparameters of the learning algorithms: pydantic models over ``data/ppo.toml`` and ``data/sac.toml``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from thecal.agents.backends.bounds import NetArch
from thecal.core.models import Strict

MOST_ROWS = 100_000_000  # of a rollout or a replay buffer: beyond any machine's memory


class RLSettings(Strict):
    """What every algorithm has; each field is commented in the TOML file."""

    n_envs: int = Field(ge=1, le=1_000_000)
    total_steps: int = Field(ge=1, lt=2**53)
    learning_rate: float = Field(gt=0, le=100)
    learning_rate_end: float = Field(ge=0, le=100)
    gamma: float = Field(gt=0, le=1)
    batch_size: int = Field(ge=2, le=MOST_ROWS)
    net_arch: NetArch
    activation: Literal["tanh", "relu"]
    log_std_init: float = Field(ge=-20, le=20)
    torch_threads: int = Field(ge=1, le=1024)
    simulation_threads: int = Field(ge=1, le=1024)

    def learning_rate_at(self, remaining: float) -> float:
        """Learning rate when the share ``remaining`` (1 at the start, 0 at the end) of the training is left."""
        return self.learning_rate_end + (self.learning_rate - self.learning_rate_end) * remaining


class PPOSettings(RLSettings):
    """Proximal policy optimization (Schulman et al. 2017, arXiv 1707.06347)."""

    n_steps: int = Field(ge=1, le=MOST_ROWS)
    n_epochs: int = Field(ge=1, le=100_000)
    gae_lambda: float = Field(ge=0, le=1)
    clip_range: float = Field(gt=0)
    ent_coef: float = Field(ge=0)
    vf_coef: float = Field(ge=0)
    max_grad_norm: float = Field(gt=0)
    target_kl: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _buffer_holds_a_batch(self) -> PPOSettings:
        rollout = self.n_steps * self.n_envs
        if rollout > MOST_ROWS:
            raise ValueError(f"n_steps * n_envs = {rollout:,} is more than {MOST_ROWS:,}")
        if rollout < self.batch_size:
            raise ValueError(f"n_steps * n_envs = {rollout} is less than batch_size {self.batch_size}")
        return self


class SACSettings(RLSettings):
    """Soft actor-critic (Haarnoja et al. 2018, arXiv 1812.05905)."""

    buffer_size: int = Field(ge=1, le=MOST_ROWS)
    learning_starts: int = Field(ge=0, lt=2**53)
    tau: float = Field(gt=0, le=1)
    train_freq: int = Field(ge=1, le=MOST_ROWS)
    gradient_steps: int = Field(ge=1, le=MOST_ROWS)
    ent_coef: float | Literal["auto"] = "auto"
