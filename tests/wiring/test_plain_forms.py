"""A snapshot has one plain form; what is written otherwise, altered, or another's is refused in words."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.envs.kernel.records import WORLD
from thecal.envs.snapshots import Snapshot, SnapshotError, differences, read_only, require_fit, unpickled


def test_a_pickle_is_read_as_itself() -> None:
    with pytest.raises(SnapshotError, match="pickle: begin: it is no snapshot"):
        unpickled(b"nothing")
    with pytest.raises(SnapshotError, match="^snapshot: begin"):
        Snapshot.from_bytes(b"nothing")


@pytest.fixture
def kept() -> Snapshot:
    world = np.zeros(2, WORLD)
    world["episode"]["step"] = [3, 8]
    return Snapshot.of(
        {"b": "2", "a": "1"}, world, patients=[4, 2**40 - 1], seeds=[5, 2**64 - 1], owners=["x", "y"], tips=[3, 4],
        commands=[("i", "j"), ()], totals=[None, (1.5, 0.25)],
    )  # fmt: skip


def test_the_plain_form_is_what_it_is_said_to_be(kept: Snapshot) -> None:
    head = {
        "bytes": 2 * WORLD.itemsize, "commands": [["i", "j"], []], "identity": {"a": "1", "b": "2"}, "owners": ["x", "y"],
        "patients": [4, 2**40 - 1], "seeds": [5, 2**64 - 1], "tips": [3, 4], "totals": [None, [1.5, 0.25]],
    }  # fmt: skip
    words = json.dumps(head).encode()
    front = b"THECALS1" + struct.pack(">I", len(words)) + words + kept.state
    seal = hashlib.sha256(front).digest()
    assert kept.to_bytes() == front + seal
    assert kept.seal == seal.hex()
    again = Snapshot.from_bytes(front + seal)
    for name in ("identity", "state", "patients", "seeds", "owners", "tips", "commands", "totals", "seal"):
        assert getattr(again, name) == getattr(kept, name), name
    nobody = Snapshot.of({}, kept.world[:0], patients=(), seeds=(), owners=(), tips=(), commands=(), totals=())
    assert Snapshot.from_bytes(nobody.to_bytes()).rows == 0


def test_a_return_that_is_no_number_is_kept(kept: Snapshot) -> None:
    odd = dataclasses.replace(kept, totals=((np.nan, 1.0), (np.inf, 2.0)))
    with pytest.raises(SnapshotError, match="checksum"):
        require_fit(odd, kept.identity, 2)
    again = Snapshot.from_bytes(odd.to_bytes())
    assert repr(again.totals) == "((nan, 1.0), (inf, 2.0))"


def written_as(head: Any, state: bytes, begin: bytes = b"THECALS1") -> bytes:
    words = head if isinstance(head, bytes) else json.dumps(head, sort_keys=True).encode()
    front = begin + struct.pack(">I", len(words)) + words + state
    return front + hashlib.sha256(front).digest()


def test_a_text_that_is_no_snapshot_is_refused(kept: Snapshot) -> None:
    whole = kept.to_bytes()
    # The shortest that could be one has the magic word, a length and a checksum: 8, 4 and 32 bytes.
    for data in (b"", whole[:43], b"THECALS2" + whole[8:], b"THECALS1" + bytes(35)):
        with pytest.raises(SnapshotError) as found:
            Snapshot.from_bytes(data, "here")
        assert str(found.value) == "here: begin: it is no snapshot"
    for data in (
        whole[:-1] + bytes([whole[-1] ^ 1]),
        whole[:20] + b"x" + whole[21:],
        b"THECALS1" + bytes(36),
        whole[:44],
    ):
        with pytest.raises(SnapshotError) as found:
            Snapshot.from_bytes(data, "here")
        assert str(found.value) == "here: checksum: it does not fit what it holds; the snapshot was altered or cut"


def test_a_head_is_read_strictly(kept: Snapshot) -> None:
    data = kept.to_bytes()
    begin = 12 + struct.unpack(">I", data[8:12])[0]
    plain = json.loads(data[12:begin])
    assert written_as(plain, kept.state) == data
    unread = "here: head: it cannot be read ({})"
    unlike = "here: head: it is not written as a snapshot is"
    cases: list[tuple[Any, str]] = [
        ([plain], unread.format("TypeError")),
        (b"{", unread.format("JSONDecodeError")),
        ({**plain, "more": 1}, unread.format("AssertionError")),
        ({name: value for name, value in plain.items() if name != "bytes"}, unread.format("AssertionError")),
        ({**plain, "identity": [1]}, unread.format("AttributeError")),
        ({**plain, "totals": [None, [1.0]]}, unread.format("ValueError")),
        ({**plain, "bytes": 1}, unlike),
        ({**plain, "identity": {"a": 1, "b": "2"}}, unlike),
        (json.dumps(plain, sort_keys=True).encode() + b" ", unlike),
        (json.dumps(dict(reversed(plain.items()))).encode(), unlike),
    ]  # fmt: skip
    for name, value, kind in (
        ("patients", [1, "2"], "'2' is no int"), ("patients", [1, True], "True is no int"), ("seeds", [1.0, 2], "1.0 is no int"),
        ("tips", [None, 2], "None is no int"), ("owners", ["x", 2], "2 is no str"), ("commands", ["i", []], "'i' is no list"),
        ("commands", [[1], []], "1 is no str"), ("totals", [None, "xy"], "'xy' is no list"),
        ("totals", [[1, 2.0], None], "1 is no float"), ("totals", [[1.0, 2], None], "2 is no float"),
    ):  # fmt: skip
        cases.append(({**plain, name: value}, f"snapshot: head: {kind}"))
    for head, words in cases:
        with pytest.raises(SnapshotError) as found:
            Snapshot.from_bytes(written_as(head, kept.state), "here")
        assert str(found.value) == words


def test_only_a_whole_one_of_this_scenario_fits(kept: Snapshot) -> None:
    identity = {"a": "1", "b": "2"}
    assert require_fit(kept, identity, 2) is kept
    assert require_fit(kept, dict(reversed(identity.items())), 2) is kept

    def refused(found: Any, words: str, rows: int = 2, kind: type = SnapshotError) -> None:
        with pytest.raises(kind) as caught:
            require_fit(found, identity, rows)
        assert str(caught.value) == words

    refused(None, "what is to be restored is no snapshot but a NoneType")
    refused(kept.to_bytes(), "what is to be restored is no snapshot but a bytes")
    unreadable = "snapshot: head: it is no snapshot any more ({})"
    refused(dataclasses.replace(kept, identity=None), unreadable.format("TypeError"))  # type: ignore[arg-type]
    refused(dataclasses.replace(kept, identity=3), unreadable.format("TypeError"))  # type: ignore[arg-type]
    refused(dataclasses.replace(kept, identity=["ab", "c"]), unreadable.format("ValueError"))  # type: ignore[arg-type]
    altered = "snapshot: checksum: it does not fit what it holds; the snapshot was altered"
    for name in ("patients", "seeds", "owners", "tips", "commands", "totals"):
        refused(dataclasses.replace(kept, **{name: getattr(kept, name)[::-1]}), altered)
    refused(dataclasses.replace(kept, state=kept.state[1:] + b"x"), altered)
    refused(dataclasses.replace(kept, identity={"a": "1"}), altered)
    refused(dataclasses.replace(kept, seal=kept.seal[::-1]), altered)

    def sealed(world: Any = None, whose: Any = None, **parts: Any) -> Snapshot:
        names = ("patients", "seeds", "owners", "tips", "commands", "totals")
        all_parts = {name: parts.get(name, getattr(kept, name)) for name in names}
        return Snapshot.of(whose or identity, kept.world if world is None else world, **all_parts)

    other = "snapshot: it is one of another scenario or version: b: 3, and here 2; c: 4, and here none"
    refused(sealed(whose={"a": "1", "b": "3", "c": "4"}), other)
    for rows in (1, 3):
        refused(kept, f"snapshot: rows: it is no snapshot of as many environments, 2 and not {rows}", rows)
    refused(sealed(tips=(3,)), "snapshot: rows: it is no snapshot of as many environments, 2 and not 2")
    refused(sealed(world=kept.world[:1]), "snapshot: rows: it is no snapshot of as many environments, 2 and not 2")
    for name, value, bound in (("patients", 2**40, 40), ("seeds", 2**64, 64)):
        for wrong in (value, -1):
            words = f"snapshot: {name} must lie between 0 and 2**{bound} - 1, not {wrong}"
            refused(sealed(**{name: (1, wrong)}), words, kind=ConfigError)
    require_fit(sealed(patients=(0, 2**40 - 1), seeds=(0, 2**64 - 1)), identity, 2)


def test_what_differs_is_named() -> None:
    long = "f" * 64
    assert differences({"a": "1"}, {"a": "1"}) == ""
    assert differences({"a": "1", "c": long}, {"b": "2", "a": "2"}) == (
        "b: none, and here 2; a: 1, and here 2; c: ffffffffffff, and here none"
    )
    assert differences({"a": "x" * 50}, {"a": "y" * 63}) == f"a: {'x' * 40}, and here {'y' * 40}"


def test_what_is_shown_is_the_same_memory() -> None:
    for own in (np.arange(6.0).reshape(2, 3), np.zeros((2, 2), WORLD), np.zeros((3, 0)), np.zeros(0, WORLD)):
        shown = read_only(own)
        assert (shown.shape, shown.dtype) == (own.shape, own.dtype)
        assert not shown.flags.writeable
        assert own.flags.writeable
        if own.size:
            assert np.shares_memory(shown, own)
            own[-1:] = np.ones((), own.dtype)
            assert shown.tobytes() == own.tobytes()
            with pytest.raises(ValueError, match="WRITEABLE"):
                shown.flags.writeable = True
    assert not read_only(np.zeros((3, 0))).flags.owndata
