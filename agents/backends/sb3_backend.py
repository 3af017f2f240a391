"""PPO and SAC of Stable-baselines3 as back ends; Torch and Stable-baselines3 are imported only when something is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from thecal.agents.backends.base import Surroundings, Trained
from thecal.agents.backends.checkpoint import Checkpoints
from thecal.agents.backends.hyperparameters import RLSettings
from thecal.agents.backends.networks import import_torch
from thecal.agents.backends.record import PolicyRecord
from thecal.agents.backends.sb3_policy import SB3Policy
from thecal.core.extras import importing
from thecal.core.jit import set_threads


@dataclass(frozen=True)
class SB3Backend:
    """One algorithm of Stable-baselines3; see :class:`thecal.agents.backends.base.Backend`.

    Attributes:
        name: by which it is chosen.
        settings: model of its hyperparameters.
        base: the algorithm that does the work, where it is not the one of that name.
    """

    name: str
    settings: type[RLSettings]
    base: str = ""

    def train(
        self,
        env: Any,
        settings: RLSettings,
        seed: int,
        frames: int,
        callbacks: Sequence[Any],
        checkpoints: Checkpoints | None = None,
    ) -> Trained:
        """Train on an SB3 ``VecEnv`` that tells its ``observation_names`` and ``spec_task``."""
        import_torch()
        with importing("training", "train"):
            from thecal.agents.backends.sb3 import learn, make_model, state_arrays
        set_threads(settings.simulation_threads, settings.torch_threads)
        around = Surroundings.of(env)
        model = make_model(self.base or self.name, env, settings, seed)
        if checkpoints is None or checkpoints.head is None:
            self.prepare(model, env, settings)
        throughput, interrupted = learn(model, frames, callbacks, checkpoints)
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
            frames=model.num_timesteps,
            interrupted=interrupted,
            trained=around.conditions,
            thecal_version=_version(),
        )
        return Trained(SB3Policy(record, state_arrays(model)), throughput, interrupted, model)

    def prepare(self, model: Any, env: Any, settings: RLSettings) -> None:
        """What a fresh model goes through before it learns; nothing, for most."""

    def load(self, record: PolicyRecord, weights: Mapping[str, NDArray[Any]]) -> SB3Policy:
        """The policy of a stored record and its weights."""
        return SB3Policy(record, weights)


def _version() -> str:
    from thecal import __version__

    return __version__
