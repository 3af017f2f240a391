"""Trains a policy with Stable-baselines3 on the native batch, and gives back what was learned, also after Ctrl-C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thecal.agents.backends.actor import PolicyRecord, SB3Policy, import_torch
from thecal.agents.backends.settings import RLSettings, algorithm_names
from thecal.agents.backends.store import save_policy
from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.jit import set_threads

if TYPE_CHECKING:
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import VecEnv


@dataclass(frozen=True)
class Throughput:
    """Where the time of a training run went.

    Attributes:
        frames: decisions simulated.
        seconds: wall time of the run.
        env_s: time inside the environment's step.
        update_s: time in gradient updates; the rest is the policy's forward pass and bookkeeping.
    """

    frames: int
    seconds: float
    env_s: float
    update_s: float

    @property
    def frames_per_s(self) -> float:
        """Frames a second of wall time."""
        return self.frames / self.seconds if self.seconds > 0.0 else 0.0

    @property
    def env_share(self) -> float:
        """Share of the wall time spent in the environment."""
        return self.env_s / self.seconds if self.seconds > 0.0 else 0.0

    @property
    def update_share(self) -> float:
        """Share of the wall time spent in gradient updates."""
        return self.update_s / self.seconds if self.seconds > 0.0 else 0.0


@dataclass(frozen=True)
class TrainedPolicy:
    """The outcome of a training run.

    Attributes:
        policy: the learned policy, ready to act.
        record: what it is; stored with it.
        model: the Stable-baselines3 algorithm, for more training or its own tools.
        throughput: speed of the run.
        interrupted: True when Ctrl-C ended the run before its last frame.
    """

    policy: SB3Policy
    record: PolicyRecord
    model: Any
    throughput: Throughput
    interrupted: bool

    def save(self, folder: str | Path) -> Path:
        """Store the policy without pickle; see :func:`thecal.agents.backends.store.save_policy`."""
        from thecal.agents.backends.sb3 import state_arrays

        return save_policy(folder, self.record, state_arrays(self.model))


def train_sb3(
    algorithm: str,
    env: VecEnv,
    settings: RLSettings,
    seed: int,
    total_steps: int | None = None,
    callbacks: Sequence[BaseCallback] = (),
) -> TrainedPolicy:
    """Train ``algorithm`` on ``env`` for ``total_steps`` frames.

    Args:
        algorithm: ``"ppo"`` or ``"sac"``.
        env: the SB3 environment of :func:`thecal.envs.adapters.sb3.make_sb3`; it must tell its ``observation_names`` and
            ``spec_task``.
        settings: hyperparameters of that algorithm, from :func:`thecal.agents.backends.settings.load_rl_settings`.
        seed: seeds the network, the exploration and ``env``.
        total_steps: frames; ``settings.total_steps`` when not given.
        callbacks: Stable-baselines3 callbacks; they also see the end of an interrupted run.

    Raises:
        UnknownNameError: no such algorithm.
        ConfigError: the settings belong to another algorithm, the environment does not describe itself, or the packages
            of ``thecal[train]`` are missing.
    """
    if algorithm not in algorithm_names():
        raise UnknownNameError("algorithm", algorithm, list(algorithm_names()))
    import_torch()
    try:
        from thecal.agents.backends.sb3 import learn, make_model, state_arrays
    except ImportError as error:
        raise ConfigError(f"training needs Stable-baselines3: install thecal[train] ({error})") from error
    frames = settings.total_steps if total_steps is None else total_steps
    if frames < 1:
        raise ConfigError(f"total_steps must be at least 1, got {frames}")
    set_threads(settings.simulation_threads, settings.torch_threads)
    names, task, task_hash = _describe(env)
    model = make_model(algorithm, env, settings, seed)
    throughput, interrupted = learn(model, frames, callbacks)
    record = PolicyRecord(
        algorithm=algorithm,  # type: ignore[arg-type]
        task=task,
        task_hash=task_hash,
        observation_names=names,
        net_arch=settings.net_arch,
        activation=settings.activation,
        settings=settings.model_dump(mode="json"),
        seed=seed,
        frames=throughput.frames,
        interrupted=interrupted,
        thecal_version=_version(),
    )
    policy = SB3Policy(record, state_arrays(model))
    return TrainedPolicy(policy, record, model, throughput, interrupted)


def _describe(env: Any) -> tuple[tuple[str, ...], str, str]:
    """Observation names, task name and task hash of an environment."""
    try:
        return tuple(env.observation_names), str(env.spec_task.name), str(env.spec_task.hash)
    except AttributeError as error:
        raise ConfigError(f"the environment does not describe its observation and task ({error})") from error


def _version() -> str:
    from thecal import __version__

    return __version__
