"""`thecal fit` and `thecal exchange` from the command line: what is refused before any work, and the file that is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from thecal.clinic.events.reading import read_events
from thecal.experiments.cli import run
from thecal.experiments.fitting.charts import chart_of
from thecal.experiments.fitting.fit import Fit, problem_of
from thecal.experiments.fitting.quantities import Combination, rows
from thecal.experiments.fitting.smc import Population
from thecal.physiology.cohort_spec import load_cohort_spec

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "fitting" / "patient.csv"


def test_too_few_rows_are_refused_and_nothing_is_saved(tmp_path, capsys):
    few = tmp_path / "few.csv"
    few.write_text("".join(EXAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)[:7]), encoding="utf-8")
    assert run(["fit", str(few), "--out", str(tmp_path / "anna")]) == 2
    assert "too few" in capsys.readouterr().err
    assert not (tmp_path / "anna").exists()


def _found():
    """A fit as the search hands it over, of a population that nothing has narrowed but its pain."""
    table = read_events(EXAMPLE).table
    problem = problem_of(table, load_cohort_spec("cancer"), chart=chart_of(table))
    size = len(problem.space.names)
    points = np.random.default_rng(0).standard_normal((2, 60, size))
    points[:, :, problem.space.names.index("baseline")] *= 0.3
    par = problem.space.draw(points.reshape(-1, size))[0].par
    prior = problem.space.draw(np.random.default_rng(1).standard_normal((500, size)))[0].par
    population = Population(points, np.zeros((2, 60)), (1.0,), (0.2, 0.2), 240)
    made = [Combination({"slope": 1.0, "placebo": -0.5}, 0.4, -1.0, 0.0, 1.0)]
    return Fit(problem, population, points[0, 0], rows(prior, par.reshape(2, 60), 0.7), made, 0.4)


def test_what_a_fit_found_is_shown_and_saved(tmp_path, capsys, monkeypatch):
    found = _found()
    monkeypatch.setattr("thecal.experiments.fitting.fit.fit", lambda *_: found)
    assert run(["fit", str(EXAMPLE), "--out", str(tmp_path / "anna")]) == 0
    out = capsys.readouterr().out
    assert "pain without drug" in out
    assert "known only together (0.40" in out
    assert all(len(line) <= 80 for line in out.splitlines() if "known only" not in line)
    assert (tmp_path / "anna" / "patient.toml").is_file()
    assert run(["fit", str(EXAMPLE), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in told["numbers"] if row["known"]]
    assert told["composites"][0]["weights"] == {"slope": 1.0, "placebo": -0.5}


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
