"""Where runs are kept, and whether that place can be written, asked before any work is done and without MLflow."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from thecal.core.errors import StoreError

FOLDER = "mlruns"
DATABASE = "mlflow.db"
SQLITE = "sqlite:///"
CONNECT_S = 5.0
_PORTS = {"http": 80, "https": 443}


def store_uri(root: Path | None = None) -> str:
    """The tracking URI: the environment's, or the SQLite store under ``root`` (the working folder by default)."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    return given or f"{SQLITE}{(root or Path.cwd()).resolve() / FOLDER / DATABASE}"


def sqlite_file(uri: str) -> Path:
    """The database file of a SQLite URI."""
    return Path(uri.removeprefix(SQLITE).partition("?")[0])


def check_store(uri: str) -> None:
    """See that a store can be used: make the folder of a SQLite file and lock it for writing, or connect to a server.

    Raises:
        StoreError: it cannot.
    """
    parts = urlsplit(uri)
    if uri.startswith(SQLITE):
        _check_sqlite(sqlite_file(uri))
    elif parts.scheme in _PORTS and parts.hostname:
        _check_server(uri, parts.hostname, parts.port or _PORTS[parts.scheme])


def _check_sqlite(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE thecal_write_check (x INTEGER)")
            connection.execute("ROLLBACK")
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the tracking store {path} cannot be written ({error}); set MLFLOW_TRACKING_URI") from error


def _check_server(uri: str, host: str, port: int) -> None:
    """Connect once, because MLflow itself would retry for minutes."""
    try:
        socket.create_connection((host, port), timeout=CONNECT_S).close()
    except OSError as error:
        raise StoreError(f"the tracking server {uri} cannot be reached ({error})") from error
