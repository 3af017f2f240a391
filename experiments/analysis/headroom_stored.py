"""A task's headroom as a file: one JSON document with a head, read back exactly, and refused where it is anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from thecal.core.complaints import first_reason
from thecal.core.documents import read_tables
from thecal.core.errors import ConfigError, StoreError
from thecal.core.files import as_json, plain, write_whole
from thecal.experiments.analysis.headroom import Headroom
from thecal.experiments.analysis.stored import require_schema, written_by

SCHEMA = 2
KIND = "headroom"
# What the file says for its readers and the record knows by itself.
_DERIVED = ("note", "kind", "schema", "thecal", "split", "passed", "sentences")


def to_dict(found: Headroom) -> dict[str, Any]:
    """The record as plain data, its head first; None for a missing number."""
    return {
        "note": "simulation only",
        "kind": KIND,
        **written_by(SCHEMA),
        "split": found.scenario.split,
        "passed": found.judgment.passed,
        "sentences": [rule.sentence for rule in found.judgment.rules],
        **plain(found),
    }


def save_headroom(found: Headroom, path: str | Path) -> Path:
    """Write the record.

    Raises:
        StoreError: it cannot be written.
    """
    return write_whole(Path(path), as_json(to_dict(found)))


def load_headroom(path: str | Path) -> Headroom:
    """Read what :func:`save_headroom` wrote.

    Raises:
        StoreError: there is no such file, it is damaged, another version wrote it, or it is something else.
    """
    file = Path(path)
    try:
        values = read_tables(file, kind="JSON")
    except ConfigError as error:
        raise StoreError(str(error)) from error
    if values.get("kind") != KIND:
        raise StoreError(f"{file}: not the headroom of a task (write one with `thecal headroom TASK --out FILE.json`)")
    require_schema(values, SCHEMA, file)
    try:
        return Headroom.model_validate({key: value for key, value in values.items() if key not in _DERIVED})
    except ValidationError as error:
        raise StoreError(f"{file}: not the headroom of a task ({first_reason(error)})") from error
