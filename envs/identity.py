"""What a state belongs to: the hashes of everything that decides how it goes on, by name."""

from __future__ import annotations

import hashlib
from functools import cache

from thecal.core.errors import ConfigError
from thecal.envs.kernel.records import WORLD, WORLD_PAR
from thecal.envs.kernel.step import SOURCE_KEY
from thecal.envs.scenario import Resolved
from thecal.safety.certificate import is_proved, kernel_hash


def identity_of(scene: Resolved) -> dict[str, str]:
    """What has to be the same for a state of one environment to go on in another.

    Names come first, so that a refusal reads well; hashes of content decide.

    Raises:
        ConfigError: the limits are no longer those that were proved when the scenario was resolved.
    """
    if scene.proved and not is_proved(scene.profile):
        raise ConfigError(f"scenario: proved: no proof covers profile {scene.profile.name} as it is now")
    return {
        "task": scene.task.id,
        "profile": scene.profile.name,
        "mode": scene.mode.name.lower(),
        "stage": scene.scenario.stage,
        "proved": "yes" if scene.proved else "no",
        "structure": str(scene.structure),
        "scenario": scene.hash,
        "task_hash": scene.task.hash,
        "profile_hash": scene.profile.hash,
        "cohort_hash": scene.cohort.hash,
        "kernel": kernel_hash(),
        "physics": f"{SOURCE_KEY:x}",
        "layout": _layout(),
    }


@cache
def _layout() -> str:
    return hashlib.sha256(repr((WORLD.descr, WORLD_PAR.descr)).encode()).hexdigest()
