"""Makes Stable-Baselines3 environments: plain, or with a table of discrete actions and their masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from thecal.core.seeds import MOST_PATIENTS, whole
from thecal.envs.adapters.draws import everybody
from thecal.envs.adapters.sb3 import ThecalSB3VecEnv
from thecal.envs.adapters.sb3_discrete import DiscreteSB3VecEnv
from thecal.envs.batch import Batch


def make_sb3(
    scenario: Any,
    n_envs: int,
    seed: int | None = None,
    *,
    pool: int | None = None,
    preload: bool = False,
    stagger: bool = False,
    discrete: bool = False,
    render_mode: str | None = None,
    info_fields: Sequence[str] | None = None,
    **options: Any,
) -> ThecalSB3VecEnv:
    """An SB3 ``VecEnv`` of ``n_envs`` patients of a scenario.

    Args:
        scenario: a scenario, or a task by name, id, path or spec.
        n_envs: number of environments.
        seed: environment ``i`` meets what the single environment under ``seed + i`` meets.
        pool: how many patients of the split to draw from; 4096, or all of a cohort's table, when ``None``.
        preload: draw the whole pool now, so that no reset has to wait for a draw.
        stagger: begin each environment at a random moment of its first episode (for training).
        discrete: a table of discrete actions with masks (:class:`thecal.envs.adapters.sb3_discrete.DiscreteSB3VecEnv`) under
            ``shield_mode="mask"``; ``rates`` and ``boluses`` then give the values of both components.
        render_mode, info_fields: as :class:`thecal.envs.adapters.sb3.ThecalSB3VecEnv`.
        **options: ``reward_fn`` and ``reward_sees`` (:class:`thecal.envs.own_reward.OwnReward`), and fields of the scenario
            that differ (:class:`thecal.envs.scenario.Scenario`).
    """
    tables = {name: options.pop(name) for name in ("rates", "boluses") if discrete and name in options}
    if discrete:
        options.setdefault("shield_mode", "mask")
    shown: dict[str, Any] = {"render_mode": render_mode}
    if info_fields is not None:
        shown["info_fields"] = info_fields
    members = None if pool is None else np.arange(whole(pool, "pool", MOST_PATIENTS + 1, least=1))
    batch = Batch(scenario, n_envs, **options)
    members = everybody(batch.scene) if members is None else members
    if preload:
        batch.preload(members)
    if discrete:
        return DiscreteSB3VecEnv(batch, members, seed, stagger, **tables, **shown)
    return ThecalSB3VecEnv(batch, members, seed, stagger, **shown)
