"""The compiled loop of the case: one patient's requests through the shield, each from the rate then in force."""

from __future__ import annotations

import math

from thecal.core.jit import entry_point, kernel
from thecal.core.layout import NL_PER_ML, TICKS_PER_DAY
from thecal.envs.kernel.step import SOURCE_KEY
from thecal.safety.shield import shield_tick

HUGE = 1 << 50
# Kinds of a request for a rate and for a bolus; they stand here because a compiled loop keeps the numbers it was built with.
HOLD, MOST, STEP, FLOOR, NOTHING, NUMBER = range(6)
HIDE_COUNT, HIDE_RESERVOIR = 1, 2
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
    def drive(state, par, told, raw, asked, hidden, rows):
        """Run one patient.

        Args:
            state, par: SHIELD_STATE[1] and SHIELD_PAR[1].
            told: SHIELD_INPUT ``[ticks]``, what reaches the shield; reservoir and count are filled in here.
            raw: RAW ``[ticks]``, what was shown; reservoir, rate, bolus and count are filled in here.
            asked: ``[9, ticks]``: kind, shift, kind of bolus, shift and valid; the reservoir's spare volume (-1: plenty); what
                the pump moves beyond its orders, nL; the permille of a bolus that it moves a tick later; 1 where its count
                cannot be read.
            hidden: bits of the wires that are cut: the count, the reservoir.
            rows: TRAIL_ROW ``[ticks]`` to fill.
        """
        shield, limits = state[0], par[0]
        moved = owed = last = 0
        counted = 0.0
        for t in range(rows.shape[0]):
            seen, shown, row = told[t], raw[t], rows[t]
            if asked[5, t] >= 0:  # so full that a day of the rate in force leaves the reserve and this
                spare = limits.reserve_nl + TICKS_PER_DAY * shield.prev_rate + asked[5, t]
                shown.estimated_ml = (spare + 0.5) / NL_PER_ML
                if hidden & HIDE_RESERVOIR == 0:
                    seen.reservoir_nl = spare
            if owed > 0:
                shown.bolus_left_nl = 1.0
                seen.bolus_running = 1
            shown.rate_nl += shield.prev_rate
            shown.taken_nl = shield.allowed_bolus
            shown.commanded_ml = moved / NL_PER_ML if asked[8, t] == 0 else math.nan
            unread = math.isnan(shown.commanded_ml) or math.isnan(counted)
            count = -1 if unread else last
            seen.pumped_nl = count if hidden & HIDE_COUNT == 0 else shield.allowed_rate + shield.allowed_bolus
            counted = shown.commanded_ml
            request = _asked(asked[0, t], asked[1, t], shield, limits)
            bolus = _asked_bolus(asked[2, t], asked[3, t], shield, limits)
            row.patient, row.tick, row.mode, row.prev_rate = 0, t, limits.mode, shield.prev_rate
            row.request, row.bolus_request, row.valid = request, bolus, asked[4, t]
            shield_tick(shield, limits, seen, request, bolus, asked[4, t])
            row.rate, row.bolus = shield.allowed_rate, shield.allowed_bolus
            row.binding, row.violations, row.fallback = shield.binding, shield.violations, shield.fallback
            row.received = seen
            row.raw = shown
            late = shield.allowed_bolus * asked[7, t] // 1000
            last = shield.allowed_rate + shield.allowed_bolus - late + owed + asked[6, t]
            owed = late
            moved += last
        return key

    return drive


drive = _compile(SOURCE_KEY)
