"""Hyperparameters of the learning algorithms: pydantic models over ``data/<algorithm>.toml``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from thecal.agents.backends.bounds import NetArch
from thecal.core.models import Strict
from thecal.envs.kernel.rewards import COST_NAMES

_DAY_H = 24.0
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


class PPOSettings(SB3Settings):
    """Proximal policy optimization (Schulman et al. 2017, arXiv 1707.06347)."""

    log_std_init: float = Field(ge=-20, le=20)
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


class LagrangianSettings(PPOSettings):
    """PPO under limits on costs, by dual variables (Lagrangian, and its PID variant)."""

    limits: dict[str, float] = Field(min_length=1)
    dual_proportional: float = Field(ge=0, le=1e6)
    dual_integral: float = Field(ge=0, le=1e6)
    dual_derivative: float = Field(ge=0, le=1e6)
    highest_price: float = Field(gt=0, le=1e6)

    @field_validator("limits")
    @classmethod
    def _are_of_costs(cls, limits: dict[str, float]) -> dict[str, float]:
        for name, limit in limits.items():
            if name not in COST_NAMES:
                raise ValueError(f"no cost is called {name!r}; there are {', '.join(COST_NAMES)}")
            if not 0.0 <= limit <= _DAY_H:
                raise ValueError(f"{name}: must lie in [0, {_DAY_H:g}] hours (or points) a day, got {limit}")
        return limits


class WarmPPOSettings(PPOSettings):
    """PPO whose network imitates a student first (behavior cloning), and then learns on its own."""

    student: str = Field(max_length=4096)
    imitated: int = Field(ge=1, le=MOST_ROWS)
    imitation_epochs: int = Field(ge=1, le=100_000)


class OffPolicySettings(SB3Settings):
    """What learners from a replay buffer have beside that."""

    buffer_size: int = Field(ge=1, le=MOST_ROWS)
    learning_starts: int = Field(ge=0, lt=2**53)
    tau: float = Field(gt=0, le=1)
    train_freq: int = Field(ge=1, le=MOST_ROWS)
    gradient_steps: int = Field(ge=1, le=MOST_ROWS)


class SACSettings(OffPolicySettings):
    """Soft actor-critic (Haarnoja et al. 2018, arXiv 1812.05905)."""

    log_std_init: float = Field(ge=-20, le=20)
    ent_coef: float | Literal["auto"] = "auto"


class TQCSettings(SACSettings):
    """Truncated quantile critics (Kuznetsov et al. 2020, arXiv 2005.04269)."""

    n_quantiles: int = Field(ge=1, le=1000)
    n_critics: int = Field(ge=1, le=100)
    top_quantiles_to_drop_per_net: int = Field(ge=0, le=999)

    @model_validator(mode="after")
    def _some_quantiles_are_left(self) -> TQCSettings:
        if self.top_quantiles_to_drop_per_net >= self.n_quantiles:
            dropped = self.top_quantiles_to_drop_per_net
            raise ValueError(
                f"top_quantiles_to_drop_per_net = {dropped} leaves none of n_quantiles = {self.n_quantiles}"
            )
        return self


class TD3Settings(OffPolicySettings):
    """Twin delayed deterministic policy gradient (Fujimoto et al. 2018, arXiv 1802.09477)."""

    policy_delay: int = Field(ge=1, le=1000)
    target_policy_noise: float = Field(ge=0, le=10)
    target_noise_clip: float = Field(ge=0, le=10)
    exploration_noise: float = Field(ge=0, le=10)


class DaggerSettings(RLSettings):
    """A student of a privileged teacher that values every candidate dose (after DAgger, Ross et al. 2011, arXiv 1011.0686)."""

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
