"""Environments that asked for everything for some steps, and snapshots that were changed and sealed anew."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.envs import ThecalEnv
from thecal.envs.snapshots import Snapshot

GREEDY = np.ones(2, np.float32)


def begun(steps: int = 5, seed: int = 1, **options: Any) -> ThecalEnv:
    """A single environment after ``steps`` of a policy that asks for everything."""
    env = ThecalEnv(**options)
    env.reset(seed=seed)
    for _ in range(steps):
        env.step(GREEDY)
    return env


def sealed_again(kept: Snapshot, **changes: Any) -> Snapshot:
    """The same with changes, and a seal that fits."""
    names = ("patients", "seeds", "owners", "tips", "commands", "totals")
    parts = {name: changes.get(name, getattr(kept, name)) for name in names}
    world = changes.get("world", kept.world)
    return Snapshot.of(changes.get("identity", kept.identity), world, **parts)
