"""``thecal headroom``: tables or JSON on standard output, progress beside it, exit codes, and refusals in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thecal.experiments.analysis.headroom_stored import load_headroom, to_dict
from thecal.experiments.cli import run
from thecal.experiments.studies import headroom as study

SMALL = ("headroom", "CancerMorphine", "-n", "12", "--seeds", "5", "--horizon-d", "0.5", "--no-models")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    # Three doses instead of thirteen: what is tested here is the command.
    monkeypatch.setattr(
        study.headroom, "__kwdefaults__", {**study.headroom.__kwdefaults__, "multiples": (0.5, 1.0, 8.0)}
    )


def test_the_tables_and_the_verdict_read_as_text(capsys):
    assert run([*SMALL]) == 0
    seen = capsys.readouterr()
    for words in (
        "Mean, CancerMorphine, seed_2025, 12 tune patients of each seed (5)",
        "Median,",
        "10 % trimmed mean,",
    ):
        assert words in seen.out
    for label in (
        "Random requests",
        "Fixed rate",
        "Guideline titration",
        "Guarded PID",
        "Planning oracle",
        "Best dose in hindsight",
    ):
        assert seen.out.count(label) == 3
    assert "The reference is the better of oracle and hindsight on this task, " in seen.out
    assert "Bayesian" not in seen.out
    assert seen.out.count("- met: ") + seen.out.count("- not met: ") == 4
    assert "Verdict on CancerMorphine: not every rule is met" in seen.out
    assert "headroom on 12 tune patients of each seed: 100 %" in seen.err
    assert "%, pid" not in seen.out


def test_json_is_the_record_that_is_written(capsys):
    assert run([*SMALL, "--json", "--out", "found.json"]) == 0
    seen = capsys.readouterr()
    assert json.loads(seen.out) == to_dict(load_headroom("found.json")) == json.loads(Path("found.json").read_text())
    assert "wrote found.json" in seen.err


def test_strict_ends_with_1_where_a_rule_is_missed(capsys):
    assert run([*SMALL, "--strict"]) == 1
    assert "not every rule is met" in capsys.readouterr().out


def test_strict_ends_with_0_where_every_rule_is_met(monkeypatch):
    from thecal.experiments.analysis.headroom import Judgment

    monkeypatch.setattr(Judgment, "passed", True)
    assert run([*SMALL, "--strict"]) == 0


def test_options_reach_the_scenario(capsys):
    assert run([*SMALL, "--json", "--profile", "monitored_closed_loop", "--difficulty", "easy"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["profile"], found["scenario"]["difficulty"], found["seeds"]) == ("monitored_closed_loop", "easy", [5])
    assert found["scenario"]["split"] == found["split"] == "tune"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Cancer",), "did you mean 'CancerCourse'"),
        (("CancerMorphine", "-n", "11"), "at least 12 patients"),
        (("CancerMorphine", "--seeds", ""), "at least one seed"),
        (("CancerMorphine", "--seeds", "1,2,1"), "seed 1 is given twice"),
        (("CancerMorphine", "--seeds", "1,x"), "'x' is no seed"),
        (("CancerMorphine", "--seeds", "-1"), "'-1' is no seed"),
        (("CancerMorphine", "--seeds", "9" * 5000), "is no seed"),
        (("CancerMorphine", "--seeds", "9" * 19), "a seed must lie between 0"),
        (("CancerMorphine", "--profile", "sead_2025"), "did you mean 'seed_2025'"),
        (("CancerMorphine", "--difficulty", "hard"), "hard"),
        (("CancerMorphine", "--out", "found.txt"), "the ending must be .json"),
    ],
)
def test_bad_input_is_refused_before_any_work(capsys, monkeypatch, words, said):
    monkeypatch.setattr(study, "measured", None)
    assert run(["headroom", *words]) == 2
    seen = capsys.readouterr()
    assert said in seen.err
    assert seen.out == ""
