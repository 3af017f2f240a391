"""Garbage that fits the chain: whoever can chain records can chain anything, and every reading says where it lies."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.safety.oracle import audit
from thecal.safety.records import TRAIL_ROW
from thecal.safety.trail import TrailError, TrailWriter, inspect, read_trail, row_fields

META, ROWS, CLOSE = 0, 1, 2
HEAD = {"fields": row_fields(), "mode": "project", "patients": {"3": {}, "4": {}}}


def _rows(n: int = 3, tick: int = 0, patient: int = 3) -> np.ndarray:
    rows = np.zeros(n, TRAIL_ROW)
    rows["patient"], rows["tick"], rows["valid"] = patient, tick + np.arange(n), 1
    rows["rate"] = rows["prev_rate"] = 2_000
    rows["received"]["poss"] = 1
    return rows


def _with(**changes: Any) -> np.ndarray:
    rows = _rows(tick=3)
    for name, value in changes.items():
        part, _, rest = name.partition("_")
        if part in ("received", "raw"):
            rows[part][rest][1] = value
        else:
            rows[name][1] = value
    return rows


def _packed(rows: np.ndarray) -> bytes:
    return zlib.compress(rows.tobytes(), 1)


GARBAGE: dict[str, Callable[[], tuple[int, bytes]]] = {
    "an unknown kind": lambda: (3, b""),
    "the last kind there is": lambda: (255, b"{}"),
    "noise": lambda: (ROWS, b"garbage"),
    "nothing": lambda: (ROWS, b""),
    "no rows": lambda: (ROWS, zlib.compress(b"")),
    "half a row": lambda: (ROWS, zlib.compress(_rows().tobytes()[:-8])),
    "cut short": lambda: (ROWS, _packed(_rows(tick=3))[:-5]),
    "more behind the rows": lambda: (ROWS, _packed(_rows(tick=3)) + b"x"),
    "rows not packed": lambda: (ROWS, _rows(tick=3).tobytes()),
    "noise that is whole rows": lambda: (
        ROWS,
        zlib.compress(np.random.default_rng(0).bytes(2 * TRAIL_ROW.itemsize)),
    ),
    "ones": lambda: (ROWS, zlib.compress(b"\xff" * TRAIL_ROW.itemsize)),
    "a stranger": lambda: (ROWS, _packed(_rows(patient=5))),
    "a negative patient": lambda: (ROWS, _packed(_rows(patient=-1))),
    "a row again": lambda: (ROWS, _packed(_rows(tick=2))),
    "all rows again": lambda: (ROWS, _packed(_rows())),
    "a negative tick": lambda: (ROWS, _packed(_with(tick=-7))),
    "a negative rate": lambda: (ROWS, _packed(_with(rate=-1))),
    "a rate of no pump": lambda: (ROWS, _packed(_with(rate=1 << 50))),
    "another rate before": lambda: (ROWS, _packed(_with(prev_rate=1_000))),
    "a negative bolus": lambda: (ROWS, _packed(_with(bolus=-1))),
    "a bit of no invariant": lambda: (ROWS, _packed(_with(binding=1 << 50))),
    "negative marks": lambda: (ROWS, _packed(_with(violations=-1))),
    "an unknown fallback": lambda: (ROWS, _packed(_with(fallback=99))),
    "an unknown request": lambda: (ROWS, _packed(_with(valid=7))),
    "a flag of two": lambda: (ROWS, _packed(_with(received_clear=2))),
    "a battery of seven": lambda: (ROWS, _packed(_with(received_battery=7))),
    "a confirmation of two": lambda: (ROWS, _packed(_with(received_confirms=2))),
    "a count below none": lambda: (ROWS, _packed(_with(received_pumped_nl=-2))),
    "a score of five": lambda: (ROWS, _packed(_with(received_poss=5))),
    "a pain of eleven": lambda: (ROWS, _packed(_with(received_nrs=110))),
    "an alarm of no pump": lambda: (ROWS, _packed(_with(received_alarms=256))),
    "a mode of five": lambda: (ROWS, _packed(_with(mode=5))),
    "a clock of thirty": lambda: (ROWS, _packed(_with(raw_clock_h=30.0))),
    "no clock at all": lambda: (ROWS, _packed(_with(raw_clock_h=np.nan))),
    "half an alarm": lambda: (ROWS, _packed(_with(raw_alarms=0.5))),
    "a negative count": lambda: (ROWS, _packed(_with(raw_commanded_ml=-1.0))),
    "half a clinician": lambda: (ROWS, _packed(_with(raw_present=0.5))),
    "an infinite rate": lambda: (ROWS, _packed(_with(raw_rate_nl=np.inf))),
    "a second head": lambda: (META, json.dumps(HEAD | {"mode": "off"}).encode()),
    "a note of its own": lambda: (META, b'{"hello": 1}'),
    "no JSON": lambda: (META, b"\x00\x01"),
    "no object": lambda: (META, b"[1]"),
    "no number": lambda: (META, b'{"resumed": NaN, "torn_bytes": 0}'),
    "an end with words": lambda: (CLOSE, b"bye"),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_in_a_chain_that_fits_is_found(what: str, tmp_path: Path) -> None:
    path = tmp_path / "a.trail"
    writer = TrailWriter(path, HEAD)
    writer.rows(_rows())
    at = path.stat().st_size
    kind, payload = GARBAGE[what]()
    writer._append(kind, payload)
    if kind != CLOSE:
        assert not inspect(path).sound
        with pytest.raises(TrailError, match="garbage at byte"):
            TrailWriter.resume(path, {})
        writer.close()
    found = inspect(path)
    assert found.altered_at is None, "the chain itself fits"
    assert [place for place, _ in found.garbage] == [at]
    assert f"garbage at byte {at}" in found.words
    assert read_trail(path)[2] == found


def test_a_missing_sample_and_a_broken_one_are_no_garbage(tmp_path: Path) -> None:
    path = tmp_path / "a.trail"
    writer = TrailWriter(path, HEAD)
    for k, value in enumerate((np.nan, np.inf, -1e9)):
        rows = _with(raw_rr=value, raw_poss=value, raw_residual=value, received_rr=-1)
        rows["tick"] += 3 * k
        writer.rows(rows)
    writer.close()
    assert inspect(path).sound


@pytest.mark.parametrize(
    ("fields", "words"),
    [([name for name in row_fields() if not name.startswith("raw.")], "its rows lack raw.rr"),
     ([name.replace("received.", "facts.") for name in row_fields()], "its rows lack received.rr"),
     ([*row_fields(), "raw.more"], "its rows hold what this one does not know")],
)  # fmt: skip
def test_a_trail_of_another_version_is_refused_in_a_sentence(fields: list[str], words: str, tmp_path: Path) -> None:
    path = tmp_path / "old.trail"
    writer = TrailWriter(path, HEAD | {"fields": fields})
    writer._append(ROWS, zlib.compress(b"\x00" * 24))
    writer.close()
    for read in (inspect, read_trail):
        with pytest.raises(TrailError, match=f"old.trail: an audit trail of another version: {words}"):
            read(path)


@pytest.mark.parametrize(
    "head", [{"patients": [1]}, {"patients": {"x": {}}}, {"mode": "shielded"}, {"mode": 3}, {"mode": None}]
)
def test_a_head_that_is_none_is_found(head: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.trail"
    TrailWriter(path, HEAD | head).close()
    assert len(inspect(path).garbage) == 1


def test_a_trail_begins_with_its_head(tmp_path: Path) -> None:
    path = tmp_path / "a.trail"
    writer = TrailWriter(path, HEAD)
    whole = path.read_bytes()
    writer.rows(_rows())
    writer.close()
    assert inspect(path).sound
    other = TrailWriter.__new__(TrailWriter)
    bare = tmp_path / "b.trail"
    bare.write_bytes(whole[:8])
    other.path, other._sync, other._previous = bare, False, __import__("hashlib").sha256(b"THECALT1").digest()
    other._file = __import__("os").open(bare, __import__("os").O_WRONLY | __import__("os").O_APPEND)
    other.rows(_rows())
    other.close()
    assert "no meta record" in inspect(bare).words
    with pytest.raises(TrailError, match="no audit trail"):
        read_trail(bare)


def test_the_auditor_reports_rows_of_strangers() -> None:
    rows = np.concatenate([_rows(patient=8), _rows(patient=9)])
    meta = {"mode": "off", "patients": {}, "limits": {}, "stage": "auto"}
    assert [breach[:2] for breach in audit(meta, rows).breaches] == [(38, 8), (38, 9)]


def test_the_auditor_excuses_nothing_under_an_unknown_mode() -> None:
    rows, who = _rows(), {"start_rate_nl": 2_000, "sedated": False, "drugs": ["morphine"]}
    for mode, looked in (("off", False), ("monitor", False), ("nonsense", True)):
        meta = {"mode": mode, "patients": {"3": who}, "limits": {}, "stage": "auto"}
        if looked:
            with pytest.raises(KeyError):  # it asks for limits, which stand in no such head
                audit(meta, rows)
        else:
            audit(meta, rows)
