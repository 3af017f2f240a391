"""Keeps learned policies on disk without pickle: ``policy.json`` and ``weights.safetensors`` in one folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import ValidationError

from thecal.agents.backends.record import FORMAT, PolicyRecord
from thecal.core.complaints import first_reason
from thecal.core.errors import StoreError
from thecal.core.extras import importing
from thecal.core.files import write_whole

RECORD_FILE = "policy.json"
WEIGHTS_FILE = "weights.safetensors"


def save_policy(folder: str | Path, record: PolicyRecord, weights: Mapping[str, NDArray[Any]]) -> Path:
    """Write a policy into ``folder`` (made if missing); an earlier policy there is replaced.

    Raises:
        StoreError: the folder cannot be written.
    """
    with importing("a learned policy", "train"):
        from safetensors.numpy import save
    target = Path(folder)
    blob = save({key: value.copy() for key, value in weights.items()})
    sealed = record.model_copy(update={"weights_sha256": hashlib.sha256(blob).hexdigest()})
    write_whole(target / WEIGHTS_FILE, blob)
    write_whole(target / RECORD_FILE, json.dumps(sealed.model_dump(mode="json"), indent=2, sort_keys=True) + "\n")
    return target


def read_record(folder: str | Path) -> PolicyRecord:
    """The record of a stored policy, without its weights.

    Raises:
        StoreError: there is no valid record in ``folder``.
    """
    path = Path(folder) / RECORD_FILE
    try:
        text = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
    _check_format(path, text)
    try:
        return PolicyRecord.model_validate_json(text)
    except ValidationError as error:
        raise StoreError(f"{path}: {first_reason(error)}") from error


def _check_format(path: Path, text: bytes) -> None:
    """Refuse a record of a later format before its unknown keys are complained about."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise StoreError(f"{path}: not valid JSON ({error})") from error
    found = data.get("format", FORMAT) if isinstance(data, dict) else FORMAT
    if isinstance(found, int) and found > FORMAT:
        raise StoreError(
            f"{path}: has format {found}, this version of Thecal reads format {FORMAT}: load it with the version that wrote it"
        )


def read_folder(folder: str | Path) -> tuple[PolicyRecord, dict[str, NDArray[Any]]]:
    """Record and weights of a stored policy.

    Raises:
        StoreError: the files are missing, damaged or do not belong together.
    """
    with importing("a learned policy", "train"):
        from safetensors import SafetensorError
        from safetensors.numpy import load
    record = read_record(folder)
    path = Path(folder) / WEIGHTS_FILE
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
