"""Teacher and student as a back end; Torch is imported only when something is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from thecal.agents.backends.base import Surroundings, Trained
from thecal.agents.backends.checkpoint import Checkpoints
from thecal.agents.backends.hyperparameters import DaggerSettings, RLSettings
from thecal.agents.backends.networks import import_torch
from thecal.agents.backends.record import PolicyRecord
from thecal.agents.backends.student import StudentPolicy
from thecal.core.errors import ConfigError
from thecal.core.extras import importing
from thecal.core.jit import set_threads


@dataclass(frozen=True)
class DaggerBackend:
    """A student on observations alone, of a teacher that knows the patients; see :mod:`thecal.agents.backends.dagger`.

    Attributes:
        name: by which it is chosen.
        settings: model of its hyperparameters.
    """

    name: str = "dagger"
    settings: type[RLSettings] = DaggerSettings

    def train(
        self,
        env: Any,
        settings: RLSettings,
        seed: int,
        frames: int,
        callbacks: Sequence[Any],
        checkpoints: Checkpoints | None = None,
    ) -> Trained:
        """Train on a ``ThecalSB3VecEnv``, whose patients the teacher simulates ahead; ``frames`` counts its decisions too."""
        import_torch()
        with importing("training", "train"):
            from thecal.agents.backends.dagger import Class, teach
        if not isinstance(settings, DaggerSettings):
            raise ConfigError(f"algorithm {self.name!r} cannot use {type(settings).__name__}")
        set_threads(settings.simulation_threads, settings.torch_threads)
        around = Surroundings.of(env)
        lessons = Class(env, settings, seed, frames)
        throughput, interrupted = teach(lessons, callbacks, checkpoints)
        from thecal import __version__

        record = PolicyRecord(
            algorithm=self.name,
            task=around.task,
            task_hash=around.task_hash,
            observation_names=around.observation_names,
            action_names=around.action_names,
            n_actions=len(around.action_names),
            net_arch=settings.net_arch,
            activation=settings.activation,
            settings=settings.model_dump(mode="json"),
            seed=seed,
            frames=lessons.frames,
            interrupted=interrupted,
            trained=around.conditions,
            thecal_version=__version__,
        )
        return Trained(StudentPolicy(record, lessons.pupil.weights), throughput, interrupted, lessons)

    def load(self, record: PolicyRecord, weights: Mapping[str, NDArray[Any]]) -> StudentPolicy:
        """The policy of a stored record and its weights."""
        return StudentPolicy(record, weights)
