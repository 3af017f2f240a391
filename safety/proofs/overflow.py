"""No overflow: the tick read over intervals, so that the largest magnitude any step of its arithmetic can reach is known.

Interval arithmetic is sound: the true value of every intermediate lies in the interval computed for it. The inputs are as
large as any profile and pump may be (``profile_schema``), the ledger as full as its type allows an unshielded run to fill it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from thecal.core.layout import TICKS_PER_DAY
from thecal.safety import kernel, locks, tick
from thecal.safety.profile_schema import MOST_UG
from thecal.safety.readings import read
from thecal.safety.records import (
    MAX_CAPS,
    NEVER,
    OWN_LEVEL,
    REQUEST_LIMIT,
    SHIELD_INPUT,
    SHIELD_PAR,
    SHIELD_STATE,
    WINDOW,
)

LIMIT = 2**63 - 1
MOST_RATE = 10_000_000  # nL per tick: 960 mL/d, twenty times any pump
MOST_CONC = 1_000_000  # pg/nL: a gram per mL
_CAP = int(MOST_UG) * 1_000_000
_MASS = (1 + TICKS_PER_DAY) * MOST_RATE * MOST_CONC  # an unshielded bolus may be a day of the pump's highest rate
_MOST_TENTHS = 100_000  # of a pressure, see envs/kernel/shield_input.py
_SHARES = (
    "keep_permille", "bolus_permille", "restart_permille", "lock_permille", "sbp_keep_permille",
    "quick_permille", "quick_near_permille",
)  # fmt: skip


class Interval:
    """All integers from ``low`` to ``high``; arithmetic notes the largest magnitude it meets in ``reached``."""

    reached = 0

    def __init__(self, low: int, high: int | None = None) -> None:
        self.low, self.high = low, low if high is None else high
        self.quotient_of: tuple[Interval, Interval] | None = None
        Interval.reached = max(Interval.reached, abs(self.low), abs(self.high))

    @staticmethod
    def of(value: Any) -> Interval:
        """``value`` as an interval."""
        return value if isinstance(value, Interval) else Interval(int(value))

    def __add__(self, other: Any) -> Interval:
        b = Interval.of(other)
        return Interval(self.low + b.low, self.high + b.high)

    def __sub__(self, other: Any) -> Interval:
        b = Interval.of(other)
        return Interval(self.low - b.high, self.high - b.low)

    def __mul__(self, other: Any) -> Interval:
        b = Interval.of(other)
        if self.quotient_of is not None and self.quotient_of[1] is b:
            whole = self.quotient_of[0]  # a quotient times its divisor is at most a divisor below what was divided
            return Interval(whole.low - b.high + 1, whole.high)
        corners = [x * y for x in (self.low, self.high) for y in (b.low, b.high)]
        return Interval(min(corners), max(corners))

    def __rsub__(self, other: Any) -> Interval:
        return Interval.of(other) - self

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    __radd__, __rmul__ = __add__, __mul__

    def _unknown(self, _: Any) -> bool:
        return True  # conditions only choose between values that are both joined

    __lt__ = __le__ = __gt__ = __ge__ = _unknown
    __eq__ = _unknown

    def __hash__(self) -> int:
        return id(self)


def _join(_: Any, a: Any, b: Any) -> Interval:
    x, y = Interval.of(a), Interval.of(b)
    return Interval(min(x.low, y.low), max(x.high, y.high))


def _lo(a: Any, b: Any) -> Interval:
    x, y = Interval.of(a), Interval.of(b)
    return Interval(min(x.low, y.low), min(x.high, y.high))


def _hi(a: Any, b: Any) -> Interval:
    x, y = Interval.of(a), Interval.of(b)
    return Interval(max(x.low, y.low), max(x.high, y.high))


def _fdiv(a: Any, b: Any) -> Interval:
    x, y = Interval.of(a), Interval.of(b)
    corners = [p // max(q, 1) for p in (x.low, x.high) for q in (y.low, y.high)]
    quotient = Interval(min(corners), max(corners))
    quotient.quotient_of = (x, y)
    return quotient


class _Ring:
    """A ring whose entries all lie in one interval, whatever is written keeps to it by the induction over the tick."""

    def __init__(self, entry: Interval) -> None:
        self.entry = entry

    def __getitem__(self, place: Any) -> Interval:
        return self.entry

    def __setitem__(self, place: Any, value: Any) -> None:
        Interval.of(value)


def _state() -> SimpleNamespace:
    """Every state the shield can reach, shielded or not, and more."""
    rate, wide = Interval(0, MOST_RATE), Interval(0, NEVER)
    state = SimpleNamespace(**dict.fromkeys(SHIELD_STATE.names or (), wide))
    state.ledger = [[Interval(0, _MASS)] * WINDOW for _ in range(MAX_CAPS)]
    state.dose24 = [Interval(0, WINDOW * _MASS)] * MAX_CAPS
    state.prev_rate = state.highest24 = state.baseline = rate
    for name in ("rate_hist", "day_rate", "week_rate"):
        setattr(state, name, _Ring(rate))
    state.bolus_flag, state.week_nrs = _Ring(Interval(0, 1)), _Ring(Interval(-NEVER, NEVER))
    state.warn_samples, state.lock_samples = [Interval(0, 7)] * 3, [Interval(0, 7)] * 3
    state.hemo_samples, state.sbp_count = Interval(0, 7), Interval(0, OWN_LEVEL)
    for name in ("rr_last", "spo2_last", "co2_last"):
        setattr(state, name, Interval(-NEVER, NEVER))
    return state


def largest_magnitude() -> int:
    """The largest magnitude any intermediate of a tick can reach, for any request, input, profile and pump within bounds."""
    helpers = {
        "lo": _lo, "hi": _hi, "ite": _join, "both": lambda a, b: True, "either": lambda a, b: True, "fdiv": _fdiv,
        "union": lambda a, b: Interval.of(a) + b, "span": lambda n, wanted: n,
    }  # fmt: skip
    code = SimpleNamespace(**read((kernel, locks, tick), helpers))
    rate, wide = Interval(0, MOST_RATE), Interval(0, NEVER)
    par = SimpleNamespace(**dict.fromkeys(SHIELD_PAR.names or (), wide))
    par.cap_pg, par.conc, par.n_caps = [Interval(1, _CAP)] * MAX_CAPS, [Interval(1, MOST_CONC)] * MAX_CAPS, MAX_CAPS
    par.min_rate = par.max_rate = par.bolus_abs = rate
    par.rate_step = par.bolus_step = Interval(1, MOST_RATE)
    for name in _SHARES:
        setattr(par, name, Interval(0, 1000))
    rises = Interval(0, 100_000)
    par.step_permille = par.rise_permille = par.escalation_permille = par.quick_day_permille = rises
    # What is measured and told is clamped to this at the border (envs/kernel/shield_input.py).
    received = SimpleNamespace(**{name: Interval(-NEVER, NEVER) for name in SHIELD_INPUT.names or ()})
    received.sbp = Interval(-1, _MOST_TENTHS)
    Interval.reached = 0
    state = _state()
    state.sbp_total = Interval(0, OWN_LEVEL * _MOST_TENTHS)
    ask = Interval(-REQUEST_LIMIT, REQUEST_LIMIT)  # a request is compared with this before any arithmetic
    code.shield_tick(state, par, received, ask, ask, Interval(-2, 2))
    return Interval.reached
