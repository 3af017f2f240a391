"""Valid input is read as ever: the content hashes of shipped tasks, scenarios, cohorts and profiles do not move by themselves.

Whoever changes a shipped file on purpose changes its line here, and knows that stored results no longer belong to it.
"""

from __future__ import annotations

import pytest

from thecal.envs.scenario import Scenario
from thecal.envs.tasks import load_task
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.safety.profiles import load_profile

HASHES = {
    "task CancerMorphine": "f04b3caff3669139",
    "scenario CancerMorphine none": "12604f34d9174d95",
    "scenario CancerMorphine stress": "2992fc9bd4c4dffb",
    "task NonCancerMix": "cdb81b9b6c3034c2",
    "scenario NonCancerMix none": "f71e364d4e2dd1b4",
    "scenario NonCancerMix stress": "90bd7245f985da39",
    "task NonCancerMorphine": "fdd44ead0cff9d25",
    "scenario NonCancerMorphine none": "6735930c37eabf24",
    "scenario NonCancerMorphine stress": "ac590b1a386631d7",
    "cohort cancer": "1de9cd93fe9fa473",
    "cohort elderly": "da8dd30c6005643a",
    "cohort high_oih": "acce1a2434702760",
    "cohort noncancer": "9728922cd4e4b2e9",
    "cohort opioid_tolerant": "a93f3e5737693b46",
    "cohort renal": "e603f368535d9795",
    "cohort spasticity": "16d343802e6eb4e2",
    "profile label_us": "290a5cd827b9aaf8",
    "profile pacc_2017": "73cf4561b86c4a68",
    "profile research_wide": "089dbb0c8da0a107",
    "profile seed_2025": "e58127fbfc4a9c42",
}


def _hash(what: str) -> str:
    kind, name, *faults = what.split()
    if kind == "task":
        return load_task(name).hash
    if kind == "scenario":
        return Scenario.of(name, faults=faults[0]).resolve().hash
    return (load_cohort_spec(name) if kind == "cohort" else load_profile(name)).hash


@pytest.mark.parametrize("what", HASHES)
def test_the_content_hash_is_as_it_was(what):
    assert _hash(what)[:16] == HASHES[what]
