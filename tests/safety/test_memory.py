"""Memories of the shield: every one that its tick leaves is taken, whatever was asked and received, and others are named."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.envs.batch import Batch
from thecal.experiments.assurance.harness import (
    drive,
    harness_cases,
    hostile_input,
    hostile_pump,
    hostile_requests,
    program,
)
from thecal.experiments.assurance.harness_raw import raw_of
from thecal.safety.memory import memory_faults
from thecal.safety.profiles import load_profile
from thecal.safety.records import SHIELD_PAR, SHIELD_STATE, TRAIL_ROW
from thecal.safety.shield import new_shield_state

CASES = harness_cases(3)[::9]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.profile}-{'+'.join(case.drugs)}-{case.stage}")
@pytest.mark.parametrize("mode", range(5))
def test_hostile_input_leaves_no_faulty_memory(case, mode: int) -> None:
    true, _ = program(case, load_profile(case.profile))
    par, state = np.empty(1, SHIELD_PAR), np.empty(1, SHIELD_STATE)
    par[0] = true
    par["mode"] = mode
    state[0] = new_shield_state(par[0], 5 * int(true["min_rate"]))
    assert memory_faults(state, par) == [], "on the first day"
    rng, n = np.random.default_rng(mode), 96 * 5
    for k in range(6):
        spare = np.where(rng.random(n) < 0.3, rng.integers(0, 2 * int(true["bolus_abs"]) + 100, n), -1)
        moved = hostile_pump(true, rng, n, beyond=k % 2 == 1)
        asked = np.stack([*hostile_requests(true, rng, n, k % 4), spare, *moved]).astype(np.int64)
        shown = hostile_input(true, rng, n)
        drive(state, par, shown, raw_of(shown), asked, 0, np.zeros(n, TRAIL_ROW))
        assert memory_faults(state, par) == []


@pytest.mark.parametrize("mode", ["project", "replace", "monitor", "off"])
@pytest.mark.parametrize("task", ["CancerMorphine", "NonCancerMix"])
def test_patients_leave_memories_that_can_be_restored(task: str, mode: str) -> None:
    batch = Batch(task, 8, shield_mode=mode, faults="stress")
    rows, rng = np.arange(8), np.random.default_rng(1)
    batch.restart(rows, rows, rows.astype(np.uint64))
    for k in range(200):
        actions = rng.uniform(-1.0, 1.0, (8, batch.spec.n_actions))
        actions[rng.random(8) < 0.1] = np.nan
        batch.advance(actions)
        if k % 10 == 0:
            before = batch.world.tobytes(), batch.par.tobytes()
            batch.restore(batch.snapshot())
            assert (batch.world.tobytes(), batch.par.tobytes()) == before


def test_every_row_is_looked_at() -> None:
    batch = Batch("CancerMorphine", 3)
    batch.restart(np.arange(3), np.arange(3), np.arange(3, dtype=np.uint64))
    state, par = batch.world["shield"].copy(), batch.par["shield"].copy()
    for row in range(3):
        for name, words in (
            ("dose24", "dose24"),
            ("gap", "gap"),
            ("week_rate", "week_rate"),
            ("sbp_count", "sbp_count"),
        ):
            other = state.copy()
            other[name][row] = -1 if name != "sbp_count" else 97
            assert any(found.startswith(words) for found in memory_faults(other, par)), name
