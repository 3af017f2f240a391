"""Hyperparameters of the learning algorithms: pydantic models over ``data/<algorithm>.toml``."""

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
    batch_size: int = Field(ge=2, le=MOST_ROWS)
    net_arch: NetArch
    activation: Literal["tanh", "relu"]
    torch_threads: int = Field(ge=1, le=1024)
    simulation_threads: int = Field(ge=1, le=1024)

    def learning_rate_at(self, remaining: float) -> float:
        """Learning rate when the share ``remaining`` (1 at the start, 0 at the end) of the training is left."""
        return self.learning_rate_end + (self.learning_rate - self.learning_rate_end) * remaining


class SB3Settings(RLSettings):
    """What the algorithms of Stable-baselines3 have beside that."""

    gamma: float = Field(gt=0, le=1)
    log_std_init: float = Field(ge=-20, le=20)


class PPOSettings(SB3Settings):
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


class SACSettings(SB3Settings):
    """Soft actor-critic (Haarnoja et al. 2018, arXiv 1812.05905)."""

    buffer_size: int = Field(ge=1, le=MOST_ROWS)
    learning_starts: int = Field(ge=0, lt=2**53)
    tau: float = Field(gt=0, le=1)
    train_freq: int = Field(ge=1, le=MOST_ROWS)
    gradient_steps: int = Field(ge=1, le=MOST_ROWS)
    ent_coef: float | Literal["auto"] = "auto"


class DaggerSettings(RLSettings):
    """A student of a privileged teacher that values every candidate dose (after Ross & Bagnell 2014, arXiv 1406.5979)."""

    rounds: int = Field(ge=1, le=1000)
    between: int = Field(ge=1, le=100_000)
    explore: float = Field(ge=0, le=1)
    jump: float = Field(ge=0, le=1)
    explore_low: float = Field(gt=0, le=1)
    explore_high: float = Field(ge=1, le=1000)
    lowest: float = Field(gt=0, le=1)
    highest: float = Field(ge=1, le=1000)
    doses: int = Field(ge=2, le=64)
    horizon: float = Field(gt=0, le=100_000)
    after: float = Field(ge=0, le=100_000)
    tie: float = Field(ge=0, le=1000)
    epochs: int = Field(ge=1, le=100_000)
    weight_decay: float = Field(ge=0, le=1)
