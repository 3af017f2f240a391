"""Virtual trials end to end on short rollouts: every design, looks that stop, rules that count, and a plan that stays fixed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from thecal.core.errors import ConfigError, StoreError
from thecal.core.executor import local
from thecal.experiments.analysis.trial_plan import Plan, read_plan, shipped_plans
from thecal.experiments.analysis.trial_results import load_trial
from thecal.experiments.studies import trial as study
from thecal.experiments.studies.trial import run_trial
from thecal.experiments.studies.trial_arms import measured, needs_rescue
from thecal.experiments.studies.trial_patients import arm_scenario, enter, entry_charts

from support.runs import die, hand_run

ARMS = {"a": {"label": "Guideline", "policy": "guideline"}, "b": {"label": "Fixed", "policy": "fixed"}}
SHORT = {"horizon_d": 1.0}


def plan(**changes):
    base = {
        "title": "short", "design": "parallel", "task": "CancerMorphine", "split": "tune", "patients": 24, "scenario": SHORT,
        "arms": ARMS, "endpoint": {"outcome": "mean_nrs", "better": -1},
    }  # fmt: skip
    return Plan.model_validate(base | changes)


def test_a_parallel_trial_compares_what_its_arms_did(tmp_path):
    found = run_trial(plan(endpoint={"outcome": "mean_nrs", "better": -1, "secondary": ["dose_mg_per_day"]}), tmp_path)
    assert [one.allocated for one in found.flow.values()] == [12, 12]
    assert found.entered == found.assessed == 24
    (one,) = found.compared
    assert one.estimate == pytest.approx(one.means[0] - one.means[1])
    assert 0.0 < one.means[0] < 10.0
    assert set(found.secondary) == {"a", "b"}
    assert load_trial(tmp_path) == found


@pytest.mark.slow
def test_processes_change_no_result(tmp_path):
    alone, shared = (run_trial(plan(), tmp_path / str(n), executor=local(n)) for n in (1, 2))
    assert alone == shared


@pytest.mark.slow
def test_the_same_plan_gives_the_same_trial(tmp_path):
    first, again, other = (run_trial(plan(seed=seed), tmp_path / name) for name, seed in (("x", 1), ("y", 1), ("z", 2)))
    assert first == again
    assert first.compared[0].estimate != other.compared[0].estimate


def test_a_changed_plan_is_refused_where_one_was_fixed(tmp_path):
    run_trial(plan(), tmp_path)
    with pytest.raises(ConfigError, match=r"fixed before its run, and what was fixed here differs in plan;"):
        run_trial(plan(alpha=0.01), tmp_path)
    with pytest.raises(ConfigError, match="differs in plan, policy of b"):
        run_trial(plan(arms=ARMS | {"b": {"label": "Fixed", "policy": "pid"}}), tmp_path)
    assert load_trial(tmp_path).alpha == 0.05


def test_a_trial_goes_on_from_the_looks_that_lie_there(tmp_path, monkeypatch):
    several = plan(looks={"at": [0.5, 1.0]})
    whole = run_trial(several, tmp_path / "whole")
    run_trial(several, tmp_path / "part")
    (tmp_path / "part" / "look_2.json").unlink()
    (tmp_path / "part" / "trial.json").unlink()
    asked = []
    honest = study.stage
    monkeypatch.setattr(study, "stage", lambda *args: asked.append(args[4]) or honest(*args))
    assert run_trial(several, tmp_path / "part") == whole
    assert asked == [0, 1]
    damaged = tmp_path / "part" / "look_1.json"
    damaged.write_text(json.dumps(json.loads(damaged.read_text()) | {"columns": {}}), encoding="utf-8")
    with pytest.raises(StoreError, match=r"look_1.json: not the values of a look"):
        run_trial(several, tmp_path / "part")


def test_a_published_arm_is_drawn_and_said_to_be(tmp_path):
    arms = ARMS | {"b": {"label": "Elsewhere", "published": {"share": 50.0, "source": "made up for a test"}}}
    found = run_trial(plan(arms=arms, patients=40, endpoint={"outcome": "pain_fall", "fall": 0.2}), tmp_path)
    assert found.not_simulated == ("Elsewhere",)
    assert not found.flow["b"].simulated
    assert 10.0 < found.compared[0].means[1] < 90.0
    assert "b" not in found.secondary


def test_a_look_beyond_its_bound_ends_the_trial(tmp_path):
    """Against a published pain of 0.1 anything is worse at once."""
    arms = ARMS | {"b": {"label": "Bliss", "published": {"mean": 0.1, "sd": 0.1, "source": "made up for a test"}}}
    found = run_trial(plan(arms=arms, looks={"at": [0.5, 1.0], "spending": "pocock"}), tmp_path)
    assert found.stopped_early
    assert found.entered == 12
    assert found.decision == "second better"
    assert [look.stopped for look in found.looks] == [True]
    assert found.assessed == 24
    assert found.compared[0].high - found.compared[0].estimate == pytest.approx(
        found.looks[0].bound * found.compared[0].error
    )


def test_pairs_are_the_same_patients_on_the_same_days(tmp_path):
    found = run_trial(
        plan(design="paired", patients=8, arms=ARMS | {"b": {"label": "Same", "policy": "guideline"}}), tmp_path
    )
    assert found.compared[0].estimate == 0.0
    assert found.compared[0].p == 1.0
    assert [one.allocated for one in found.flow.values()] == [8, 8]


def test_a_crossover_gives_each_patient_both(tmp_path):
    found = run_trial(plan(design="crossover", patients=12, scenario={"horizon_d": 2.0}, washout_d=0.25), tmp_path)
    assert [one.allocated for one in found.flow.values()] == [12, 12]
    (one,) = found.compared
    assert one.n == (6, 6)
    assert 0.0 <= one.extra["carryover_p"] <= 1.0
    with pytest.raises(ConfigError, match="leave nothing of a period"):
        run_trial(plan(design="crossover", washout_d=0.5), tmp_path / "no")


def test_clusters_go_whole_into_an_arm(tmp_path):
    sites = {"number": 6, "size": 4, "cohorts": ["site_center", "site_hospice"]}
    cluster = plan(design="cluster", patients=None, clusters=sites)
    entry = enter(cluster)
    arms = entry.arm.reshape(6, 4)
    assert (arms == arms[:, :1]).all()
    assert arms[:, 0].sum() == 3
    cohorts = {arm_scenario(cluster, "a", k).cohort for k in range(6)}
    assert cohorts == {"site_center", "site_hospice"}
    found = run_trial(cluster, tmp_path)
    assert found.compared[0].n == (3, 3)
    assert "icc" in found.compared[0].extra


@pytest.mark.slow
def test_three_arms_are_adjusted_by_holm(tmp_path):
    arms = ARMS | {"c": {"label": "PID", "policy": "pid"}}
    found = run_trial(plan(arms=arms, allocation={"block": 6}), tmp_path)
    assert [one.arms for one in found.compared] == [("a", "b"), ("a", "c")]
    assert all(one.p_adjusted >= one.p for one in found.compared)


def test_criteria_keep_out_and_are_counted():
    strict = plan(
        eligibility=[
            {"field": "pain_base", "least": 8.0, "reason": "too little pain"},
            {"field": "age_y", "most": 70.0, "reason": "too old"},
        ],
        allocation={"strata": [{"field": "age_y", "cuts": [50.0]}]},
    )  # fmt: skip
    entry = enter(strict)
    chart = entry_charts(arm_scenario(strict, "a").resolve(), entry.patients)
    assert (chart["pain_base"] >= 8.0).all()
    assert (chart["age_y"] <= 70.0).all()
    assert (entry.stratum == (chart["age_y"] >= 50.0)).all()
    assert entry.assessed == 24 + sum(entry.excluded.values())
    assert all(n > 0 for n in entry.excluded.values())
    for label in (0, 1):
        assert (
            abs(
                int((entry.arm[entry.stratum == label] == 0).sum())
                - int((entry.arm[entry.stratum == label] == 1).sum())
            )
            <= 2
        )
    with pytest.raises(ConfigError, match="meet the criteria"):
        enter(plan(eligibility=[{"field": "age_y", "most": 1.0, "reason": "no infants"}], patients=4))


@pytest.mark.slow
def test_the_lost_are_missing_or_failures(tmp_path):
    lossy = {key: arm | {"lost": 0.4} for key, arm in ARMS.items()}
    rule = {"outcome": "pain_fall", "fall": 0.05}
    left = run_trial(plan(arms=lossy, endpoint=rule, patients=40), tmp_path / "left")
    failed = run_trial(plan(arms=lossy, endpoint=rule | {"missing": "failure"}, patients=40), tmp_path / "failed")
    lost = sum(one.lost for one in left.flow.values())
    assert 5 <= lost <= 28
    assert sum(one.analyzed for one in left.flow.values()) == 40 - lost
    assert sum(one.analyzed for one in failed.flow.values()) == 40
    assert failed.compared[0].means[0] <= left.compared[0].means[0]


def test_rescue_needs_days_in_a_row():
    run = hand_run(24 * 4, 3, pain_mean=4.0)
    run["pain_mean"][:48, 0] = 9.0
    run["pain_mean"][:24, 1] = 9.0
    run["pain_mean"][48:72, 1] = 9.0
    rule = plan(rescue={"pain": 8.0, "days": 2}).rescue
    assert needs_rescue(run, rule).tolist() == [True, False, False]
    assert not needs_rescue(run, None).any()


def test_pain_falls_by_its_share_and_not_by_death():
    endpoint = plan(endpoint={"outcome": "pain_fall", "fall": 0.2, "window_d": 1.0}).endpoint
    run = hand_run(48, 3, pain_mean=9.0)
    run.start["pain_base"] = np.full(3, 8.0)
    run["pain_mean"][24:, 0] = 6.39
    run["pain_mean"][24:, 1] = 6.5
    die(run, 2, 40)
    run["pain_mean"][24:, 2] = 0.0
    assert measured(run, endpoint, None)["value"].tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("name", shipped_plans())
def test_shipped_plans_fit_what_they_name(name):
    assert set(study.identity(read_plan(name))) >= {"plan", "code"}


def test_the_cancer_trial_is_that_of_the_reference():
    """202 patients, four weeks, pain of 5 or more on 200 mg, 20 % less pain; 84.5 against 70.8 %."""
    smith = read_plan("cancer_trial")
    scene = arm_scenario(smith, "pump").resolve()
    assert (smith.randomized, scene.task.horizon_d, smith.endpoint.fall) == (202, 28, 0.2)
    assert {(one.field, one.least) for one in smith.eligibility} == {("pain_base", 5.0), ("medd_mg_per_d", 200.0)}
    assert (smith.published.first, smith.published.second) == (84.5, 70.8)
    entry = enter(smith)
    assert np.bincount(entry.arm).tolist() == [101, 101]
