"""Two days of patients, run once for every test of this room: under a policy that does nothing, and without a shield."""

from __future__ import annotations

import pytest

from thecal.agents.registry import make_policy
from thecal.experiments.rollouts.rollout import rollout
from thecal.experiments.rollouts.trajectories import Trajectories

from support.runs import helpless_task, short_task


@pytest.fixture(scope="session")
def fixed() -> Trajectories:
    """Six patients whose rate is held."""
    return rollout(make_policy("fixed"), short_task(2.0), range(6), seed=3)


@pytest.fixture(scope="session")
def deadly() -> Trajectories:
    """Largest requests of bupivacaine without a shield: a total spinal block kills some in the first two days."""
    run = rollout(
        make_policy("max_request"), helpless_task(2.0), range(12), seed=3, shield_mode="off", drugs="bupivacaine"
    )
    assert (run["terminated"][-1] > 0).sum() > 0
    return run
