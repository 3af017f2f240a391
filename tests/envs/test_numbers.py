"""Patients and seeds from Python: whole numbers within their bounds, or one sentence; nothing is rounded and nothing wraps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError
from thecal.core.seeds import PATIENT_LIMIT
from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario
from thecal.experiments.rollouts.rollout import blocks
from thecal.physiology.cohort import draw, identities
from thecal.physiology.cohort_spec import load_cohort_spec

BAD = [
    [2**64],
    [2**63],
    [PATIENT_LIMIT],
    [-1],
    [1.5],
    [1.0],
    [True],
    ["1"],
    [None],
    [10**400],
    np.array([0.0]),
    np.array([[0]]),
]
IDS = [
    "2**64", "2**63", "2**40", "negative", "half", "float", "true", "text", "none", "huge", "array of floats", "two axes",
]  # fmt: skip


@pytest.fixture(scope="module")
def scene():
    return Scenario.of("CancerMorphine", split="test").resolve()


@pytest.mark.parametrize("patients", BAD, ids=IDS)
def test_a_wrong_patient_is_one_sentence_everywhere(patients, scene):
    policy = make_policy("fixed")
    for ask in (
        lambda: identities(patients, "test"),
        lambda: draw(load_cohort_spec("cancer"), ("morphine",), patients, "test", 1),
        lambda: blocks(policy, scene, patients),
        lambda: Batch(scene, 1).restart(np.array([0]), patients, np.array([1], np.uint64)),
    ):
        with pytest.raises(ConfigError, match="patient indices must"):
            ask()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(-(2**70), 2**70))
def test_a_cohort_seed_is_itself_or_refused(seed):
    spec = load_cohort_spec("cancer")
    if 0 <= seed < 2**64:
        assert int(draw(spec, ("morphine",), [0], "test", seed).par["seed"][0]) == seed
    else:
        with pytest.raises(ConfigError, match=r"a cohort seed must lie between 0 and 2\*\*64 - 1"):
            draw(spec, ("morphine",), [0], "test", seed)


@pytest.mark.parametrize("seeds", [[-1], [2**64], [1.5], [True]], ids=["negative", "2**64", "half", "true"])
def test_a_wrong_seed_of_a_batch_is_one_sentence(seeds, scene):
    with pytest.raises(ConfigError, match="seeds must"):
        Batch(scene, 1).restart(np.array([0]), np.array([0]), seeds)
