"""The shield's arithmetic: integers only, no branches, one source for Python, Numba and a solver.

Units: volume nL, mass pg, concentration pg/nL, rate nL per pump tick, time in pump ticks. One reservoir: every drug of an
admixture is dosed by the same volume. Only + - *, comparisons, loops over ranges and the helpers of ``ops`` may appear here;
a test reads the syntax tree and refuses anything else.

The rolling cap covers ``w`` ticks, one more than 24 h holds, because a 24-h window in continuous time touches that many.
"""

from __future__ import annotations

from typing import Any

from thecal.safety.ops import both, either, fdiv, hi, ite, lo


def sustainable(ledger: Any, w: int, cap: Any, conc: Any, top: Any, ask: int) -> Any:
    """The largest rate up to ``top`` that keeps every window of the coming ``w`` ticks under ``cap`` if it is held.

    ``ledger[0]`` is the oldest of ``w`` masses and leaves first. With ``ask`` 0 nothing is searched and ``top`` returned:
    a request that is not a rise needs no search, because the rate in force is sustainable by induction.
    """
    best = top
    tail = 0
    for k in range(w * ask):
        ahead = w - k
        best = lo(best, fdiv(cap - tail, ahead * conc))
        tail = tail + ledger[ahead - 1]
    return best


def bolus_room(ledger: Any, w: int, cap: Any, conc: Any, rate: Any, ask: int) -> Any:
    """The largest volume that may be added now so that, with ``rate`` held, every coming window stays under ``cap``."""
    slack = cap
    tail = 0
    for k in range(w * ask):
        ahead = w - k
        slack = lo(slack, cap - tail - ahead * rate * conc)
        tail = tail + ledger[ahead - 1]
    return hi(0, fdiv(slack, conc))


def withdrawal_floor(highest: Any, keep_permille: Any, step: Any, prev: Any, exposed: Any) -> Any:
    """The lowest rate of this tick: a share of the highest of the last 24 h, on the pump's grid, never above ``prev``."""
    share = fdiv(highest * keep_permille + 999, 1000)
    grid = fdiv(share + step - 1, step) * step
    return ite(exposed, lo(prev, grid), 0)


def step_ceiling(prev: Any, permille: Any, may_rise: Any) -> Any:
    """The highest rate that the step limit, the interval and the locks leave."""
    return prev + ite(may_rise, fdiv(prev * permille, 1000), 0)


def rise_ceiling(prev: Any, long_ago: Any, permille: Any) -> Any:
    """The highest rate that the cap on the rise over 28 days leaves; it never forces a fall."""
    return hi(prev, fdiv(long_ago * (1000 + permille), 1000))


def choose_rate(
    request: Any, prev: Any, ceiling: Any, floor: Any, lowest: Any, highest: Any, step: Any, locked: Any, lock_rate: Any
) -> Any:
    """The rate that runs: the request under every ceiling, over the floor, on the pump's grid, never rounded up.

    A life-threatening lock comes last and overrides the floor. Nothing is programmed below the pump's own lowest rate,
    unless the pump is there already.
    """
    top = lo(ceiling, highest)
    rate = hi(lo(request, top), floor)
    rate = ite(locked, lo(rate, lock_rate), rate)
    rate = fdiv(hi(rate, 0), step) * step
    return hi(rate, lo(prev, lowest))


def largest_bolus(rate: Any, absolute: Any, permille: Any, ticks_per_day: Any) -> Any:
    """The largest bolus: the drug's absolute limit, or a share of the programmed day, whichever is smaller."""
    return lo(absolute, fdiv(rate * ticks_per_day * permille, 1000))


def choose_bolus(request: Any, largest: Any, room: Any, step: Any, permitted: Any) -> Any:
    """The bolus that runs: none unless permitted, else the request within size and room, on the pump's grid."""
    size = lo(lo(request, largest), room)
    return ite(both(permitted, size > 0), fdiv(hi(size, 0), step) * step, 0)


def may_rise(since_increase: Any, interval: Any, withheld: Any) -> Any:
    """Whether the interval since the last rise has passed and nothing withholds rises."""
    return both(since_increase >= interval, withheld == 0)


def may_bolus(since_bolus: Any, lockout: Any, count: Any, most: Any, withheld: Any) -> Any:
    """Whether lockout and count allow a bolus and nothing withholds one."""
    return both(both(since_bolus >= lockout, count < most), withheld == 0)


def vital_level(rr: Any, spo2: Any, rr_limit: Any, spo2_limit: Any) -> Any:
    """1 when a vital sign (tenths, -1 for missing) is present and under its limit."""
    slow = both(rr >= 0, rr < rr_limit)
    blue = both(spo2 >= 0, spo2 < spo2_limit)
    return ite(either(slow, blue), 1, 0)
