"""A leaderboard as ``leaderboard.json``: one document with a head, read back exactly, and refused where it is anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from thecal.core.complaints import first_reason
from thecal.core.documents import read_tables
from thecal.core.errors import ConfigError, StoreError
from thecal.core.files import as_json, plain, write_whole
from thecal.experiments.analysis.leaderboard import Leaderboard
from thecal.experiments.analysis.stored import require_schema, written_by

SCHEMA = 2
KIND, FILE = "leaderboard", "leaderboard.json"
_DERIVED = ("note", "kind", "schema", "thecal")


def to_dict(found: Leaderboard) -> dict[str, Any]:
    """The leaderboard as plain data, its head first; None for a missing number."""
    return {"note": "simulation only", "kind": KIND, **written_by(SCHEMA), **plain(found)}


def save_leaderboard(found: Leaderboard, folder: str | Path) -> Path:
    """Write ``leaderboard.json`` into ``folder``.

    Raises:
        StoreError: it cannot be written.
    """
    return write_whole(Path(folder) / FILE, as_json(to_dict(found)))


def load_leaderboard(path: str | Path) -> Leaderboard:
    """Read what :func:`save_leaderboard` wrote, from the file or its folder.

    Raises:
        StoreError: there is no such file, it is damaged, another version wrote it, or it is something else.
    """
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    try:
        values = read_tables(file, kind="JSON")
    except ConfigError as error:
        raise StoreError(str(error)) from error
    if values.get("kind") != KIND:
        raise StoreError(f"{file}: not a leaderboard (make one with `thecal benchmark --report --out FOLDER`)")
    require_schema(values, SCHEMA, file)
    try:
        return Leaderboard.model_validate({key: value for key, value in values.items() if key not in _DERIVED})
    except ValidationError as error:
        raise StoreError(f"{file}: not a leaderboard ({first_reason(error)})") from error
