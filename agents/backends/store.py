"""Keeps learned policies on disk without pickle: ``policy.json`` and ``weights.safetensors`` in one folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import ValidationError

from thecal.agents.backends.actor import PolicyRecord, SB3Policy
from thecal.core.errors import ConfigError, StoreError

RECORD_FILE = "policy.json"
WEIGHTS_FILE = "weights.safetensors"


def save_policy(folder: str | Path, record: PolicyRecord, weights: Mapping[str, NDArray[Any]]) -> Path:
    """Write a policy into ``folder`` (made if missing); an earlier policy there is replaced.

    Raises:
        StoreError: the folder cannot be written.
    """
    from safetensors.numpy import save

    target = Path(folder)
    blob = save({key: value.copy() for key, value in weights.items()})
    sealed = record.model_copy(update={"weights_sha256": hashlib.sha256(blob).hexdigest()})
    text = json.dumps(sealed.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"
    try:
        target.mkdir(parents=True, exist_ok=True)
        _replace(target / WEIGHTS_FILE, blob)
        _replace(target / RECORD_FILE, text.encode())
    except OSError as error:
        raise StoreError(f"{target}: policy cannot be written ({error})") from error
    return target


def _replace(path: Path, content: bytes) -> None:
    """Write in one move, so that a crash leaves the old file or the new one."""
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(content)
    os.replace(draft, path)


def load_policy(
    path: str | Path,
    *,
    observation_names: tuple[str, ...] | None = None,
    trust: bool = False,
    algorithm: str = "ppo",
    name: str | None = None,
) -> SB3Policy:
    """Load a policy from a folder written by :func:`save_policy`, or from a Stable-baselines3 zip that is trusted.

    Args:
        path: the folder, or a ``.zip`` file.
        observation_names: fields of the environment the policy shall meet; checked here and again at reset. A zip does
            not record them, so there they are needed.
        trust: a zip holds pickled objects, which run code when read; it is opened only when this is True.
        algorithm: ``"ppo"`` or ``"sac"``, for a zip.
        name: the policy's name in tables.

    Raises:
        StoreError: the files are missing, damaged or do not belong together.
        ConfigError: the observation fields differ from the training's, or a zip is not trusted.
    """
    source = Path(path)
    if source.suffix == ".zip":
        record, weights = _read_zip(source, observation_names, trust, algorithm)
    else:
        record, weights = _read_folder(source)
    try:
        policy = SB3Policy(record, weights, name)
    except StoreError as error:
        raise StoreError(f"{source}: {error}") from error
    if observation_names is not None:
        policy.check_names(tuple(observation_names))
    return policy


def read_record(folder: str | Path) -> PolicyRecord:
    """The record of a stored policy, without its weights.

    Raises:
        StoreError: there is no valid record in ``folder``.
    """
    path = Path(folder) / RECORD_FILE
    try:
        return PolicyRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"{path}: {key + ': ' if key else ''}{first['msg']}") from error


def _read_folder(folder: Path) -> tuple[PolicyRecord, dict[str, NDArray[Any]]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    record = read_record(folder)
    path = folder / WEIGHTS_FILE
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
    if hashlib.sha256(blob).hexdigest() != record.weights_sha256:
        raise StoreError(f"{path}: its hash differs from the one in {RECORD_FILE}; the weights were changed or damaged")
    try:
        return record, load(blob)
    except SafetensorError as error:
        raise StoreError(f"{path}: not a safetensors file ({error})") from error


def _read_zip(
    path: Path, names: tuple[str, ...] | None, trust: bool, algorithm: str
) -> tuple[PolicyRecord, dict[str, NDArray[Any]]]:
    if not trust:
        raise ConfigError(f"{path}: reading a Stable-baselines3 zip runs code; pass trust=True if you know its origin")
    if names is None:
        raise ConfigError(f"{path}: a zip does not record its observation fields; give observation_names")
    from thecal.agents.backends.sb3 import read_zip

    return read_zip(path, names, algorithm)
