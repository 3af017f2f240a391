"""Where runs are kept, and whether that place can be used, asked before any work is done and without MLflow."""

from __future__ import annotations

import os
import shlex
import socket
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from thecal.core.errors import StoreError
from thecal.experiments.tracking.address import (
    DATABASES,
    VARIABLE,
    client_address,
    folder_of_files,
    given,
    hidden,
    kind_of,
    server_of,
    sqlite_address,
    sqlite_file,
)
from thecal.experiments.tracking.schema import WAIT_S, State, check_schema

__all__ = ["check_store", "client_address", "hidden", "look_at", "sqlite_file", "store_uri"]
FOLDER = "mlruns"
DATABASE = "mlflow.db"
CONNECT_S = 5.0
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def store_uri(root: Path | None = None) -> str:
    """The tracking address: the environment's, or the SQLite store under ``root`` (the working folder by default).

    It may hold a password: show :func:`hidden` of it.

    Raises:
        StoreError: no address means the folder.
    """
    return given() or sqlite_address((root or Path.cwd()).resolve() / FOLDER / DATABASE)


def look_at(uri: str) -> str:
    """How to look at a store: a command to paste, or the address of its server."""
    kind = kind_of(uri)
    if kind in ("http", "https", "databricks"):
        return hidden(uri)
    return f"mlflow ui --backend-store-uri {shlex.quote(hidden(client_address(uri)))}"


def check_store(uri: str, *, write: bool = True, wait_s: float | None = None) -> None:
    """See that a store can be used: lock a SQLite file for writing, write into a folder, or connect to a server.

    Args:
        uri: address of the store.
        write: whether runs are to be written; otherwise the store has to be there, and nothing is made.
        wait_s: how long a locked database or a server is waited for; as long as during a run by default.

    Raises:
        StoreError: it cannot; the text says what to do.
    """
    kind, busy_s = kind_of(uri), WAIT_S if wait_s is None else wait_s
    if kind == "sqlite":
        path = sqlite_file(uri)
        if write:
            _check_writing(path, busy_s)
        else:
            _check_reading(path, busy_s)
    elif kind == "file":
        _check_folder(folder_of_files(uri))
    elif kind in ("http", "https", *DATABASES):
        _check_server(uri, min(CONNECT_S, busy_s))


def _check_writing(path: Path, busy_s: float) -> None:
    """A database that is there is locked for a moment; for one that is not, a file is made beside it and removed."""
    try:
        if path.is_dir():
            raise StoreError(f"the tracking store {path} cannot be written (it is a folder); name a file in {VARIABLE}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".write_check"):
                return
        with closing(sqlite3.connect(path, timeout=busy_s, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if check_schema(connection, path) is State.READY:
                connection.execute("CREATE TABLE thecal_write_check (x INTEGER)")
            connection.execute("ROLLBACK")
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error, "written", busy_s) from error


def _check_reading(path: Path, busy_s: float) -> None:
    try:
        if not path.exists():
            raise StoreError(f"there is no tracking store {path}: go to the folder of the run, or set {VARIABLE}")
        with closing(sqlite3.connect(path, timeout=busy_s)) as connection:
            state = check_schema(connection, path)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error, "read", busy_s) from error
    if state is State.NEW:
        raise StoreError(f"the tracking store {path} is empty: go to the folder of the run, or set {VARIABLE}")


def _unusable(path: Path, error: Exception, verb: str, busy_s: float) -> StoreError:
    """The sentence for a database that cannot be used."""
    if getattr(error, "sqlite_errorcode", None) in _BUSY:
        return StoreError(
            f"the tracking store {path} is locked by another program for more than {busy_s:.0f} s: "
            f"end that program, or use another store ({VARIABLE}) or --no-track"
        )
    said = getattr(error, "strerror", None) or error
    return StoreError(
        f"the tracking store {path} cannot be {verb} ({said}); set {VARIABLE} to another, or use --no-track"
    )


def _check_folder(path: Path) -> None:
    """MLflow keeps runs as files only where it is told to."""
    if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() not in ("true", "1"):
        raise StoreError(
            f"the tracking store {path} is a folder of files, which MLflow no longer writes: use "
            f"{VARIABLE}={shlex.quote(sqlite_address(path / DATABASE))}, or set MLFLOW_ALLOW_FILE_STORE=true"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise StoreError(f"the tracking store {path} cannot be written ({error.strerror}); set {VARIABLE}") from error


def _check_server(uri: str, wait_s: float) -> None:
    """Connect once, because MLflow itself would retry for minutes."""
    host, port = server_of(uri)
    try:
        socket.create_connection((host, port), timeout=wait_s).close()
    except (OSError, UnicodeError) as error:  # a host that is no name at all is a UnicodeError
        raise StoreError(f"the tracking server {hidden(uri)} cannot be reached ({hidden(str(error))})") from error
