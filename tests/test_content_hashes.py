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
    "scenario CancerMorphine none": "acec1d0f680b4084",
    "scenario CancerMorphine stress": "738c819c00d453d4",
    "task NonCancerMix": "cdb81b9b6c3034c2",
    "scenario NonCancerMix none": "903bb4325aa48ea5",
    "scenario NonCancerMix stress": "a0e8bcdc3ddfb3cf",
    "task NonCancerMorphine": "fdd44ead0cff9d25",
    "scenario NonCancerMorphine none": "01298c032aa94830",
    "scenario NonCancerMorphine stress": "904fb162d6c077a5",
    "cohort cancer": "d6afb1707ff5caaa",
    "cohort elderly": "a2d8cff59a276c5d",
    "cohort high_oih": "43ab7e721a471159",
    "cohort noncancer": "ceb7ac2453f12980",
    "cohort opioid_tolerant": "65b9c1ef4433dfba",
    "cohort renal": "84e97945bec466f2",
    "cohort spasticity": "1a7b848254d58f1c",
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
