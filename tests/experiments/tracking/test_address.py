"""Addresses of stores: what they mean, how they are written for MLflow, and that no password is ever shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from thecal.core.errors import StoreError
from thecal.experiments.tracking import address
from thecal.experiments.tracking.address import (
    client_address,
    folder_of_files,
    hidden,
    kind_of,
    server_of,
    sqlite_address,
    sqlite_file,
)
from thecal.experiments.tracking.store import look_at, store_uri

PARTS = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=12)


@forall(st.lists(PARTS.filter(lambda part: part not in (".", "..")), min_size=1, max_size=4))
def test_a_path_comes_back_from_its_address(parts: list[str]) -> None:
    path = Path("/", *parts)
    assert sqlite_file(sqlite_address(path)) == path


@forall(st.lists(PARTS.filter(lambda part: part not in (".", "..")), min_size=1, max_size=4))
def test_sqlalchemy_reads_an_address_as_we_do(parts: list[str]) -> None:
    from sqlalchemy.engine import make_url

    path = Path("/", *parts)
    found = make_url(sqlite_address(path))
    assert (found.database, dict(found.query)) == (str(path), {})


def test_an_older_sqlalchemy_decodes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_unquotes", lambda: False)
    assert sqlite_address(Path("/a%20b/m.db")) == "sqlite:////a%20b/m.db"
    assert sqlite_file("sqlite:////a%20b/m.db") == Path("/a%20b/m.db")
    with pytest.raises(StoreError, match="question mark"):
        sqlite_address(Path("/a?b/m.db"))


def test_which_sqlalchemy_decodes_is_known() -> None:
    from sqlalchemy.engine import make_url

    assert address._unquotes() == (make_url("sqlite:///a%20b").database == "a b")


def test_an_address_that_means_another_folder_than_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_unquotes", lambda: True)
    (tmp_path / "a%20b").mkdir()
    with pytest.raises(StoreError, match="write % as %25"):
        sqlite_file(f"sqlite:///{tmp_path}/a%20b/m.db")
    (tmp_path / "a b").mkdir()
    assert sqlite_file(f"sqlite:///{tmp_path}/a%20b/m.db") == tmp_path / "a b" / "m.db"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("sqlite:///:memory:", "end with the command"),
        ("sqlite://", "end with the command"),
        ("sqlite:///", "end with the command"),
        ("sqlite+pysqlite://", "end with the command"),
        ("sqlite:///file:x?mode=memory&uri=true", "end with the command"),
        ("sqlite:///file:/a/b.db?uri=true", "write the path itself"),
        ("sqlite://host/a.db", "names a computer"),
        ("sqlite:///a%00b", "NUL"),
    ],
)
def test_sqlite_addresses_that_keep_no_runs(uri: str, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        sqlite_file(uri)


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("sqlite:///a.db", "sqlite"),
        ("SQLITE+pysqlite:///a.db", "sqlite"),
        ("postgresql+psycopg2://h/d", "postgresql"),
        ("https://h", "https"),
        ("file:///a", "file"),
        ("./runs", "file"),
        ("/runs", "file"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks"),
    ],
)
def test_kinds_of_stores(uri: str, kind: str) -> None:
    assert kind_of(uri) == kind


@pytest.mark.parametrize("uri", ["ftp://h", "localhost:5000", "s3://bucket", "mongodb://u:pw@h", "sqlite3:///a.db"])
def test_an_unknown_kind_is_refused(uri: str) -> None:
    with pytest.raises(StoreError, match="no kind of tracking store") as error:
        kind_of(uri)
    assert "pw" not in str(error.value)


def test_folders_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert folder_of_files("a%20b") == tmp_path / "a%20b"
    assert folder_of_files("file:a%20b") == tmp_path / "a b"
    assert folder_of_files("file:///x/a%2520b") == Path("/x/a%20b")
    assert client_address("a%20b") == (tmp_path / "a%20b").as_uri()
    with pytest.raises(StoreError, match="names the computer 'far'"):
        folder_of_files("file://far/x")


SECRETS = [
    "http://anna:Tr0ub4dor@h:5000",
    "http://anna:Tr0ub4dor%21@h:5000/path",
    "https://anna:Tr0ub4dor/x@h",
    "postgresql://anna:Tr0ub4dor@h/d",
    "postgresql+psycopg2://anna:Tr0ub4dor@x@h/d",
    "mysql://anna:Tr0ub4dor@h:1/d?ssl=1",
    "postgresql://h/d?user=anna&password=Tr0ub4dor",
    "http://Tr0ub4dorTr0ub4dorTr0ub4dor@h",
]


@pytest.mark.parametrize("uri", SECRETS)
def test_a_password_is_hidden(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    said = [hidden(uri), hidden(f"could not reach {uri}, sorry")]
    assert all("Tr0ub4dor" not in text for text in said)
    for secret in address._secrets(uri):
        assert hidden(f"login with {secret} failed") == "login with *** failed"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert "Tr0ub4dor" not in hidden(f"could not reach {uri}, sorry")


@pytest.mark.parametrize(
    "text", ["sqlite:////a:b@c/x.db", "sqlite:////data/me@there/m.db", "mail a@b.example", "http://h:5000"]
)
def test_what_is_no_password_stays(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("", "sqlite:////data:mail@b/h.db", "file:///data:mail@b", "/data:mail@b"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
        assert hidden(text) == text


@pytest.mark.parametrize(
    "uri", ["http://", "http://anna:a/b@h", "http://h:port", "postgresql://u:a@b@h/d", "http://[::1"]
)
def test_an_unreadable_server_shows_nothing_of_itself(uri: str) -> None:
    with pytest.raises(StoreError, match="no address of a server") as error:
        server_of(uri)
    assert uri.partition("://")[2] not in str(error.value) or uri == "http://"


def test_mlflow_gets_the_password_by_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    assert client_address("http://anna:Tr0ub4dor%21@h:5000/p") == "http://h:5000/p"
    assert (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]) == ("anna", "Tr0ub4dor!")


def test_how_to_look_at_a_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "it's & %20").mkdir()
    monkeypatch.chdir(tmp_path / "it's & %20")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    import shlex

    *_, given = shlex.split(look_at(store_uri()))
    assert sqlite_file(given) == tmp_path / "it's & %20" / "mlruns" / "mlflow.db"
    assert look_at("http://anna:pw@h:5000") == "http://***@h:5000"
