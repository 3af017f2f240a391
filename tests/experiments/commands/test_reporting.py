"""`thecal report` of tracked runs, and tracking addresses with a password in every command: one sentence, nothing shown."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import closing

import pytest

from thecal.core.errors import ConfigError, StoreError
from thecal.experiments.cli import run
from thecal.experiments.commands.common import tracked_at
from thecal.experiments.tracking.tracker import Tracker


def tracked(**tags: str) -> str:
    with Tracker("thecal", "a run", tags=tags) as tracker:
        pass
    assert tracker.run_id is not None
    return tracker.run_id


def said(capsys, *words: str) -> tuple[int, str]:
    """Exit code and the one line of an error."""
    code = run(list(words))
    (line,) = capsys.readouterr().err.strip().splitlines()
    return code, line


def test_ids_that_have_no_report(store, capsys):
    deleted = tracked(kind="compare")
    store.client.delete_run(deleted)
    for target, code, words in (
        ("0" * 32, ConfigError.exit_code, "neither a folder nor a run"),
        (
            f"runs:/{'0' * 32}/report",
            ConfigError.exit_code,
            f"give the id of the run alone, {'0' * 32}, without runs:/",
        ),
        ("nowhere", ConfigError.exit_code, "no such folder or file, and not the id of a run"),
        (tracked(kind="train"), ConfigError.exit_code, "is a run of thecal train; only comparisons have a report"),
        (tracked(), ConfigError.exit_code, "is no run of thecal"),
        (deleted, ConfigError.exit_code, f"was deleted: mlflow runs restore --run-id {deleted}"),
        (tracked(kind="compare"), StoreError.exit_code, "holds no report.json.gz"),
    ):
        got, line = said(capsys, "report", target)
        assert (got, words in line) == (code, True), line


def test_a_store_that_is_not_there_is_not_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    code, line = said(capsys, "report", "0" * 32)
    assert (code, "there is no tracking store" in line) == (StoreError.exit_code, True)
    assert list(tmp_path.iterdir()) == []


def test_without_mlflow_the_extra_is_named(store, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mlflow", None)  # importing it raises
    code, line = said(capsys, "report", "0" * 32)
    assert (code, "pip install 'thecal[track]'" in line) == (5, True), line


@pytest.fixture
def hangs_up():
    """The port of a server that takes connections and closes them."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            try:
                while True:
                    server.accept()[0].close()
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


COMMANDS = {
    "report": ("report", "0" * 32), "audit": ("audit", "0" * 32), "evaluate": ("evaluate", "fixed", "-n", "1"),
    "compare": ("compare", "fixed", "max_request", "-n", "1"), "train": ("train", "--frames", "128"), "doctor": ("doctor",),
    "demo": ("demo", "--quick"),
}  # fmt: skip


@pytest.mark.parametrize("scheme", ["http", "postgresql"])
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_no_command_shows_a_password(words, scheme, hangs_up, tmp_path, monkeypatch, capsys):
    if words == ("demo", "--quick"):
        # What comes before the store is asked takes a minute.
        monkeypatch.setattr("thecal.experiments.commands.demo.warm_up", lambda _scenario: 0.0)
        monkeypatch.setattr("thecal.experiments.commands.demo._show_cohort", lambda *_args: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for port in (hangs_up, 9):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{scheme}://anna:Tr0ub4dor@127.0.0.1:{port}/x")
        code = run(["--debug", *words])
        shown = "".join(capsys.readouterr())
        assert "Tr0ub4dor" not in shown
        assert "127.0.0.1" in shown or port != 9
        assert code in ((0, 1) if words == ("doctor",) and scheme != "http" else (1, 4, 5))


def test_where_a_run_is_kept_shows_no_password(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://anna:Tr0ub4dor@host:5000")
    tracked_at("0" * 32)
    shown = capsys.readouterr().err
    assert "Tr0ub4dor" not in shown
    assert "http://***@host:5000" in shown
    (tmp_path / "[red]a b").mkdir()
    monkeypatch.chdir(tmp_path / "[red]a b")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    tracked_at("0" * 32)
    assert "[red]a b/mlruns/mlflow.db'" in capsys.readouterr().err
