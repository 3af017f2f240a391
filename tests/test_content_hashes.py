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
    "scenario CancerMorphine none": "519916738e61fcf6",
    "scenario CancerMorphine stress": "fce52d416a4b2dbf",
    "task NonCancerMix": "cdb81b9b6c3034c2",
    "scenario NonCancerMix none": "a8808be12ef054d7",
    "scenario NonCancerMix stress": "9e164771c25c54d9",
    "task NonCancerMorphine": "fdd44ead0cff9d25",
    "scenario NonCancerMorphine none": "22439c2bd7904780",
    "scenario NonCancerMorphine stress": "3479faf1d93ffcfa",
    "cohort cancer": "d07e1be6bfd1f2d7",
    "cohort elderly": "ddcfc7b19184a0a1",
    "cohort high_oih": "35bc355a565e6f30",
    "cohort noncancer": "f8e669a9429132a5",
    "cohort opioid_tolerant": "4e58b295f9471f22",
    "cohort renal": "66c232850883315b",
    "cohort spasticity": "1dce69ab4d6c934d",
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
