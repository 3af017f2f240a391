"""``thecal dashboard``: light to ask about, on 127.0.0.1 only, ended by a signal, and in one sentence where it cannot start."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys

import pytest

from thecal.core import extras
from thecal.dashboard.server import HOST, bound
from thecal.experiments.cli import run


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from thecal.experiments.cli import run; code = run(['dashboard', '--help']);"
        "heavy = {'fastapi', 'uvicorn', 'pyarrow', 'numba', 'starlette'} & set(sys.modules); assert not heavy, heavy;"
        "raise SystemExit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "simulation only" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_without_its_packages_it_says_what_to_install(monkeypatch, capsys):
    find = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "uvicorn" else find(name))
    assert run(["dashboard"]) == 5
    assert "the dashboard needs uvicorn: pip install 'thecal[dashboard]'" in capsys.readouterr().err


def test_a_taken_port_is_told_in_one_sentence(capsys):
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert run(["dashboard", "--port", str(port)]) == 2
    assert f"port {port} of 127.0.0.1 cannot be used" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("words", [["--host", "0.0.0.0"], ["--port", "70000"], ["--root", __file__]])
def test_what_it_does_not_take(words, capsys):
    assert run(["dashboard", *words]) == 2
    assert capsys.readouterr().err


def test_the_socket_is_of_this_machine_alone():
    with bound(0) as own:
        assert own.getsockname()[0] == "127.0.0.1"


def test_it_serves_until_a_signal(tmp_path):
    words = ["dashboard", "--port", "0", "--root", str(tmp_path / "none")]
    command = [sys.executable, "-u", "-c", "from thecal.experiments.cli import main; main()", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            said = program.stdout.readline()
            port = int(
                re.fullmatch(r"dashboard: http://127\.0\.0\.1:(\d+)/ \(research simulation only; .*\)\n", said)[1]
            )
            line = http.client.HTTPConnection(HOST, port, timeout=30)
            line.request("GET", "/api/runs")
            assert b'"runs": []' in line.getresponse().read()
            line.close()
        finally:
            program.send_signal(signal.SIGINT)
            _, errors = program.communicate(timeout=60)
    assert program.returncode == 130
    assert "there is no such folder yet" in errors
    assert "Traceback" not in errors
