"""``thecal trial``: a trial from a file with its page, power without a patient, and refusals in a sentence."""

from __future__ import annotations

import json

import pytest

from thecal.experiments.cli import run

SHORT = """
title = "short"
design = "parallel"
task = "CancerMorphine"
split = "tune"
patients = 8
[scenario]
horizon_d = 0.5
[arms.a]
label = "Guideline"
policy = "guideline"
[arms.b]
label = "Fixed"
policy = "fixed"
[endpoint]
outcome = "mean_nrs"
better = -1
[power]
first = 4.0
second = 5.0
sd = 1.0
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "short.toml").write_text(SHORT, encoding="utf-8")


def test_a_trial_writes_its_folder_and_its_page(tmp_path, capsys):
    assert run(["trial", "short.toml"]) == 0
    seen = capsys.readouterr()
    assert "By the rule of the plan," in seen.out
    assert "8 patients were assessed for entry, 8 randomized" in seen.out
    folder = tmp_path / "runs" / "trial-short"
    assert {path.name for path in folder.iterdir()} == {"plan.json", "look_1.json", "trial.json", "trial.html"}
    assert run(["trial", "short.toml", "--json", "--no-report"]) == 0
    assert json.loads(capsys.readouterr().out)["planned"] == 8
    (tmp_path / "short.toml").write_text(SHORT.replace("patients = 8", "patients = 12"), encoding="utf-8")
    assert run(["trial", "short.toml"]) == 2
    assert "fixed before its run" in " ".join(capsys.readouterr().err.split())


def test_power_runs_no_patient(tmp_path, capsys):
    assert run(["trial", "short.toml", "--power", "--trials", "100"]) == 0
    assert "of 100 simulated trials" in capsys.readouterr().out
    assert run(["trial", "short.toml", "--power", "--trials", "100", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == 100
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "unknown trial 'nothing'"),
        (["gone.toml"], "gone.toml: cannot be read"),
        (["short.toml", "--trials", "100"], "--trials: it is of --power"),
    ],
)
def test_what_cannot_be_run_is_told(words, said, capsys):
    code = run(["trial", *words])
    told = " ".join(capsys.readouterr().err.split())
    assert code == 2
    assert said in told
