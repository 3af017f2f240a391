"""Well-treated time: every condition counts on its own, an hour is lost to one reason only, and the parts add up."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.agents import make_policy
from thecal.envs.kernel.metrics import accumulate_tick
from thecal.envs.kernel.records import STEP_OUT, WORLD, WORLD_PAR
from thecal.envs.kernel.well import LOSSES, count_well
from thecal.envs.outcomes import outcomes
from thecal.experiments.rollouts.rollout import rollout
from thecal.physiology.records import PATIENT_STATE

from support.runs import helpless_task

WELL = {"rr": 14.0, "spo2": 97.0, "poss": 2, "withdrawal": 0.3, "nausea": 3.9, "pain": 3.0}
# Restated, not imported: the gravest first, each just beyond its bound.
REASONS = (
    ("breathing", {"rr": 7.9}), ("breathing", {"spo2": 89.9}), ("sedation", {"poss": 3}), ("withdrawal", {"withdrawal": 0.31}),
    ("nausea", {"nausea": 4.0}), ("pain", {"pain": 3.1}),
)  # fmt: skip
PARTS = ("well_treated", *(f"lost_{name}" for name in (*LOSSES, "death")))


def counted(**changes: float) -> dict[str, float]:
    """Hours of one tick by where they were counted."""
    patient, out = np.zeros(1, PATIENT_STATE), np.zeros(1, STEP_OUT)
    for name, value in (WELL | changes).items():
        patient[name] = value
    count_well(patient[0], 0.25, out[0])
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
