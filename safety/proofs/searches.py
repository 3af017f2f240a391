"""Goals about the ledger: the two searches keep their contracts, and the rolling cap holds by induction.

Everything here holds for every cap, concentration and ledger, so for every profile: limits are symbols, the window has its
full length.
"""

from __future__ import annotations

from typing import Any

import z3

from thecal.safety.invariants import Invariant
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.terms import Reading
from thecal.safety.records import WINDOW

_CAP = (Invariant.CAP_24H, Invariant.CALENDAR_DAY, Invariant.ADMIXTURE)


def _ledger() -> tuple[list[Any], list[Any], list[Any]]:
    """Masses (oldest first), the sums of the newest ``k``, and what is known of both."""
    masses = [z3.Int(f"mass{i}") for i in range(WINDOW)]
    tails = [z3.IntVal(0)]
    for k in range(1, WINDOW):
        tails.append(tails[-1] + masses[WINDOW - k])
    return masses, tails, [mass >= 0 for mass in masses]


def _held(tails: list[Any], cap: Any, mass: Any) -> list[Any]:
    """Every coming window stays under the cap when ``mass`` is given at each tick."""
    return [(WINDOW - k) * mass + tails[k] <= cap for k in range(WINDOW)]


def goals() -> list[Goal]:
    """The searches' contracts and the induction over the ledger."""
    return [_galois(), *_search_goals(), *_room_goals(), *_induction()]


def _galois() -> Goal:
    a, b, r, quotient = z3.Ints("a b r quotient")
    known = (b > 0, quotient * b <= a, a < quotient * b + b)
    return Goal("floor division and product form a Galois connection", known, (r <= quotient) == (r * b <= a), _CAP)


def _search_goals() -> list[Goal]:
    masses, tails, known = _ledger()
    cap, conc, top, rate = z3.Ints("cap conc top rate")
    reading = Reading(watched=(rate, top), exact=False)
    best = reading.code.largest_held(masses, WINDOW, cap, conc, top, 1)
    over = reading.code.excess(masses, WINDOW, cap, conc, top, 1)
    known = [*known, conc >= 1, rate >= 0, top >= 0, *reading.known]
    fits = _held(tails, cap, conc * rate)
    lower, higher = z3.Ints("lower higher")
    down = [conc >= 1, cap >= 0, lower >= 0, lower <= higher, conc * lower <= conc * higher, *known[:WINDOW]]
    return [
        Goal(
            "a rate is within the search's answer exactly when every coming window holds it",
            tuple(known),
            (rate <= best) == z3.And(rate <= top, *fits),
            _CAP,
        ),
        Goal(
            "the windows that the top would overfill are counted one by one",
            tuple(known),
            over == z3.Sum([z3.If(fit, 0, 1) for fit in _held(tails, cap, conc * top)]),
            _CAP,
        ),
        Goal(
            "the search may be spared when the top itself fits", tuple(known), z3.Implies(over == 0, best == top), _CAP
        ),
        Goal(
            "what can be held stays so when it is lowered",
            (*down, *_held(tails, cap, conc * higher)),
            z3.And(*_held(tails, cap, conc * lower)),
            _CAP,
        ),
        Goal(
            "products with a concentration keep their order",
            (conc >= 1, lower <= higher),
            conc * lower <= conc * higher,
            _CAP,
        ),
    ]


def _room_goals() -> list[Goal]:
    masses, tails, known = _ledger()
    cap, conc, rate, bolus = z3.Ints("cap conc rate bolus")
    reading = Reading(watched=(bolus,), exact=False, flat=True)
    room = reading.code.bolus_room(masses, WINDOW, cap, conc, rate, 1)
    fits = [tails[k] + (WINDOW - k) * (rate * conc) + bolus * conc <= cap for k in range(WINDOW)]
    known = [*known, conc >= 1, rate >= 0, bolus >= 1, *reading.known, cap >= 0]
    return [
        Goal("a bolus is within the room exactly when every coming window holds it",
             tuple(known), (bolus <= room) == z3.And(bolus * conc <= cap, *fits), _CAP),
    ]  # fmt: skip


def _induction() -> list[Goal]:
    """One tick later: what could be held can still be held, and the window that closes is under the cap.

    ``held`` is the mass of the rate in force, ``given`` that of the rate that runs (never above it, or found by the search),
    ``bolus`` a bolus that fits or none.
    """
    masses, tails, known = _ledger()
    cap, held, given, bolus = z3.Ints("cap held given bolus")
    chosen = z3.Or(given <= held, z3.And(*_held(tails, cap, given)))
    fits = z3.And(*(tails[k] + (WINDOW - k) * given + bolus <= cap for k in range(WINDOW)))
    before = [*known, held >= 0, given >= 0, bolus >= 0, *_held(tails, cap, held), chosen]
    after = [*masses[1:], given + bolus]
    later, claims = z3.IntVal(0), []
    for k in range(WINDOW):
        claims.append((WINDOW - k) * given + later <= cap)
        later = later + after[WINDOW - 1 - k]
    new = z3.And(*claims, later <= cap)
    base = [cap >= WINDOW * held, held >= 0]
    corrected = [*known, given >= 0, bolus >= 0, *_held(tails, cap, given)]
    low = [cap >= WINDOW * held, held >= 0, *known, *(mass <= held for mass in masses)]
    empty = [z3.IntVal(0)] * WINDOW
    return [
        Goal("induction over the ledger: a tick with a bolus that fits", (*before, fits), new, _CAP),
        Goal("induction over the ledger: a tick without a bolus", (*before, bolus == 0), new, _CAP),
        Goal("base: the starting rate can be held", tuple(base), z3.And(*_held(empty, cap, held)), _CAP),
        Goal("induction after an excess: what can be held under the corrected ledger", (*corrected, fits), new,
             (*_CAP, Invariant.READ_BACK)),
        Goal("after an excess: a whole window at the pump's lowest can be held", tuple(low),
             z3.And(*_held(tails, cap, held)), (*_CAP, Invariant.READ_BACK)),
        Goal("not vacuous: a ledger with a rise and a bolus", (*before, fits), z3.And(held > 0, given > held, bolus > 0),
             _CAP, possible=True),
        Goal("a civil day of 24 h lies in the window",
             (), z3.BoolVal(WINDOW >= 24 * 4 + 1), (Invariant.CALENDAR_DAY,)),
    ]  # fmt: skip
