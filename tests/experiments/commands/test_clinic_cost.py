"""``thecal clinic cost``: tables and JSON, a stored run priced, and refusals in a sentence with their exit codes."""

from __future__ import annotations

import json

import pytest

from thecal.experiments.cli import run
from thecal.experiments.rollouts.parquet import save_trajectories

from support.runs import hand_run


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def test_expected_costs_read_as_text(capsys):
    assert run(["clinic", "cost", "--draws", "200"]) == 0
    seen = capsys.readouterr().out
    for words in (
        "simulation only",
        "month 24.8",
        "13,231 more",
        "it dominates",
        "conventional_month",
        "perfect information",
    ):
        assert words in seen


def test_expected_costs_as_data_and_file(capsys):
    assert run(["clinic", "cost", "--draws", "200", "--months", "6", "--json", "--out", "cost.json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["break_even_month"] is None
    assert [row["month"] for row in found["pump"]] == list(range(7))
    with open("cost.json", encoding="utf-8") as file:
        assert json.load(file) == found


def test_a_stored_run_is_priced(capsys):
    save_trajectories(hand_run(48, 2), "run.parquet")
    assert run(["clinic", "cost", "--from", "run.parquet"]) == 0
    assert "upkeep of a month" in capsys.readouterr().out
    assert run(["clinic", "cost", "--from", "run.parquet", "--no-upfront", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["mean"] == 0.0


def test_a_run_is_compared_with_another(capsys):
    save_trajectories(hand_run(48, 2, pain_mean=2.0), "good.parquet")
    save_trajectories(hand_run(48, 2, policy="other"), "bad.parquet")
    assert run(["clinic", "cost", "--from", "good.parquet", "--against-run", "bad.parquet"]) == 0
    assert "hand against other" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["prices", "comparators", "published"])
def test_lists_show_and_come_as_data(command, capsys):
    assert run(["clinic", "cost", command]) == 0
    assert "simulation only" in capsys.readouterr().out
    assert run(["clinic", "cost", command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_good_rows_are_kept_on_demand(tmp_path, capsys):
    head = 'title = "mine"\ncurrency = "USD"\nyear = 2013\n'
    row = (
        '[[row]]\nitem = "visit"\nprice = {}\nper = "visit"\ncurrency = "USD"\nyear = 2013\nsource = "x"\n'
        'confidence = "low"\nkind = "proposed"\n'
    )
    (tmp_path / "mine.toml").write_text(head + row.format("-3.0") + row.format("30.0"), encoding="utf-8")
    assert run(["clinic", "cost", "prices", "mine.toml"]) == 3
    assert "mine.toml: row.1 (visit): price: must be above 0" in capsys.readouterr().err
    assert run(["clinic", "cost", "prices", "mine.toml", "--keep-good"]) == 0
    seen = capsys.readouterr()
    assert "left out row 1 (visit)" in seen.err
    assert "30" in seen.out
    assert run(["clinic", "cost", "--prices", "mine.toml", "--keep-good"]) == 2
    assert "no price for trial" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["--against", "magic"], "unknown comparator 'magic'", 2),
        (["--against-run", "x"], "--against-run", 2),
        (["--prices", "nowhere"], "unknown price table", 2),
        (["--from", "nowhere"], "cannot be read", 4),
        (["--out", "x.txt"], "the ending must be .json", 2),
        (["--against", "surgery"], "no price for surgery, surgery_month", 2),
    ],
)
def test_what_cannot_be_priced_is_told(words, said, code, capsys):
    assert run(["clinic", "cost", *words]) == code
    assert said in " ".join(capsys.readouterr().err.split())
