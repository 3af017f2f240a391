"""The oracle: it knows the days ahead, leaves the patients alone, and does better than the doses it could have held."""

from __future__ import annotations

import numpy as np

from thecal.agents import make_policy
from thecal.envs.outcomes import outcomes
from thecal.experiments.rollouts.rollout import rollout
from thecal.experiments.studies.hindsight import OneDose

from support.planners import scene_of, small, started, target_task


def test_what_it_rehearses_is_what_happens():
    """A dose that is held under the oracle's eyes goes bit for bit as it was rehearsed."""
    scene = scene_of(target_task(1.0))
    policy = small("oracle")
    env, seen = started(policy, scene, [3, 5])
    policy.act(seen)
    simulator = policy._simulator
    simulator.sync(np.tile(np.arange(2), policy._candidates))
    for _ in range(3):
        action = np.full((2, 1), 0.25, np.float32)
        asked = np.tile(action, (policy._candidates, 1)).astype(np.float64)
        simulator.batch.advance(asked)
        out = env.step(action)[4]["out"]
        for field in ("well_h", "pain_mean", "reward"):
            np.testing.assert_array_equal(simulator.batch.out[field][:2], out[field])


def test_it_does_as_well_as_any_dose_it_could_have_held():
    task = target_task(4.0)
    well = {}
    for policy in (make_policy("oracle", horizon=48.0), OneDose(1.0), OneDose(2.0)):
        well[policy.info.name, policy.info.parameters.get("multiple")] = outcomes(
            rollout(policy, task, range(12), seed=2), ("well_treated",)
        )["well_treated"].mean()
    assert well["oracle", None] >= max(well.values())
    assert well["oracle", None] > well["one_dose", 1.0]
