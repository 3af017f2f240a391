"""The shield's arithmetic: integers only, no branches, one source for Python, Numba, a solver and intervals.

Units: volume nL, mass pg, concentration pg/nL, rate nL per pump tick, time in pump ticks. One reservoir: every drug of an
admixture is dosed by the same volume. Only + - *, comparisons, loops over ranges, reads of a record's fields, calls within the
module and the helpers of ``ops`` may appear here; a test reads the syntax tree and refuses anything else.

The rolling cap covers ``WINDOW`` ticks, one more than 24 h holds, because a 24-h window in continuous time touches that many.
"""

from __future__ import annotations

from typing import Any

from thecal.safety.bits import (
    CAP,
    COUNT,
    ELIGIBLE,
    ENVELOPE,
    FLOOR,
    INTERVAL,
    LOCKOUT,
    RESERVOIR,
    RESPIRATORY,
    RISE,
    SIZE,
    STEP,
)
from thecal.safety.ops import both, either, fdiv, hi, ite, lo, span
from thecal.safety.records import REQUEST_LIMIT, TICKS_PER_DAY, WINDOW


def excess(ledger: Any, w: int, cap: Any, conc: Any, rate: Any, ask: Any) -> Any:
    """How many of the coming ``w`` windows ``rate`` would overfill if it were held; nothing is counted when ``ask`` is 0.

    ``ledger[0]`` is the oldest of ``w`` masses and leaves first.
    """
    over = 0
    tail = 0
    for k in range(span(w, ask)):
        ahead = w - k
        over = over + ite(ahead * conc * rate + tail > cap, 1, 0)
        tail = tail + ledger[ahead - 1]
    return over


def largest_held(ledger: Any, w: int, cap: Any, conc: Any, top: Any, ask: Any) -> Any:
    """The largest rate up to ``top`` that keeps every window of the coming ``w`` ticks under ``cap`` if it is held.

    -1 stands for none, which only a ledger that was filled without a shield can give.
    """
    best = top
    tail = 0
    for k in range(span(w, ask)):
        ahead = w - k
        best = lo(best, fdiv(cap - tail, ahead * conc))
        tail = tail + ledger[ahead - 1]
    return hi(best, -1)


def sustainable(ledger: Any, w: int, cap: Any, conc: Any, top: Any, ask: Any) -> Any:
    """:func:`largest_held`, its divisions spared where ``top`` itself can be held or where nothing is asked.

    A request that is not a rise needs no search, because the rate in force is sustainable by induction.
    """
    return largest_held(ledger, w, cap, conc, top, excess(ledger, w, cap, conc, top, ask))


def held_rate(state: Any, par: Any, prev: Any, ask: Any) -> Any:
    """The largest rate up to the one in force that can be held under every cap; the one in force where nothing is asked.

    Asked only after the pump counted more than was allowed: otherwise the rate in force can be held, by induction.
    """
    top = prev
    for d in range(par.n_caps):
        top = sustainable(state.ledger[d], WINDOW, par.cap_pg[d], par.conc[d], top, ask)
    return hi(top, 0)


def bolus_room(ledger: Any, w: int, cap: Any, conc: Any, rate: Any, ask: Any) -> Any:
    """The largest volume that may be added now so that, with ``rate`` held, every coming window stays under ``cap``."""
    slack = cap
    tail = 0
    for k in range(span(w, ask)):
        ahead = w - k
        slack = lo(slack, cap - tail - ahead * rate * conc)
        tail = tail + ledger[ahead - 1]
    return hi(0, fdiv(slack, conc))


def withdrawal_floor(highest: Any, keep_permille: Any, step: Any, prev: Any, exposed: Any) -> Any:
    """The lowest rate of this tick: a share of the highest of the last 24 h, on the pump's grid, never above ``prev``."""
    share = fdiv(highest * keep_permille + 999, 1000)
    grid = fdiv(share + step - 1, step) * step
    return ite(exposed, lo(prev, grid), 0)


def step_ceiling(prev: Any, permille: Any, absolute: Any, may: Any) -> Any:
    """The highest rate that the step limit (relative and absolute), the interval and the locks leave."""
    return prev + ite(may, lo(fdiv(prev * permille, 1000), absolute), 0)


def rise_ceiling(prev: Any, long_ago: Any, permille: Any) -> Any:
    """The highest rate that the cap on the rise over 28 days leaves; it never forces a fall."""
    return hi(prev, fdiv(long_ago * (1000 + permille), 1000))


def titration_wait(interval: Any, transit_nl: Any, prev: Any) -> Any:
    """Ticks between rises: the interval, or the time the last change needs to reach the tip, whichever is longer."""
    return hi(interval, fdiv(transit_nl + hi(prev, 1) - 1, hi(prev, 1)))


def nearness(par: Any, prev: Any) -> Any:
    """Per mille of the nearest cap that the rate in force fills when it is held for a whole window, rounded up; 1000 at most."""
    near = 0
    for d in range(par.n_caps):
        near = hi(near, fdiv(1000 * WINDOW * prev * par.conc[d] + par.cap_pg[d] - 1, par.cap_pg[d]))
    return lo(near, 1000)


def quick_share(permille: Any, near: Any, shrinks_from: Any) -> Any:
    """What is left of a monitored rise, per mille: whole up to a share of the cap, from there in a line to none."""
    return ite(near <= shrinks_from, permille, hi(0, fdiv(permille * (1000 - near), 1000 - shrinks_from)))


def quick_ceiling(prev: Any, share: Any, absolute: Any, yesterday: Any, day_permille: Any) -> Any:
    """The highest rate of a monitored rise: its step, and its rise over the rate of 24 h before; never a fall."""
    return hi(prev, lo(prev + lo(fdiv(prev * share, 1000), absolute), fdiv(yesterday * (1000 + day_permille), 1000)))


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


def largest_bolus(rate: Any, absolute: Any, permille: Any, highest: Any) -> Any:
    """The largest bolus: the drugs' absolute limit, a share of the programmed day, or what the pump can push in one tick."""
    share = fdiv(rate * TICKS_PER_DAY * permille, 1000)
    return hi(0, lo(lo(absolute, share), highest - rate))


def choose_bolus(request: Any, largest: Any, room: Any, step: Any, permitted: Any) -> Any:
    """The bolus that runs: none unless permitted, else the request within size and room, on the pump's grid."""
    size = lo(lo(request, largest), room)
    return ite(both(permitted, size > 0), fdiv(hi(size, 0), step) * step, 0)


def may_rise(since_increase: Any, wait: Any, holds: Any) -> Any:
    """Whether the wait since the last rise has passed and nothing withholds rises."""
    return both(since_increase >= wait, holds == 0)


def may_bolus(since_bolus: Any, lockout: Any, count: Any, most: Any, denies: Any) -> Any:
    """Whether lockout and count allow a bolus and nothing withholds one."""
    return both(both(since_bolus >= lockout, count < most), denies == 0)


def flag(condition: Any, bit: int) -> Any:
    """``bit`` where the condition holds."""
    return ite(condition, bit, 0)


def bounded(request: Any, step: Any) -> Any:
    """A request within the range that the arithmetic is proved for, on the pump's grid, never rounded up."""
    return fdiv(lo(hi(request, -REQUEST_LIMIT), REQUEST_LIMIT), step) * step


def decide_rate(state: Any, par: Any, long_ago: Any, request: Any, holds: Any, locked: Any, lock_rate: Any) -> Any:
    """(rate, bits of the limits the request breaks) for a bounded request.

    Args:
        state, par: SHIELD_STATE and SHIELD_PAR, or anything with their fields.
        long_ago: lowest rate of the day 28 days ago.
        holds: bits that withhold rises.
        locked, lock_rate: whether a lock lowers the rate, and to what.
    """
    prev = state.prev_rate
    rise = flag(request > prev, 1)
    top = hi(prev, lo(request, par.max_rate))
    sustain = top
    for d in range(par.n_caps):
        sustain = sustainable(state.ledger[d], WINDOW, par.cap_pg[d], par.conc[d], sustain, rise)
    rise_top = rise_ceiling(prev, long_ago, par.rise_permille)
    wait = titration_wait(par.interval, par.transit_nl, prev)
    may = may_rise(state.since_increase, wait, holds)
    step_top = hi(step_ceiling(prev, par.step_permille, par.step_abs, may), ite(holds == 0, state.quick_top, prev))
    ceiling = lo(lo(step_top, rise_top), hi(prev, sustain))
    floor = withdrawal_floor(state.highest24, par.keep_permille, par.rate_step, prev, state.ticks >= par.exposed_after)
    lowest = lo(prev, par.min_rate)
    rate = choose_rate(request, prev, ceiling, floor, par.min_rate, par.max_rate, par.rate_step, locked, lock_rate)
    slow = request > state.quick_top
    early = both(both(rise > 0, slow), state.since_increase < wait)
    large = both(both(rise > 0, slow), request > step_ceiling(prev, par.step_permille, par.step_abs, True))
    broken = (
        flag(either(request > par.max_rate, request < lowest), ENVELOPE)
        + flag(both(rise > 0, sustain < top), CAP)
        + flag(both(rise > 0, request > rise_top), RISE)
        + flag(early, INTERVAL)
        + flag(both(large, state.since_increase >= wait), STEP)
        + flag(request < floor, FLOOR)
    )
    return rate, broken


def decide_bolus(state: Any, par: Any, left_nl: Any, rate: Any, bolus: Any, denies: Any) -> Any:
    """(bolus, bits of the limits the bounded request breaks) when ``rate`` is going to run.

    ``left_nl`` is what the reservoir is estimated to hold; a day of the rate and the bolus must leave the reserve in it.
    """
    wants = flag(bolus > 0, 1)
    room = par.max_rate
    for d in range(par.n_caps):
        room = lo(room, bolus_room(state.ledger[d], WINDOW, par.cap_pg[d], par.conc[d], rate, wants))
    spare = left_nl - par.reserve_nl - TICKS_PER_DAY * rate
    largest = largest_bolus(rate, par.bolus_abs, par.bolus_permille, par.max_rate)
    permitted = both(
        may_bolus(state.since_bolus, par.lockout, state.bolus_count, par.bolus_most, denies), par.bolus_eligible > 0
    )
    given = choose_bolus(bolus, largest, lo(room, spare), par.bolus_step, permitted)
    broken = (
        flag(bolus < 0, ENVELOPE)
        + flag(both(wants > 0, bolus > largest), SIZE)
        + flag(both(wants > 0, lo(bolus, par.max_rate) > room), CAP)
        + flag(both(wants > 0, bolus > spare), RESERVOIR)
        + flag(both(wants > 0, state.since_bolus < par.lockout), LOCKOUT)
        + flag(both(wants > 0, state.bolus_count >= par.bolus_most), COUNT)
        + flag(both(wants > 0, par.bolus_eligible == 0), ELIGIBLE)
    )
    return given, broken


def next_since_increase(since: Any, rate: Any, prev: Any, never: Any) -> Any:
    """Ticks since the last rise after this tick; counted from the rise, so that a daily rise may keep its hour."""
    return ite(rate > prev, 1, lo(since + 1, never))


def next_since_change(since: Any, rate: Any, prev: Any, unread: Any, never: Any) -> Any:
    """Ticks since the pump's rate last changed after this tick, counted like :func:`next_since_increase`.

    While the pump does not read back what was allowed (``unread``), the change is still to come.
    """
    return ite(both(rate == prev, unread <= 0), lo(since + 1, never), 1)


def next_since_bolus(since: Any, given: Any, never: Any) -> Any:
    """Ticks since the last bolus after this tick."""
    return ite(given > 0, 0, lo(since + 1, never))


def differs(a: Any, b: Any) -> Any:
    """1 when two integers are not the same."""
    return ite(a == b, 0, 1)


def next_highest(ring: Any, n: Any, rate: Any, leaving: Any, highest: Any) -> Any:
    """The highest of a ring of ``n`` after ``rate`` took the place of ``leaving``; searched only where that was the highest."""
    gone = both(rate < highest, leaving == highest)
    most = rate
    for k in range(span(n, flag(gone, 1))):
        most = hi(most, ring[k])
    return ite(gone, most, hi(highest, rate))


def unshielded(par: Any, request: Any, bolus: Any) -> Any:
    """(rate, bolus): the request within the pump's own envelope and grid; below its lowest rate the pump runs nothing."""
    rate = fdiv(lo(hi(request, 0), par.max_rate), par.rate_step) * par.rate_step
    size = lo(hi(bolus, 0), par.max_rate * TICKS_PER_DAY)
    return ite(rate >= par.min_rate, rate, 0), fdiv(size, par.bolus_step) * par.bolus_step


def locked_bits(request: Any, locked: Any, lock_rate: Any) -> Any:
    """The respiratory bit where a request lies over what a lock leaves."""
    return flag(both(locked, request > lock_rate), RESPIRATORY)
