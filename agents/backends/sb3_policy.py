"""A policy trained with Stable-baselines3 at work: the actor network alone, deterministic, NumPy in, actions out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.backends.networks import full_layers, import_torch
from thecal.agents.backends.record import PolicyRecord, check_names
from thecal.agents.backends.store import save_policy
from thecal.agents.base import PolicyContext
from thecal.agents.view import Actions
from thecal.core.errors import ConfigError

ON_POLICY = ("ppo", "ppo_lagrangian", "ppo_warm")


def actor_keys(algorithm: str, depth: int) -> list[str]:
    """Names of the actor's layers in a Stable-baselines3 state dict, input first."""
    if algorithm == "td3":
        return [f"actor.mu.{2 * k}" for k in range(depth + 1)]
    on_policy = algorithm in ON_POLICY
    body, head = ("mlp_extractor.policy_net", "action_net") if on_policy else ("actor.latent_pi", "actor.mu")
    return [f"{body}.{2 * k}" for k in range(depth)] + [head]


def build_actor(record: PolicyRecord, weights: Mapping[str, NDArray[Any]]) -> Any:
    """The actor as a ``torch.nn.Sequential`` that ends in actions within [-1, 1].

    Raises:
        StoreError: a layer is missing or has the wrong shape.
        MissingExtraError: Torch is not installed.
    """
    nn = import_torch().nn
    sizes = (len(record.observation_names), *record.net_arch, record.n_actions)
    keys = actor_keys(record.algorithm, len(record.net_arch))
    # PPO's mean action is clipped to the box, that of the others is squashed into it.
    last = nn.Hardtanh() if record.algorithm in ON_POLICY else nn.Tanh()
    return full_layers(keys, sizes, record.activation, last, weights)


class SB3Policy:
    """A learned policy behind the :class:`~thecal.agents.base.Policy` protocol; it keeps no memory between steps.

    Args:
        record: what the policy is.
        weights: Stable-baselines3 state dict as arrays; only the actor's layers act, all are stored.
    """

    def __init__(self, record: PolicyRecord, weights: Mapping[str, NDArray[Any]]) -> None:
        self.record = record
        self.info = record.info
        self._torch = import_torch()
        self._actor = build_actor(record, weights)
        self._weights = {key: np.array(value) for key, value in weights.items()}

    def reset(self, context: PolicyContext) -> None:
        """Check that observation and actions are those of the training; there is nothing to forget.

        Raises:
            ConfigError: they are not.
        """
        check_names(self.info.name, "observation field", self.record.observation_names, context.view.names)
        check_names(self.info.name, "action component", self.record.action_names, context.view.action_names)

    def act(self, observation: NDArray[Any]) -> Actions:
        """Deterministic actions ``[n, n_actions]``."""
        batch = np.ascontiguousarray(observation, np.float32)
        if batch.ndim != 2 or batch.shape[1] != len(self.record.observation_names):
            expected = len(self.record.observation_names)
            raise ConfigError(
                f"policy {self.info.name!r}: observation has shape {batch.shape}, expected [n, {expected}]"
            )
        actions: Actions = self._actor(self._torch.from_numpy(batch)).numpy()
        return actions

    def save(self, folder: str | Path) -> Path:
        """Store the policy without pickle; see :func:`thecal.agents.backends.store.save_policy`."""
        return save_policy(folder, self.record, self._weights)
