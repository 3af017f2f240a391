"""The tutorial of the page on fitting runs as it stands there, from the first block to the last."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from thecal.experiments.cli import run

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "fitting.md").read_text(encoding="utf-8")
TUTORIAL = PAGE.partition("## Tutorial")[2].partition("\n## ")[0]


def blocks():
    return re.findall(r"^```(sh|python)\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)


def test_the_tutorial_shows_commands_and_python():
    assert [kind for kind, _ in blocks()] == ["sh", "sh", "sh", "python"]


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs" / "examples").mkdir(parents=True)
    shutil.copytree(ROOT / "docs" / "examples" / "fitting", tmp_path / "docs" / "examples" / "fitting")
    for kind, code in blocks():
        if kind == "python":
            exec(compile(code, "tutorial", "exec"), {"__name__": "tutorial"})
            continue
        for line in code.splitlines():
            assert run(shlex.split(line)[1:]) == 0, line
    assert float(capsys.readouterr().out.split()[-1]) > 0.0
