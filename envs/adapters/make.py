"""Makes Stable-Baselines3 environments: plain, or with a table of discrete actions and their masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.envs.adapters.sb3 import ThecalSB3VecEnv
from thecal.envs.adapters.sb3_discrete import DiscreteSB3VecEnv
from thecal.envs.adapters.single import POOL
from thecal.envs.batch import Batch


def make_sb3(
    scenario: Any,
    n_envs: int,
    seed: int | None = None,
    *,
    pool: int = POOL,
    preload: bool = False,
    stagger: bool = False,
    discrete: bool = False,
    **options: Any,
) -> ThecalSB3VecEnv:
    """An SB3 ``VecEnv`` of ``n_envs`` patients of a scenario.

    Args:
        scenario: a scenario, or a task by name, id, path or spec.
        n_envs: number of environments.
        seed: of the order of patients and of their days.
        pool: how many patients of the split to draw from.
        preload: draw the whole pool now, so that no reset has to wait for a draw.
        stagger: begin each environment at a random moment of its first episode (for training).
        discrete: a table of discrete actions with masks (:class:`thecal.envs.adapters.sb3_discrete.DiscreteSB3VecEnv`) under
            ``shield_mode="mask"``; ``rates`` and ``boluses`` then give the values of both components.
        **options: fields of the scenario that differ (:class:`thecal.envs.scenario.Scenario`).
    """
    tables = {name: options.pop(name) for name in ("rates", "boluses") if discrete and name in options}
    if discrete:
        options.setdefault("shield_mode", "mask")
    batch = Batch(scenario, n_envs, **options)
    members = np.arange(pool)
    if preload:
        batch.preload(members)
    if discrete:
        return DiscreteSB3VecEnv(batch, members, seed, stagger, **tables)
    return ThecalSB3VecEnv(batch, members, seed, stagger)
