"""Addresses of tracking stores: what each means, how it is written so that runs land there, and how it is shown."""

from __future__ import annotations

import os
import re
from functools import cache
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from thecal.core.errors import StoreError

VARIABLE = "MLFLOW_TRACKING_URI"
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
DATABASES = ("postgresql", "mysql", "mssql")
HIDDEN = "***"

_SQLITE = re.compile(r"sqlite(?:\+\w+)?://(?:/(?P<path>[^?]*))?(?:\?(?P<query>.*))?", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PERSON = re.compile(r"(\w+://)[^/@\s]*@|(\w+://)[^:/@\s]*:\S*@")
_SECRET = re.compile(r"([?&;](?:\w*password|passwd|pwd|\w*token|\w*secret|\w*key)=)[^&;\s]*", re.IGNORECASE)
_TOKEN = 16  # a name without a password and as long as this is taken for one
_SHORTEST = 3  # a shorter password is not searched for in other texts: it would take letters out of words


def given() -> str:
    """The address that the environment names; empty where it names none."""
    return os.environ.get(VARIABLE, "").strip()


def kind_of(uri: str) -> str:
    """``"sqlite"``, ``"http"``, ``"https"``, ``"file"``, a database, ``"databricks"`` or a plug-in's scheme.

    Raises:
        StoreError: MLflow knows no such store.
    """
    found = _SCHEME.match(uri)
    if uri == "databricks":
        return "databricks"
    scheme = found[1].lower() if found else "file"
    known = {"sqlite", "http", "https", "file", "databricks", *DATABASES}
    name = scheme.partition("+")[0]
    if name in known or scheme in _plugins():
        return name if name in known else scheme
    raise StoreError(
        f"{VARIABLE} begins with {scheme}:, which is no kind of tracking store; "
        "known: sqlite:///FILE, http(s)://SERVER, postgresql://, mysql://, mssql://"
    )


def sqlite_file(uri: str) -> Path:
    """The database file that a SQLite address means, absolute.

    Raises:
        StoreError: it means none, or one that goes with the process.
    """
    found = _SQLITE.fullmatch(uri)
    if found is None:
        raise StoreError(
            f"{hidden(uri)} names a computer before its file: write sqlite:////absolute/path or sqlite:///path"
        )
    path = found["path"] or ""
    if path in ("", ":memory:") or "mode=memory" in (found["query"] or ""):
        raise StoreError(
            f"{uri} keeps runs in memory, where they end with the command: name a file (sqlite:///runs.db)"
        )
    if path.startswith("file:"):
        raise StoreError(f"{uri} is a SQLite URI inside an address: write the path itself (sqlite:////path/runs.db)")
    read = unquote(path) if _unquotes() else path
    if "\0" in read:
        raise StoreError(f"{uri} holds a NUL, which no file name can")
    literal, meant = Path.cwd() / path, Path.cwd() / read
    if literal != meant and literal.parent.is_dir() and not meant.parent.is_dir():
        raise StoreError(
            f"{uri} means the folder {meant.parent}, which is not there, while {literal.parent} is: write % as %25"
        )
    return meant


def sqlite_address(path: Path, query: str = "") -> str:
    """The address that MLflow and SQLAlchemy read as the file ``path``, whatever its name.

    Raises:
        StoreError: no address means that file to the installed SQLAlchemy.
    """
    text, scheme = str(path), "sqlite"
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        shown = text.encode("utf-8", "backslashreplace").decode()
        raise StoreError(
            f"{shown}: the name of the folder is not Unicode, which MLflow cannot write; use another, or --no-track"
        )
    if _unquotes() and ("%" in text or "?" in text):
        # MLflow makes the folder of an address that begins with sqlite:/// without decoding it; with a driver it makes none.
        text, scheme = text.replace("%", "%25").replace("?", "%3F"), "sqlite+pysqlite"
    if "?" in text:
        raise StoreError(
            f"{path}: SQLAlchemy before 2.1 has no address for a path with a question mark; use another folder"
        )
    return f"{scheme}:///{text}{'?' if query else ''}{query}"


def folder_of_files(uri: str) -> Path:
    """The folder that a ``file:`` address or a plain path means, absolute.

    Raises:
        StoreError: it is on another computer.
    """
    if not _SCHEME.match(uri):
        return Path.cwd() / uri
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise StoreError(f"{uri} names the computer {parts.netloc!r}: write file:///path")
    return Path.cwd() / unquote(parts.path)


def server_of(uri: str) -> tuple[str, int]:
    """Host and port of an address of a server.

    Raises:
        StoreError: it cannot be read; the text shows nothing of it, because what is a password in it is not known.
    """
    scheme = kind_of(uri)
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port or PORTS[scheme]
    except ValueError:
        host, port = None, 0
    if not host or uri.partition("://")[2].partition("?")[0].count("@") > 1:
        raise StoreError(
            f"{VARIABLE} is no address of a server ({scheme}://HOST:PORT); "
            "in a name or password write / as %2F, @ as %40, # as %23, ? as %3F, : as %3A"
        )
    return host, port


def client_address(uri: str) -> str:
    """The address to hand to MLflow: absolute, escaped as MLflow unescapes it, and without a password where there is a way.

    Name and password of a web server go into the variables that MLflow reads them from, so that none of its messages can
    show them.

    Raises:
        StoreError: see :func:`kind_of`, :func:`sqlite_file`, :func:`server_of`.
    """
    kind = kind_of(uri)
    if kind == "sqlite":
        found = _SQLITE.fullmatch(uri)
        return sqlite_address(sqlite_file(uri), (found and found["query"]) or "")
    if kind == "file":
        return folder_of_files(uri).as_uri()
    if kind in ("http", "https"):
        server_of(uri)
        parts = urlsplit(uri)
        if parts.username and parts.password:
            os.environ.setdefault("MLFLOW_TRACKING_USERNAME", unquote(parts.username))
            os.environ.setdefault("MLFLOW_TRACKING_PASSWORD", unquote(parts.password))
            return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return uri


def hidden(text: str) -> str:
    """``text`` without the name and password of any address in it, and without those of the address in force."""
    for secret in _secrets(given()):
        text = text.replace(secret, HIDDEN)
    return _SECRET.sub(rf"\1{HIDDEN}", _PERSON.sub(lambda found: f"{found[1] or found[2]}{HIDDEN}@", text))


@cache
def _secrets(uri: str) -> tuple[str, ...]:
    """Passwords of an address, as they stand in it and as they are read, the longest first."""
    if "://" not in uri or re.match("sqlite|file", uri, re.IGNORECASE):
        return ()
    # Up to the last @, because a password may hold what should have been escaped.
    person = uri.partition("://")[2].rpartition("@")[0]
    name, colon, password = person.partition(":")
    token = name if len(name) >= _TOKEN else ""
    raw = [
        password if colon else token,
        *re.findall(r"[?&;](?:\w*password|passwd|pwd|\w*token|\w*secret)=([^&;]*)", uri),
    ]
    found = {form for text in raw for form in (text, unquote(text)) if len(form) >= _SHORTEST}
    return tuple(sorted(found, key=len, reverse=True))


@cache
def _unquotes() -> bool:
    """Whether SQLAlchemy decodes %XX in the path of an address, as it does from 2.1 on."""
    try:
        major, minor = metadata.version("sqlalchemy").split(".")[:2]
        return (int(major), int(re.sub(r"\D.*", "", minor) or 0)) >= (2, 1)
    except (metadata.PackageNotFoundError, ValueError):
        return True


@cache
def _plugins() -> frozenset[str]:
    """Schemes that installed plug-ins of MLflow add."""
    return frozenset(point.name for point in metadata.entry_points(group="mlflow.tracking_store"))
