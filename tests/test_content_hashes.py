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
    "scenario CancerMorphine none": "2282023b27e6d844",
    "scenario CancerMorphine stress": "31fba60d29f198b7",
    "task NonCancerMix": "cdb81b9b6c3034c2",
    "scenario NonCancerMix none": "fe37ff6b836373e4",
    "scenario NonCancerMix stress": "c88481ddbc36f334",
    "task NonCancerMorphine": "fdd44ead0cff9d25",
    "scenario NonCancerMorphine none": "b1456b9360c0f333",
    "scenario NonCancerMorphine stress": "b836b6bf47a6ae9c",
    "cohort cancer": "292525d177ac5c04",
    "cohort elderly": "4ff2561e83fd866c",
    "cohort high_oih": "307b69566b13fb2b",
    "cohort noncancer": "0b34e91018e666ac",
    "cohort opioid_tolerant": "684f62a229c90500",
    "cohort renal": "5fcbb084f9519318",
    "cohort spasticity": "6e10194ad0b65421",
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
