"""How scores are made: made-up reproductions of known error, patients added where it is large, structures, shared simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.layout import AXIAL, COMPARTMENT
from thecal.experiments.validation import reproductions
from thecal.experiments.validation.reproductions import harms
from thecal.experiments.validation.reproductions.common import Draw, patients, place_tip
from thecal.experiments.validation.scores import PRECISE
from thecal.experiments.validation.scoring import BRIEF, FULL, SHORT, Job, Plan, chosen, needed, reproduce, score
from thecal.experiments.validation.seeds import CALIBRATION_SEEDS, DEVELOPMENT_SEEDS, FINAL_SEEDS
from thecal.experiments.validation.targets import load_targets

from support.scores import target

SEEDS = tuple(range(1, 9))


def noisy(mean, sd):
    """A reproduction whose spread between cohorts falls with the root of the number of patients."""

    def run(who):
        return mean + sd / math.sqrt(who.scale) * np.random.default_rng(who.seed).standard_normal()

    return run


@pytest.fixture
def made_up(monkeypatch):
    """Three observations: one that is told at once, one that needs patients, one beyond help."""
    known = {"quiet": noisy(2.5, 0.1), "loud": noisy(12.0, 4.0), "wild": noisy(2.5, 400.0)}
    monkeypatch.setattr(reproductions, "REPRODUCTIONS", known)
    return [target(key=key) for key in known]


def test_patients_are_added_only_where_the_error_is_large(made_up):
    quiet, loud, wild = score(made_up, Plan(SEEDS, most_scale=16.0))
    assert quiet.scale == 1.0
    assert 1.0 < loud.scale < 16.0
    assert loud.scale == int(loud.scale)
    assert loud.error_share <= PRECISE
    assert wild.scale == 16.0
    assert wild.error_share > PRECISE
    assert wild.verdict == "undecided"


def test_what_flips_with_the_cohort_gets_all_patients(monkeypatch):
    edge = target(key="edge", low=2.5, high=40.0, observed=3.0)
    monkeypatch.setattr(reproductions, "REPRODUCTIONS", {"edge": noisy(2.5, 0.1)})
    assert score([edge], Plan(SEEDS, most_scale=3.0))[0].scale == 3.0
    assert score([edge], Plan(SEEDS))[0].scale == 1.0


def test_without_a_bound_to_reach_nothing_is_added(made_up):
    assert [one.scale for one in score(made_up, Plan(SEEDS))] == [1.0, 1.0, 1.0]


def test_what_is_needed_follows_the_error(made_up):
    plan = Plan(SEEDS, most_scale=1e6)
    first = score(made_up[1:2], Plan(SEEDS))[0]
    assert needed(first, plan) == pytest.approx(1.3 * (first.error_share / PRECISE) ** 2, abs=1.0)
    assert needed(score(made_up[:1], Plan(SEEDS))[0], plan) == 1.0


def test_both_structures_are_scored_where_that_means_something(made_up):
    made_up[0] = target(key="quiet", structures=("axial",))
    found = score(made_up[:2], Plan(SEEDS, ("axial", "compartment")))
    assert [(one.target.key, one.structure) for one in found] == [
        ("quiet", "axial"), ("loud", "axial"), ("loud", "compartment")
    ]  # fmt: skip
    assert all(one.seeds == SEEDS and len(one.values) == 8 for one in found)


def test_values_belong_to_their_seeds_in_any_order(made_up):
    found = score(made_up, Plan(SEEDS, ("axial", "compartment")))
    assert found[0].values == tuple(noisy(2.5, 0.1)(Draw(seed)) for seed in SEEDS)


def test_jobs_are_counted_and_named(made_up):
    said = []
    score(made_up[2:], Plan(SEEDS[:2], most_scale=4.0), progress=lambda done, of, what: said.append((done, of, what)))
    assert said[:2] == [(1, 2, "wild, axial, seed 1"), (2, 2, "wild, axial, seed 2")]
    assert said[-1][:2] == (4, 4)


def test_a_theme_stays_in_one_job():
    class Recorder:
        jobs: list[Job] = []

        def map(self, function, items):
            for job in items:
                self.jobs.append(job)
                yield dict.fromkeys(job.keys, 1.0)

    recorder = Recorder()
    score(load_targets(), Plan(SEEDS[:2], ("axial", "compartment")), recorder)
    assert len({(job.theme, job.who) for job in recorder.jobs}) == len(recorder.jobs)
    assert any({"opioid_nausea", "opioid_itch", "opioid_retention"} <= set(job.keys) for job in recorder.jobs)


@pytest.mark.parametrize(
    "changes", [{"seeds": ()}, {"seeds": (1, 1)}, {"structures": ()}, {"scale": 0.0}, {"scale": 2.0, "most_scale": 1.0}]
)
def test_a_plan_that_scores_nothing_is_refused(changes):
    with pytest.raises(ConfigError):
        Plan(**{"seeds": SEEDS, **changes})


def test_seeds_are_kept_apart():
    sets = (CALIBRATION_SEEDS, DEVELOPMENT_SEEDS, FINAL_SEEDS)
    assert len(set().union(*sets)) == sum(map(len, sets))
    assert all(len(seeds) >= 8 for seeds in sets)
    assert not {2025, 11, 12, 13} & set().union(*sets)  # seen while the older parameters were set
    assert FULL.seeds == DEVELOPMENT_SEEDS
    assert set(SHORT.seeds) | set(BRIEF.seeds) <= set(DEVELOPMENT_SEEDS)
    assert FULL.split == SHORT.split == "test"


def test_an_unknown_target_is_named():
    with pytest.raises(UnknownNameError, match="no_such_study"):
        chosen(load_targets(), ["no_such_study"])
    assert [one.key for one in chosen(load_targets(), ["plateau", "microdose"])] == ["plateau", "microdose"]


def test_a_shared_simulation_is_kept_by_its_draw(monkeypatch):
    drawn = []

    def few(who, cohort, n, *drugs, **options):
        drawn.append(who)
        return patients(Draw(who.seed, who.structure), cohort, 2, *drugs, **options)

    monkeypatch.setattr(harms, "patients", few)
    harms._titration.cache_clear()
    first = Draw(1)
    for who in (first, first, Draw(1, scale=2.0), Draw(1, COMPARTMENT), Draw(2), Draw(1, split="tune")):
        reproduce(Job("harms", ("opioid_nausea", "opioid_itch"), who))
    assert drawn == [first, Draw(1, scale=2.0), Draw(1, COMPARTMENT), Draw(2), Draw(1, split="tune")]
    assert harms._titration.cache_info().maxsize == 1
    harms._titration.cache_clear()


def test_a_draw_decides_who_the_patients_are():
    few = patients(Draw(7, scale=0.1), "noncancer", 40)
    assert len(few) == 4
    assert patients(Draw(7, scale=0.2), "noncancer", 40)[:4].tobytes() == few.tobytes()
    for other in (Draw(8, scale=0.1), Draw(7, split="tune", scale=0.1)):
        assert patients(other, "noncancer", 40)["pain_base"].tobytes() != few["pain_base"].tobytes()
    assert len(patients(Draw(scale=0.001), "noncancer", 40)) == 1


@pytest.mark.parametrize(("structure", "tip", "pain"), [(AXIAL, 23, 5), (COMPARTMENT, 3, 1)])
def test_naive_patients_have_tip_and_pain_at_l3(structure, tip, pain):
    par = patients(Draw(structure=structure), "noncancer", 3, naive=True)
    assert (par["structure"] == structure).all()
    assert (par["tip_node"] == par["lumbar_node"]).all()
    assert ((par["w_pain"] > 0).sum(axis=1) == pain).all()
    np.testing.assert_allclose(par["w_pain"].sum(axis=1), 1.0)
    place_tip(par, "T10")
    assert (par["tip_node"] < tip).all()
