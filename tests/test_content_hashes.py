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
    "scenario CancerMorphine none": "3e5274f66203c9e0",
    "scenario CancerMorphine stress": "5adc30b4bcaf3214",
    "task NonCancerMix": "cdb81b9b6c3034c2",
    "scenario NonCancerMix none": "32268d61fde0019b",
    "scenario NonCancerMix stress": "8bbd81131f77f529",
    "task NonCancerMorphine": "fdd44ead0cff9d25",
    "scenario NonCancerMorphine none": "c0587e98feb8a916",
    "scenario NonCancerMorphine stress": "d52aeb84ef72b116",
    "cohort cancer": "bb69d5e21c0b0f4b",
    "cohort elderly": "171a0a51debf1a8d",
    "cohort high_oih": "32f23bdf56a515c6",
    "cohort noncancer": "e055718a3efff678",
    "cohort opioid_tolerant": "3ec350237adf820e",
    "cohort renal": "26c687557e9f3f65",
    "cohort spasticity": "86c75595ec7d7e21",
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
