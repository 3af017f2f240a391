"""An independent judge of what the shield let through: it reads the executed trajectory and shares no code with the shield.

The cap is checked on a one-minute grid in whole units of 1/15 pg, for boluses at the start, at the end and spread over their
tick; everything else is checked tick by tick. Limits are stated here in the judge's own words (hours, fractions of ten).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MINUTES_PER_TICK = 15
TICKS_PER_H = 4
DAY = 96
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Limits:
    """What a trajectory must keep; rates nL per tick, volumes nL, masses pg, times h."""

    cap_pg: int
    conc: int
    largest_bolus_pg: int
    interval_h: int
    rise_28d_permille: int
    step_permille: int = 200
    fall_permille: int = 200
    exposed_h: int = 168
    bolus_share_permille: int = 200
    lockout_h: int = 4
    boluses_per_day: int = 4
    min_rate: int = 500
    max_rate: int = 250_000
    rate_grid: int = 10
    bolus_grid: int = 100
    watch_h: int = 24
    stale_ticks: int = 2


@dataclass(frozen=True)
class Vitals:
    """What the shield was shown, per tick: tenths (-1 missing), sedation scores, and when a clinician cleared."""

    rr: Ints
    spo2: Ints
    poss: Ints
    clear: Ints


def judge(start_rate: int, rates: Any, boluses: Any, limits: Limits, vitals: Vitals | None = None) -> list[str]:
    """Every breach as a sentence; empty when the trajectory kept all limits."""
    rate = np.asarray(rates, dtype=np.int64)
    bolus = np.asarray(boluses, dtype=np.int64)
    before = np.concatenate(([start_rate], rate[:-1]))
    locked, withheld, lock_top = _locks(before, vitals, limits) if vitals is not None else _no_locks(len(rate), limits)
    return [
        *_cap(rate, bolus, limits),
        *_envelope(rate, bolus, before, limits),
        *_rises(rate, before, start_rate, withheld, limits),
        *_falls(rate, before, start_rate, locked, limits),
        *_boluses(rate, bolus, withheld, limits),
        *_at("over the rate a lock leaves", locked & (rate > np.maximum(lock_top, limits.min_rate))),
    ]


def highest_window_pg(rate: Ints, bolus: Ints, conc: int) -> float:
    """Largest mass of any 24-h window (both ends closed) on the minute grid, over three ways to place a bolus."""
    basal = np.repeat(rate * conc, MINUTES_PER_TICK)  # 1/15 pg per minute
    worst = 0
    for place in ("start", "end", "spread"):
        # jump[m] falls on the instant m (minutes); flow[m] falls between m and m + 1.
        jump = np.zeros(len(basal) + 1, dtype=np.int64)
        flow = basal.copy()
        if place == "start":
            jump[:-1:MINUTES_PER_TICK] += bolus * conc * MINUTES_PER_TICK
        elif place == "end":
            jump[MINUTES_PER_TICK::MINUTES_PER_TICK] += bolus * conc * MINUTES_PER_TICK
        else:
            flow += np.repeat(bolus * conc, MINUTES_PER_TICK)
        length = min(DAY * MINUTES_PER_TICK, len(flow))
        flowed = np.concatenate(([0], np.cumsum(flow)))
        jumped = np.concatenate(([0], np.cumsum(jump)))
        inside = flowed[length:] - flowed[:-length] + jumped[length + 1 :] - jumped[: len(jump) - length]
        worst = max(worst, int(inside.max()))
    return worst / MINUTES_PER_TICK


def _cap(rate: Ints, bolus: Ints, limits: Limits) -> list[str]:
    worst = highest_window_pg(rate, bolus, limits.conc)
    return [f"cap: {worst:.0f} pg in 24 h, {limits.cap_pg} allowed"] if worst > limits.cap_pg else []


def _at(what: str, broken: NDArray[np.bool_]) -> list[str]:
    where = np.flatnonzero(broken)
    return [f"{what} at tick {where[0]} ({len(where)} times)"] if len(where) else []


def _envelope(rate: Ints, bolus: Ints, before: Ints, limits: Limits) -> list[str]:
    return [
        *_at("rate out of the pump's range", (rate < np.minimum(limits.min_rate, before)) | (rate > limits.max_rate)),
        *_at("rate off the pump's grid", rate % limits.rate_grid != 0),
        *_at("negative bolus", bolus < 0),
        *_at("bolus off the pump's grid", bolus % limits.bolus_grid != 0),
    ]


def _rises(rate: Ints, before: Ints, start_rate: int, withheld: NDArray[np.bool_], limits: Limits) -> list[str]:
    up = rate > before
    ticks = np.flatnonzero(up)
    midnights = rate[::DAY]
    day = np.arange(len(rate)) // DAY
    long_ago = np.where(day >= 28, midnights[np.maximum(day - 28, 0)], start_rate)
    found = [
        *_at("rise over the step", up & (1000 * rate > (1000 + limits.step_permille) * before)),
        *_at("rise over the 28-day cap", up & (1000 * rate > (1000 + limits.rise_28d_permille) * long_ago)),
        *_at("rise while withheld", up & withheld),
    ]
    close = np.diff(ticks) < limits.interval_h * TICKS_PER_H
    return [*found, *_at("rises too close (index of the rise)", close)]


def _falls(rate: Ints, before: Ints, start_rate: int, locked: NDArray[np.bool_], limits: Limits) -> list[str]:
    padded = np.concatenate((np.full(DAY, start_rate), rate))
    highest = np.lib.stride_tricks.sliding_window_view(padded, DAY)[: len(rate)].max(axis=1)
    exposed = np.arange(len(rate)) >= limits.exposed_h * TICKS_PER_H
    deep = (rate < before) & (1000 * rate < (1000 - limits.fall_permille) * highest)
    return _at("fall under the floor", deep & exposed & ~locked)


def _boluses(rate: Ints, bolus: Ints, withheld: NDArray[np.bool_], limits: Limits) -> list[str]:
    given = bolus > 0
    ticks = np.flatnonzero(given)
    running = np.concatenate(([0], np.cumsum(given)))
    span = min(DAY + 1, len(rate))  # a closed window of 24 h holds the starts of 97 ticks
    return [
        *_at("bolus over its absolute size", bolus * limits.conc > limits.largest_bolus_pg),
        *_at("bolus over its share", 1000 * bolus > limits.bolus_share_permille * DAY * rate),
        *_at("lockout (index of the bolus)", np.diff(ticks) < limits.lockout_h * TICKS_PER_H),
        *_at("too many boluses", running[span:] - running[:-span] > limits.boluses_per_day),
        *_at("bolus while withheld", given & withheld),
    ]


def _no_locks(n: int, limits: Limits) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Ints]:
    none = np.zeros(n, dtype=bool)
    return none, none, np.full(n, limits.max_rate)


def _locks(before: Ints, seen: Vitals, limits: Limits) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Ints]:
    """Per tick: latched, rises and boluses withheld, highest rate. Warn under 10/min or 92 %, lock under 8/min or 90 %."""
    n = len(before)
    locked, withheld, top = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), np.full(n, limits.max_rate)
    seen_rr: list[int] = []
    seen_spo2: list[int] = []
    since, latched, ages = 0, False, {"rr": 0, "spo2": 0}
    half = limits.max_rate
    for t in range(n):
        rr, spo2, poss = int(seen.rr[t]), int(seen.spo2[t]), int(seen.poss[t])
        ages = {"rr": 0 if rr >= 0 else ages["rr"] + 1, "spo2": 0 if spo2 >= 0 else ages["spo2"] + 1}
        seen_rr += [rr] if rr >= 0 else []
        seen_spo2 += [spo2] if spo2 >= 0 else []
        warning, depressed = _low_twice(seen_rr, seen_spo2, 100, 920), _low_twice(seen_rr, seen_spo2, 80, 900)
        stale = max(ages.values()) > limits.stale_ticks
        if latched:
            recovered = not warning and not stale and poss < 3
            if seen.clear[t] and t - since >= limits.watch_h * TICKS_PER_H and recovered:
                latched = False
        elif depressed or poss >= 4:
            latched, since, half = True, t, int(before[t]) // 2
        locked[t] = latched
        top[t] = half if latched else limits.max_rate
        withheld[t] = latched or warning or poss >= 3 or stale
    return locked, withheld, top


def _low_twice(rr: list[int], spo2: list[int], rr_limit: int, spo2_limit: int) -> bool:
    """Whether, counted back from each signal's last valid sample, two of three places hold a low one of either signal."""
    low = {back for back, value in enumerate(rr[:-4:-1]) if value < rr_limit}
    low |= {back for back, value in enumerate(spo2[:-4:-1]) if value < spo2_limit}
    return len(low) >= 2
