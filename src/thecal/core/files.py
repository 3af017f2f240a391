"""Files that are written whole or not at all, and data as JSON that every reader takes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from thecal.core.errors import StoreError


def write_whole(path: str | Path, content: str | bytes) -> Path:
    """Write a file in one move, so that a crash leaves the old one or the new one; its folder is made if missing.

    Raises:
        StoreError: it cannot be written.
    """
    target = Path(path)
    draft = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{target}: cannot be written ({error.strerror or error})") from error
    return target


def plain(value: Any) -> Any:
    """``value`` as data that JSON knows: models, dataclasses and arrays taken apart, None for a number that is not finite."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


def as_json(value: Any, *, indent: int | None = 2) -> str:
    """:func:`plain` data as the text of a JSON document; what is missing is null."""
    return json.dumps(plain(value), indent=indent, allow_nan=False, ensure_ascii=False) + "\n"
