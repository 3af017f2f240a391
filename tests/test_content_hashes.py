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
    "scenario CancerMorphine none": "9bca7ff7c4ba44dd",
    "scenario CancerMorphine stress": "fe8a100fda02eb9a",
    "task NonCancerMix": "cdb81b9b6c3034c2",
    "scenario NonCancerMix none": "d749bb8116a63039",
    "scenario NonCancerMix stress": "f1ee34e31128b6b0",
    "task NonCancerMorphine": "fdd44ead0cff9d25",
    "scenario NonCancerMorphine none": "a3dcfeebd4f92cbc",
    "scenario NonCancerMorphine stress": "5162ff2f7086276e",
    "cohort cancer": "2bd20960e6197082",
    "cohort elderly": "7830ded1becc9739",
    "cohort high_oih": "caf02d4eba880f84",
    "cohort noncancer": "5334537a2c7a3712",
    "cohort opioid_tolerant": "4a1b5dda30e3141a",
    "cohort renal": "9449b15a6e9e0ec9",
    "cohort spasticity": "796e8906fba0abfa",
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
