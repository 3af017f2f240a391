"""Calibrations: a known answer is found, nothing is written without convergence, and the record says what was fitted."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from thecal.core.errors import ConfigError, StoreError
from thecal.experiments.cli import run
from thecal.experiments.validation.calibration import outputs
from thecal.experiments.validation.calibration.fit import calibrate
from thecal.experiments.validation.calibration.posterior import posterior
from thecal.experiments.validation.calibration.problem import problem_of
from thecal.experiments.validation.calibration.search import NotConvergedError, search
from thecal.experiments.validation.calibration.simulate import Simulated, simulate
from thecal.experiments.validation.calibration.study import Enough, Search
from thecal.experiments.validation.seeds import CALIBRATION_SEEDS, DEVELOPMENT_SEEDS, FINAL_SEEDS
from thecal.physiology.population import shipped

from support.spoiled_tables import write
from support.studies import BRAINSTEM, CV, EC50, SPREAD, prior, stand_in, study, tables

FLAT = {name: one | {"prior": prior(distribution="uniform", spread=None, median=one["prior"]["median"])}
        for name, one in tables()["free"].items()}  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    return calibrate(study(), run=stand_in)


def test_without_priors_the_known_answer_is_found():
    found = calibrate(study(free=FLAT), run=stand_in)
    assert found.values == pytest.approx([EC50, CV], rel=0.02)
    assert found.losses["after"]["targets"] < 1e-3 < found.losses["before"]["targets"]
    assert found.losses["after"]["priors"] == 0.0


def test_priors_draw_the_answer_towards_them(fitted):
    ec50, cv = fitted.values
    assert 0.25 < ec50 < EC50
    assert 0.45 < cv < CV
    # The smallest loss is the smallest that is near.
    problem = fitted.problem
    for step in (-0.01, 0.01):
        for k in range(2):
            moved = fitted.values * (1.0 + step * np.eye(2)[k])
            loss = problem.fit(stand_in(problem.item(moved))) + problem.coordinates.penalty(moved)
            assert loss > sum(fitted.losses["after"].values()) - 1e-4


def test_the_posterior_of_straight_lines_is_exact():
    rng = np.random.default_rng(1)
    points = rng.standard_normal((60, 2))
    slopes = np.array([[2.0, 0.0], [1.0, 0.0]])
    weights = np.array([1.0, 3.0])
    found = posterior(np.zeros(2), points, points @ slopes.T, np.zeros(60), weights)
    assert found.slopes == pytest.approx(slopes, abs=0.02)
    assert found.spreads == pytest.approx([1.0 / math.sqrt(1.0 + 4.0 + 3.0), 1.0], rel=0.02)
    assert found.not_identified.tolist() == [False, True]
    assert found.correlations == pytest.approx(np.eye(2), abs=0.02)


def test_numbers_that_work_as_one_are_correlated():
    points = np.random.default_rng(1).standard_normal((60, 2))
    found = posterior(np.zeros(2), points, (points @ [3.0, 3.0])[:, None], np.zeros(60), np.ones(1))
    assert found.correlations[0, 1] < -0.8


def test_the_same_seed_gives_the_same_fit(fitted):
    again = calibrate(study(), run=stand_in)
    assert again.values.tolist() == fitted.values.tolist()
    assert outputs.record_of(again)["history"] == outputs.record_of(fitted)["history"]
    other = calibrate(study(seed=2), run=stand_in)
    assert outputs.record_of(other)["history"] != outputs.record_of(fitted)["history"]
    assert other.values == pytest.approx(fitted.values, rel=0.02)


def test_every_candidate_meets_the_same_patients():
    seen = set()

    def watched(item):
        seen.add((item.seeds, item.split, item.scales))
        return stand_in(item)

    calibrate(study(), run=watched)
    assert seen == {((4101, 4102), "tune", (0.02, 0.02))}


def test_calibration_and_validation_share_no_seed():
    assert not set(CALIBRATION_SEEDS) & {*DEVELOPMENT_SEEDS, *FINAL_SEEDS}


def test_a_candidate_again_is_the_same_and_leaves_nothing():
    problem = problem_of(study(target={"csf_half_life": {}}))
    shipped_values = simulate(problem.item(None))
    item = problem.item([0.3, 0.5])
    assert simulate(item) == simulate(item)
    assert simulate(problem.item(None)) == shipped_values
    assert shipped(BRAINSTEM[0])[BRAINSTEM[1]].value != 0.3


def test_numbers_that_no_patient_has_cost_and_do_not_end():
    problem = problem_of(study())
    found = simulate(problem.item([-1.0, 0.5]))
    assert set(found.failures) == set(problem.targets)
    assert all(math.isnan(value) for values in found.values.values() for value in values)
    assert 100.0 < problem.fit(found) < 1e6


def test_a_search_that_does_not_end_says_what_remained():
    with pytest.raises(
        NotConvergedError, match=r"no convergence within 3 generations: .*rule: at most 1e-12"
    ) as raised:
        search(
            lambda asked: [float(point @ point) for point in asked],
            np.ones(3),
            np.array([[-5.0, 5.0]] * 3),
            Search(generations=3),
            Enough(step=1e-12, loss=1e-12, over=2),
            seed=1,
        )
    assert raised.value.exit_code == 1


@pytest.mark.parametrize(("center", "dimensions"), [(0.7, 1), (-1.2, 3)])
def test_the_search_finds_a_known_minimum_within_bounds(center, dimensions):
    bounds = np.array([[-2.0, 2.0]] * dimensions)
    found = search(
        lambda asked: [float(((point - center) ** 2).sum()) for point in asked],
        np.zeros(dimensions), bounds, Search(generations=200), Enough(step=1e-3, loss=1e-12, over=4), seed=1,
    )  # fmt: skip
    assert found.center == pytest.approx(np.full(dimensions, center), abs=0.01)
    assert (found.points >= bounds[:, 0]).all()
    assert (found.points <= bounds[:, 1]).all()
    assert found.history[-1].so_far == found.losses.min()


def test_what_was_simulated_before_a_break_is_not_again(fitted, tmp_path):
    kept = []
    problem = problem_of(study())
    with pytest.raises(KeyboardInterrupt):
        calibrate(problem, run=_broken_after(30), checkpoint=lambda points: kept.append(list(points)))
    path = outputs.write_checkpoint(tmp_path / "kept.json", problem, kept[-1])
    known = outputs.read_checkpoint(path, problem)
    assert known == kept[-1]
    count = []
    again = calibrate(problem, run=lambda item: count.append(item) or stand_in(item), known=known)
    assert again.values.tolist() == fitted.values.tolist()
    assert len(count) == len(fitted.search.losses) + 1 + 8 + 2 - len(known)
    for other in (study(seed=3), study(patients={"seeds": [4103]})):
        with pytest.raises(StoreError, match="of another study"):
            outputs.read_checkpoint(path, problem_of(other))
    longer = problem_of(study(search={"generations": 99, "population": 8}))
    assert outputs.read_checkpoint(path, longer) == known


def _broken_after(candidates):
    left = [candidates]

    def run_some(item):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return stand_in(item)

    return run_some


@pytest.mark.parametrize("content", ["{}", "[]", "nothing", '{"hash": 1, "points": 3}'])
def test_a_damaged_checkpoint_is_refused(content, tmp_path):
    (tmp_path / "kept.json").write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match="kept.json"):
        outputs.read_checkpoint(tmp_path / "kept.json", problem_of(study()))


def test_a_target_that_fails_as_shipped_ends_it_before_work():
    def failing(item):
        found = stand_in(item)
        return Simulated(found.values, {("csf_half_life", "axial"): "ParameterError: no such thing"})

    with pytest.raises(ConfigError, match="target csf_half_life cannot be simulated as it is .*no such thing"):
        calibrate(study(), run=failing)


def test_a_folder_holds_files_record_and_report(fitted, tmp_path):
    outputs.write_fit(fitted, tmp_path)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {
        "record.json", "report.md", "parameters/drugs/morphine.toml", "parameters/receptors/mu.toml",
    }  # fmt: skip
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert record["study_hash"] == fitted.problem.study.hash
    assert record["seeds"] == {"optimizer": 1, "cohorts": [4101, 4102], "split": "tune"}
    assert [row["name"] for row in record["numbers"]] == ["brainstem", "breathing_spread"]
    assert {row["key"] for row in record["targets"]} == {"csf_half_life", "depression_from_03"}
    assert all(math.isfinite(row["after"]) and "before_error" in row for row in record["targets"])
    assert np.array(record["correlations"]["matrix"]).shape == (2, 2)
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "receptors/mu: breathing.sensitivity (cv)" in report


def test_written_files_say_what_was_simulated_last(fitted, tmp_path, monkeypatch):
    from thecal.core.parameters import read_parameters

    outputs.write_fit(fitted, tmp_path)
    morphine = read_parameters(tmp_path / "parameters" / "drugs" / "morphine.toml")[BRAINSTEM[1]]
    spread = read_parameters(tmp_path / "parameters" / "receptors" / "mu.toml")[SPREAD[1]]
    assert (morphine.value, spread.cv) == tuple(fitted.values)
    assert (morphine.kind, "study small, 2 targets" in morphine.source) == ("calibrated", True)
    assert spread.note == "cv calibrated: study small, 2 targets"
    assert spread.source == shipped(SPREAD[0])[SPREAD[1]].source


def test_in_place_changes_the_checkout_alone(fitted, tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "require_checkout", lambda: tmp_path / "data")
    outputs.write_fit(fitted, tmp_path / "out", in_place=True)
    for name in ("receptors/mu.toml", "drugs/morphine.toml"):
        assert (tmp_path / "data" / name).read_bytes() == (tmp_path / "out" / "parameters" / name).read_bytes()


def test_in_place_is_refused_for_an_installed_package(fitted, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(outputs, "git_state", lambda: {"commit": "unknown", "dirty": "unknown"})
    with pytest.raises(ConfigError, match="installed package"):
        outputs.write_fit(fitted, tmp_path, in_place=True)
    assert run(["calibrate", "opioid_window", "--in-place", "--out", str(tmp_path / "out")]) == 2
    assert "installed package" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_convergence_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mine.toml", tables() | {"target": {"csf_half_life": {}}})
    assert run(["calibrate", "mine.toml", "--generations", "1", "--workers", "1"]) == 1
    said = capsys.readouterr()
    assert "generation 1 of at most 1: loss" in said.err
    assert "error: no convergence within 1 generations" in said.err
    assert "rule: at most 0.02" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


def test_a_study_is_shown_without_work(tmp_path, capsys):
    path = write(tmp_path / "mine.toml", tables())
    assert run(["calibrate", str(path), "--check"]) == 0
    assert "breathing_spread" in capsys.readouterr().out
    assert run(["calibrate", str(path), "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shipped"]["brainstem"] == shipped(BRAINSTEM[0])[BRAINSTEM[1]].value
