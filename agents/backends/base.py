"""What a learning back end is: it trains on an environment, and makes a policy of what was stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from thecal.agents.backends.checkpoint import Checkpoints
from thecal.agents.backends.hyperparameters import RLSettings
from thecal.agents.backends.record import PolicyRecord
from thecal.agents.base import Policy, Saves
from thecal.agents.info import Conditions
from thecal.agents.view import ACTION_NAMES
from thecal.core.errors import ConfigError

# Of the time of a training, in words.
PARTS = {
    "env": "environment",
    "policy": "policy in rollouts",
    "update": "update",
    "log": "logging",
    "store": "checkpoints",
}


class LearnedPolicy(Policy, Saves, Protocol):
    """A policy that was trained: it carries the record of its training and can be stored."""

    record: PolicyRecord


@dataclass(frozen=True)
class Throughput:
    """Where the time of a training run went.

    Attributes:
        frames: decisions simulated.
        seconds: wall time of the run.
        env_s: time inside the environment's step.
        update_s: time in gradient updates.
        log_s: time in callbacks and in handing out metrics.
        store_s: time in writing checkpoints.
    """

    frames: int
    seconds: float
    env_s: float
    update_s: float
    log_s: float = 0.0
    store_s: float = 0.0

    @property
    def policy_s(self) -> float:
        """The rest: the policy's forward pass in rollouts, and keeping what came of it."""
        return max(0.0, self.seconds - self.env_s - self.update_s - self.log_s - self.store_s)

    @property
    def frames_per_s(self) -> float:
        """Frames a second of wall time."""
        return self.frames / self.seconds if self.seconds > 0.0 else 0.0

    def share(self, part: str) -> float:
        """Share of the wall time that went into a part: ``env``, ``policy``, ``update``, ``log`` or ``store``."""
        spent: float = getattr(self, f"{part}_s")
        return spent / self.seconds if self.seconds > 0.0 else 0.0

    @property
    def env_share(self) -> float:
        """Share of the wall time spent in the environment."""
        return self.share("env")

    @property
    def update_share(self) -> float:
        """Share of the wall time spent in gradient updates."""
        return self.share("update")

    def as_dict(self) -> dict[str, float]:
        """Frames, frames a second, and seconds in all and in each of :data:`PARTS`."""
        parts = {f"{part}_s": float(getattr(self, f"{part}_s")) for part in PARTS}
        return {"frames": self.frames, "frames_per_s": self.frames_per_s, "seconds": self.seconds, **parts}


@dataclass(frozen=True)
class Trained:
    """The outcome of a training run.

    Attributes:
        policy: the learned policy, ready to act.
        throughput: speed of the run.
        interrupted: True when Ctrl-C ended the run before its last frame.
        model: the back end's own object, for more training or its own tools.
    """

    policy: LearnedPolicy
    throughput: Throughput
    interrupted: bool
    model: Any = None

    @property
    def record(self) -> PolicyRecord:
        """What the policy is; stored with it."""
        return self.policy.record

    def save(self, folder: str | Path) -> Path:
        """Store the policy without pickle; see :func:`thecal.agents.backends.store.save_policy`."""
        return self.policy.save(folder)


class Backend(Protocol):
    """A learning algorithm behind one interface."""

    @property
    def name(self) -> str:
        """By which it is chosen, and its key in records."""

    @property
    def settings(self) -> type[RLSettings]:
        """Model of its hyperparameters; ``data/<name>.toml`` holds the shipped ones."""

    def train(
        self,
        env: Any,
        settings: RLSettings,
        seed: int,
        frames: int,
        callbacks: Sequence[Any],
        checkpoints: Checkpoints | None = None,
    ) -> Trained:
        """Train on ``env`` up to ``frames`` decisions; Ctrl-C ends it early and keeps what was learned.

        A back end that can, writes ``checkpoints`` and goes on from the one they hold, to the same result.

        Raises:
            ConfigError: the settings belong to another algorithm, or packages are missing.
            StoreError: the checkpoint does not fit, or is damaged.
        """

    def load(self, record: PolicyRecord, weights: Mapping[str, NDArray[Any]]) -> LearnedPolicy:
        """The policy of a stored record and its weights.

        Raises:
            StoreError: the weights do not fit the record.
        """


@dataclass(frozen=True)
class Surroundings:
    """What an environment says of itself to training: fields, action components, task and, where known, all conditions."""

    observation_names: tuple[str, ...]
    action_names: tuple[str, ...]
    task: str
    task_hash: str
    conditions: Conditions | None = None

    @classmethod
    def of(cls, env: Any) -> Surroundings:
        """Read off an environment; without ``action_names`` of its own it has the two of a rate and a bolus.

        Raises:
            ConfigError: it does not describe itself.
        """
        try:
            actions = tuple(getattr(env, "action_names", ACTION_NAMES))
            task = env.spec_task
            names = tuple(env.observation_names)
            scene = getattr(getattr(env, "batch", None), "scene", None)
            under = None
            if scene is not None:
                under = Conditions.of(scene.task.model_dump(mode="json"), scene.task.hash, scene.scenario)
            return cls(names, actions, str(task.name), str(task.hash), under)
        except AttributeError as error:
            raise ConfigError(f"the environment does not describe its observation and task ({error})") from error
