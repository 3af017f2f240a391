"""Where commands write: seen to before any work, so that no output falls upon an input or another output."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from thecal.core.documents import has_suffix, is_toml
from thecal.core.errors import ConfigError, StoreError

_PAGES = (".html", ".htm")


class Output(NamedTuple):
    """A file that a command writes: its path, None where it is not asked for, and the endings it may have."""

    path: str | Path | None
    endings: tuple[str, ...]


def page(path: str | Path | None) -> Output:
    """An HTML page."""
    return Output(path, _PAGES)


def check_outputs(
    *,
    inputs: Iterable[str | Path | None] = (),
    files: Mapping[str, Output] | None = None,
    folders: Mapping[str, str | Path | None] | None = None,
) -> None:
    """See that what a command will write can be written, and harms nothing that it reads.

    Links are followed: a path that leads to an input by another name is that input. Nothing is made yet.

    Args:
        inputs: files and folders that the command reads; names that are no paths are passed over.
        files: by option, as messages call it (``"--csv"``).
        folders: by option.

    Raises:
        ConfigError: an ending is wrong; an output is an input or lies in one, or is another output.
        StoreError: it is a folder where a file is meant or the reverse, a pipe, or its place cannot be written.
    """
    read = [Path(name) for name in inputs if name is not None and _exists(Path(name))]
    written: dict[str, Path] = {}
    for option, (given, endings) in (files or {}).items():
        if given is None or _is_device(Path(given)):
            continue
        written[option] = Path(given)
        if not has_suffix(given, *endings):
            which = endings[0] if len(endings) == 1 else f"one of {', '.join(endings)}"
            raise ConfigError(f"{option} {given}: the ending must be {which}")
        _check_kind(option, Path(given), folder=False)
    for option, place in (folders or {}).items():
        if place is not None:
            written[option] = Path(place)
            _check_kind(option, Path(place), folder=True)
    for option, path in written.items():
        for source in read:
            _check_apart(option, path, source)
    _check_different(written)


def _is_device(path: Path) -> bool:
    """What ``/dev`` offers for a file (null, stdout): it has no ending, harms no input, and is written to as it is."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return path.is_absolute() and path.parts[1] == "dev" and (stat.S_ISCHR(mode) or stat.S_ISFIFO(mode))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _check_kind(option: str, path: Path, *, folder: bool) -> None:
    """What is there already must be of the right kind, and its folder must take files."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        _check_room(option, path.parent)
        return
    except ValueError as error:
        raise ConfigError(f"{option}: {str(path)!r} is no path ({error})") from error
    except OSError as error:
        raise StoreError(f"{option} {path}: cannot be written ({error.strerror or error})") from error
    if folder and not stat.S_ISDIR(mode):
        raise StoreError(f"{option} {path}: cannot be written (it is no folder)")
    if not folder and stat.S_ISDIR(mode):
        raise StoreError(f"{option} {path}: cannot be written (it is a folder)")
    if not folder and not stat.S_ISREG(mode):
        raise StoreError(f"{option} {path}: cannot be written (it is no regular file)")
    _check_room(option, path if folder else path.parent)


def _check_room(option: str, folder: Path) -> None:
    """The nearest folder that exists must take a new file."""
    for place in (folder, *folder.parents):
        if _exists(place):
            if not place.is_dir():
                raise StoreError(f"{option}: {place} is no folder, so nothing in it can be written")
            if not os.access(place, os.W_OK | os.X_OK):
                raise StoreError(f"{option}: the folder {place.resolve()} cannot be written")
            return


def _check_apart(option: str, path: Path, source: Path) -> None:
    """An output is no input, and lies in no folder that is read."""
    real, origin = path.resolve(), source.resolve()
    same = real == origin or (_exists(path) and os.path.samefile(path, source))
    if same:
        raise ConfigError(
            f"{option} {path}: this is what the command reads, and would be overwritten; choose another place"
        )
    if origin.is_dir() and origin in real.parents:
        raise ConfigError(f"{option} {path}: lies in {source}, which the command reads; choose another place")
    if origin.name == "config.json" and origin.parent == real:
        raise ConfigError(f"{option} {path}: its config.json is what the command reads, and would be overwritten")


def _check_different(written: Mapping[str, Path]) -> None:
    seen: dict[str, str] = {}
    for option, path in written.items():
        other = seen.setdefault(str(path.resolve()).casefold(), option)
        if other != option:
            raise ConfigError(f"{option} {path}: {other} writes there too; choose another place")


def files_of(scenario: Any) -> list[Path]:
    """The files that a scenario's fields name, and the table of its cohort.

    Args:
        scenario: fields by name, or an object that has them.
    """
    found = []
    for name in ("task", "cohort", "profile", "pump", "faults", "life"):
        value = scenario.get(name) if isinstance(scenario, Mapping) else getattr(scenario, name, None)
        if isinstance(value, (str, Path)) and is_toml(value):
            found.append(Path(value))
            if name == "cohort":
                found += table_of(Path(value))
    return found


def table_of(cohort: str | Path) -> list[Path]:
    """The table that a cohort's file names; nothing where there is none, or the file cannot be read (which is told later)."""
    from thecal.core.documents import read_tables

    try:
        table = read_tables(cohort, kind="TOML").get("table")
    except ConfigError:
        return []
    return [Path(cohort).parent / table] if isinstance(table, str) else []
