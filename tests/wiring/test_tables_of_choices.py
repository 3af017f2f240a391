"""Tables of discrete actions and their masks: every pair in its row, the one that holds, and whom the shield is asked for."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.errors import ConfigError, InvalidActionWarning
from thecal.envs.adapters import masks as adapter
from thecal.envs.adapters.masks import DiscreteActions, Masks, action_masks, action_table
from thecal.envs.adapters.single import ThecalEnv
from thecal.envs.kernel.records import STEP_OUT, WORLD
from thecal.envs.scenario import Resolved

from support.episodes import POOL, short_scene


@pytest.fixture(scope="module")
def scene() -> Resolved:
    """Built once for this file."""
    return short_scene()


class Asked:
    """In place of a batch: keeps what it is asked to try, and allows one action of its last environment."""

    def __init__(self, n: int) -> None:
        self.n, self.world = n, np.zeros(n, WORLD)

    def look_ahead(self, look: Any, scratch: Any, out: Any, table: Any, allowed: Any) -> None:
        self.asked = look, scratch, out, table
        assert allowed.dtype == np.bool_
        assert allowed.shape == (self.n, len(table))
        assert not allowed.any()
        allowed[-1, 1] = True


PAIRS = [(rate, bolus) for rate in (-1.0, -0.5, 0.0, 0.5, 1.0) for bolus in (0.0, 0.5, 1.0)]
TABLES: dict[str, tuple[dict[str, Any], list[tuple[float, ...]], int]] = {
    "shipped": ({}, PAIRS, 6),
    "own values": ({"rates": (0.5, 0.0), "boluses": (0.25, 0.0)}, [(0.5, 0.25), (0.5, 0.0), (0.0, 0.25), (0.0, 0.0)], 3),
    "rates alone": ({"rates": (0.5, 0.0), "fields": ("relative_rate",)}, [(0.5,), (0.0,)], 1),
    "fields of others": (
        {"rates": (0.0, 0.5), "boluses": (0.0, 1.0), "fields": ("lockout", "bolus_size", "relative_rate", "another")},
        [(0.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.5, 0.0), (0.0, 1.0, 0.5, 0.0)], 0,
    ),
    "targets": (
        {"rates": (0.5, -0.5), "boluses": (0.0, 1.0), "fields": ("hold", "target_dose", "bolus_size")},
        [(0.0, 0.5, 0.0), (0.0, 0.5, 1.0), (0.0, -0.5, 0.0), (0.0, -0.5, 1.0), (1.0, 0.0, 0.0)], 4,
    ),
    "targets alone": (
        {"rates": (0.5, -0.5), "fields": ("target_dose", "lockout", "hold")},
        [(0.5, 0.0, 0.0), (-0.5, 0.0, 0.0), (0.0, 0.0, 1.0)], 2,
    ),
}  # fmt: skip


def test_every_pair_is_a_row_and_one_row_holds() -> None:
    assert (adapter.RATES, adapter.BOLUSES) == ((-1.0, -0.5, 0.0, 0.5, 1.0), (0.0, 0.5, 1.0))
    for name, (given, rows, hold) in TABLES.items():
        table, found = action_table(**given)
        assert table.dtype == np.float64
        assert (list(map(tuple, table.tolist())), found) == (rows, hold), name


def test_a_table_without_holding_is_refused() -> None:
    zero = "the table needs a 0 in both components: holding is always allowed"
    hold = "a table of target doses needs the action field hold: holding is always allowed"
    for given, words in (
        ({"rates": (0.5,)}, zero), ({"boluses": (0.5,)}, zero), ({"rates": (0.5,), "boluses": (0.5,)}, zero),
        ({"boluses": (0.5,), "fields": ("target_dose", "hold", "bolus_size")}, zero),
        ({"fields": ("target_dose", "bolus_size")}, hold),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=f"^{re.escape(words)}$"):
            action_table(**given)  # type: ignore[arg-type]


def test_masks_ask_one_kernel_for_few_and_one_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("look_serial", "look_parallel"):
        monkeypatch.setattr(adapter, name, name)
    rows = np.asfortranarray([[1, 0], [0, 1], [0, 0]], np.float32)
    for n, look, room in (
        (1, "look_serial", 1), (63, "look_serial", 1), (64, "look_parallel", 64), (65, "look_parallel", 65),
    ):  # fmt: skip
        batch: Any = Asked(n)
        masks = Masks(batch, rows)  # type: ignore[arg-type]
        allowed = masks()
        asked, scratch, out, table = batch.asked
        assert asked == look
        assert (scratch.shape, scratch.dtype) == ((room,), WORLD)
        assert (out.shape, out.dtype) == ((room,), STEP_OUT)
        assert (table.dtype, table.flags.c_contiguous, table.tolist()) == (np.float64, True, rows.tolist())
        assert masks.batch is batch
        assert np.argwhere(allowed).tolist() == [[n - 1, 1]]
        assert not np.shares_memory(allowed, masks()), "a mask that was given does not change"
    batch = Asked(2)
    assert action_masks(batch, rows).tolist() == [[False] * 3, [False, True, False]]  # type: ignore[arg-type]
    assert batch.asked[3].tolist() == rows.tolist()


def test_discrete_actions_are_read_from_their_table(scene: Resolved) -> None:
    base = ThecalEnv(scene, patients=POOL)
    env = DiscreteActions(base, (0.5, 0.0), (0.25, 0.0))
    rows = [(0.5, 0.25), (0.5, 0.0), (0.0, 0.25), (0.0, 0.0)]
    assert list(map(tuple, env.table.tolist())) == rows
    assert (env._hold, env.action_space.n, env.env) == (3, 4, base)  # type: ignore[attr-defined]
    assert env._saved_kwargs == {"rates": [0.5, 0.0], "boluses": [0.25, 0.0]}
    assert env._masks.batch is base.batch
    assert env._masks.table.tolist() == env.table.tolist()
    for k, row in enumerate(rows):
        action = env.action(k)
        assert (action.dtype, tuple(action.tolist())) == (np.float32, row)
    for bad in (4, -1):
        with pytest.warns(InvalidActionWarning, match="^choice of type int is not a whole number from 0 to 3"):
            action = env.action(bad)
        assert (action.dtype, np.isnan(action).tolist()) == (np.float32, [True, True])
    found = np.array([[False, True, False, False]])
    env._masks = lambda: found  # type: ignore[assignment]
    assert env.action_masks().tolist() == [False, True, False, True]
    plain = DiscreteActions(base)
    assert plain.table.tolist() == [list(pair) for pair in PAIRS]
    with pytest.raises(ConfigError, match="^discrete actions need a Thecal environment$"):
        DiscreteActions(gym.Env())


def test_tables_follow_the_fields_of_the_task(scene: Resolved) -> None:
    base = ThecalEnv(scene, patients=POOL)
    fields = ("bolus_size", "relative_rate", "lockout")
    base.spec_task = SimpleNamespace(action=SimpleNamespace(fields=fields))  # type: ignore[assignment]
    env = DiscreteActions(base, (0.5, 0.0), (0.25, 0.0))
    assert env.table.tolist() == [[0.25, 0.5, 0.0], [0.0, 0.5, 0.0], [0.25, 0.0, 0.0], [0.0, 0.0, 0.0]]
    with pytest.warns(InvalidActionWarning):
        assert env.action(-1).shape == (3,)
