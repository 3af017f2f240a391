"""Where compiled kernels are kept: Numba's own places, else a private folder; a cache that fails costs time, never a result."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

VARIABLE = "NUMBA_CACHE_DIR"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_log = logging.getLogger("thecal.cache")
_told: set[str] = set()


def keep(dispatcher: Any) -> None:
    """Have Numba keep what an entry point is compiled to, where a place can be had; say so once where it cannot.

    A cache that cannot be read is compiled anew and one that cannot be written is left, so a full disk, a damaged file or
    another process at the same work never end a run.

    Args:
        dispatcher: what :func:`numba.njit` made of the function.
    """
    folder, asked = usable_folder(Path(dispatcher.py_func.__code__.co_filename)), os.environ.get(VARIABLE)
    if folder is None:
        private = private_folder()
        if private is None:
            _tell(
                f"no folder for compiled kernels can be written, so every start takes a minute longer: set {VARIABLE} to one"
            )
            return
        _tell(f"compiled kernels are kept in {private}: set {VARIABLE} to a folder that can be written and stays")
        _use(private)
    elif asked and not folder.is_relative_to(os.path.abspath(asked)):
        _tell(
            f"{VARIABLE}={asked} cannot be written, so compiled kernels are kept elsewhere: set it to a folder that can"
        )
    try:
        dispatcher.enable_caching()
    except (RuntimeError, OSError) as error:
        _tell(
            f"compiled kernels cannot be kept ({error}), so every start takes a minute longer: set {VARIABLE} to a folder"
        )
        return
    _guard(dispatcher._cache)


def usable_folder(source: Path) -> Path | None:
    """The folder where Numba will keep what it compiles from a source file; None where it finds none that can be written."""
    return next((place for place in places(source) if _writable(place)), None)


def places(source: Path) -> list[Path]:
    """Where Numba looks for compiled code of a source file, in its order, leaving out what depends on the working folder."""
    folder = os.path.dirname(os.path.abspath(source))
    own = f"{os.path.basename(folder)}_{hashlib.sha1(folder.encode(errors='surrogateescape')).hexdigest()}"  # noqa: S324
    asked = os.environ.get(VARIABLE)
    # Without a home Numba would make a folder called "~" in the working folder.
    home = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    found = [Path(os.path.abspath(asked)) / own] if asked else []
    found.append(Path(folder) / "__pycache__")
    return [*found, Path(home) / "numba" / own] if os.path.isabs(home) else found


def private_folder() -> Path | None:
    """A folder among the temporary ones that this user alone can write; None where there is none to be trusted.

    What is loaded from a cache is run, so a folder that another user made, or could exchange, is never taken.
    """
    with suppress(OSError):
        base = Path(tempfile.gettempdir()).resolve()
        if not hasattr(os, "getuid"):  # Windows: the temporary folder is the user's own
            return base / "thecal-numba"
        user, held = os.getuid(), os.lstat(base)
        shared = held.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if held.st_uid not in (0, user) or (shared and not held.st_mode & stat.S_ISVTX):
            return None
        place = base / f"thecal-numba-{user}"
        with suppress(FileExistsError):
            place.mkdir(mode=0o700)
        found = os.lstat(place)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == user and not found.st_mode & _OTHERS and _writable(place):
            return place
    return None


def _use(folder: Path) -> None:
    """Name a folder to Numba, here and in processes that this one starts."""
    import numba

    os.environ[VARIABLE] = str(folder)
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]


def _writable(folder: Path) -> bool:
    """Whether a file can be made in a folder, which is made if it is missing, as Numba does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, ValueError):
        return False
    return True


def _guard(cache: Any) -> None:
    """Let a cache of Numba fail without ending the compilation that it belongs to."""
    load, save = cache.load_overload, cache.save_overload

    def load_overload(signature: Any, context: Any) -> Any:
        try:
            return load(signature, context)
        except Exception as error:  # a damaged file can fail in any way when it is read
            _tell(f"a damaged file of compiled kernels in {cache.cache_path} is made anew ({type(error).__name__})")
            return None

    def save_overload(signature: Any, compiled: Any) -> None:
        try:
            try:
                save(signature, compiled)
            except OSError:
                raise
            except Exception:  # its index is damaged
                cache.flush()
                save(signature, compiled)
        except Exception as error:
            said = getattr(error, "strerror", None) or error
            _tell(
                f"compiled kernels could not be kept in {cache.cache_path} ({said}): set {VARIABLE} to another folder"
            )

    cache.load_overload, cache.save_overload = load_overload, save_overload


def _tell(text: str) -> None:
    """Say something once, and not from every worker."""
    if text not in _told and multiprocessing.parent_process() is None:
        _told.add(text)
        _log.warning("note: %s", text)
