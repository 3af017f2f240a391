"""Algorithms of Stable-baselines3 and sb3-contrib beside PPO and SAC: TD3 and TQC, made from their settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sb3_contrib import TQC
from stable_baselines3 import TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecEnv

from thecal.agents.backends.hyperparameters import RLSettings, TD3Settings, TQCSettings
from thecal.core.errors import ConfigError

_OFF_POLICY = {"buffer_size", "learning_starts", "tau", "train_freq", "gradient_steps"}
_TD3_FIELDS = _OFF_POLICY | {"policy_delay", "target_policy_noise", "target_noise_clip"}
_TQC_FIELDS = _OFF_POLICY | {"ent_coef", "top_quantiles_to_drop_per_net"}


def make_more(algorithm: str, env: VecEnv, common: Mapping[str, Any], settings: RLSettings) -> BaseAlgorithm:
    """A fresh algorithm.

    Args:
        algorithm: ``"td3"`` or ``"tqc"``.
        env: the environment, timed.
        common: arguments that all algorithms take.
        settings: hyperparameters.

    Raises:
        ConfigError: the settings belong to another algorithm.
    """
    policy = dict(common["policy_kwargs"])
    if algorithm == "td3" and isinstance(settings, TD3Settings):
        size = env.action_space.shape or (1,)
        noise = NormalActionNoise(np.zeros(size), np.full(size, settings.exploration_noise))
        own = settings.model_dump(include=_TD3_FIELDS)
        return TD3("MlpPolicy", env, **{**common, "policy_kwargs": policy}, action_noise=noise, **own)
    if algorithm == "tqc" and isinstance(settings, TQCSettings):
        policy |= {
            "log_std_init": settings.log_std_init,
            "n_quantiles": settings.n_quantiles,
            "n_critics": settings.n_critics,
        }
        own = settings.model_dump(include=_TQC_FIELDS)
        return TQC("MlpPolicy", env, **{**common, "policy_kwargs": policy}, **own)
    raise ConfigError(f"algorithm {algorithm!r} cannot use {type(settings).__name__}")
