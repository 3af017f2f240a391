"""Goals about single functions of the kernel: what each answers, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import z3

from thecal.safety import bits
from thecal.safety.invariants import Invariant
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.terms import Held, Reading
from thecal.safety.records import MAX_CAPS, REQUEST_LIMIT, WINDOW

_I = Invariant


def goals(limits: Mapping[str, int]) -> list[Goal]:
    """Every goal about a function; the floor under the share of ``limits``."""
    return [*_small(limits), *_counters(), *_quick(), *_held_most()]


def _small(limits: Mapping[str, int]) -> list[Goal]:
    """What single functions answer, exactly."""
    step, prev, interval, transit, request, n = z3.Ints("step prev interval transit request n")
    locked = z3.Bool("locked")
    # The profile's share, and one that has no divisor in common with a thousand, so that rounding shows.
    floors = [_floor_goal(keep) for keep in sorted({limits["keep_permille"], 801})]
    waiting = Reading()
    wait = waiting.code.titration_wait(interval, transit, prev)
    flow = z3.If(prev >= 1, prev, 1)
    known = (*waiting.known, interval >= 0, transit >= 0, prev >= 0)
    bounding = Reading(watched=(n,))
    asked = bounding.code.bounded(request, step)
    clamped = z3.If(request > REQUEST_LIMIT, REQUEST_LIMIT, z3.If(request < -REQUEST_LIMIT, -REQUEST_LIMIT, request))
    return [
        *floors,
        Goal("wait: the interval or the whole passage, and not a tick more", known,
             z3.And(wait >= interval, wait * flow >= transit, z3.Or(wait == interval, (wait - 1) * flow < transit)),
             (_I.INTERVAL,)),
        Goal("two integers differ or are the same", (), waiting.code.differs(prev, step) == z3.If(prev != step, 1, 0),
             (_I.META,)),
        Goal("lock: a request over what it leaves is marked, and no other", (),
             waiting.code.locked_bits(request, locked, prev) == z3.If(z3.And(locked, prev < request), bits.RESPIRATORY, 0),
             (_I.RESPIRATORY_LOCK,)),
        Goal("wait: nothing is divided by zero", (prev >= 0,), z3.And(*(divisor >= 1 for divisor in waiting.divisors)),
             (_I.META,)),
        Goal("request: clamped, then rounded down to the grid", (*bounding.known, step >= 1),
             z3.And(asked <= clamped, clamped < asked + step), (_I.META,)),
    ]  # fmt: skip


def _floor_goal(keep: int) -> Goal:
    highest, step, prev = z3.Ints("highest step prev")
    exposed = z3.Bool("exposed")
    reading = Reading()
    floor = reading.code.withdrawal_floor(highest, keep, step, prev, exposed)
    lowest = z3.And(floor <= prev, z3.Implies(floor < prev, z3.And(1000 * floor >= keep * highest,
                    z3.Or(1000 * (floor - step) < keep * highest, floor == 0))))  # fmt: skip
    name = f"floor: the smallest notch that keeps {keep} in a thousand"
    known = (*reading.known, highest >= 0, step >= 1, prev >= 0)
    return Goal(name, known, z3.If(exposed, lowest, floor == 0), (_I.FLOOR,))


def _counters() -> list[Goal]:
    kernel = Reading().code
    since, rate, prev, given, never, count, most, leaving, flag, unread = z3.Ints(
        "since rate prev given never count most leaving flag unread"
    )
    rise, bolus = kernel.next_since_increase(since, rate, prev, never), kernel.next_since_bolus(since, given, never)
    change = kernel.next_since_change(since, rate, prev, unread, never)
    known = (since >= 0, never >= 1)
    ring = (count >= 0, count <= most, leaving >= 0, leaving <= count, leaving >= 0, leaving <= 1, z3.Or(flag == 0, flag == 1),
            z3.Implies(flag == 1, count < most))  # fmt: skip
    return [
        Goal("counter: ticks since a rise start with it and grow by one", known,
             rise == z3.If(rate > prev, 1, z3.If(since + 1 <= never, since + 1, never)), (_I.INTERVAL,)),
        Goal("counter: ticks since a change of the rate start with it, or once it is read back, and grow by one", known,
             change == z3.If(z3.Or(rate != prev, unread > 0), 1, z3.If(since + 1 <= never, since + 1, never)), (_I.MONITORED,)),
        Goal("counter: ticks since a bolus start after it and grow by one", known,
             bolus == z3.If(given > 0, 0, z3.If(since + 1 <= never, since + 1, never)), (_I.LOCKOUT,)),
        Goal("counter: the number of a day's boluses stays within its most", ring, count + flag - leaving <= most,
             (_I.BOLUS_COUNT,)),
    ]  # fmt: skip


def _quick() -> list[Goal]:
    """Monitored titration: its step, what is left of it near the cap, and how near that is."""
    prev, absolute, yesterday, day, near, begins, permille, share = z3.Ints(
        "prev absolute yesterday day near begins permille share"
    )
    code = Reading().code
    top = code.quick_ceiling(prev, share, absolute, yesterday, day)
    small = z3.And(1000 * (top - prev) <= prev * share, top - prev <= absolute, 1000 * top <= yesterday * (1000 + day))
    shrinking = Reading()
    left = shrinking.code.quick_share(permille, near, begins)
    room = (*shrinking.known, permille >= 0, permille <= 1000, near >= 0, begins >= 0, begins <= 999)
    conc, cap = z3.Ints("conc cap")
    filling = Reading()
    filled = filling.code.nearness(SimpleNamespace(n_caps=1, conc=[conc], cap_pg=[cap]), prev)
    mass = 1000 * WINDOW * prev * conc
    return [
        Goal("monitored: a rise keeps its step, the absolute one, and its rise over the rate of 24 h before",
             (prev >= 0, share >= 0, absolute >= 0), z3.And(top >= prev, z3.Or(top == prev, small)), (_I.MONITORED,)),
        Goal("monitored: a rise one larger would break one of the three",
             (prev >= 0, share >= 0, absolute >= 0), z3.Or(1000 * (top + 1 - prev) > prev * share, top + 1 - prev > absolute,
                                                           1000 * (top + 1) > yesterday * (1000 + day)), (_I.MONITORED,)),
        Goal("monitored: the step is whole up to its share of the cap", room, z3.Implies(near <= begins, left == permille),
             (_I.MONITORED,)),
        Goal("monitored: from there the step shrinks in a line, rounded down", room,
             z3.Implies(z3.And(near > begins, near <= 1000),
                        z3.And(left * (1000 - begins) <= permille * (1000 - near),
                               permille * (1000 - near) < left * (1000 - begins) + 1000 - begins)), (_I.MONITORED,)),
        Goal("monitored: nothing is left of the step at the cap", room, z3.Implies(near >= 1000, left <= 0), (_I.MONITORED,)),
        Goal("monitored: nearness is the share of the cap that the rate fills, rounded up",
             (*filling.known, prev >= 0, conc >= 1, cap >= 1), z3.And(z3.Or(filled == 1000, mass <= filled * cap),
              z3.Or(filled == 0, (filled - 1) * cap < mass), filled <= 1000), (_I.MONITORED,)),
    ]  # fmt: skip


def _held_most() -> list[Goal]:
    """The largest rate up to the one in force that every cap can hold, by the contract of the search."""
    prev = z3.Int("prev")
    held = [Held() for _ in range(MAX_CAPS)]
    reading = Reading(replace={"sustainable": lambda ledger, *rest: held[ledger](ledger, *rest)})
    par = SimpleNamespace(n_caps=MAX_CAPS, conc=[1] * MAX_CAPS, cap_pg=[1] * MAX_CAPS)
    most = reading.code.held_rate(SimpleNamespace(ledger=list(range(MAX_CAPS))), par, prev, 1)
    other = z3.Int("other")
    known = (prev >= 0, other >= 0, *(fact for one in held for fact in one.facts([prev, most, other])))
    every = z3.And(*(one.can_be_held(most) for one in held))
    better = z3.And(other <= prev, *(one.can_be_held(other) for one in held))
    return [
        Goal("after an excess: the most that can be held can be, or is nothing", known,
             z3.And(most >= 0, most <= prev, z3.Or(most == 0, every)), (_I.CAP_24H, _I.READ_BACK)),
        Goal("after an excess: no higher rate up to the one in force can be held", known, z3.Implies(better, other <= most),
             (_I.READ_BACK,)),
    ]  # fmt: skip
