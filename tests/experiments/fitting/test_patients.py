"""A fitted patient: the point behind it, the folder it is saved in, and the study that tries intervals."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from thecal.clinic.events.reading import read_events
from thecal.core.errors import ConfigError, ParameterError
from thecal.experiments.commands.scenario import _fitted
from thecal.experiments.fitting.charts import chart_of
from thecal.experiments.fitting.chosen import Space
from thecal.experiments.fitting.coverage import Outcome, pooled
from thecal.experiments.fitting.fit import NotConvergedError, fit, problem_of
from thecal.experiments.fitting.patient_file import COHORT, FILE, drawn, laid, read_fitted, save
from thecal.experiments.fitting.quantities import QUANTITIES, combinations, rows
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.population import shipped

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "fitting" / "patient.csv"
CASES = {
    "cancer": (("morphine",), {}),
    "noncancer": (("morphine", "bupivacaine"), {"age_y": 50.0, "male": True, "height_cm": 180.0, "weight_kg": 80.0}),
    "spasticity": (("baclofen",), {}),
}


def _saved(folder, cohort, seed):
    drugs, chart = CASES[cohort]
    space = Space(load_cohort_spec(cohort), drugs, chart)
    point = np.random.default_rng(seed).standard_normal(len(space.names))
    found = SimpleNamespace(
        problem=SimpleNamespace(space=space, patient="anna", data=range(20)), peak=point, misfit=0.5
    )
    return save(found, folder), space, point


@pytest.mark.parametrize("cohort", CASES)
def test_a_saved_patient_is_the_fitted_one_at_any_seed(tmp_path, cohort):
    # `save` itself compares every number of the record, and refuses.
    saved, space, point = _saved(tmp_path / "anna", cohort, 4)
    par = space.draw(point[None, :])[0].par
    for seed in (0, 77):
        again = drawn(read_fitted(saved.folder), seed=seed)
        for one in QUANTITIES:
            assert one(again) == pytest.approx(one(par), rel=1e-9), one.name


def test_numbers_are_laid_over_within_the_body_only(tmp_path):
    saved, _, _ = _saved(tmp_path / "anna", "cancer", 5)
    before = shipped("receptors/mu")["analgesia.sensitivity"]
    with laid(saved):
        inside = shipped("receptors/mu")["analgesia.sensitivity"]
    assert (inside.cv, before.cv) == (0.0, 0.6)
    assert inside.value != before.value
    assert shipped("receptors/mu")["analgesia.sensitivity"] == before


def test_a_folder_that_is_damaged_is_refused(tmp_path):
    saved, _, _ = _saved(tmp_path / "anna", "cancer", 6)
    text = (saved.folder / FILE).read_text(encoding="utf-8")
    (saved.folder / FILE).write_text(text.replace("analgesia.sensitivity", "analgesia.sense"), encoding="utf-8")
    with pytest.raises(ParameterError, match=r"analgesia\.sense"), laid(read_fitted(saved.folder)):
        pass
    (saved.folder / COHORT).unlink()
    with pytest.raises(ParameterError, match="missing beside it"):
        read_fitted(saved.folder)


def test_a_command_takes_a_fitted_patient(tmp_path):
    saved, _, _ = _saved(tmp_path / "anna", "cancer", 7)
    options = {"task": "CancerMorphine"}
    given = {"workers": None}
    with _fitted(str(saved.folder), options, given):
        assert options == {"task": "CancerMorphine", "cohort": saved.cohort, "split": "test"}
        assert given == {"workers": 1}
        par = draw(load_cohort_spec(options["cohort"]), ("morphine",), [0], "test", 9).par
    assert par["drug"]["ec50"][0, 0] == drawn(saved)["drug"]["ec50"][0, 0]
    for wrong, more in (({"cohort": "cancer"}, {}), ({"split": "train"}, {}), ({}, {"workers": 2})):
        with pytest.raises(ConfigError), _fitted(str(saved.folder), wrong, more):
            pass


def test_points_are_the_cohort_itself():
    space = Space(load_cohort_spec("cancer"), ("morphine",), {})
    par = space.draw(np.random.default_rng(0).standard_normal((3000, len(space.names))))[0].par
    own = draw(load_cohort_spec("cancer"), ("morphine",), range(3000), "train", 1).par
    # Medians of 3,000 in units of the spread: standard error of their difference 0.032.
    for one in QUANTITIES:
        a, b = one(par), one(own)
        assert abs(np.median(a) - np.median(b)) < 0.16 * b.std(), one.name
        assert a.std() == pytest.approx(b.std(), rel=0.2), one.name


def test_what_the_data_left_alone_is_not_known():
    space = Space(load_cohort_spec("cancer"), ("morphine",), {})
    rng = np.random.default_rng(3)
    size = (800, len(space.names))
    prior = space.draw(rng.standard_normal(size))[0].par
    same = space.draw(rng.standard_normal(size))[0].par.reshape(2, 400)
    found = rows(prior, same, 0.7)
    assert not any(row.known for row in found)
    assert combinations(prior, same, found, 0.7) == []
    order = np.argsort(same.reshape(-1)["pain_base"])[300:500]
    narrow = same.reshape(-1)[order].reshape(2, 100)
    assert [row.name for row in rows(prior, narrow, 0.7) if row.known and not row.composite] == ["pain without drug"]


def test_coverage_is_clustered_by_patient():
    outcomes = [Outcome(k, 60, {"a": k % 2 == 0, "b": k % 2 == 0}, ()) for k in range(10)]
    found = pooled([*outcomes, Outcome(10, 60, {}, (), "did not arrive")])
    assert (found.share, found.patients, found.intervals, found.failed) == (0.5, 10, 20, 1)
    assert found.error == pytest.approx(0.5 / np.sqrt(9.0))
    assert found.excludes
    with pytest.raises(ConfigError, match="nothing can be said"):
        pooled([Outcome(0, 60, {}, (), "no")])


def test_the_chart_of_a_table_is_read():
    chart = chart_of(read_events(EXAMPLE).table)
    assert chart["male"] is False
    assert chart["diagnosis"] == "cancer_nociceptive"
    assert chart["pain_span"] == 2


def test_a_table_without_a_dose_or_with_too_little_is_refused():
    table = read_events(EXAMPLE).table
    spec = load_cohort_spec("cancer")
    reports = type(table)(tuple(row for row in table.rows if row.what), table.covariates)
    with pytest.raises(ConfigError, match="no dose"):
        problem_of(reports, spec, chart={})
    few = type(table)(table.rows[:6], table.covariates)
    with pytest.raises(ConfigError, match="too few"):
        problem_of(few, spec, chart={})


@pytest.mark.slow
def test_the_example_is_fitted_and_saved(tmp_path):
    table = read_events(EXAMPLE).table
    found = fit(problem_of(table, load_cohort_spec("cancer"), chart=chart_of(table)))
    assert any(row.known for row in found.rows)
    assert save(found, tmp_path / "anna").content.observations == len(found.problem.data)


@pytest.mark.slow
def test_reports_that_contradict_each_other_are_no_fit():
    from dataclasses import replace

    table = read_events(EXAMPLE).table
    wild = [replace(row, value=float(10 * (k % 2))) if row.what == "nrs" else row for k, row in enumerate(table.rows)]
    with pytest.raises(NotConvergedError):
        fit(problem_of(type(table)(tuple(wild), table.covariates), load_cohort_spec("cancer"), chart=chart_of(table)))
