"""The auditor's rules about volume: what was allowed, what the pump counted, and the caps over both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.safety.oracle_case import PER_DAY, PER_HOUR, SILENT, Case, Findings, Ints

MINUTES = 15  # of a tick


def worst_window(rate: Ints, bolus: Ints) -> float:
    """Largest volume (nL) of any 24 h, both ends closed, on the minute grid, over three places for a bolus."""
    basal = np.repeat(rate, MINUTES)  # fifteenths of nL per minute
    length = min(PER_DAY * MINUTES, basal.size)
    worst = 0
    for place in (0, MINUTES, None):
        jump, flow = np.zeros(basal.size + 1, np.int64), basal
        if place is None:
            flow = basal + np.repeat(bolus, MINUTES)
        else:
            at = np.arange(rate.size) * MINUTES + place
            jump[at] += bolus * MINUTES
        flowed, jumped = np.concatenate(([0], np.cumsum(flow))), np.concatenate(([0], np.cumsum(jump)))
        inside = flowed[length:] - flowed[:-length] + jumped[length + 1 :] - jumped[: jump.size - length]
        worst = max(worst, int(inside.max()))
    return worst / MINUTES


def beyond_allowed(case: Case) -> Ints:
    """What the pump counted in each tick beyond the rate and the boluses that were allowed, nL.

    A bolus may take longer than its tick: what of it is still to come is expected as long as the pump says that it runs.
    """
    counted = np.append(case.facts["pumped_nl"][1:], -1).tolist()  # the count of a tick is read in the next
    running = np.append(case.facts["bolus_running"][1:], 0).tolist()
    found, due = np.zeros(case.rate.size, np.int64), 0
    for t, (volume, rate, bolus) in enumerate(zip(counted, case.rate.tolist(), case.bolus.tolist(), strict=True)):
        due += bolus
        extra = max(volume - rate, 0)
        found[t] = max(extra - due, 0)
        due = max(due - extra, 0) if running[t] else 0
    return found


def most_ahead(rate: Ints, bolus: Ints, held: Ints, now: Ints) -> Ints:
    """Largest volume (nL) of the 24 h that end with each tick or one of the next 96, as far as was known in that tick.

    ``held`` runs in the tick itself and after it, ``now`` is a bolus of the tick. Both ends of a window are closed: what ran
    at once (``bolus``) counts at either.
    """
    t, ahead = np.arange(rate.size)[:, np.newaxis], np.arange(PER_DAY + 1)
    flowed, jumped = (np.concatenate(([0], np.cumsum(what))) for what in (rate, bolus))
    first = t + ahead - PER_DAY  # a bolus of this tick may lie on the window's beginning; the rate counts from the next
    past = flowed[t] - flowed[np.clip(first + 1, 0, t)] + jumped[t] - jumped[np.clip(first, 0, t)]
    coming = np.minimum(ahead + 1, PER_DAY) * held[:, np.newaxis] + now[:, np.newaxis]
    most: Ints = (past + coming).max(axis=1)
    return most


def check_caps(case: Case, found: Findings) -> None:
    """Caps of every 24 h and every civil day, over what was allowed."""
    limits, who, marked = case.limits, case.who, case.broken >> 6 & 1 == 1
    found.test(9, marked & (len(case.opioids) > 1))
    found.test(10, marked & (case.cap_factor < 1.0))
    window = worst_window(case.rate, case.bolus)
    days = (case.tick + round(who["start_clock_h"] * PER_HOUR)) // PER_DAY
    civil = np.bincount(days - days[0], weights=case.rate + case.bolus).max()
    for invariant, name, conc, cap in case.cap_pairs:
        for number, volume in ((invariant, window), (7, civil)):
            used = volume * conc / 1e6 / cap
            found.margin(number, 1.0 - used)
            if used > 1.0 + 1e-12:
                words = f"{name}: {volume * conc / 1e6:.3f} ug, {cap:g} allowed"
                found.breaches.append((number, case.patient, -1, words))
        if conc > limits.get(f"{name}.concentration", np.inf):
            found.breaches.append((8, case.patient, 0, f"{name}: {conc:g} ug/mL"))


def check_read_back(case: Case, found: Findings) -> NDArray[np.bool_]:
    """Nothing runs on top of what the pump counted beyond a cap, a rate that cannot be held falls, and none rises unread.

    Returns:
        Where the rate in force may not have been held, so that it may fall under the withdrawal floor.
    """
    unread = case.facts["unverified"] > 0
    found.at(42, case, case.rises & unread, "a rise while the pump ran another rate")
    found.test(42, unread & (case.valid != SILENT) & (case.request > case.before))
    beyond, excused = beyond_allowed(case), np.zeros(case.rate.size, bool)
    if not beyond.any():  # what was allowed alone is judged by the caps
        return excused
    since = np.cumsum(beyond) > beyond  # in the tick itself nobody knows
    at_once = case.bolus + beyond
    ahead = most_ahead(case.rate, at_once, case.rate, case.bolus)
    before = most_ahead(case.rate, at_once, case.before, np.zeros_like(case.bolus))
    more, lowest = case.rises | (case.bolus > 0), np.minimum(case.before, case.who["min_rate_nl"])
    padded = np.concatenate((np.zeros(PER_DAY, np.int64), case.before))
    highest = np.lib.stride_tricks.sliding_window_view(padded, PER_DAY + 1).max(axis=1)
    for _, name, conc, cap in case.cap_pairs:
        over = since & (ahead * conc / 1e6 > cap * (1.0 + 1e-12))
        found.at(42, case, over & more, f"{name}: more on top of what the pump counted")
        found.at(42, case, over & ~more & (case.rate > lowest), f"{name}: a rate that cannot be held")
        found.test(42, since & (before * conc / 1e6 > cap) & (case.before > lowest))
        excused |= since & (
            (before + highest) * np.ceil(conc) / 1e6 > cap
        )  # a window touches one tick more than it holds
    return excused
