"""Trains a policy by the back end of an algorithm, and gives back what was learned, also after Ctrl-C."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thecal.agents.backends.base import Trained
from thecal.agents.backends.checkpoint import Checkpoints
from thecal.agents.backends.hyperparameters import RLSettings
from thecal.agents.backends.registry import backend
from thecal.core.errors import ConfigError


def train_policy(
    algorithm: str,
    env: Any,
    settings: RLSettings,
    seed: int,
    total_steps: int | None = None,
    callbacks: Sequence[Any] = (),
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train ``algorithm`` on ``env`` for ``total_steps`` frames.

    Args:
        algorithm: one of :func:`thecal.agents.backends.registry.algorithm_names`.
        env: the environment that the back end takes; for Stable-baselines3 that of
            :func:`thecal.envs.adapters.sb3.make_sb3`.
        settings: hyperparameters of that algorithm, from :func:`thecal.agents.backends.settings.load_rl_settings`.
        seed: seeds the network, the exploration and ``env``.
        total_steps: frames; ``settings.total_steps`` when not given.
        callbacks: the back end's own callbacks; they also see the end of an interrupted run.
        checkpoints: where to keep the state from which the run can go on, and the one to go on from.

    Raises:
        UnknownNameError: no such algorithm.
        ConfigError: the settings belong to another algorithm, the environment does not describe itself, or the packages
            of ``thecal[train]`` are missing.
        StoreError: the checkpoint does not fit this training, or is damaged.
    """
    chosen = backend(algorithm)
    if type(settings) is not chosen.settings:
        raise ConfigError(f"algorithm {algorithm!r} takes {chosen.settings.__name__}, not {type(settings).__name__}")
    frames = settings.total_steps if total_steps is None else total_steps
    if frames < 1:
        raise ConfigError(f"total_steps must be at least 1, got {frames}")
    return chosen.train(env, settings, seed, frames, callbacks, checkpoints)
