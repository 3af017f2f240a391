"""`thecal fit` and `thecal exchange` from the command line: what is refused before any work, and the file that is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.experiments.cli import run

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "fitting" / "patient.csv"


def test_too_few_rows_are_refused_and_nothing_is_saved(tmp_path, capsys):
    few = tmp_path / "few.csv"
    few.write_text("".join(EXAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)[:7]), encoding="utf-8")
    assert run(["fit", str(few), "--out", str(tmp_path / "anna")]) == 2
    assert "too few" in capsys.readouterr().err
    assert not (tmp_path / "anna").exists()


def test_several_patients_need_a_name(tmp_path, capsys):
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    two = tmp_path / "two.csv"
    two.write_text("\n".join([*lines, lines[1].replace("anna", "bert")]), encoding="utf-8")
    assert run(["fit", str(two)]) == 2
    assert "--patient: missing" in capsys.readouterr().err


def test_an_sbml_model_is_written(tmp_path, capsys):
    libsbml = pytest.importorskip("libsbml")
    target = tmp_path / "m.xml"
    assert run(["exchange", "sbml", str(target), "--doses", str(EXAMPLE)]) == 0
    model = libsbml.readSBMLFromFile(str(target)).getModel()
    assert model.getNumSpecies() == 58
    assert model.getNumEvents() == 2
    assert "simulation only" in model.getName()
