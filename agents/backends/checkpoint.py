"""Checkpoints of a training run: everything it needs to go on with the same result, in whole files and without pickle.

A checkpoint is ``checkpoint.json`` (counters, generators, what the study adds, and the identity of the run) and the one file of
arrays that it names with size and hash. The arrays are written first and the old ones removed last, so that whatever happens in
between, one whole checkpoint is there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thecal.agents.backends.bounds import Count
from thecal.agents.backends.store import read_inside
from thecal.core.errors import ConfigError, StoreError
from thecal.core.files import as_json, write_whole
from thecal.core.signals import held

FOLDER = "checkpoint"
FILE = "checkpoint.json"
FORMAT = 1
_HEAD_BYTES = 1 << 26  # a curve of a million entries
_ARRAY_BYTES = 1 << 37
_SHARE = 0.005  # of the time of a training, at most, that goes into checkpoints nobody asked for
_DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "U64": "<u8", "U8": "|u1", "BOOL": "|b1", "I32": "<i4"}

Arrays = Mapping[str, NDArray[Any]]
Shapes = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]


class Head(BaseModel):
    """The content of ``checkpoint.json``.

    Attributes:
        identity: what has to be the same for the same result: configuration, versions, kernels.
        frames: decisions so far.
        arrays, arrays_sha256, arrays_bytes: name, hash and size of the file beside it.
        state: plain numbers of the back end.
        study: what the study adds, for example the learning curve.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    identity: dict[str, str]
    frames: Count
    arrays: str = Field(pattern=r"^arrays-[0-9]{1,19}\.safetensors$")
    arrays_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    arrays_bytes: int = Field(ge=0, le=_ARRAY_BYTES)
    state: dict[str, Any]
    study: dict[str, Any]


@dataclass
class Checkpoints:
    """Where and when a training run writes its checkpoints, and the one it goes on from.

    Attributes:
        folder: of the run; checkpoints lie in ``checkpoint`` below it.
        identity: of the run, see :class:`Head`.
        every: frames between two; None for as often as half a percent of the time allows.
        study: what the study adds to each.
        warn: told once, in one sentence, when a checkpoint cannot be written; the training goes on.
        head: of the checkpoint to continue from; None to begin anew.
        seconds: spent on writing so far.
    """

    folder: Path
    identity: dict[str, str]
    every: int | None = None
    study: Callable[[], dict[str, Any]] = dict
    warn: Callable[[str], None] = print
    head: Head | None = None
    seconds: float = 0.0
    _frames: int = 0
    _ended: float = field(default_factory=time.perf_counter)
    _cost: float = 0.0
    _failing: bool = False

    @property
    def place(self) -> Path:
        """The folder of the checkpoints."""
        return self.folder / FOLDER

    def begin(self, frames: int) -> None:
        """Count from here: ``frames`` are done already."""
        self._frames, self._ended = frames, time.perf_counter()

    def due(self, frames: int) -> bool:
        """Whether the next one should be written now."""
        if frames <= self._frames:
            return False
        if self.every is not None:
            return frames - self._frames >= self.every
        return time.perf_counter() - self._ended >= max(1.0, self._cost / _SHARE)

    def write(self, frames: int, read: Callable[[], tuple[Arrays, Mapping[str, Any]]]) -> None:
        """Write one of what ``read`` gives; where that is impossible the last one stays, and the training goes on."""
        begin = time.perf_counter()
        try:
            with held():
                arrays, state = read()
                save(self.place, self.identity, frames, arrays, state, self.study())
        except StoreError as error:
            if not self._failing:
                self.warn(f"no checkpoint could be written, the training goes on without ({error})")
            self._failing = True
        else:
            self._failing = False
        self._frames, self._ended = frames, time.perf_counter()
        self._cost = self._ended - begin
        self.seconds += self._cost

    def read(self, shapes: Shapes) -> dict[str, NDArray[Any]]:
        """The arrays of :attr:`head`; see :func:`read_arrays`."""
        if self.head is None:
            raise ConfigError("there is no checkpoint to continue from")
        return read_arrays(self.place, self.head, shapes)


def save(
    place: Path,
    identity: Mapping[str, str],
    frames: int,
    arrays: Arrays,
    state: Mapping[str, Any],
    study: Mapping[str, Any],
) -> None:
    """Write a checkpoint and remove the one before.

    Raises:
        StoreError: it cannot be written; the one before is untouched.
    """
    from safetensors.numpy import save as pack

    blob = pack({name: np.asarray(values, order="C") for name, values in arrays.items()})
    name = f"arrays-{frames}.safetensors"
    head = Head(
        identity=dict(identity),
        frames=frames,
        arrays=name,
        arrays_sha256=hashlib.sha256(blob).hexdigest(),
        arrays_bytes=len(blob),
        state=dict(state),
        study=dict(study),
    )
    write_whole(place / name, blob)
    write_whole(place / FILE, as_json(head, indent=None))
    for old in place.glob("arrays-*.safetensors"):
        if old.name != name:
            old.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove the checkpoints of a run that has come to its end."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def read_head(folder: Path) -> Head | None:
    """What the checkpoint of a run says; None where there is none.

    Raises:
        StoreError: it is damaged, or of another format.
    """
    path = folder / FOLDER / FILE
    if not path.exists():
        return None
    try:
        data = json.loads(read_inside(path, _HEAD_BYTES))
        found = data.get("format") if isinstance(data, dict) else None
        if found != FORMAT:
            raise StoreError(f"{path}: has format {found!r:.20}, this version of Thecal reads format {FORMAT}")
        return Head.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"{path}: {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: not valid JSON ({error})") from error


def read_arrays(place: Path, head: Head, shapes: Shapes) -> dict[str, NDArray[Any]]:
    """The arrays of a checkpoint, whose names, shapes and types must be those that the run itself would write.

    Args:
        place: folder of the checkpoint.
        head: what it says of itself.
        shapes: shape and type by name, each of them expected; nothing is read before all are seen to fit.

    Raises:
        StoreError: the file is missing, damaged, or holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = place / head.arrays
    expected = sum(int(np.prod(shape)) * kind.itemsize for shape, kind in shapes.values())
    if not expected <= head.arrays_bytes <= expected + _HEAD_BYTES:
        raise StoreError(
            f"{path}: {head.arrays_bytes:,} bytes of arrays do not fit this training, which has {expected:,}"
        )
    blob = read_inside(path, head.arrays_bytes)
    if hashlib.sha256(blob).hexdigest() != head.arrays_sha256:
        raise StoreError(f"{path}: its hash differs from the one in {FILE}; it was changed or damaged")
    _check_header(path, blob, shapes)
    try:
        return load(blob)
    except SafetensorError as error:
        raise StoreError(f"{path}: not a safetensors file ({error})") from error


def _check_header(path: Path, blob: bytes, shapes: Shapes) -> None:
    length = int.from_bytes(blob[:8], "little")
    try:
        header = json.loads(blob[8 : 8 + length]) if 8 + length <= len(blob) else None
        found = {
            name: (tuple(entry["shape"]), np.dtype(_DTYPES[entry["dtype"]]))
            for name, entry in (header or {}).items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"{path}: not a safetensors file ({type(error).__name__}: {error})") from error
    for name in sorted(shapes.keys() ^ found.keys()):
        raise StoreError(f"{path}: {name} is {'missing' if name in shapes else 'no part of this training'}")
    for name, expected in shapes.items():
        if found[name] != expected:
            raise StoreError(
                f"{path}: {name} is {found[name][1]} {found[name][0]}, expected {expected[1]} {expected[0]}"
            )
