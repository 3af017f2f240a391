"""A warm start: before its own training PPO's network imitates a student, and its critic learns what the student earns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO

from thecal.agents.backends.hyperparameters import WarmPPOSettings
from thecal.agents.backends.store import RECORD_FILE, read_folder
from thecal.agents.backends.student import StudentPolicy
from thecal.agents.base import PolicyContext
from thecal.agents.scenes import observation_view
from thecal.core.errors import ConfigError

_POLICY = "policy"  # the folder of the policy within that of its training
_LEARNING_RATE = 1e-3


def read_student(folder: str) -> StudentPolicy:
    """The student in a folder, or in that of its training run.

    Raises:
        ConfigError: there is none, or a policy of another kind.
        StoreError: it is damaged.
    """
    places = [place for place in (Path(folder), Path(folder) / _POLICY) if (place / RECORD_FILE).exists()]
    if not folder or not places:
        raise ConfigError(
            f"settings.student: {folder!r} is no folder of a trained student (thecal train --algorithm dagger)"
        )
    record, weights = read_folder(places[0])
    if record.algorithm != "dagger":
        raise ConfigError(
            f"settings.student: the policy in {folder} was trained by {record.algorithm}, and is no student"
        )
    return StudentPolicy(record, weights)


def imitate(model: PPO, env: Any, settings: WarmPPOSettings) -> tuple[float, float]:
    """Let the network of ``model`` imitate the student of ``settings``; returns the loss of action and of value at the end.

    Args:
        model: fresh.
        env: a ``ThecalSB3VecEnv``, in which the student is seen at work.
        settings: of the training.

    Raises:
        ConfigError: the student is of other observation fields or actions, or the environment holds no patients.
    """
    batch = getattr(env, "batch", None)
    if batch is None:
        raise ConfigError("a warm start needs an environment of thecal.envs.adapters.sb3")
    student = read_student(settings.student)
    view = observation_view(batch.scene)
    student.reset(PolicyContext(view, env.num_envs, np.arange(env.num_envs), model.seed or 0))
    seen, asked, earned = _watched(student, env, settings)
    x, y = torch.from_numpy(seen), torch.from_numpy(asked)
    g = torch.from_numpy((earned - earned.mean()) / (earned.std() + 1e-6))
    scale, shift = float(earned.std() + 1e-6), float(earned.mean())
    optimizer = torch.optim.Adam(model.policy.parameters(), lr=_LEARNING_RATE)
    action, value = float("nan"), float("nan")
    steps = settings.imitation_epochs * -(-len(x) // settings.batch_size)
    for _ in range(steps):
        rows = torch.randint(len(x), (min(settings.batch_size, len(x)),))
        shown: Any = model.policy.get_distribution(x[rows]).distribution
        values = model.policy.predict_values(x[rows])[:, 0]
        near = torch.nn.functional.mse_loss(shown.mean, y[rows])
        worth = torch.nn.functional.mse_loss((values - shift) / scale, g[rows])
        optimizer.zero_grad()
        torch.autograd.backward(near + worth)
        optimizer.step()
        action, value = float(near.detach()), float(worth.detach())
    return action, value


def _watched(
    student: StudentPolicy, env: Any, settings: WarmPPOSettings
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Observations, the student's actions, and what it earned from there on, discounted, one row a decision."""
    steps = max(1, settings.imitated // env.num_envs)
    observation = env.reset()
    seen, asked, rewards, ends = [], [], [], []
    for _ in range(steps):
        actions = student.act(observation)
        seen.append(observation.copy())
        asked.append(actions)
        observation, reward, done, _ = env.step(actions)
        rewards.append(reward.copy())
        ends.append(done.copy())
    # What comes after the last decision is worth what a mean one is, for as long as discounting lasts.
    left = np.full(env.num_envs, np.mean(rewards) / max(1e-3, 1.0 - settings.gamma))
    earned = []
    for reward, done in zip(reversed(rewards), reversed(ends), strict=True):
        left = reward + settings.gamma * np.where(done, 0.0, left)
        earned.append(left)
    return np.concatenate(seen), np.concatenate(asked), np.concatenate(earned[::-1]).astype(np.float32)
