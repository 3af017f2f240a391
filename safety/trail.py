"""The audit trail: an append-only file of hash-chained records that survives a kill at any byte.

A file is ``MAGIC`` and then records. A record is a header (payload length, kind, and a check of both that depends on all
records before), the payload, and the SHA-256 of the previous record's hash, the header and the payload. A file that ends
inside a record has a torn tail, which a kill leaves and which costs nothing before it; a whole record whose hash does not fit
was altered. A cut at the end of a record shows as a missing closing record, and against the head hash kept elsewhere.
Anybody can chain anything, so a reading also looks at what the records hold (``trail_content``).
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import StoreError
from thecal.core.files import reason
from thecal.safety.records import TRAIL_ROW
from thecal.safety.trail_content import CLOSE, META, ROWS, Content

MAGIC = b"THECALT1"
_HEAD = struct.Struct(">IB")
_CHECK = 8
_HASH = 32
_START = hashlib.sha256(MAGIC).digest()


class TrailError(StoreError):
    """An audit trail cannot be read, or was altered."""


class Record(NamedTuple):
    """One record as read: its kind and its payload."""

    kind: int
    payload: bytes


@dataclass(frozen=True)
class Inspection:
    """What a reading of a trail found."""

    records: int
    head: str  # hash of the last whole record, hex
    good_bytes: int
    torn_bytes: int  # of a record that was being written when the program was killed
    closed: bool
    altered_at: int | None  # offset of the first altered record
    garbage: tuple[tuple[int, str], ...] = ()  # offset of a record that fits the chain and is none, and what is wrong

    @property
    def sound(self) -> bool:
        """Whether no record was altered, and every one is what it says."""
        return self.altered_at is None and not self.garbage

    @property
    def words(self) -> str:
        """What is not sound about it, in words."""
        altered = [] if self.altered_at is None else [f"altered at byte {self.altered_at}"]
        return "; ".join([*altered, *(f"garbage at byte {at}: {what}" for at, what in self.garbage)])


def _check(previous: bytes, head: bytes) -> bytes:
    return hashlib.sha256(previous + head).digest()[:_CHECK]


def _seal(previous: bytes, head: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(previous + head + _check(previous, head) + payload).digest()


class TrailWriter:
    """Appends records to a trail; every :meth:`rows` is on disk when it returns.

    Args:
        path: a file that does not exist yet.
        meta: what an auditor must know: limits, patients, pump, versions (JSON).
        sync: whether every record is forced to the disk, which a crash of the machine (not only of the program) needs.

    Raises:
        StoreError: the file exists or cannot be written.
    """

    def __init__(self, path: Path, meta: dict[str, Any], *, sync: bool = False) -> None:
        self.path = path
        self._sync = sync
        self._previous = _START
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise StoreError(f"{path}: the audit trail cannot be begun ({reason(error)})") from error
        try:
            self._write(memoryview(MAGIC))
            self._append(META, json.dumps(meta, sort_keys=True, allow_nan=False).encode())
        except StoreError:  # a trail that says nothing would only be in the way of the next try
            os.close(self._file)
            path.unlink(missing_ok=True)
            raise

    @classmethod
    def resume(cls, path: Path, note: dict[str, Any], *, sync: bool = False) -> TrailWriter:
        """Go on with a trail that a kill left open: its torn tail is cut off, and ``note`` says that it was resumed.

        Raises:
            TrailError: the trail was altered or is closed.
        """
        found = inspect(path)
        if not found.sound:
            raise TrailError(f"{path}: {found.words}; it cannot be resumed")
        if found.closed or found.records == 0:
            raise TrailError(f"{path}: {'closed' if found.closed else 'holds no record'}; it cannot be resumed")
        self = cls.__new__(cls)
        self.path, self._sync, self._previous = path, sync, bytes.fromhex(found.head)
        os.truncate(path, found.good_bytes)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._append(META, json.dumps({"resumed": note, "torn_bytes": found.torn_bytes}, sort_keys=True).encode())
        return self

    def rows(self, rows: NDArray[np.void]) -> None:
        """Append rows of the trail (TRAIL_ROW, any shape); rows with tick -1 are left out."""
        flat = rows.reshape(-1)
        flat = flat[flat["tick"] >= 0]
        if flat.size:
            self._append(ROWS, zlib.compress(np.ascontiguousarray(flat).tobytes(), 1))

    def close(self) -> str:
        """Append the closing record; returns the head hash, which belongs somewhere else as well."""
        self._append(CLOSE, b"")
        os.close(self._file)
        return self._previous.hex()

    @property
    def head(self) -> str:
        """Hash of the last record, hex."""
        return self._previous.hex()

    def _append(self, kind: int, payload: bytes) -> None:
        head = _HEAD.pack(len(payload), kind)
        seal = _seal(self._previous, head, payload)
        self._write(memoryview(head + _check(self._previous, head) + payload + seal))
        self._previous = seal

    def _write(self, whole: memoryview) -> None:
        try:
            while whole:
                whole = whole[os.write(self._file, whole) :]
            if self._sync:
                os.fsync(self._file)
        except OSError as error:
            raise StoreError(f"{self.path}: the audit trail cannot be written ({reason(error)})") from error


class _Scan:
    """Reads records one after another and remembers how the reading ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.data = path.read_bytes()
        except OSError as error:
            raise TrailError(f"{path}: cannot be read ({error})") from error
        self.previous, self.at, self.count = _START, 0, 0
        self.closed = False
        self.altered: int | None = None
        self.content, self.garbage = Content(), list[tuple[int, str]]()
        if not MAGIC.startswith(self.data[: len(MAGIC)]):
            self.altered = 0
        elif len(self.data) >= len(MAGIC):
            self.at = len(MAGIC)

    def __iter__(self) -> Iterator[NDArray[np.void]]:
        """The rows of every record that has some, whatever else is wrong with it."""
        if self.altered is not None or self.at == 0:
            return
        begin = self.at
        while (found := self._next()) is not None:
            rows, wrong = self.content.read(found.kind, found.payload)
            if self.count == 1:
                self._require_version()
            if wrong:
                self.garbage.append((begin, wrong))
            if rows is not None:
                yield rows
            begin = self.at

    def _require_version(self) -> None:
        """Refuse rows of another version, whose numbers would be taken for others."""
        fields = self.content.meta.get("fields")
        if isinstance(fields, list) and fields != row_fields():
            fewer = [name for name in row_fields() if name not in fields]
            lacks = f"its rows lack {fewer[0]}" if fewer else "its rows hold what this one does not know"
            raise TrailError(f"{self.path}: an audit trail of another version: {lacks}")

    def _next(self) -> Record | None:
        front = _HEAD.size + _CHECK
        if self.closed:
            self.altered = self.at if len(self.data) > self.at else None
            return None
        head = self.data[self.at : self.at + _HEAD.size]
        check = self.data[self.at + _HEAD.size : self.at + front]
        if len(head) < _HEAD.size or len(check) < _CHECK:
            if len(head) == _HEAD.size and not _check(self.previous, head).startswith(check):
                self.altered = self.at
            return None
        if check != _check(self.previous, head):
            self.altered = self.at
            return None
        length, kind = _HEAD.unpack(head)
        end = self.at + front + length + _HASH
        if end > len(self.data):
            return None
        payload = self.data[self.at + front : end - _HASH]
        if _seal(self.previous, head, payload) != self.data[end - _HASH : end]:
            self.altered = self.at
            return None
        self.previous, self.at, self.count = self.data[end - _HASH : end], end, self.count + 1
        self.closed = kind == CLOSE
        return Record(kind, payload)

    def inspection(self) -> Inspection:
        torn = 0 if self.altered is not None else len(self.data) - self.at
        head = self.previous.hex()
        return Inspection(self.count, head, self.at, torn, self.closed, self.altered, tuple(self.garbage))


def inspect(path: Path) -> Inspection:
    """Read a trail through and say whether it is whole and holds records only.

    Raises:
        TrailError: the file cannot be read.
    """
    scan = _Scan(path)
    for _ in scan:
        pass
    return scan.inspection()


def read_trail(path: Path) -> tuple[dict[str, Any], NDArray[np.void], Inspection]:
    """(meta, rows, inspection) of every whole record before the first alteration or the torn tail.

    Raises:
        TrailError: the file cannot be read or holds no meta record of this version.
    """
    scan = _Scan(path)
    parts = list(scan)
    meta = scan.content.meta
    if meta.get("fields") != row_fields():
        raise TrailError(f"{path}: no audit trail of this version")
    rows = np.concatenate(parts) if parts else np.zeros(0, TRAIL_ROW)
    return meta, rows, scan.inspection()


def row_fields() -> list[str]:
    """The names of a row's numbers, the input included, in order."""
    names = [name for name in TRAIL_ROW.names or () if TRAIL_ROW[name].names is None]
    return names + [f"{part}.{name}" for part in ("received", "raw") for name in TRAIL_ROW[part].names or ()]
