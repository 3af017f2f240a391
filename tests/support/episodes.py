"""Short episodes of the cancer task, and what its environments draw, hold and are commanded; for tests of the adapters."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.envs.scenario import Resolved, Scenario

from support.wiring import asking

TOKEN = "a person's own words"
POOL = [7, 8, 9]


def short_scene(**options: Any) -> Resolved:
    """The cancer task, three steps of one pump tick long."""
    return Scenario.of(asking(), **{"split": "test", "horizon_d": 3 / 96, **options}).resolve()


def draws(seed: int, n: int) -> list[tuple[int, int]]:
    """The first draws (place in a pool of ``n``, seed of the days) under a seed."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    found = []
    for _ in range(6):
        days = int(rng.integers(2**63 - 1))
        found.append((int(rng.integers(n)), days))
    return found


def met(env: Any, i: int = 0) -> tuple[int, int]:
    """The patient and the seed of the days that stand in environment ``i``."""
    par = env.batch.par[i]
    assert par["fault"]["seed"] == par["patient"]["seed"]
    return int(env.batch.patients[i]), int(par["patient"]["seed"])


def command(env: Any, name: str, **changes: Any) -> dict[str, Any]:
    """A command that fits what stands."""
    world = env.batch.world[0]
    seen, now = int(world["pump"]["events"]), 900.0 * int(world["patient"]["tick"])
    rate = float(world["shield"]["prev_rate"])
    units = {"rate": "nL/tick", "bolus": "nL"}
    return {"id": name, "seen": seen, "issued_s": now, "rate": rate, "bolus": 0.0, "units": units, **changes}


def armed(env: Any) -> tuple[int, ...]:
    """What a person's act left: rate, bolus, and until which tick it and a clearing hold."""
    episode = env.batch.world["episode"][0]
    names = ("confirm_rate", "confirm_bolus", "confirm_until", "clear_until")
    return tuple(int(episode[name]) for name in names)
