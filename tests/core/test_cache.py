"""The cache of compiled kernels where it cannot be had: a note, the right numbers, never a traceback or another's code."""

from __future__ import annotations

import errno
import importlib.util
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numba
import pytest

from thecal.core import cache
from thecal.core.cache import keep, places, private_folder, usable_folder

MODULE = """
from thecal.core.jit import entry_point
def make(key):
    @entry_point()
    def double(x):
        return 2.0 * x + 0 * key
    return double
double = make(7)
"""


@pytest.fixture
def unkept(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing names a cache, and notes are seen."""
    monkeypatch.setenv(cache.VARIABLE, "")
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(cache, "_told", set())
    caplog.set_level(logging.WARNING, "thecal.cache")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A module with one entry point, in a folder of its own."""
    place = tmp_path / "package" / "made.py"
    place.parent.mkdir()
    place.write_text(MODULE)
    return place


def load(path: Path) -> ModuleType:
    """The module at ``path``, as a new process would have it."""
    spec = importlib.util.spec_from_file_location("made", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocked(monkeypatch: pytest.MonkeyPatch, *allowed: Path) -> None:
    """Let nothing be written but below ``allowed``: as root, modes of folders stop nobody."""
    real = tempfile.TemporaryFile

    def refuse(*args: object, dir: object = None, **more: object) -> object:
        if dir is not None and not any(Path(str(dir)).is_relative_to(place) for place in allowed):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(*args, dir=dir, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)


def hits(module: ModuleType) -> int:
    return sum(module.double.stats.cache_hits.values())


@pytest.mark.usefixtures("unkept")
def test_beside_the_source_where_that_can_be_written(made, caplog):
    assert load(made).double(3.0) == 6.0
    again = load(made)
    assert again.double(3.0) == 6.0
    assert hits(again) == 1
    assert caplog.messages == []
    assert usable_folder(made) == made.parent / "__pycache__"


@pytest.mark.usefixtures("unkept")
def test_the_folders_are_those_of_numba(made, tmp_path, monkeypatch):
    from numba.core import caching

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "named"))
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "named"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    function = load(made).double.py_func
    locators = (caching.UserProvidedCacheLocator, caching.InTreeCacheLocator, caching.UserWideCacheLocator)
    found = [locator.from_function(function, str(made)).get_cache_path() for locator in locators]
    assert [str(place) for place in places(made)] == found


@pytest.mark.usefixtures("unkept")
def test_a_private_folder_where_nothing_else_can_be_written(made, tmp_path, monkeypatch, caplog):
    blocked(monkeypatch, tmp_path / "temporary")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert load(made).double(3.0) == 6.0
    again = load(made)
    assert (again.double(3.0), hits(again)) == (6.0, 1)
    (folder,) = (tmp_path / "temporary").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert os.environ[cache.VARIABLE] == str(folder), "processes that this one starts keep theirs there too"
    assert len(caplog.messages) == 1
    assert "set NUMBA_CACHE_DIR" in caplog.text


@pytest.mark.usefixtures("unkept")
def test_uncached_with_one_note_where_there_is_no_folder(made, monkeypatch, caplog):
    monkeypatch.setattr(cache, "private_folder", lambda: None)
    blocked(monkeypatch)
    assert load(made).double(3.0) == 6.0
    again = load(made)
    assert (again.double(3.0), hits(again)) == (6.0, 0)
    assert len(caplog.messages) == 1
    assert "a minute longer: set NUMBA_CACHE_DIR" in caplog.text
    assert list(made.parent.rglob("*.nb?")) == []


@pytest.mark.usefixtures("unkept")
def test_a_named_folder_that_cannot_be_written_is_said(made, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "file"))
    assert load(made).double(3.0) == 6.0
    assert caplog.messages == [
        f"note: NUMBA_CACHE_DIR={tmp_path}/file cannot be written, so compiled kernels are kept elsewhere: "
        "set it to a folder that can"
    ]


@pytest.mark.usefixtures("unkept")
def test_without_a_home_no_folder_of_that_name_is_made(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # nobody knows the user
    assert [place for place in places(made) if not place.is_absolute()] == []
    monkeypatch.setattr(cache, "private_folder", lambda: None)
    blocked(monkeypatch)
    assert load(made).double(3.0) == 6.0
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize("what", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", ["empty", "short", "zeros", "text"])
@pytest.mark.usefixtures("unkept")
def test_a_damaged_file_is_made_anew(what, damage, made, caplog):
    load(made).double(3.0)
    (file,) = made.parent.rglob(f"*.{what}")
    whole = file.read_bytes()
    file.write_bytes(
        {"empty": b"", "short": whole[: len(whole) // 2], "zeros": bytes(len(whole)), "text": b"not a cache"}[damage]
    )
    assert load(made).double(3.0) == 6.0
    after = load(made)
    assert (after.double(3.0), hits(after)) == (6.0, 1), "the file is whole again"
    assert len(caplog.messages) == 1
    assert "is made anew" in caplog.text


@pytest.mark.usefixtures("unkept")
def test_a_full_disk_costs_only_the_cache(made, monkeypatch, caplog):
    from numba.core.caching import IndexDataCacheFile

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(IndexDataCacheFile, "_save_data", full)
    assert load(made).double(3.0) == 6.0
    assert len(caplog.messages) == 1
    assert "could not be kept" in caplog.text
    assert "No space left on device" in caplog.text
    monkeypatch.undo()
    assert load(made).double(3.0) == 6.0


def test_a_folder_of_another_is_never_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place = private_folder()
    assert place is not None
    assert private_folder() == place
    place.chmod(0o750)
    assert private_folder() is None, "others may read it"
    place.rmdir()
    (tmp_path / "planted").mkdir(mode=0o700)
    place.symlink_to(tmp_path / "planted")
    assert private_folder() is None, "a link"
    place.unlink()
    place.touch()
    assert private_folder() is None, "a file"
    place.unlink()
    tmp_path.chmod(0o777)
    assert private_folder() is None, "anyone may exchange it"
    tmp_path.chmod(0o1777)
    assert private_folder() == place
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert private_folder() is None, "the temporary folder is another user's"


@pytest.mark.usefixtures("unkept")
def test_workers_say_nothing(monkeypatch, caplog):
    monkeypatch.setattr(cache.multiprocessing, "parent_process", lambda: object())
    cache._tell("a note")
    assert caplog.messages == []


def test_a_note_is_one_plain_line(made):
    """What a person sees who has no place for the cache at all."""
    code = (
        "import sys, tempfile; from thecal.core import cache; cache.usable_folder = lambda _: None;"
        "cache.private_folder = lambda: None; sys.path.insert(0, sys.argv[1]); import made; print(made.double(3.0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(made.parent)], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "6.0\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith("note: no folder for compiled kernels")


def test_two_processes_compile_at_once(made):
    """Neither fails, and what they leave is whole."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import made; print(made.double(3.0))"
    clean = {key: value for key, value in os.environ.items() if key != cache.VARIABLE}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(made.parent)],
            env=clean,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    assert [one.communicate(timeout=120) for one in both] == [("6.0\n", "")] * 2


def test_what_cannot_be_cached_is_said_and_runs(monkeypatch, caplog):
    monkeypatch.setattr(cache, "_told", set())
    caplog.set_level(logging.WARNING, "thecal.cache")

    class Stubborn:
        def py_func(self) -> None: ...

        def enable_caching(self) -> None:
            raise RuntimeError("cannot cache function: no locator available")

    keep(Stubborn())
    assert "cannot be kept (cannot cache function" in caplog.text
