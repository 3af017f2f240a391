"""Well-treated time: every condition counts on its own, an hour is lost to one reason only, and the parts add up."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from thecal.agents import make_policy
from thecal.envs.batch import Batch
from thecal.envs.kernel.metrics import accumulate_tick
from thecal.envs.kernel.records import STEP_OUT, TASK_PAR, WORLD, WORLD_PAR
from thecal.envs.kernel.well import GOALS, LOSSES, count_well, goal_nrs
from thecal.envs.outcomes import outcomes
from thecal.envs.tasks import TaskSpec, load_task
from thecal.experiments.rollouts.rollout import rollout
from thecal.physiology.records import PATIENT_STATE

from support.runs import helpless_task
from support.task_files import written

WELL = {
    "rr": 14.0, "spo2": 97.0, "poss": 2, "withdrawal": 0.3, "cognition": 0.37, "motor_block": 0.62, "nausea": 3.9, "pain": 3.0,
}  # fmt: skip
# Restated, not imported: the gravest first, each just beyond its bound.
REASONS = (
    ("breathing", {"rr": 7.9}), ("breathing", {"spo2": 89.9}), ("sedation", {"poss": 3}), ("withdrawal", {"withdrawal": 0.31}),
    ("confusion", {"cognition": 0.375}), ("weakness", {"motor_block": 0.625}), ("nausea", {"nausea": 4.0}),
    ("pain", {"pain": 3.1}),
)  # fmt: skip
FREE = {"ashworth": 2.0, "spasm": 1.0, "pain": 9.0}
STIFF = (
    *REASONS[:-1],
    ("spasticity", {"ashworth": 2.1}),
    ("spasticity", {"spasm": 1.1}),
)
PARTS = ("well_treated", *(f"lost_{name}" for name in (*LOSSES, "death")))


def counted(goal: str = "pain", most: float = 3.0, **changes: float) -> dict[str, float]:
    """Hours of one tick by where they were counted."""
    patient, out, task = np.zeros(1, PATIENT_STATE), np.zeros(1, STEP_OUT), np.zeros(1, TASK_PAR)
    task["goal"], task["goal_nrs"] = GOALS.index(goal), most
    for name, value in (WELL | (FREE if goal == "spasticity" else {}) | changes).items():
        patient[name] = value
    count_well(patient[0], task[0], 0.25, out[0])
    return {"well": out["well_h"][0], **{name: out["lost"][name][0] for name in LOSSES}}


def test_a_patient_at_every_bound_is_well_treated():
    assert counted() == {"well": 0.25, **dict.fromkeys(LOSSES, 0.0)}


@pytest.mark.parametrize("k", range(len(REASONS)))
def test_each_reason_alone_loses_the_hour(k):
    name, change = REASONS[k]
    assert counted(**change) == {"well": 0.0, **dict.fromkeys(LOSSES, 0.0), name: 0.25}


@pytest.mark.parametrize("k", range(len(REASONS)))
def test_an_hour_counts_under_its_first_reason(k):
    every = {key: value for _, change in REASONS[k:] for key, value in change.items()}
    assert counted(**every)[REASONS[k][0]] == 0.25
    assert sum(counted(**every).values()) == 0.25


def test_a_free_patient_at_every_bound_is_well_treated():
    assert counted("spasticity") == {"well": 0.25, **dict.fromkeys(LOSSES, 0.0)}


@pytest.mark.parametrize("k", range(len(STIFF)))
def test_each_reason_of_spasticity_loses_the_hour(k):
    name, change = STIFF[k]
    assert counted("spasticity", **change) == {"well": 0.0, **dict.fromkeys(LOSSES, 0.0), name: 0.25}
    every = {key: value for _, change in STIFF[k:] for key, value in change.items()}
    assert counted("spasticity", **every)[name] == 0.25, "the first reason counts"


def test_pain_knows_no_reason_of_spasticity():
    assert counted(ashworth=5.0, spasm=4.0)["well"] == 0.25


def test_a_goal_of_relief_is_met_above_mild_pain():
    assert counted(most=5.6, pain=5.6)["well"] == 0.25
    assert counted(most=5.6, pain=5.7)["pain"] == 0.25


@pytest.mark.parametrize(
    ("base", "relief", "most"), [(8.0, 0.3, 5.6), (8.0, None, 3.0), (4.0, 0.3, 3.0), (8.0, 0.5, 4.0)]
)
def test_the_goal_is_mild_pain_or_the_stated_relief(base, relief, most):
    assert goal_nrs(base, relief) == pytest.approx(most)


def test_a_task_states_relief_and_each_patient_has_a_goal():
    task = load_task("CancerMorphine").model_copy(update={"goal_relief": 0.3, "horizon_d": 2.0})
    batch = Batch(task, 5, split="tune")
    batch.restart(np.arange(5), np.arange(5), np.ones(5, np.uint64))
    base = batch.par["patient"]["pain_base"]
    assert batch.par["task"]["goal_nrs"] == pytest.approx(np.maximum(3.0, 0.7 * base))
    plain = Batch("CancerMorphine", 1, split="tune")
    plain.restart(np.arange(1), np.arange(1), np.ones(1, np.uint64))
    assert plain.par["task"]["goal_nrs"][0] == 3.0


def test_relief_means_nothing_where_spasticity_is_treated():
    with pytest.raises(ValidationError, match="goal_relief: means nothing where spasticity"):
        TaskSpec.model_validate({**load_task("CancerMorphine").model_dump(), "goal": "spasticity", "goal_relief": 0.3})


def test_a_task_of_spasticity_counts_by_its_own_goal(tmp_path):
    line = 'setting = "noncancer"\n'
    runs = {}
    for goal in ("pain", "spasticity"):
        folder = tmp_path / goal
        folder.mkdir()
        task = load_task(written(folder, "Baclofen", (line, f'{line}goal = "{goal}"\n')))
        runs[goal] = rollout(make_policy("fixed"), task.model_copy(update={"horizon_d": 6.0}), range(12), seed=4)
    found = {goal: outcomes(run, PARTS) for goal, run in runs.items()}
    for parts in found.values():
        assert sum(parts[key] for key in PARTS) == pytest.approx(np.full(12, 100.0), abs=1e-4)
    assert not found["pain"]["lost_spasticity"].any()
    assert not found["spasticity"]["lost_pain"].any()
    assert found["spasticity"]["lost_spasticity"].mean() > 10.0
    assert found["spasticity"]["well_treated"].mean() > 5.0
    assert (runs["pain"]["reward"] == runs["spasticity"]["reward"]).all()


def test_the_goal_is_part_of_the_hash_where_it_is_not_pain():
    task = load_task("CancerMorphine")
    assert task.model_copy(update={"goal": "pain"}).hash == task.hash
    assert task.model_copy(update={"goal": "spasticity"}).hash != task.hash


def test_the_dead_are_not_well():
    world, out = np.zeros(1, WORLD), np.zeros(1, STEP_OUT)
    for name, value in WELL.items():
        world["patient"][name] = value
    world["patient"]["dead"] = 1
    accumulate_tick(world[0], np.zeros(1, WORLD_PAR)[0], out[0])
    assert (out["well_h"][0], out["alive_h"][0]) == (0.0, 0.0)
    assert all(out["lost"][name][0] == 0.0 for name in LOSSES)


@pytest.mark.parametrize(
    ("policy", "options"), [("max_request", {"shield_mode": "off", "drugs": "bupivacaine"}), ("fixed", {})]
)
def test_the_parts_of_a_run_add_up_to_the_horizon(policy, options):
    """Without limits some die and some are over-sedated, so that every part is there."""
    run = rollout(make_policy(policy), helpless_task(), range(6), seed=4, **options)
    found = outcomes(run, (*PARTS, "died", "time_controlled"))
    assert sum(found[key] for key in PARTS) == pytest.approx(np.full(6, 100.0), abs=1e-4)
    assert (found["well_treated"] <= found["time_controlled"] + 1e-9).all()
    assert (found["lost_death"] >= 0.0).all()
    lived = run["well_h"] + sum(run[f"lost_{name}"] for name in LOSSES)
    assert lived == pytest.approx(run["alive_h"])
    assert (run["lost_breathing"] == run["resp_h"]).all()
