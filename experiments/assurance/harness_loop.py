"""The compiled loop of the case: one patient's requests through the shield, each from the rate then in force."""

from __future__ import annotations

from thecal.core.jit import entry_point, kernel
from thecal.core.layout import TICKS_PER_DAY
from thecal.envs.kernel.step import SOURCE_KEY
from thecal.safety.shield import shield_tick

HUGE = 1 << 50
# Kinds of a request for a rate and for a bolus; they stand here because a compiled loop keeps the numbers it was built with.
HOLD, MOST, STEP, FLOOR, NOTHING, NUMBER = range(6)
NO_BOLUS, MOST_BOLUS, SIZE, SHARE = range(4)


@kernel
def _asked(kind, shift, state, par):
    """The rate request of one kind, from the rate in force."""
    prev = state.prev_rate
    if kind == HOLD:
        return prev + shift
    if kind == MOST:
        return HUGE
    if kind == STEP:
        return prev + prev * par.step_permille // 1000 + shift
    if kind == FLOOR:
        return state.highest24 * par.keep_permille // 1000 + shift
    return 0 if kind == NOTHING else shift


@kernel
def _asked_bolus(kind, shift, state, par):
    if kind == NO_BOLUS:
        return 0
    if kind == MOST_BOLUS:
        return HUGE
    if kind == SIZE:
        return par.bolus_abs + shift
    return state.prev_rate * TICKS_PER_DAY * par.bolus_permille // 1000 + shift


def _compile(key):
    @entry_point()
    def drive(state, par, received, asked, rows):
        """Run one patient; ``asked`` is kind, shift, kind of bolus, shift and valid, then the reservoir's spare volume."""
        shield, limits = state[0], par[0]
        for t in range(rows.shape[0]):
            seen, row = received[t], rows[t]
            if asked[5, t] >= 0:  # so full that a day of the rate in force leaves the reserve and this
                seen.reservoir_nl = limits.reserve_nl + TICKS_PER_DAY * shield.prev_rate + asked[5, t]
            request = _asked(asked[0, t], asked[1, t], shield, limits)
            bolus = _asked_bolus(asked[2, t], asked[3, t], shield, limits)
            row.patient, row.tick, row.prev_rate = 0, t, shield.prev_rate
            row.request, row.bolus_request, row.valid = request, bolus, asked[4, t]
            shield_tick(shield, limits, seen, request, bolus, asked[4, t])
            row.rate, row.bolus = shield.allowed_rate, shield.allowed_bolus
            row.binding, row.violations, row.fallback = shield.binding, shield.violations, shield.fallback
            row.received = seen
        return key

    return drive


drive = _compile(SOURCE_KEY)
