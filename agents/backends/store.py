"""Keeps learned policies on disk without pickle: ``policy.json`` and ``weights.safetensors`` in one folder."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from thecal.agents.backends.record import FORMAT, PolicyRecord
from thecal.core.complaints import first_reason
from thecal.core.errors import StoreError
from thecal.core.extras import importing
from thecal.core.files import write_whole
from thecal.core.signals import held

RECORD_FILE = "policy.json"
WEIGHTS_FILE = "weights.safetensors"
RECORD_BYTES = 1 << 20
SPARE_BYTES = 1 << 20
_COPIES, _FLOAT_BYTES = 16, 4


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
    with held():  # both files or none
        write_whole(target / WEIGHTS_FILE, blob)
        write_whole(target / RECORD_FILE, json.dumps(sealed.model_dump(mode="json"), indent=2, sort_keys=True) + "\n")
    return target


def read_record(folder: str | Path) -> PolicyRecord:
    """The record of a stored policy, without its weights.

    Raises:
        StoreError: there is no valid record in ``folder``.
    """
    path = Path(folder) / RECORD_FILE
    text = read_inside(path, RECORD_BYTES)
    _check_format(path, text)
    try:
        return PolicyRecord.model_validate_json(text)
    except ValidationError as error:
        raise StoreError(f"{path}: {first_reason(error)}") from error


def _check_format(path: Path, text: bytes) -> None:
    """Refuse a record of a later format before its unknown keys are complained about."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: not valid JSON ({error})") from error
    found = data.get("format", FORMAT) if isinstance(data, dict) else FORMAT
    if isinstance(found, int) and found > FORMAT:
        raise StoreError(
            f"{path}: has format {found}, this version of Thecal reads formats 1 to {FORMAT}: load it with the version that "
            "wrote it"
        )


def read_folder(folder: str | Path) -> tuple[PolicyRecord, dict[str, NDArray[Any]]]:
    """Record and weights of a stored policy.

    Raises:
        StoreError: the files are missing, damaged, larger than the record allows, links to elsewhere, or do not belong
            together.
    """
    record = read_record(folder)
    path = Path(folder) / WEIGHTS_FILE
    # Critics, their copies and what else an algorithm keeps are a few times as large as the actor.
    blob = read_inside(path, SPARE_BYTES + _COPIES * _FLOAT_BYTES * record.n_weights)
    if hashlib.sha256(blob).hexdigest() != record.weights_sha256:
        raise StoreError(f"{path}: its hash differs from the one in {RECORD_FILE}; the weights were changed or damaged")
    return record, read_arrays(path, blob)


def read_arrays(path: Path, blob: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, all of them finite.

    Raises:
        MissingExtraError: safetensors is not installed.
        StoreError: it is no such file, or a number in it is not finite.
    """
    with importing("a learned policy", "train"):
        from safetensors import SafetensorError
        from safetensors.numpy import load
    try:
        arrays = load(blob)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise StoreError(f"{path}: not a safetensors file that is read here ({error})") from error
    for name, values in arrays.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise StoreError(f"{path}: {name} holds a number that is not finite")
    return arrays


def read_inside(path: Path, most: int) -> bytes:
    """The content of a file that lies in its folder itself and is no larger than ``most`` bytes.

    Raises:
        StoreError: it is missing, larger, no ordinary file, or a link to elsewhere.
    """
    try:
        if path.resolve().parent != path.parent.resolve():
            raise StoreError(f"{path}: is a link to another place; copy the file itself into the folder")
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{path}: is no ordinary file")
        if found.st_size > most:
            raise StoreError(f"{path}: has {found.st_size:,} bytes, and at most {most:,} can belong there")
        return path.read_bytes()
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise StoreError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
