"""``thecal clinic``: charts that are written are judged as those that are drawn, rows are refused one by one, 80 columns do."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from thecal.experiments.cli import run


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_written_charts_are_judged_as_drawn_ones(capsys, tmp_path: Path, ending: str) -> None:
    table = tmp_path / f"charts.{ending}"
    who = ("--cohort", "cancer", "-n", "40", "--seed", "4")
    assert told(capsys, "clinic", "charts", str(table), *who)[0] == 0
    _, drawn, _ = told(capsys, "clinic", "select", *who, "--json", "--payer", "us_medicare")
    _, read, _ = told(capsys, "clinic", "select", "--charts", str(table), "--json", "--payer", "us_medicare")
    first, second = json.loads(drawn), json.loads(read)
    assert first.pop("title") != second.pop("title")
    assert first == second
    assert first["synthetic"] is first["simulation_only"] is True
    assert sum(first["answers"].values()) == first["funnel"][0]["came"] == 40


def test_the_table_fits_eighty_columns(capsys, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page, table = tmp_path / "page.html", tmp_path / "verdicts.csv"
    code, out, _ = told(capsys, "clinic", "select", "-n", "60", "--html", str(page), "--csv", str(table))
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "simulation only" in out
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 60
    assert all(row["sentence"].endswith(".") for row in rows)
    text = page.read_text(encoding="utf-8")
    assert "Research simulation only" in text
    assert text.count("<tr>") > 60
    assert "http" not in text


def test_one_patient_is_explained(capsys) -> None:
    code, out, _ = told(capsys, "clinic", "select", "-n", "12", "--patient", "3")
    assert code == 0
    assert "source (" in out
    code, _, err = told(capsys, "clinic", "select", "-n", "12", "--patient", "12")
    assert code == 2
    assert "unknown patient '12'" in err


def test_bad_rows_are_refused_or_left_out(capsys, tmp_path: Path) -> None:
    table, report = tmp_path / "charts.csv", tmp_path / "problems.csv"
    assert told(capsys, "clinic", "charts", str(table), "-n", "5")[0] == 0
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[2] = lines[2].replace("True", "maybe", 1)
    table.write_text("\n".join(lines), encoding="utf-8")
    code, _, err = told(capsys, "clinic", "select", "--charts", str(table), "--report", str(report))
    assert code == 3
    assert "row 3, synthetic: 'maybe' is neither true nor false" in err
    assert [row["row"] for row in csv.DictReader(report.read_text(encoding="utf-8").splitlines())] == ["3"]
    code, out, err = told(capsys, "clinic", "select", "--charts", str(table), "--keep-good", "--json")
    assert code == 0
    assert "1 rows refused, 4 kept" in err
    assert json.loads(out)["refused_rows"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("select", "--payer", "medicare"), "unknown payer 'medicare'"),
        (("select", "--charts", "nowhere.csv"), "cannot be read"),
        (("charts", "charts.txt"), "the ending must be one of"),
        (("select", "--cohort", "nope"), "unknown cohort"),
    ],
)
def test_wrong_words_are_refused(capsys, words: tuple[str, ...], said: str) -> None:
    code, _, err = told(capsys, "clinic", *words)
    assert code in (2, 3, 4)
    assert said in err
    assert "Traceback" not in err


def test_an_output_never_falls_on_its_input(capsys, tmp_path: Path) -> None:
    table = tmp_path / "charts.csv"
    assert told(capsys, "clinic", "charts", str(table), "-n", "3")[0] == 0
    code, _, err = told(capsys, "clinic", "select", "--charts", str(table), "--csv", str(table))
    assert code == 2
    assert "would be overwritten" in err


HISTORY = """[[step]]
drugs = ["morphine"]
ug_per_d = [400.0]
days = 60
relief_percent = 20.0
side_effects = []
"""


def test_the_pathway_prints_its_next_step(capsys, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told_before = tmp_path / "history.toml"
    told_before.write_text(HISTORY, encoding="utf-8")
    code, out, _ = told(capsys, "clinic", "pathway", "--patient", "3", "--history", str(told_before))
    assert code == 0
    assert "Next: raise. Relief of 20 % is not enough" in out
    assert "morphine: 480 ug/d" in out
    table = out[out.index("line  regimen") :]
    assert max(map(len, table.splitlines())) <= 80
    code, out, _ = told(capsys, "clinic", "pathway", "--patient", "3", "--history", str(told_before), "--json")
    found = json.loads(out)
    assert found["next"]["doses"] == {"morphine": pytest.approx(480.0)}
    assert {row["state"] for row in found["lines"]} >= {"given now", "may follow", "refused (mixture)"}


def test_whoever_is_not_eligible_has_no_next_step(capsys, tmp_path: Path) -> None:
    _, out, _ = told(capsys, "clinic", "select", "-n", "30", "--json")
    refused = next(row["patient"] for row in json.loads(out)["patients"] if row["answer"] == "not")
    code, out, _ = told(capsys, "clinic", "pathway", "--patient", refused, "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["eligible"], found["next"]) == ("not", None)
    assert found["selection"].startswith("Not eligible: ")


def test_a_wrong_pathway_is_refused(capsys, tmp_path: Path) -> None:
    bad = tmp_path / "history.toml"
    bad.write_text(HISTORY.replace("400.0", "0.0"), encoding="utf-8")
    code, _, err = told(capsys, "clinic", "pathway", "--history", str(bad))
    assert code == 3
    assert "history.toml: step.0: ug_per_d: a dose must be above 0" in err
    assert told(capsys, "clinic", "pathway", "--consensus", "pacc_2018")[0] == 2


def test_trialing_tells_of_every_method(capsys, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table = tmp_path / "trials.csv"
    who = ("clinic", "trialing", "-n", "14", "--months", "2")
    code, out, _ = told(capsys, *who, "--csv", str(table))
    assert code == 0
    assert max(len(line) for line in out.splitlines() if "─" in line or "(" in line[:60]) <= 120
    assert "Research simulation only." in out
    code, text, _ = told(capsys, *who, "--json")
    found = json.loads(text)
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    n = found["methods"][0]["passed"]["of"]
    assert 0 < n <= 14
    assert len(rows) == 3 * n
    for one in found["methods"]:
        mine = [row for row in rows if row["method"] == one["method"]]
        assert sum(row[f"passed_{one['rule']}"] == "True" for row in mine) == one["passed"]["count"]
    assert len(found["methods"]) == len(found["differences"]) == 12
    assert told(capsys, "clinic", "trialing", "--drug", "ziconotide")[0] == 2
