"""Snapshots: states of environments bound to what they belong to, sealed, and in one plain form on disk.

A snapshot holds no parameter. Whoever restores one takes limits, pump and patients from its own scenario, so nothing that was
stored can loosen them.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError, StoreError
from thecal.core.files import reason, write_whole
from thecal.core.seeds import COHORT_SEED_LIMIT, PATIENT_LIMIT, whole
from thecal.envs.kernel.records import WORLD

MAGIC = b"THECALS1"
_LENGTH = struct.Struct(">I")
_SEAL_BYTES = 32
Totals = tuple[float, float] | None


class SnapshotError(ConfigError):
    """A snapshot is none, was altered, or belongs to something else; the text says where, which key, and why."""


@dataclass(frozen=True, eq=False, slots=True)
class Snapshot:
    """The states of ``rows`` environments in mid-episode, as bytes that nobody can write to.

    :meth:`thecal.envs.batch.Batch.snapshot` makes one and ``restore`` continues from it. Pickles and copies of it are whole or
    refused; :meth:`save` and :meth:`load` keep it on disk without pickle.

    Attributes:
        identity: what has to be the same where it is restored, by name.
        state: of WORLD records, ``rows`` of them.
        patients, seeds: who they are (indices in the split) and the seeds of their days.
        owners: SHA-256 of each patient's parameters as drawn, hex.
        tips: where each catheter's tip lies, which a migration moves.
        commands: ids that each environment may not take again.
        totals: return and cost of each episode so far, ``None`` where nobody adds them up.
        seal: SHA-256 of all that, hex.
    """

    identity: Mapping[str, str]
    state: bytes
    patients: tuple[int, ...]
    seeds: tuple[int, ...]
    owners: tuple[str, ...]
    tips: tuple[int, ...]
    commands: tuple[tuple[str, ...], ...]
    totals: tuple[Totals, ...]
    seal: str

    @classmethod
    def of(cls, identity: Mapping[str, str], world: NDArray[np.void], **of_rows: Sequence[Any]) -> Snapshot:
        """A sealed snapshot of WORLD records; ``of_rows`` are the attributes that have one entry for each."""
        parts = {name: tuple(values) for name, values in of_rows.items()}
        return _sealed(dict(identity), world.tobytes(), parts)

    @property
    def rows(self) -> int:
        """Number of environments."""
        return len(self.patients)

    @property
    def world(self) -> NDArray[np.void]:
        """The states, WORLD ``[rows]``; they cannot be written to."""
        return np.frombuffer(self.state, WORLD)

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps of each episode so far."""
        return tuple(self.world["episode"]["step"].tolist())

    def to_bytes(self) -> bytes:
        """The plain form: a magic word, the length of a JSON head, that head, the states, and the SHA-256 of all."""
        front = _front(self.identity, _parts(self), len(self.state))
        return front + self.state + hashlib.sha256(front + self.state).digest()

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "snapshot") -> Snapshot:
        """Read :meth:`to_bytes`.

        Raises:
            SnapshotError: it is none, or was altered or cut.
        """
        if not data.startswith(MAGIC) or len(data) < len(MAGIC) + _LENGTH.size + _SEAL_BYTES:
            raise SnapshotError(f"{where}: begin: it is no snapshot")
        body, seal = data[:-_SEAL_BYTES], data[-_SEAL_BYTES:]
        if hashlib.sha256(body).digest() != seal:
            raise SnapshotError(f"{where}: checksum: it does not fit what it holds; the snapshot was altered or cut")
        begin = len(MAGIC) + _LENGTH.size
        end = begin + _LENGTH.unpack(data[len(MAGIC) : begin])[0]
        try:
            head = json.loads(body[begin:end])
            parts = {name: tuple(read(one) for one in head[name]) for name, read in _READ.items()}
            identity = {str(key): str(value) for key, value in head["identity"].items()}
            assert set(head) == {"identity", "bytes", *_READ}
        except SnapshotError:
            raise
        except Exception as error:  # whatever a head may be, the checksum says nothing of who wrote it
            raise SnapshotError(f"{where}: head: it cannot be read ({type(error).__name__})") from error
        found = _sealed(identity, body[end:], parts)
        if found.seal != seal.hex():
            raise SnapshotError(f"{where}: head: it is not written as a snapshot is")
        return found

    def save(self, path: str | Path) -> Path:
        """Write the plain form in one move.

        Raises:
            StoreError: it cannot be written.
        """
        return write_whole(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> Snapshot:
        """Read what :meth:`save` wrote.

        Raises:
            StoreError: it cannot be read.
            SnapshotError: it is no snapshot, or was altered or cut.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({reason(error)})") from error
        return cls.from_bytes(data, str(path))

    def __reduce__(self) -> tuple[Any, ...]:
        return unpickled, (self.to_bytes(),)

    def __copy__(self) -> Snapshot:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Snapshot:
        return self  # nothing in it changes


def unpickled(data: bytes) -> Snapshot:
    """A snapshot out of a pickle, whole or refused."""
    return Snapshot.from_bytes(data, "pickle")


def require_fit(found: Any, identity: Mapping[str, str], rows: int) -> Snapshot:
    """A snapshot that is whole and belongs to environments of this ``identity``, ``rows`` of them.

    Raises:
        SnapshotError: it is no such snapshot.
    """
    if not isinstance(found, Snapshot):
        raise SnapshotError(f"what is to be restored is no snapshot but a {type(found).__name__}")
    try:
        seal = _sealed(dict(found.identity), found.state, _parts(found)).seal
    except (TypeError, ValueError, AttributeError) as error:
        raise SnapshotError(f"snapshot: head: it is no snapshot any more ({type(error).__name__})") from error
    if seal != found.seal:
        raise SnapshotError("snapshot: checksum: it does not fit what it holds; the snapshot was altered")
    if other := differences(found.identity, identity):
        raise SnapshotError(f"snapshot: it is one of another scenario or version: {other}")
    counts = {len(part) for part in _parts(found).values()}
    if counts != {rows} or len(found.state) != rows * WORLD.itemsize:
        raise SnapshotError(f"snapshot: rows: it is no snapshot of as many environments, {found.rows} and not {rows}")
    for name, limit in (("patients", PATIENT_LIMIT), ("seeds", COHORT_SEED_LIMIT)):
        for value in getattr(found, name):
            whole(value, f"snapshot: {name}", limit)
    return found


def differences(found: Mapping[str, str], identity: Mapping[str, str]) -> str:
    """What two identities differ in, in words; empty when in nothing."""
    other = [key for key in {**identity, **found} if found.get(key) != identity.get(key)]
    return "; ".join(f"{key}: {_short(found.get(key))}, and here {_short(identity.get(key))}" for key in other)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The same memory, through which nobody can write, whatever flags they set."""
    if not array.size:
        shown = array.view()
        shown.flags.writeable = False
        return shown
    own: Any = array.reshape(-1).view(np.uint8)
    memory = memoryview(own).toreadonly()
    return np.frombuffer(memory, array.dtype).reshape(array.shape)


def _parts(snapshot: Snapshot) -> dict[str, tuple[Any, ...]]:
    return {name: getattr(snapshot, name) for name in _READ}


def _front(identity: Mapping[str, str], parts: Mapping[str, Any], size: int) -> bytes:
    head = json.dumps({"identity": dict(identity), "bytes": size, **parts}, sort_keys=True, allow_nan=True).encode()
    return MAGIC + _LENGTH.pack(len(head)) + head


def _sealed(identity: Mapping[str, str], state: bytes, parts: Mapping[str, tuple[Any, ...]]) -> Snapshot:
    seal = hashlib.sha256(_front(identity, parts, len(state)) + state).hexdigest()
    return Snapshot(identity=identity, state=state, seal=seal, **parts)


def _of(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise SnapshotError(f"snapshot: head: {value!r:.40} is no {kind.__name__}")
        return value

    return read


def _ids(value: Any) -> tuple[str, ...]:
    return tuple(_of(str)(one) for one in _of(list)(value))


def _totals(value: Any) -> Totals:
    if value is None:
        return None
    total, cost = _of(list)(value)
    return _of(float)(total), _of(float)(cost)


_READ: dict[str, Callable[[Any], Any]] = {
    "patients": _of(int), "seeds": _of(int), "owners": _of(str), "tips": _of(int), "commands": _ids, "totals": _totals,
}  # fmt: skip


def _short(value: str | None) -> str:
    if value is None:
        return "none"
    return value[:12] if len(value) == 2 * _SEAL_BYTES else value[:40]
