"""Loads learned policies: from a folder that was stored, or from a Stable-baselines3 zip whose origin is trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from thecal.agents.backends.base import LearnedPolicy
from thecal.agents.backends.record import PolicyRecord, check_names
from thecal.agents.backends.registry import algorithm_names, backend
from thecal.agents.backends.store import RECORD_FILE, read_folder
from thecal.agents.view import ACTION_NAMES
from thecal.core.errors import ConfigError, StoreError

_ZIPS = ("ppo", "sac")  # whose networks are read from a Stable-baselines3 zip


def load_policy(
    path: str | Path,
    *,
    observation_names: tuple[str, ...] | None = None,
    action_names: tuple[str, ...] = ACTION_NAMES,
    trust: bool = False,
    algorithm: str = "ppo",
    name: str | None = None,
) -> LearnedPolicy:
    """Load a policy from a folder written by :func:`save_policy`, or from a Stable-baselines3 zip that is trusted.

    Args:
        path: the folder, or a ``.zip`` file.
        observation_names: fields of the environment the policy shall meet; checked here and again at reset. A zip does
            not record them, so there they are needed.
        action_names: components of its actions, for a zip, which does not record them either.
        trust: a zip holds pickled objects, which run code when read; it is opened only when this is True.
        algorithm: ``"ppo"`` or ``"sac"``, for a zip.
        name: the policy's name in tables; its algorithm's by default.

    Raises:
        UnknownNameError: there is no such ``algorithm``.
        StoreError: the files are missing, damaged or do not belong together, or no back end knows the algorithm.
        ConfigError: the observation fields differ from the training's, or a zip is not trusted.
    """
    source = Path(path)
    if source.suffix == ".zip":
        record, weights = _read_zip(source, observation_names, action_names, trust, algorithm)
    else:
        record, weights = read_folder(source)
    if record.algorithm not in algorithm_names():
        known = ", ".join(algorithm_names())
        raise StoreError(f"{source / RECORD_FILE}: algorithm {record.algorithm!r} is not one of {known}")
    try:
        _check_settings(record)
        policy = backend(record.algorithm).load(record, weights)
    except StoreError as error:
        raise StoreError(f"{source}: {error}") from error
    if name is not None:
        policy.info = policy.info.model_copy(update={"name": name})
    if observation_names is not None:
        check_names(policy.info.name, "observation field", record.observation_names, tuple(observation_names))
    return policy


def _check_settings(record: PolicyRecord) -> None:
    """See that every setting that is known today has its type and lies in its bounds; other versions may have had others."""
    fields = backend(record.algorithm).settings.model_fields
    for key, value in record.settings.items():
        if key not in fields:
            continue
        kind: Any = Annotated[fields[key].annotation, key, *fields[key].metadata]
        try:
            TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            raise StoreError(
                f"{RECORD_FILE}: settings.{key}: {error.errors()[0]['msg']} (got {value!r:.60})"
            ) from error


def _read_zip(
    path: Path, names: tuple[str, ...] | None, action_names: tuple[str, ...], trust: bool, algorithm: str
) -> tuple[PolicyRecord, dict[str, NDArray[Any]]]:
    if not trust:
        raise ConfigError(f"{path}: reading a Stable-baselines3 zip runs code; pass trust=True if you know its origin")
    if names is None:
        raise ConfigError(f"{path}: a zip does not record its observation fields; give observation_names")
    known = backend(algorithm).name
    if known not in _ZIPS:
        raise ConfigError(f"{path}: a zip is read of {' or '.join(_ZIPS)}, not of {known}")
    from thecal.agents.backends.sb3 import read_zip

    return read_zip(path, names, action_names, known)
