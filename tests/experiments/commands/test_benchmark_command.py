"""``thecal benchmark``: a table a condition, a page, what it keeps, and a report from what is stored alone."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from thecal.experiments.analysis.leaderboard_stored import load_leaderboard, to_dict
from thecal.experiments.cli import run
from thecal.experiments.studies import benchmark as study

from support.commands import leftovers, signaled

SMALL = ("benchmark", "fixed", "guideline", "-n", "4", "--seeds", "3,4", "--horizon-d", "0.5")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")


def test_the_table_reads_as_text_and_all_is_kept(capsys):
    assert run([*SMALL]) == 0
    seen = capsys.readouterr()
    assert "CancerMorphine, real, shield project, 8 test patients" in seen.out
    assert "reference" in seen.out
    assert "4 parts ran, 0 were stored already" in seen.err
    assert sorted(path.name for path in Path("runs/benchmark").iterdir()) == [
        "benchmark.json", "leaderboard.html", "leaderboard.json", "parts",
    ]  # fmt: skip


def test_a_report_needs_no_simulation(capsys, monkeypatch):
    assert run([*SMALL, "--out", "kept", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    Path("kept/leaderboard.html").unlink()
    monkeypatch.setattr(study, "benchmark", None)
    assert run(["benchmark", "--report", "--out", "kept", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == first == to_dict(load_leaderboard("kept"))
    assert Path("kept/leaderboard.html").exists()


def test_what_is_stored_is_told(capsys):
    run([*SMALL])
    capsys.readouterr()
    part = sorted(Path("runs/benchmark/parts").iterdir())[0]
    part.write_bytes(b"PAR1")
    assert run([*SMALL]) == 0
    said = capsys.readouterr().err
    assert "1 parts ran, 3 were stored already" in said
    assert f"discarded {part.name} and ran it anew" in said


def test_a_report_of_a_damaged_folder_is_refused(capsys):
    run([*SMALL])
    sorted(Path("runs/benchmark/parts").iterdir())[0].unlink()
    capsys.readouterr()
    assert run(["benchmark", "--report"]) == 4
    assert "a part of a benchmark cannot be read" in capsys.readouterr().err
    assert run(["benchmark", "--report", "--out", "nowhere"]) == 4
    assert "holds no benchmark" in capsys.readouterr().err


def test_unshielded_conditions_are_marked(capsys):
    assert run([*SMALL, "--shields", "project,off"]) == 0
    assert "UNSHIELDED: CancerMorphine, real, shield off" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seeds", ""), "--seeds: nothing is named"),
        (("--seeds", "1,x"), "'x' is no seed"),
        (("--seeds", "1,1"), "seeds: 1 is given twice"),
        (("--tasks", ","), "--tasks: nothing is named"),
        (("--seeds", "9" * 19), "a seed must lie below"),
        (("--top", "hindsight"), "the top of the score 'hindsight' is not among"),
        (("--profile", "sead_2025"), "did you mean 'seed_2025'"),
    ],
)
def test_bad_input_is_refused_before_any_work(capsys, monkeypatch, words, said):
    monkeypatch.setattr(study, "blocks", None)
    assert run([*SMALL, *words]) == 2
    assert said in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def test_an_interrupted_run_leaves_whole_parts(tmp_path):
    words = [
        "benchmark",
        "fixed",
        "guideline",
        "pid",
        "-n",
        "4",
        "--seeds",
        "1,2,3",
        "--horizon-d",
        "2",
        "--out",
        "kept",
    ]
    done = signaled(words, tmp_path, signal.SIGINT, lambda: any(tmp_path.glob("kept/parts/*.parquet")))
    assert done.code in (130, 0), done.err
    assert "Traceback" not in done.err
    assert leftovers(tmp_path) == []
