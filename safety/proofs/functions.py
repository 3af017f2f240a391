"""Goals about single functions of the kernel: what each answers, exactly."""

from __future__ import annotations

from collections.abc import Mapping

import z3

from thecal.safety import bits
from thecal.safety.invariants import Invariant
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.terms import Reading
from thecal.safety.records import REQUEST_LIMIT

_I = Invariant


def goals(limits: Mapping[str, int]) -> list[Goal]:
    """Every goal about a function; the floor under the share of ``limits``."""
    return [*_small(limits), *_counters()]


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
    since, rate, prev, given, never, count, most, leaving, flag = z3.Ints(
        "since rate prev given never count most leaving flag"
    )
    rise, bolus = kernel.next_since_increase(since, rate, prev, never), kernel.next_since_bolus(since, given, never)
    known = (since >= 0, never >= 1)
    ring = (count >= 0, count <= most, leaving >= 0, leaving <= count, leaving >= 0, leaving <= 1, z3.Or(flag == 0, flag == 1),
            z3.Implies(flag == 1, count < most))  # fmt: skip
    return [
        Goal("counter: ticks since a rise start with it and grow by one", known,
             rise == z3.If(rate > prev, 1, z3.If(since + 1 <= never, since + 1, never)), (_I.INTERVAL,)),
        Goal("counter: ticks since a bolus start after it and grow by one", known,
             bolus == z3.If(given > 0, 0, z3.If(since + 1 <= never, since + 1, never)), (_I.LOCKOUT,)),
        Goal("counter: the number of a day's boluses stays within its most", ring, count + flag - leaving <= most,
             (_I.BOLUS_COUNT,)),
    ]  # fmt: skip
