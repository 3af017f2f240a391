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
    "scenario CancerMorphine none": "c805a86526094b44",
    "scenario CancerMorphine stress": "a1a0ec24320adbcc",
    "task NonCancerMix": "cdb81b9b6c3034c2",
    "scenario NonCancerMix none": "8360593378186ff1",
    "scenario NonCancerMix stress": "83b631b6bb142f37",
    "task NonCancerMorphine": "fdd44ead0cff9d25",
    "scenario NonCancerMorphine none": "da8bea103b23fd2f",
    "scenario NonCancerMorphine stress": "cfe8ef73c0de547a",
    "cohort cancer": "2bd20960e6197082",
    "cohort elderly": "7830ded1becc9739",
    "cohort high_oih": "caf02d4eba880f84",
    "cohort noncancer": "5334537a2c7a3712",
    "cohort opioid_tolerant": "4a1b5dda30e3141a",
    "cohort renal": "9449b15a6e9e0ec9",
    "cohort spasticity": "796e8906fba0abfa",
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
