"""The learning back ends by name of their algorithm."""

from __future__ import annotations

from thecal.agents.backends.base import Backend
from thecal.agents.backends.dagger_backend import DaggerBackend
from thecal.agents.backends.hyperparameters import PPOSettings, SACSettings, TD3Settings, TQCSettings
from thecal.agents.backends.sb3_backend import SB3Backend
from thecal.agents.backends.sb3_special import LagrangianBackend, WarmBackend
from thecal.core.errors import UnknownNameError

_BACKENDS: tuple[Backend, ...] = (
    SB3Backend("ppo", PPOSettings),
    SB3Backend("sac", SACSettings),
    SB3Backend("td3", TD3Settings),
    SB3Backend("tqc", TQCSettings),
    LagrangianBackend(),
    DaggerBackend(),
    WarmBackend(),
)


def algorithm_names() -> tuple[str, ...]:
    """Algorithms that can be trained."""
    return tuple(entry.name for entry in _BACKENDS)


def backend(algorithm: str) -> Backend:
    """The back end of ``algorithm``.

    Raises:
        UnknownNameError: no such algorithm.
    """
    for entry in _BACKENDS:
        if entry.name == algorithm:
            return entry
    raise UnknownNameError("algorithm", algorithm, list(algorithm_names()))
