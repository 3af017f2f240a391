"""The specification of a made environment, true and plain: the id names what runs, it has its length, and JSON takes it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec, registry
from pydantic import BaseModel

from thecal.core.errors import ConfigError
from thecal.envs.scenario import Resolved, Scenario
from thecal.envs.tasks import TaskSpec

_UNTOLD = ("clinician_token",)  # arguments that nothing which is kept or shown may hold


def true_spec(spec: EnvSpec | None, task: TaskSpec, n_steps: int) -> EnvSpec | None:
    """A specification as an environment of ``task`` keeps it.

    Args:
        spec: what ``gymnasium.make`` and ``make_vec`` say.
        task: what runs.
        n_steps: steps after which episodes end; a wrapper's shorter limit stands in the wrapper's own specification.

    Raises:
        ConfigError: the id stands for something else than what runs.
    """
    if spec is None:
        return None
    found = copy.copy(spec)
    found.kwargs = plain_options({name: value for name, value in spec.kwargs.items() if name not in _UNTOLD})
    found.max_episode_steps = n_steps
    _check_id(found, task)
    return found


def spec_of(scene: Resolved) -> EnvSpec:
    """The specification of a single environment of a scenario."""
    task = scene.task
    return EnvSpec(
        task.id,
        entry_point="thecal.envs.adapters.single:ThecalEnv",
        max_episode_steps=task.n_steps,
        disable_env_checker=True,
        kwargs=plain_options({"task": scene}),
    )


def plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of an environment in numbers, texts, lists and dictionaries, as far as they can be written so."""
    given = dict(options)
    task = given.get("task")
    scenario = task.scenario if isinstance(task, Resolved) else task
    if isinstance(scenario, Scenario):
        own = {name: getattr(scenario, name) for name in Scenario.model_fields}
        defaults = {name: field.default for name, field in Scenario.model_fields.items()}
        given = {name: value for name, value in own.items() if value != defaults[name]} | given
        given["task"] = scenario.task
    return {name: _plain(value) for name, value in given.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (list, tuple, range)):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return value


def _check_id(spec: EnvSpec, task: TaskSpec) -> None:
    """An id of Thecal's stands for what it was registered with, so that a result that names it says what ran."""
    registered = registry.get(spec.id)
    if registered is None or registered.namespace != "thecal":
        return
    fixed = dict(registered.kwargs)
    name = fixed.pop("task", task.name)
    if (task.name, task.version) != (name, registered.version):
        way = f"gymnasium.make({task.id!r})" if task.id in registry else "ThecalEnv(task=...)"
        raise ConfigError(f"{spec.id} is not the task {task.name} of version {task.version}: its way is {way}")
    for option, value in fixed.items():
        if _plain(spec.kwargs.get(option)) != _plain(value):
            raise ConfigError(f"{spec.id} stands for {option}={value!r}: with another, make {task.id!r}")
