"""The tables of a SQLite tracking store: whether the installed MLflow reads them, and how a new store is made, once and whole."""

from __future__ import annotations

import glob
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from enum import Enum
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from thecal.core.errors import StoreError
from thecal.experiments.tracking.address import sqlite_address

WAIT_S = 60.0  # how long a locked store is waited for
_PAUSE_S = 0.05
_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"
_REVISION = re.compile(r"""^revision\b[^=\n]*=\s*['"](\w+)['"]""", re.MULTILINE)
_BEFORE = re.compile(r"^down_revision\b[^=\n]*=(.*)$", re.MULTILINE)


class State(Enum):
    """What stands in a database file."""

    NEW = "nothing"
    READY = "a store of the installed MLflow"
    OLDER = "a store of an older MLflow"
    NEWER = "a store of a newer MLflow"
    FOREIGN = "tables of another program, or a store whose making was cut short"


def state_of(connection: sqlite3.Connection) -> tuple[State, str]:
    """What a database holds, and the revision of its schema (empty without one)."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return State.NEW, ""
    row = (
        connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if "alembic_version" in tables
        else None
    )
    if row is None or "runs" not in tables:
        return State.FOREIGN, ""
    newest, known = installed_revisions()
    if not newest or row[0] == newest:
        return State.READY, str(row[0])
    return (State.OLDER if row[0] in known else State.NEWER), str(row[0])


def check_schema(connection: sqlite3.Connection, path: Path) -> State:
    """See that the installed MLflow can use what a database holds.

    Raises:
        StoreError: it cannot; the text says what to do.
    """
    state, revision = state_of(connection)
    if state in (State.NEW, State.READY):
        return state
    what = f"the tracking store {path} holds {state.value}"
    if state is State.OLDER:
        raise StoreError(
            f"{what} (schema {revision}, needed is {installed_revisions()[0]}): "
            f"keep a copy of it and run: mlflow db upgrade {sqlite_address(path)!r}"
        )
    if state is State.NEWER:
        raise StoreError(f"{what} (schema {revision}; MLflow {_version()} is installed): pip install --upgrade mlflow")
    raise StoreError(f"{what}: move it away, or name another file in MLFLOW_TRACKING_URI")


def make_store(path: Path, open_store: Callable[[str], object]) -> None:
    """Make the tables of a store that is not there yet, so that other processes see none of them or all.

    MLflow makes its tables in many steps and two processes trip over each other there; a process that is ended halfway leaves
    a file that nothing can use. So one process at a time makes the tables in a file beside it, which then takes its place.

    Args:
        path: of the database, in a folder that exists.
        open_store: has MLflow open the store at an address, which makes its tables.

    Raises:
        StoreError: another process has been making the store for too long.
    """
    target = path.resolve()
    if not _is_new(target):
        return
    with _alone(target) as alone:
        if not _is_new(target):
            return
        if alone:
            for left in target.parent.glob(f".{glob.escape(target.name)}.*.new*"):  # of a process that was killed
                left.unlink(missing_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}.new")
        whole = draft.with_suffix(".whole")
        try:
            with _artifacts_named(artifact_folder(target)):
                open_store(sqlite_address(draft))
            _default_artifacts(draft, artifact_folder(target))
            # A copy, because MLflow keeps the first file open.
            shutil.copyfile(draft, whole)
            if target.exists() and _is_new(target):  # empty, as some programs leave it
                target.unlink()
            _place(whole, target)
        finally:
            for left in (draft, whole, Path(f"{draft}-journal")):
                left.unlink(missing_ok=True)


def artifact_folder(path: Path) -> Path:
    """Where the artifacts of a SQLite store lie, beside its database."""
    return path.resolve().parent / "artifacts"


def name_artifacts(path: Path, run_id: str, place: str) -> None:
    """Say where the artifacts of one run go.

    Raises:
        sqlite3.Error: the database cannot be written.
    """
    with closing(sqlite3.connect(path, timeout=WAIT_S)) as connection, connection:
        connection.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (place, run_id))


def _is_new(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return True
    with closing(sqlite3.connect(path, timeout=WAIT_S)) as connection:
        return state_of(connection)[0] is State.NEW


@contextmanager
def _artifacts_named(place: Path) -> Iterator[None]:
    """MLflow writes the folder of its own first experiment into SQL as it stands, where a quote or colon breaks it."""
    before = os.environ.get(_ROOT)
    os.environ[_ROOT] = place.as_uri()
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ROOT]
        else:
            os.environ[_ROOT] = before


def _default_artifacts(path: Path, place: Path) -> None:
    """Artifacts of MLflow's own first experiment lie beside the database like all others."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE experiments SET artifact_location = ?", (place.as_uri(),))


def _place(whole: Path, target: Path) -> None:
    """Move a file to where none is; where another process was faster, its file stays."""
    try:
        os.link(whole, target)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        os.replace(whole, target)


@contextmanager
def _alone(target: Path) -> Iterator[bool]:
    """Let one process at a time into the body, by a lock that ends with its process; yields False where there are no locks."""
    try:
        import fcntl
    except ImportError:  # Windows: :func:`_place` decides
        yield False
        return
    lock = target.with_name(f"{target.name}.lock")
    end = time.monotonic() + WAIT_S
    alone = True
    with lock.open("a") as held:
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise StoreError(
                        f"another process has been making the tracking store {target} for {WAIT_S:.0f} s: end it, or try again"
                    ) from None
                time.sleep(_PAUSE_S)
            except OSError:  # some network file systems know no locks
                alone = False
                break
        try:
            yield alone
        finally:
            # Whoever waits for this lock finds the store made; whoever comes later does not ask for it.
            lock.unlink(missing_ok=True)


@cache
def installed_revisions() -> tuple[str, frozenset[str]]:
    """The newest schema revision of the installed MLflow and all it knows, read without importing it; empty when unknown."""
    spec = find_spec("mlflow")
    if spec is None or spec.origin is None:
        return "", frozenset()
    known, before = set(), set()
    for file in (Path(spec.origin).parent / "store" / "db_migrations" / "versions").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        if found := _REVISION.search(text):
            known.add(found[1])
        if found := _BEFORE.search(text):
            before.update(re.findall(r"\w{8,}", found[1]))
    newest = known - before
    return (newest.pop(), frozenset(known)) if len(newest) == 1 else ("", frozenset())


def _version() -> str:
    try:
        return metadata.version("mlflow")
    except metadata.PackageNotFoundError:
        return "of no version"
