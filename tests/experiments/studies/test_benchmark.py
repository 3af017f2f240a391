"""Benchmarks that run: what is stored is not run again, what is killed goes on to the same bytes, slips cost no patient."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError
from thecal.experiments.analysis.benchmark_parts import place_of, read_part
from thecal.experiments.analysis.leaderboard_build import build
from thecal.experiments.analysis.leaderboard_stored import save_leaderboard
from thecal.experiments.rollouts.rollout import measured
from thecal.experiments.studies import benchmark as study
from thecal.experiments.studies.benchmark import Slice, benchmark, checked_slice
from thecal.experiments.studies.hashes import policy_hash
from thecal.experiments.studies.hindsight import hindsight

from support.gamers import Chatterer, Dumper

SMALL = {
    "tasks": ("CancerMorphine",), "policies": ("fixed", "guideline"), "patients": 6, "seeds": (1, 2),
    "options": {"split": "tune", "horizon_d": 0.5},
}  # fmt: skip


def small(**changes):
    return Slice(**{**SMALL, **changes})


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    done = benchmark(small(), folder, block=4)
    save_leaderboard(build(folder), folder)
    return done, folder


def test_there_is_a_row_for_each_patient_policy_and_cell(whole):
    done, folder = whole
    assert (done.ran, done.kept, done.discarded) == (8, 0, {})
    import pyarrow.parquet as pq

    tables = [pq.read_table(path) for path in sorted((folder / "parts").iterdir())]
    assert sum(len(table) for table in tables) == 2 * 2 * 6
    rows = {
        (row["policy"], row["cohort_seed"], row["patient"])
        for table in tables
        for row in table.select(["policy", "cohort_seed", "patient"]).to_pylist()
    }
    assert len(rows) == 24


def test_stored_numbers_are_those_of_a_rollout(whole):
    done, folder = whole
    part = next(one for one in done.plan.parts() if one.runner.info.name == "guideline")
    scene = part.cell.scenario.resolve()
    expected = measured(make_policy("guideline"), scene, np.arange(*part.patients), ["well_treated", "return"])
    found = read_part(done.plan, part, folder)
    np.testing.assert_array_equal(found["well_treated"], expected["well_treated"])
    np.testing.assert_array_equal(found["return"], expected["return"])


def test_what_is_stored_is_not_run_again(whole, monkeypatch, tmp_path):
    _, folder = whole
    shutil.copytree(folder, tmp_path / "again")
    monkeypatch.setattr(study, "blocks", None)
    done = benchmark(small(), tmp_path / "again", block=4)
    assert (done.ran, done.kept) == (0, 8)


def test_a_larger_slice_runs_what_is_new(whole, tmp_path):
    _, folder = whole
    shutil.copytree(folder, tmp_path / "more")
    done = benchmark(small(policies=("fixed", "guideline", "random"), patients=8), tmp_path / "more", block=4)
    assert (done.ran, done.kept) == (8, 4)  # the first block of each old policy and seed lies there


class Killed(BaseException):
    """As a signal that no handler takes."""


@pytest.mark.parametrize("after", [1, 4, 7])
def test_a_killed_run_goes_on_to_the_same_bytes(whole, tmp_path, monkeypatch, after):
    _, folder = whole
    write, count = study.write_part, iter(range(100))

    def dying(plan, part, columns, place):
        if next(count) == after:
            draft = place_of(part, place).parent / ".999999999-7f-1.part"
            draft.write_bytes(b"PAR1 half")
            raise Killed
        return write(plan, part, columns, place)

    monkeypatch.setattr(study, "write_part", dying)
    with pytest.raises(Killed):
        benchmark(small(), tmp_path, block=4)
    monkeypatch.setattr(study, "write_part", write)
    done = benchmark(small(), tmp_path, block=4)
    assert (done.ran, done.kept) == (8 - after, after)
    save_leaderboard(build(tmp_path), tmp_path)
    assert contents(tmp_path) == contents(folder)


def test_a_damaged_part_is_discarded_with_words(whole, tmp_path):
    done, folder = whole
    shutil.copytree(folder, tmp_path / "bad")
    spoiled = place_of(next(done.plan.parts()), tmp_path / "bad")
    spoiled.write_bytes(spoiled.read_bytes()[:-9])
    again = benchmark(small(), tmp_path / "bad", block=4)
    assert (again.ran, list(again.discarded)) == (1, [spoiled.name])
    assert "cannot be read" in again.discarded[spoiled.name]
    assert contents(tmp_path / "bad") == contents(folder)


def test_a_draft_of_a_living_run_stays(tmp_path):
    parts = tmp_path / "parts"
    parts.mkdir()
    mine, foreign = parts / ".1-7f-0.part", parts / ".nonsense.part"
    for path in (mine, foreign):
        path.write_bytes(b"x")
    study._drop_drafts(parts)
    assert mine.exists()  # process 1 lives
    assert foreign.exists()


def test_a_changed_policy_is_run_anew():
    assert policy_hash(make_policy("pid")) == policy_hash(make_policy("pid"))
    hashes = [policy_hash(one) for one in (make_policy("pid"), make_policy("pid", gain=0.01), make_policy("fixed"))]
    assert len({*hashes, policy_hash(Chatterer()), policy_hash(Dumper(1))}) == 5


def test_hindsight_runs_its_doses(tmp_path):
    done = benchmark(small(policies=("fixed", "guideline", "hindsight"), seeds=(1,)), tmp_path)
    found = build(tmp_path).boards[0]
    assert done.ran == 2 + 13
    best = found.apart["hindsight"]
    assert best.info.privileged
    assert best.well.mean.mean >= max(line.well.mean.mean for line in found.lines.values()) - 1e-9


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tasks": ("Cancer",)}, "did you mean 'CancerCourse'"),
        ({"policies": ("guidline", "fixed")}, "did you mean 'guideline'"),
        ({"difficulties": ("real", "rael")}, "did you mean 'real'"),
        ({"shield_modes": ("of",)}, "did you mean 'off'"),
        ({"reference": "pid"}, "'pid' is not among the policies"),
        ({"top": "hindsight"}, "'hindsight' is not among the policies"),
        ({"seeds": (1, 1)}, "seeds: 1 is given twice"),
        ({"policies": ("fixed", "guideline", "fixed")}, "'fixed' is given twice"),
        ({"tasks": ("CancerMorphine", "thecal/CancerMorphine-v0")}, "another name of a task that is given already"),
        ({"patients": 20_001}, "more than 20000 together"),
        ({"options": {"profil": "x"}}, "unknown option 'profil'"),
    ],
)
def test_a_slip_is_refused_before_any_rollout(tmp_path, monkeypatch, changes, said):
    monkeypatch.setattr(study, "blocks", None)
    with pytest.raises(ConfigError, match=said):
        benchmark(small(**changes), tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "values", [{"seeds": (-1,)}, {"patients": 0}, {"tasks": ()}, {"first": -1}, {"seeds": (2**63,)}]
)
def test_numbers_beyond_their_bounds_are_refused(values):
    with pytest.raises(ConfigError):
        checked_slice({**SMALL, **values})


def test_hindsight_refuses_an_unknown_outcome_at_once():
    with pytest.raises(ConfigError, match="did you mean 'return'"):
        hindsight(None, ("retrun",))


def test_an_unknown_outcome_is_refused_before_a_rollout():
    scene = small().options
    with pytest.raises(ConfigError, match="unknown outcome 'nope'"):
        measured(make_policy("fixed"), study.Scenario.of("CancerMorphine", **scene).resolve(), [0], ["nope"])


def test_shield_on_and_off_are_set_side_by_side(tmp_path):
    benchmark(
        small(policies=("fixed", "max_request"), reference="fixed", seeds=(1,), shield_modes=("project", "off")),
        tmp_path,
    )
    boards = build(tmp_path).boards
    (one,) = (sign for sign in boards[0].lines["max_request"].failures if sign.key == "dependence")
    assert "without the shield" in one.sentence
    assert [board.mark for board in boards] == ["", "UNSHIELDED"]
    assert Path(tmp_path / "benchmark.json").exists()
