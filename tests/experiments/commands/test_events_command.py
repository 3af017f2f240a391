"""`thecal events` and `thecal nca` from the command line: files in, files out, and the exit code of a bad table."""

from __future__ import annotations

import csv
import json
import math

import pytest

from thecal.experiments.cli import run

GOOD = "ID,TIME [h],AMT [ug],ADDL,II,DVID,DV\n1,0,100,.,.,.,.\n"
LEVELS = "".join(f"1,{h},.,.,.,csf,{10.0 * math.exp(-0.2 * h):.12g}\n" for h in (1, 2, 4, 8))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(GOOD + LEVELS, encoding="utf-8")
    return path


def test_check_tells_what_is_in_a_table(table, capsys):
    assert run(["events", "check", str(table), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["patients"]
    assert (row["doses"], row["drugs"], row["observations"]) == (1, "morphine", "4 csf")


def test_a_bad_row_ends_with_a_report(table, tmp_path, capsys):
    table.write_text(GOOD + "1,1,.,.,.,csf,-4\n" + LEVELS.partition("\n")[2], encoding="utf-8")
    report = tmp_path / "refused.csv"
    assert run(["events", "check", str(table), "--report", str(report)]) == 3
    assert "row 3, DV" in capsys.readouterr().err
    assert [row["row"] for row in csv.DictReader(report.read_text(encoding="utf-8").splitlines())] == ["3"]
    assert run(["events", "check", str(table), "--keep-good"]) == 0
    assert "left out: row 3, DV" in capsys.readouterr().err


def test_tables_and_programs_are_converted(table, tmp_path, capsys):
    for name in ("t.parquet", "back.csv", "p.toml"):
        more = ["--mg-per-ml", "0.1"] if name == "p.toml" else []
        assert run(["events", "convert", str(table), str(tmp_path / name), *more]) == 0
    assert run(["events", "convert", str(tmp_path / "p.toml"), str(tmp_path / "doses.csv")]) == 0
    assert run(["events", "expand", str(tmp_path / "back.csv"), str(tmp_path / "single.csv")]) == 0
    capsys.readouterr()
    assert run(["events", "convert", str(table), str(table)]) == 2
    assert run(["events", "convert", str(table), str(tmp_path / "q.toml")]) == 2
    assert "--mg-per-ml: missing" in capsys.readouterr().err


def test_nca_prints_figures_and_says_what_it_skips(table, capsys):
    assert run(["nca", str(table), "--start", "back", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["cl_f"] == pytest.approx(2.0, rel=1e-6)
    table.write_text(GOOD.replace("100,.,.", "100,2,1") + LEVELS, encoding="utf-8")
    assert run(["nca", str(table)]) == 2
    assert "3 doses before the last level" in capsys.readouterr().err
