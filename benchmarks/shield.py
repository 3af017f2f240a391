"""What the shield costs: nanoseconds a pump tick, and its share of a tick."""

from __future__ import annotations

import time
from collections.abc import Callable

import numba

from thecal.envs.batch import Batch
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
    """Cost of holding and of pushing at every tick; the share is of a tick in which just that is asked."""
    numba.set_num_threads(1)
    batch = ready(64)
    tick_ns = 1e9 / speed(batch, (0.0, 0.0)) / TICKS_PER_STEP
    hold_ns, push_ns = (_cost(batch, loop) for loop in (_hold, _push))
    rest_ns = tick_ns - hold_ns
    rows = []
    for title, cost in (("a request to hold", hold_ns), ("a rise and a bolus at every tick", push_ns)):
        rows.append(Row(f"shield, {title}", cost, "ns/pump tick"))
        rows.append(Row(f"share of a tick, {title}", cost / (rest_ns + cost), "", 0.25, at_most=True))
    return rows


def _cost(batch: Batch, loop: Callable[..., None]) -> float:
    """Nanoseconds of one shielded tick."""
    state, par = batch.world["shield"][:1].copy()[0], batch.par["shield"][:1].copy()[0]
    facts = batch.world["received"][:1].copy()[0]
    loop(state, par, facts, 1)
    begin = time.perf_counter()
    loop(state, par, facts, TICKS)
    return (time.perf_counter() - begin) / TICKS * 1e9
