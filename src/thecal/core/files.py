"""Files that are written whole or not at all, and data as JSON that every reader takes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from errno import EDQUOT, EISDIR, ENOSPC
from itertools import count
from pathlib import Path
from threading import get_ident
from typing import Any

from pydantic import BaseModel

from thecal.core.errors import StoreError

_COUNTER = count()


class Draft:
    """A file in the making: written beside its place under a passing name, and moved there when it is whole.

    The draft is forced to the disk before the move. Only then is a full disk or quota found out on file systems that allot
    late, and only then does a loss of power leave the old file or the new one and never an empty one; that costs
    milliseconds, and a command writes few files. The move itself is not forced: when it is lost, the old file stands.

    What is there already and is no file (a device, a pipe) is written to directly, as nothing can be moved onto it; a link
    is followed, so that it stays a link.

    Args:
        path: the file; its folder is made if missing.

    Raises:
        StoreError: the folder cannot be made, or a folder is in the file's place.
    """

    def __init__(self, path: str | Path) -> None:
        self.target = Path(path)
        with writing(self.target):
            place = Path(os.path.realpath(self.target))
            if place.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
            self._direct = self.target.exists() and not self.target.is_file()
            if not self._direct:
                place.parent.mkdir(parents=True, exist_ok=True)
        self._place = place
        # A name of its own, so that the longest file name still has room for a draft and threads do not share one.
        token = f".{os.getpid()}-{get_ident():x}-{next(_COUNTER)}.part"
        #: Where to write.
        self.path = self.target if self._direct else place.with_name(token)

    def keep(self) -> Path:
        """Put the whole file into its place; returns its path as it was given.

        Raises:
            StoreError: that failed; the draft is gone, and what was there before is untouched.
        """
        if self._direct:
            return self.target
        try:
            with writing(self.target):
                with self.path.open("rb+") as file:
                    os.fsync(file.fileno())
                os.replace(self.path, self._place)
        finally:
            self.drop()
        return self.target

    def drop(self) -> None:
        """Remove what was written so far."""
        if not self._direct:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)


@contextmanager
def drafted(path: str | Path) -> Iterator[Path]:
    """Where to write a file bit by bit: it takes its place at the end of the body, and nothing stays if that fails.

    Raises:
        StoreError: it cannot be written.
    """
    draft = Draft(path)
    try:
        with writing(draft.target):
            yield draft.path
        draft.keep()
    finally:
        draft.drop()


def write_whole(path: str | Path, content: str | bytes) -> Path:
    """Write a file in one move, so that a crash leaves the old one or the new one; its folder is made if missing.

    Raises:
        StoreError: it cannot be written.
    """
    with drafted(path) as place:
        place.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return Path(path)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn a failure to write ``path`` into one sentence.

    Raises:
        StoreError: the body raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({reason(error)})") from error


def reason(error: OSError) -> str:
    """Why the system refused, and for a full disk the way out."""
    text = os.strerror(error.errno) if error.errno else str(error.strerror or error)
    return f"{text}; make room, or name another place" if error.errno in (ENOSPC, EDQUOT) else text


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


def as_json(value: Any, *, indent: int | None = 2, ascii_only: bool = False) -> str:
    """:func:`plain` data as the text of a JSON document; what is missing is null, and ``ascii_only`` escapes the rest."""
    return json.dumps(plain(value), indent=indent, allow_nan=False, ensure_ascii=ascii_only) + "\n"
