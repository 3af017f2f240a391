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
    "scenario CancerMorphine none": "e7d9ec2a92d216c1",
    "scenario CancerMorphine stress": "ebfef9b07931753b",
    "task NonCancerMix": "cdb81b9b6c3034c2",
    "scenario NonCancerMix none": "c0d3120daa7d9ebc",
    "scenario NonCancerMix stress": "0610274c541dfa41",
    "task NonCancerMorphine": "fdd44ead0cff9d25",
    "scenario NonCancerMorphine none": "c3ed5779f93181f1",
    "scenario NonCancerMorphine stress": "e897b02c3b0aae41",
    "cohort cancer": "4c35ccfbbd4da858",
    "cohort elderly": "7d6e46c284c0e987",
    "cohort high_oih": "0bd8e34e378a504e",
    "cohort noncancer": "edb87cffabaf90d8",
    "cohort opioid_tolerant": "114317eeeb050724",
    "cohort renal": "6642823a1b13e5eb",
    "cohort spasticity": "d308d2c243ccbc7d",
    "profile label_us": "a173298b3a4457b0",
    "profile monitored_closed_loop": "179a563f866f2093",
    "profile pacc_2017": "33c26f4fc3c780d9",
    "profile research_wide": "6a66d280a38f7534",
    "profile seed_2025": "3baac057c58ed407",
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
