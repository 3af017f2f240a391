"""A learned policy at work: the actor network alone, deterministic, a batch of NumPy observations in, actions out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from thecal.agents.base import N_ACTIONS, Actions, Flags, ObservationView
from thecal.core.errors import ConfigError, StoreError

FORMAT = 1


class PolicyRecord(BaseModel):
    """What is known about a learned policy besides its weights; stored as ``policy.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    algorithm: Literal["ppo", "sac"]
    task: str
    task_hash: str
    observation_names: tuple[str, ...]
    n_actions: Literal[2] = 2
    net_arch: tuple[int, ...]
    activation: Literal["tanh", "relu"]
    settings: dict[str, Any]
    seed: int
    frames: int
    interrupted: bool
    thecal_version: str
    weights_sha256: str = ""


def actor_keys(algorithm: str, depth: int) -> list[str]:
    """Names of the actor's layers in a Stable-baselines3 state dict, input first."""
    body, head = ("mlp_extractor.policy_net", "action_net") if algorithm == "ppo" else ("actor.latent_pi", "actor.mu")
    return [f"{body}.{2 * k}" for k in range(depth)] + [head]


def build_actor(record: PolicyRecord, weights: Mapping[str, NDArray[Any]]) -> Any:
    """The actor as a ``torch.nn.Sequential`` that ends in actions within [-1, 1].

    Raises:
        StoreError: a layer is missing or has the wrong shape.
        ConfigError: Torch is not installed.
    """
    torch = import_torch()
    nn = torch.nn
    sizes = (len(record.observation_names), *record.net_arch, N_ACTIONS)
    keys = actor_keys(record.algorithm, len(record.net_arch))
    layers: list[Any] = []
    for key, rows, columns in zip(keys, sizes[1:], sizes[:-1], strict=True):
        layer = nn.Linear(columns, rows)
        for part, shape in (("weight", (rows, columns)), ("bias", (rows,))):
            value = weights.get(f"{key}.{part}")
            if value is None or value.shape != shape:
                found = "missing" if value is None else f"of shape {value.shape}"
                raise StoreError(f"weights: {key}.{part} is {found}, expected shape {shape}")
            getattr(layer, part).data = torch.from_numpy(np.array(value, np.float32))
        layers += [layer, nn.Tanh() if record.activation == "tanh" else nn.ReLU()]
    # PPO's mean action is clipped to the box, SAC's is squashed into it.
    layers[-1] = nn.Hardtanh() if record.algorithm == "ppo" else nn.Tanh()
    return nn.Sequential(*layers).eval().requires_grad_(False)


def import_torch() -> Any:
    """Torch, or a :class:`ConfigError` that says which extra to install."""
    try:
        import torch
    except ImportError as error:
        raise ConfigError(f"learned policies need Torch: install thecal[train] ({error})") from error
    return torch


class SB3Policy:
    """A learned policy behind the :class:`~thecal.agents.base.Policy` protocol; it keeps no memory between steps.

    Args:
        record: what the policy is.
        weights: Stable-baselines3 state dict as arrays; only the actor's layers are read.
        name: shown in tables; the algorithm's name by default.
    """

    def __init__(self, record: PolicyRecord, weights: Mapping[str, NDArray[Any]], name: str | None = None) -> None:
        self.record = record
        self.name = name or record.algorithm
        self._torch = import_torch()
        self._actor = build_actor(record, weights)
        self.n = 0

    def check_names(self, names: tuple[str, ...]) -> None:
        """Raise :class:`ConfigError` unless the observation fields are those of the training, in the same order."""
        expected = self.record.observation_names
        if tuple(names) == expected:
            return
        for k, (own, given) in enumerate(zip(expected, names, strict=False)):
            if own != given:
                raise ConfigError(f"policy {self.name!r}: observation field {k} is {given!r}, trained with {own!r}")
        raise ConfigError(f"policy {self.name!r}: {len(names)} observation fields, trained with {len(expected)}")

    def reset(self, view: ObservationView, n: int) -> None:
        """Check that the observation is the one of the training; there is nothing to forget."""
        self.check_names(view.names)
        self.n = n

    def reset_where(self, done: Flags) -> None:
        """Nothing to forget."""

    def act(self, obs: NDArray[Any], mask: Flags | None = None) -> Actions:
        """Deterministic actions ``[B, 2]``; 0 where ``mask`` is False."""
        batch = np.ascontiguousarray(obs, np.float32)
        if batch.ndim != 2 or batch.shape[1] != len(self.record.observation_names):
            expected = len(self.record.observation_names)
            raise ConfigError(f"policy {self.name!r}: observation has shape {batch.shape}, expected [B, {expected}]")
        actions: Actions = self._actor(self._torch.from_numpy(batch)).numpy()
        if mask is not None:
            actions[~np.asarray(mask, np.bool_)] = 0.0
        return actions
