"""The audit trail: what was written comes back, a kill at any byte costs only the torn tail, and no alteration goes unseen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.core.errors import StoreError
from thecal.safety.records import TRAIL_ROW
from thecal.safety.trail import TrailError, TrailWriter, inspect, read_trail, row_fields

META = {"fields": row_fields(), "note": "simulated data"}


def _rows(n: int, start: int = 0) -> np.ndarray:
    rows = np.zeros(n, TRAIL_ROW)
    rows["tick"] = start + np.arange(n)
    rows["rate"] = 2_000 + rows["tick"]
    rows["prev_rate"] = rows["rate"] - 1
    rows["valid"] = 1
    rows["received"]["rr"] = 140
    rows["received"]["poss"] = 1
    return rows


def _written(path: Path, *, close: bool = True, blocks: int = 4) -> tuple[bytes, list[int]]:
    """A trail of some blocks; its bytes, and the offsets behind each record."""
    writer = TrailWriter(path, META)
    ends = [path.stat().st_size]
    for k in range(blocks):
        writer.rows(_rows(5, 5 * k))
        ends.append(path.stat().st_size)
    if close:
        writer.close()
        ends.append(path.stat().st_size)
    return path.read_bytes(), ends


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    return _written(tmp_path_factory.mktemp("trail") / "a.trail")


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.trail"
    _written(path)
    meta, rows, found = read_trail(path)
    assert meta == META
    assert np.array_equal(rows, _rows(20))
    assert (found.records, found.torn_bytes, found.closed, found.sound) == (6, 0, True, True)


def test_rows_that_were_not_stepped_are_left_out(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path / "a.trail", META)
    rows = _rows(4)
    rows["tick"][1] = -1
    writer.rows(rows)
    writer.close()
    assert read_trail(tmp_path / "a.trail")[1]["tick"].tolist() == [0, 2, 3]


def test_a_kill_at_any_byte_loses_only_the_record_it_hit(whole: tuple[bytes, list[int]], tmp_path: Path) -> None:
    data, ends = whole
    path = tmp_path / "cut.trail"
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        found = inspect(path)
        kept = [end for end in ends if end <= cut]
        assert found.sound, cut
        assert found.records == len(kept), cut
        assert found.torn_bytes == (cut - (kept[-1] if kept else 8 if cut >= 8 else 0)), cut
        assert not found.closed


@settings(max_examples=400, deadline=None)
@given(place=st.floats(0.0, 1.0, exclude_max=True), bit=st.integers(0, 7))
def test_no_altered_bit_goes_unseen(whole: tuple[bytes, list[int]], place: float, bit: int, tmp_path_factory) -> None:
    data = bytearray(whole[0])
    data[int(place * len(data))] ^= 1 << bit
    path = tmp_path_factory.getbasetemp() / "bit.trail"
    path.write_bytes(data)
    assert not inspect(path).sound


def test_records_cannot_be_swapped_dropped_doubled_or_added(whole: tuple[bytes, list[int]], tmp_path: Path) -> None:
    data, ends = whole
    parts = [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    tampered = {
        "swapped": [parts[0], parts[2], parts[1], *parts[3:]],
        "dropped": [parts[0], *parts[2:]],
        "doubled": [*parts[:2], *parts[1:]],
        "added after the end": [*parts, parts[1]],
    }
    for what, pieces in tampered.items():
        path = tmp_path / f"{what}.trail"
        path.write_bytes(b"".join(pieces))
        assert not inspect(path).sound, what


def test_a_torn_trail_is_resumed_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.trail"
    data, _ = _written(path, close=False)
    path.write_bytes(data[:-7])
    before = inspect(path)
    writer = TrailWriter.resume(path, {"why": "killed"})
    writer.rows(_rows(3, 15))
    writer.close()
    _, rows, after = read_trail(path)
    assert (after.sound, after.closed, after.torn_bytes) == (True, True, 0)
    assert after.records == before.records + 3
    assert rows["tick"].tolist() == list(range(18))


def test_what_cannot_be_resumed_or_begun_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.trail"
    data, _ = _written(path)
    with pytest.raises(TrailError, match="closed"):
        TrailWriter.resume(path, {})
    with pytest.raises(StoreError, match="cannot be begun"):
        TrailWriter(path, META)
    path.write_bytes(data[:60] + b"x" + data[61:])
    with pytest.raises(TrailError, match="altered"):
        TrailWriter.resume(path, {})
    path.write_bytes(b"")
    with pytest.raises(TrailError, match="holds no record"):
        TrailWriter.resume(path, {})
    for content in (b"", b"PK\x03\x04zip", b"THECALT1"):
        path.write_bytes(content)
        with pytest.raises(TrailError, match="no audit trail of this version"):
            read_trail(path)
    with pytest.raises(TrailError, match="cannot be read"):
        inspect(tmp_path / "none.trail")
