"""Goals about memory: ledger, rings and counters hold what ran, and are read where they were written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import z3

from thecal.core.layout import TICKS_PER_DAY
from thecal.safety.invariants import Invariant
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.terms import Reading, record
from thecal.safety.proofs.tick_terms import Ring, Tick
from thecal.safety.records import DAYS_BACK, NEVER, WEEKS_BACK, WINDOW

_I = Invariant


def goals(t: Tick) -> list[Goal]:
    """Every goal about what is remembered."""
    return [*_books(t), *_rings()]


def _books(t: Tick) -> list[Goal]:
    a, b = t.after, t.before
    known = t.limited()
    where = z3.Int("elsewhere")
    day, week = b.ticks / TICKS_PER_DAY, b.ticks / (7 * TICKS_PER_DAY)
    today, this_week = day % (DAYS_BACK + 1), week % (WEEKS_BACK + 1)
    mass = (a.allowed_rate + a.allowed_bolus) * t.par.conc[0]
    window = WINDOW * t.par.max_rate
    counted = z3.If(t.received.pumped_nl <= window, t.received.pumped_nl, window) - b.allowed_rate
    more = z3.If(counted > b.owed, counted - b.owed, 0)
    shifted = z3.And(*(a.ledger[0][k] == b.ledger[0][k + 1] for k in range(WINDOW - 2)))
    last = b.ledger[0][WINDOW - 1] + more * t.par.conc[0]
    first = b.ticks % TICKS_PER_DAY == 0
    lowest = z3.If(z3.Or(first, a.allowed_rate <= b.day_rate[today]), a.allowed_rate, b.day_rate[today])
    opened = b.ticks % (7 * TICKS_PER_DAY) == 0
    return [
        Goal("the ledger shifts by one tick and gains what was commanded", known,
             z3.And(shifted, a.ledger[0][WINDOW - 1] == mass), (_I.CAP_24H, _I.CALENDAR_DAY)),
        Goal("the ledger's last tick gains what the pump counted beyond what was allowed and owed", known,
             a.ledger[0][WINDOW - 2] == last, (_I.CAP_24H, _I.READ_BACK)),
        Goal("the dose of 24 h gains this tick and the excess, and loses the tick that left", known,
             a.dose24[0] == b.dose24[0] + mass + more * t.par.conc[0] - b.ledger[0][1], (_I.CAP_24H, _I.READ_BACK)),
        Goal("what is owed is what was left of it, and this tick's bolus", known,
             a.owed == z3.If(z3.Or(t.received.bolus_running <= 0, counted >= b.owed), a.allowed_bolus,
                             _most_never(z3.If(counted > 0, b.owed - counted, b.owed) + a.allowed_bolus)), (_I.READ_BACK,)),
        Goal("an excess stands for a whole window", known,
             a.excess == z3.If(more > 0, WINDOW, z3.If(b.excess > 0, b.excess - 1, 0)), (_I.READ_BACK,)),
        Goal("quiet and settled are counted from what withheld and what ran", known,
             z3.And(z3.Or(a.calm == 0, a.calm == _one_more(b.calm)),
                    z3.Implies(a.calm > 0, z3.And(a.stale == 0, a.warn == 0, a.lock_resp == 0, a.jumped == 0,
                                                  t.received.poss < t.par.poss_hold)),
                    a.since_change == z3.If(z3.Or(a.allowed_rate != b.prev_rate, t.received.unverified > 0), 1,
                                            _one_more(b.since_change))),
             (_I.MONITORED,)),
        Goal("monitored titration is allowed exactly while it is watched, from the rate in force", known,
             t.tops[0] == z3.If(z3.And(b.since_increase >= t.wait, _watched(t)), t.quick, b.prev_rate), (_I.MONITORED,)),
        Goal("the day's entry is the lowest rate of the day", known,
             z3.And(a.day_rate[today] == lowest,
                    z3.Implies(where != today, a.day_rate[where] == b.day_rate[where])), (_I.RISE_28D,)),
        Goal("the entry compared with is that of 28 days before", (b.ticks >= 28 * TICKS_PER_DAY,),
             (day + 1) % (DAYS_BACK + 1) == (day - 28) % (DAYS_BACK + 1), (_I.RISE_28D,)),
        Goal("the week's entry is rate and pain of its first tick", known,
             z3.And(*(ring[this_week] == z3.If(opened, new, old[this_week]) for ring, old, new in (
                 (a.week_rate, b.week_rate, a.allowed_rate), (a.week_nrs, b.week_nrs, t.received.nrs))),
                    z3.Implies(where != this_week, a.week_rate[where] == b.week_rate[where])), (_I.ESCALATION,)),
        Goal("the week compared with is that of 13 weeks before", (week >= 13,),
             (week + 1) % (WEEKS_BACK + 1) == (week - 13) % (WEEKS_BACK + 1), (_I.ESCALATION,)),
        Goal("escalation is read after 13 weeks from that entry", known,
             a.escalated == z3.If(z3.And(week >= 13, b.week_rate[(week + 1) % 14] > 0, t.received.nrs >= 0,
                                         b.week_nrs[(week + 1) % 14] >= 0, t.received.nrs >= b.week_nrs[(week + 1) % 14],
                                         1000 * b.prev_rate >= (1000 + t.par.escalation_permille) * b.week_rate[(week + 1) % 14]),
                                  1, 0), (_I.ESCALATION,)),
        Goal("waits are counted from what ran", known,
             z3.And(a.since_increase == z3.If(a.allowed_rate > b.prev_rate, 1, _one_more(b.since_increase)),
                    a.since_bolus == z3.If(a.allowed_bolus > 0, 0, _one_more(b.since_bolus))),
             (_I.INTERVAL, _I.LOCKOUT)),
        Goal("a patient's own pressure is learned from the first values only", known,
             z3.And(a.sbp_total == b.sbp_total + z3.If(z3.And(t.received.sbp >= 0, b.sbp_count < 96), t.received.sbp, 0),
                    a.sbp_count == z3.If(z3.And(t.received.sbp >= 0, b.sbp_count < 96), b.sbp_count + 1, b.sbp_count)),
             (_I.HEMODYNAMIC_LOCK,)),
    ]  # fmt: skip


def _watched(t: Tick) -> Any:
    """Fresh signs, an awake patient, a quiet time and a settled rate, restated."""
    a, p, old = t.after, t.par, t.par.quick_fresh
    fresh = [age <= old for age in (a.rr_age, a.spo2_age, a.bp_age, a.hr_age)]
    return z3.And(*fresh, z3.Or(a.co2_last < 0, a.co2_age <= old), t.received.poss <= p.quick_poss,
                  a.calm >= p.quick_quiet, t.before.since_change >= p.quick_settle)  # fmt: skip


def _most_never(volume: Any) -> Any:
    return z3.If(volume < NEVER, volume, NEVER)


def _one_more(ticks: Any) -> Any:
    return z3.If(ticks < NEVER, ticks + 1, NEVER)


class _Slots:
    """A ring of named solver integers, so that their sum can be written; read and written at a symbolic place."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, int):
            return self.values[place]
        found = self.values[0]
        for i, value in enumerate(self.values):
            found = z3.If(place == i, value, found)
        return found

    def __setitem__(self, place: Any, new: Any) -> None:
        self.values = [z3.If(place == i, new, value) for i, value in enumerate(self.values)]


def _rings() -> list[Goal]:
    """The number of a day's boluses and the highest rate of a day are what the rings say."""
    bolus, count, rate, highest, most = z3.Ints("bolus count rate highest most")
    flags = [z3.Int(f"flag{i}") for i in range(TICKS_PER_DAY)]
    rates = [z3.Int(f"rate{i}") for i in range(TICKS_PER_DAY)]
    code = Reading().code
    state = SimpleNamespace(ticks=z3.Int("ticks"), bolus_count=count, bolus_flag=_Slots(flags), rate_hist=_Slots(rates))
    state.highest24, state.ledger, state.dose24 = highest, [], []
    for name in ("day_rate", "week_rate", "week_nrs"):
        setattr(state, name, Ring(z3.Array(name, z3.IntSort(), z3.IntSort())))
    state.since_increase, state.since_bolus, state.baseline, state.prev_rate, state.lock_resp = z3.Ints("a b c d e")
    state.owed, state.since_change = z3.Ints("f g")
    ticks = state.ticks
    code.book(state, SimpleNamespace(n_caps=0), record("received", ("nrs", "clear", "unverified")), rate, bolus)
    place = (ticks >= 0,)
    binary = tuple(z3.Or(flag == 0, flag == 1) for flag in flags)
    ring, ran = state.rate_hist.values, z3.Int("n")
    known = (*(value <= highest for value in rates), z3.Or(*(value == highest for value in rates)))
    entered = [z3.If(ran == i, rate, value) for i, value in enumerate(rates)]
    leaving = _Slots(rates)[ran]
    highest_now = code.next_highest(_Slots(entered), TICKS_PER_DAY, rate, leaving, highest)
    return [
        Goal("the number of boluses is the sum of the day's ring", (*place, *binary, count == z3.Sum(flags)),
             state.bolus_count == z3.Sum(state.bolus_flag.values), (_I.BOLUS_COUNT,)),
        Goal("the number of boluses stays within its most", (*place, *binary, count == z3.Sum(flags), count <= most,
             z3.Implies(bolus > 0, count < most)), z3.And(state.bolus_count <= most, state.bolus_count >= 0), (_I.BOLUS_COUNT,)),
        Goal("a bolus is noted in the ring at its tick", place,
             z3.And(*(new == z3.If(ticks % TICKS_PER_DAY == i, z3.If(bolus > 0, 1, 0), old)
                      for i, (new, old) in enumerate(zip(state.bolus_flag.values, flags, strict=True)))),
             (_I.BOLUS_COUNT,)),
        Goal("the ring of rates holds the last 96", place,
             z3.And(*(new == z3.If(ticks % TICKS_PER_DAY == i, rate, old)
                      for i, (new, old) in enumerate(zip(ring, rates, strict=True)))),
             (_I.FLOOR,)),
        Goal("the highest rate of a day is over every one of them", (*known, ran >= 0, ran < TICKS_PER_DAY),
             z3.And(*(value <= highest_now for value in entered)), (_I.FLOOR,)),
        Goal("the highest rate of a day is one of them", (*known, ran >= 0, ran < TICKS_PER_DAY),
             z3.Or(*(value == highest_now for value in entered)), (_I.FLOOR,)),
    ]  # fmt: skip
