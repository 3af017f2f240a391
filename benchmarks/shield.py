"""What the shield costs: nanoseconds a pump tick, and its share of an environment step."""

from __future__ import annotations

import time

import numba

from thecal.safety.shield import shield_tick

from batch import ready, speed
from common import Row

TICKS = 200_000
TICKS_PER_STEP = 4


@numba.njit
def _hold(state, par, facts, n):
    for _ in range(n):
        shield_tick(state, par, facts, state.prev_rate, 0, 1)


@numba.njit
def _push(state, par, facts, n):
    for _ in range(n):
        shield_tick(state, par, facts, state.prev_rate * 2, 50_000, 1)


def run() -> list[Row]:
    """Cost of holding and of pushing at every tick."""
    numba.set_num_threads(1)
    batch = ready(64)
    step_ns = 1e9 / speed(batch, (0.0, 0.0))
    rows = []
    for title, loop in (("a request to hold", _hold), ("a rise and a bolus at every tick", _push)):
        state, par = batch.world["shield"][:1].copy()[0], batch.par["shield"][:1].copy()[0]
        facts = batch.world["facts"][:1].copy()[0]
        loop(state, par, facts, 1)
        begin = time.perf_counter()
        loop(state, par, facts, TICKS)
        cost = (time.perf_counter() - begin) / TICKS * 1e9
        rows.append(Row(f"shield, {title}", cost, "ns/pump tick"))
        rows.append(
            Row(f"share of an environment step, {title}", cost * TICKS_PER_STEP / step_ns, "", 0.25, at_most=True)
        )
    return rows
