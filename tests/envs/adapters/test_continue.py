"""An environment for training goes on from its state in another process to the bit, whatever faults have moved."""

from __future__ import annotations

import json

import numpy as np
import pytest

from thecal.envs.adapters.make import make_sb3


@pytest.mark.parametrize(
    ("task", "faults"), [("CancerMorphine", "none"), ("NonCancerMix", "stress")], ids=["plain", "faulty"]
)
def test_it_goes_on_to_the_bit(task, faults):
    chance = np.random.default_rng(0)
    first, second = (make_sb3(task, 8, seed, pool=16, stagger=True, faults=faults) for seed in (0, 1))
    actions = chance.uniform(-1.0, 1.0, (700, 8, first.action_space.shape[0]))
    first.reset()
    for action in actions:
        first.step(action)
    arrays, state = first.training_state()
    second.continue_from(arrays, json.loads(json.dumps(state)))
    for action in actions[:300]:
        for own, other in zip(first.step(action), second.step(action), strict=True):
            np.testing.assert_equal(own, other)
    for name, values in first.training_state()[0].items():
        assert values.tobytes() == second.training_state()[0][name].tobytes(), name


def test_a_patient_of_another_pool_is_refused():
    first, second = make_sb3("CancerMorphine", 2, 0, pool=16), make_sb3("CancerMorphine", 2, 0, pool=1)
    first.reset()
    arrays, state = first.training_state()
    arrays["patients"][:] = 9
    with pytest.raises(ValueError, match="is not of the pool"):
        second.continue_from(arrays, state)
