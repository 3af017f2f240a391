"""A disk that fills up: one sentence, exit code 4, whole files only, no drafts, and what was there before untouched."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from thecal.core.errors import StoreError
from thecal.experiments.rollouts.parquet import load_trajectories, save_trajectories
from thecal.safety.trail import TrailWriter

from support.runs import hand_run
from support.surroundings import ended, lines

ROOT = Path(__file__).resolve().parents[3]
SIZE_KIB = 2048
# How much is free, KiB, and the command that needs more; `{disk}` is the full one.
CASES = (
    (1400, ("compare", "fixed", "guideline", "-n", "3", "--no-track", "--out", "{disk}/c")),
    (8, ("compare", "fixed", "guideline", "-n", "3", "--no-track", "--out", "{disk}/c")),
    (140, ("evaluate", "fixed", "-n", "3", "--no-track", "--out", "{disk}/e", "--transitions")),
    (8, ("evaluate", "fixed", "-n", "3", "--no-track", "--out", "{disk}/e")),
    (4, ("cohort", "export", "{disk}/x.csv", "-n", "1000")),
    (4, ("cohort", "export", "{disk}/x.npz", "-n", "1000")),
    (4, ("cohort", "export", "{disk}/x.parquet", "-n", "1000")),
    (1900, ("cohort", "describe", "--plot", "{disk}/x.html", "-n", "50")),
    (1900, ("pump", "simulate", str(ROOT / "docs" / "examples" / "bridge.toml"), "--plot", "{disk}/x.html")),
    (4, ("pump", "simulate", str(ROOT / "docs" / "examples" / "bridge.toml"), "--csv", "{disk}/x.csv")),
    (4, ("safety-case", "--out", "{disk}/s.html")),
)


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_KIB}k", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        refused = done.stderr.strip() if done.returncode else ""
    except OSError as error:
        refused = str(error)
    if refused:
        pytest.skip(f"no file system can be mounted here: {refused}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def readable(path: Path) -> bool:
    """Whether a file is whole, as far as its kind says."""
    content = path.read_bytes()
    if path.suffix == ".json":
        json.loads(content)
    elif path.suffix == ".gz":
        json.loads(gzip.decompress(content))
    elif path.suffix == ".parquet":
        load_trajectories(path)
    return bool(content)


@pytest.mark.slow
@pytest.mark.parametrize(("free", "words"), CASES, ids=[f"{free}-{' '.join(words)[:30]}" for free, words in CASES])
def test_on_a_full_disk(free: int, words: tuple[str, ...], disk: Path, tmp_path: Path) -> None:
    (disk / "filler").write_bytes(bytes(1024 * (SIZE_KIB - free)))
    here = [word.format(disk=disk) for word in words]
    found = ended(here, tmp_path)
    assert found.code == 4
    (sentence,) = [line for line in lines(found.err) if line.startswith("error: ")]
    assert "cannot be written (No space left on device; make room, or name another place)" in sentence
    assert "Traceback" not in found.err
    left = [path for path in disk.rglob("*") if path.is_file() and path.name != "filler"]
    assert all(readable(path) for path in left), left
    assert not [path for path in left if path.suffix in (".part", ".html")]


def test_trajectories_on_a_full_disk_leave_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    path = save_trajectories(hand_run(4, 2), tmp_path / "t.parquet")
    for moment in ("write_table", "close"):
        with monkeypatch.context() as patched:
            patched.setattr(pq.ParquetWriter, moment, full)
            with pytest.raises(StoreError, match=r"t\.parquet: cannot be written \(No space left on device"):
                save_trajectories(hand_run(4, 3), path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.parquet"]
    assert len(load_trajectories(path).patients) == 2


def test_an_audit_trail_that_cannot_begin_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match="the audit trail cannot be written"):
        TrailWriter(tmp_path / "a.trail", {"x": 1})
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pq.ParquetWriter, "write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_trajectories(hand_run(4, 2), tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []
