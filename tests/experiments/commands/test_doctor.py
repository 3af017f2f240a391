"""`thecal doctor`: every check by itself, a remedy with every problem, quick, and nothing heavy imported."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from thecal.core import cache
from thecal.experiments.cli import run
from thecal.experiments.commands import doctor, health
from thecal.experiments.commands.doctor import examine, kernels
from thecal.experiments.commands.health import Finding
from thecal.experiments.tracking import schema


def test_what_it_looks_at(store, capsys):
    code = run(["doctor", "--json"])
    told = json.loads(capsys.readouterr().out)
    about = {one["about"] for one in told["findings"]}
    assert about >= {
        "thecal", "python", "packages", "cores", "working folder", "temporary folder", "memory", "terminal", "browser",
        "kernels", "store", "proofs", "code", *(f"extra {name}" for name in ("train", "track", "report", "study", "prove")),
    }  # fmt: skip
    assert told["schema"] == doctor.SCHEMA
    problems = [one for one in told["findings"] if one["level"] == "problem"]
    assert (told["problems"], code) == (len(problems), int(bool(problems)))
    (line,) = [one["text"] for one in told["findings"] if one["about"] == "store"]
    assert re.search(r"mlruns/mlflow\.db, .* schema \w+ \(that of the installed MLflow\): 1 runs, 0 running", line)


def test_it_is_quick_and_imports_nothing_heavy(store):
    code = (
        "import sys, time; from thecal.experiments.cli import run; run(['doctor', '--json']);"
        "print(time.process_time(), *[name for name in ('mlflow', 'torch', 'numba', 'pandas', 'plotly') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    seconds, *heavy = done.stdout.splitlines()[-1].split()
    assert heavy == []
    assert float(seconds) < 3.0
    assert done.stderr == ""


def test_as_lines(store, capsys, monkeypatch):
    monkeypatch.setattr(health, "CHECKS", (lambda: iter([Finding("a [b]", "problem", "broken", "mend it")]),))
    assert run(["doctor", "-q"]) == 1
    shown = capsys.readouterr().out
    assert "problem a [b]: broken\n        → mend it\n" in shown
    assert "1 problems" in shown
    assert "ok " not in shown


def test_a_check_that_fails_keeps_no_other_from_running():
    def broken():
        yield Finding("first", "ok", "fine")
        raise RuntimeError("http://anna:Tr0ub4dor@h\nfell over")

    found = examine([broken, lambda: iter([Finding("second", "ok", "fine")])])
    assert [one.about for one in found] == ["first", "broken", "second"]
    assert found[1].level == "problem"
    assert "RuntimeError" in found[1].text
    assert "Tr0ub4dor" not in found[1].text
    assert "\n" not in found[1].text


def test_every_check_survives_a_folder_that_is_gone(tmp_path, monkeypatch, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(["doctor"]) == 1
    assert "Traceback" not in capsys.readouterr().out


def stores(uri, monkeypatch) -> list[Finding]:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(uri))
    return examine([doctor.store])


def test_stores_that_cannot_be_used(first_store, tmp_path, monkeypatch):
    text = tmp_path / "text.db"
    text.write_text("this is a text, not a database, and it is long enough to have a header")
    newer = tmp_path / "newer.db"
    shutil.copy(first_store.database, newer)
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    for uri, said in (
        (f"sqlite:///{text}", "not a database"),
        (f"sqlite:///{newer}", "pip install --upgrade mlflow"),
        (f"sqlite:///{text}/m.db", "cannot be made"),
        ("sqlite:///:memory:", "end with the command"),
        ("http://anna:Tr0ub4dor@127.0.0.1:9", "cannot be reached"),
        ("nonsense://x", "no kind of tracking store"),
    ):
        (finding,) = stores(uri, monkeypatch)
        assert finding.level == "problem", uri
        assert said in f"{finding.text} {finding.remedy}", uri
        assert "Tr0ub4dor" not in finding.text


def test_a_locked_store_is_told_soon(first_store, tmp_path, monkeypatch):
    path = tmp_path / "m.db"
    shutil.copy(first_store.database, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        begin = time.monotonic()
        (finding,) = stores(f"sqlite:///{path}", monkeypatch)
    assert "is locked by another program" in finding.text
    assert time.monotonic() - begin < 2.5


def test_a_store_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    (finding,) = stores(f"sqlite:///{tmp_path}/deep/m.db", monkeypatch)
    assert (finding.level, list(tmp_path.iterdir())) == ("ok", [])


def test_runs_left_running_are_counted_with_how_to_mark_them(store, monkeypatch):
    from thecal.experiments.tracking import owner
    from thecal.experiments.tracking.tracker import Tracker

    monkeypatch.setattr(owner, "_begun", lambda number: "before")
    left = Tracker("thecal", "left").__enter__()
    monkeypatch.undo()
    monkeypatch.chdir(store.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = examine([doctor.store])
    assert [one.level for one in found] == ["ok", "note"]
    assert f"1 runs were left RUNNING by processes that are gone: {left.run_id}" in found[1].text
    command = found[1].remedy.removeprefix("mark them: ")
    subprocess.run(["sh", "-c", command.replace("python -c", f"{sys.executable} -c")], check=True, timeout=300)
    assert store.run(left.run_id).info.status == "KILLED"
    assert [one.level for one in examine([doctor.store])] == ["ok"]


def test_caches(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "named"))
    (cold,) = kernels()
    assert (cold.level, cold.remedy[:16]) == ("note", "`thecal warmup` ")
    place = tmp_path / "named" / "kernel_0"
    place.mkdir()
    (place / "step.1.nbc").write_bytes(bytes(2**20))
    (warm,) = kernels()
    assert warm.level == "ok"
    assert "1 files, 1 MiB, warm" in warm.text
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    assert next(kernels()).level == "problem"
    monkeypatch.setattr(doctor, "usable_folder", lambda _: None)
    monkeypatch.setattr(doctor, "private_folder", lambda: None)
    assert [one.level for one in kernels()] == ["problem", "problem"]


def test_threads_that_make_no_sense(monkeypatch):
    for name in health._THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(health, "granted_cores", lambda: None)
    assert [one.level for one in health.threads()] == ["ok"]
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "4096")
    assert [one.level for one in health.threads()] == ["ok", "note", "problem"]
    monkeypatch.undo()
    monkeypatch.setattr(health, "granted_cores", lambda: 0.5)
    assert "NUMBA_NUM_THREADS=1" in list(health.threads())[-1].remedy


def test_packages_that_are_missing_too_old_or_do_not_fit(monkeypatch):
    real = health.metadata.version
    monkeypatch.setattr(
        health.metadata, "requires", lambda _: ["numpy>=2.0", "gymnasium<2,>=1.1", 'torch>=9; extra == "train"']
    )
    found = {one.about: one for one in health.packages()}
    assert found["packages"].level == "ok"
    assert (found["extra train"].level, found["extra train"].remedy) == ("problem", "pip install 'thecal[train]'")
    monkeypatch.setattr(health.metadata, "version", lambda name: "9.9.9" if name == "numpy" else real(name))
    assert any("does not run with numpy 9.9.9" in one.text for one in health.packages() if one.level == "problem")
    monkeypatch.setattr(health, "missing", lambda extra: ("z3",) if extra == "prove" else ())
    (lacking,) = [one for one in health.packages() if one.about == "extra prove"]
    assert (lacking.level, lacking.remedy) == ("note", "pip install 'thecal[prove]'")


@pytest.mark.parametrize(
    ("version", "sign", "bound", "holds"),
    [
        ("2.13.0+cpu", ">=", "2.8", True),
        ("1.10", "<", "1.9", False),
        ("2.0.0rc1", "<", "2", False),
        ("3", "==", "3.0", True),
    ],
    ids=["local", "numbers", "candidate", "padded"],
)
def test_versions_are_compared_as_numbers(version, sign, bound, holds):
    assert health._holds(version, sign, bound) is holds


def test_little_room_is_said(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for free, level in ((2**40, "ok"), (2**29, "note"), (2**20, "problem")):
        monkeypatch.setattr(health.shutil, "disk_usage", lambda _, free=free: shutil._ntuple_diskusage(0, 0, free))
        assert [one.level for one in health.space()][:2] == [level, level]
    monkeypatch.setattr(health, "free_memory", lambda: 2**20)
    assert list(health.space())[-1].level == "note"


def test_settings_of_the_environment_are_named(monkeypatch):
    monkeypatch.setenv("THECAL_TASK", "CancerMorphine")
    (finding,) = health.settings()
    assert "THECAL_TASK" in finding.text


def test_a_terminal_of_another_encoding():
    done = subprocess.run(
        [sys.executable, "-c", "from thecal.experiments.cli import run; run(['doctor'])"],
        env={**os.environ, "PYTHONIOENCODING": "ascii:backslashreplace"}, capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    assert b"PYTHONUTF8=1" in done.stdout
    assert done.stderr == b""


def test_without_mlflow_the_store_is_looked_at_all_the_same(store, monkeypatch):
    monkeypatch.setattr(schema, "installed_revisions", lambda: ("", frozenset()))
    (finding,) = examine([doctor.store])
    assert "MLflow is not installed" in finding.text


@pytest.mark.parametrize(
    ("status", "level", "said"),
    [(200, "ok", "answers"), (401, "problem", "401"), (404, "note", "is no tracking server"), (500, "problem", "500")],
)
def test_a_server_is_asked_how_it_is(status, level, said, monkeypatch):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_args) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        # The first connection only sees whether someone listens.
        threading.Thread(target=server.handle_request, daemon=True).start()
        (finding,) = stores(f"http://anna:Tr0ub4dor@127.0.0.1:{server.server_port}", monkeypatch)
    assert finding.level == level
    assert said in finding.text
    assert "Tr0ub4dor" not in finding.text
