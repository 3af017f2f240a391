"""Stores of other versions of MLflow, and files that are no store: refused before work, with what to do."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from thecal.core.errors import StoreError
from thecal.experiments.tracking import schema
from thecal.experiments.tracking.schema import installed_revisions, state_of
from thecal.experiments.tracking.store import check_store


def _stamp(path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_the_newest_revision_is_that_of_mlflow():
    from mlflow.store.db.utils import _get_latest_schema_revision

    newest, known = installed_revisions()
    assert newest == _get_latest_schema_revision()
    assert newest in known
    assert len(known) > 30


def test_a_store_of_an_older_mlflow(first_store, tmp_path):
    path = tmp_path / "m.db"
    shutil.copy(first_store.database, path)
    _stamp(path, sorted(installed_revisions()[1] - {installed_revisions()[0]})[0])
    for write in (True, False):
        with pytest.raises(StoreError, match=rf"older MLflow .*keep a copy of it and run: mlflow db upgrade .*{path}"):
            check_store(f"sqlite:///{path}", write=write)


def test_a_store_of_a_newer_mlflow(first_store, tmp_path):
    path = tmp_path / "m.db"
    shutil.copy(first_store.database, path)
    _stamp(path, "ffffffffffff")
    with pytest.raises(StoreError, match=r"newer MLflow .*pip install --upgrade mlflow"):
        check_store(f"sqlite:///{path}")


def test_a_database_of_another_program(tmp_path):
    path = tmp_path / "m.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program, or a store whose making was cut short: move it away"):
        check_store(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_store(tmp_path):
    path = tmp_path / "m.db"
    path.touch()
    check_store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="is empty"):
        check_store(f"sqlite:///{path}", write=False)


def test_the_check_of_a_new_store_makes_nothing_but_its_folder(tmp_path):
    check_store(f"sqlite:///{tmp_path}/mlruns/m.db")
    assert [path.name for path in tmp_path.rglob("*")] == ["mlruns"]


def test_without_mlflow_any_schema_is_taken(first_store, monkeypatch):
    monkeypatch.setattr(schema, "installed_revisions", lambda: ("", frozenset()))
    with closing(sqlite3.connect(first_store.database)) as connection:
        assert state_of(connection)[0] is schema.State.READY


def test_a_read_only_database_is_refused(first_store, tmp_path, monkeypatch):
    """As root nothing is read-only by its mode, so the connection is made so."""
    path = tmp_path / "m.db"
    shutil.copy(first_store.database, path)
    real = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda place, **more: real(f"file:{place}?mode=ro&immutable=1", uri=True, **more)
    )
    with pytest.raises(StoreError, match=r"cannot be written \(attempt to write a readonly database\)"):
        check_store(f"sqlite:///{path}")
    check_store(f"sqlite:///{path}", write=False)
