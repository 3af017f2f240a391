"""The auditor's rules about rises sooner or larger than the ordinary ones: monitored titration, where a profile states it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from thecal.safety.oracle_case import PER_DAY, PER_HOUR, SILENT, Case, Findings, Ints
from thecal.safety.oracle_locks import Locks

Mask = NDArray[np.bool_]


def waits(case: Case, hours: float) -> tuple[Mask, Mask]:
    """(tick lies within ``hours`` of the last rise, what was pumped since has passed the catheter), for every tick.

    The start of therapy counts as a rise.
    """
    since = _since(case.tick, case.rises)
    passage = case.limits["titration.transits"] * case.who.get("dead_ml", 0.0) * 1e6
    pumped = np.concatenate(([0], np.cumsum(case.rate)))[: case.rate.size]
    at_rise = pumped[np.clip(np.arange(case.rate.size) - _places(case.rises), 0, None)]
    return since < hours * PER_HOUR - 1e-9, pumped - at_rise >= passage - 1e-3


def check_sooner(case: Case, locks: Locks, rises: Mask, found: Findings) -> Mask:
    """Hold rises that are no ordinary ones against each condition of monitored titration.

    Returns:
        The rises that were judged here: all of ``rises`` where the profile states monitored titration, else none.
    """
    limits = case.limits
    if limits.get("monitored.step", 0.0) <= 0.0:
        return np.zeros_like(rises)
    soon, passed = waits(case, max(limits["monitored.interval"], *case.of_drugs("interval", 0.0)))
    settled = _since(case.tick, (case.rate != case.before) | (case.facts["unverified"] > 0)) >= limits["monitored.settle"] * PER_HOUR - 1e-9
    fresh = math.floor(limits["monitored.fresh"] / 60.0 * PER_HOUR + 1e-9)
    old = np.zeros(case.rate.size, bool)
    for age in locks.ages.values():
        old |= age > fresh
    shaken = locks.calm < limits["monitored.quiet"] * PER_HOUR - 1e-9
    awake = case.facts["poss"] <= math.floor(limits["monitored.sedation"])
    top = _largest(case)
    for where, words in (
        (soon, "sooner than monitored titration allows"), (~passed, "before the last had passed the catheter"),
        (~settled, "before the last change had settled"), (old, "on vital signs that are not fresh"),
        (shaken, "soon after something withheld"), (~awake, "in a drowsy patient"),
        (case.rate > top + 1e-6, "larger than monitored titration allows"),
    ):  # fmt: skip
        found.at(43, case, rises & where, f"a rise {words}")
    wanted = (case.valid != SILENT) & (case.request > case.before)
    ordinary, _ = waits(case, max(limits[f"{case.who['setting']}.interval"], *case.of_drugs("interval", 0.0)))
    found.test(43, wanted & ordinary)
    up = np.flatnonzero(rises)
    if up.size:
        found.margin(43, float(((top - case.rate)[up] / np.maximum(case.before[up], 1)).min()))
    return rises


def _largest(case: Case) -> NDArray[np.float64]:
    """The highest rate of such a rise: its step, which shrinks near a cap, and the rise over the rate of 24 h before."""
    limits, before = case.limits, case.before
    near = np.zeros(before.size)
    for _, _, conc, cap in case.cap_pairs:
        near = np.maximum(near, (PER_DAY + 1) * before * conc / 1e6 / cap)  # a day touches one tick more than it holds
    begins = limits["monitored.near"]
    share = limits["monitored.step"] * np.clip((1.0 - near) / (1.0 - begins), 0.0, 1.0)
    top = before * (1.0 + share)
    for drug, conc in zip(case.who["drugs"], case.who["conc_ug_per_ml"], strict=True):
        largest = limits.get(f"{drug}.step_abs", np.inf) / (PER_DAY * 1e-6 * conc)
        top = np.minimum(top, before + largest)
    yesterday = np.concatenate((np.full(PER_DAY, case.who["start_rate_nl"]), case.rate))[: before.size]
    return np.maximum(np.minimum(top, yesterday * (1.0 + limits["monitored.day"])), before)


def _places(events: Mask) -> Ints:
    """Rows since the last event before each row; the first row counts as one."""
    rows = np.arange(events.size)
    last = np.maximum.accumulate(np.where(events, rows, 0))
    found: Ints = rows - np.concatenate(([0], last[:-1]))
    return found


def _since(tick: Ints, events: Mask) -> Ints:
    """Ticks since the last event before each tick; the start counts as one."""
    found: Ints = tick - np.concatenate(([0], np.maximum.accumulate(np.where(events, tick, 0))[:-1]))
    return found
