"""An independent auditor: it reads an audit trail and nothing else, and shares no code with the shield.

What sensors, pump and clinic showed it reads from the raw columns itself, and what the shield was told is held against that.
Slow and plain on purpose. Limits are taken in their own units from the trail's meta record (mg, h, %), and the cap is checked
on a one-minute grid, for a bolus at the start, at the end and spread over its tick. Every rule is stated again from the text of
the invariants, not from the shield's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.safety.oracle_caps import check_caps, check_read_back, worst_window
from thecal.safety.oracle_case import PER_DAY, PER_HOUR, Case, Findings, Ints
from thecal.safety.oracle_facts import check_clock, check_told, facts
from thecal.safety.oracle_locks import Locks, follow_locks
from thecal.safety.oracle_monitored import check_sooner, waits
from thecal.safety.oracle_received import check_device, check_escalation, check_locks
from thecal.safety.oracle_shares import share_of

__all__ = ["Findings", "audit", "worst_window"]
_BY_MARK = (5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 25, 41)  # put to the test where a request broke the limit
_MARKED_AS = {7: 6}


def audit(meta: Mapping[str, Any], rows: NDArray[np.void]) -> Findings:
    """Check every patient of a trail against every rule.

    Args:
        meta, rows: of :func:`thecal.safety.trail.read_trail`.
    """
    found = Findings()
    shielded = meta["mode"] not in ("monitor", "off")  # an unknown word excuses nothing
    strange = np.setdiff1d(rows["patient"], [int(key) for key in meta["patients"]])
    found.breaches += [(38, int(who), -1, "rows of a patient whom the trail does not name") for who in strange]
    for key, who in meta["patients"].items():
        own = rows[rows["patient"] == int(key)]
        if own.size == 0:
            continue
        found.patients += 1
        found.ticks += own.size
        case = _case(meta, int(key), who, own)
        raw = _columns(own["raw"], np.float64)
        gap = np.diff(case.tick) != 1
        found.at(38, case, np.concatenate(([case.tick[0] != 0], gap)), "a tick is missing from the trail")
        found.at(38, case, own["prev_rate"] != case.before, "the rate in force is not the one before")
        check_clock(case.patient, case.tick, raw, own["mode"], meta, found)
        check_told(case.patient, _columns(own["received"], np.int64), case.facts, case.tick, found)
        if shielded:
            for rule in (check_caps, _envelope, _boluses, check_device, check_escalation):
                rule(case, found)
            locks = follow_locks(case)
            _rises(case, locks, found)
            locks.forced[:] |= check_read_back(case, found)
            floor = _falls(case, locks, found)
            check_locks(case, locks, floor, found)
            found.test(38, np.ones(own.size, bool))
            for invariant in _BY_MARK:
                found.test(invariant, case.broken >> _MARKED_AS.get(invariant, invariant) & 1 == 1)
    return found


def _columns(record: NDArray[np.void], kind: type[Any]) -> dict[str, NDArray[Any]]:
    return {name: record[name].astype(kind) for name in record.dtype.names or ()}


def _case(meta: Mapping[str, Any], patient: int, who: Mapping[str, Any], rows: NDArray[np.void]) -> Case:
    rate = rows["rate"].astype(np.int64)
    before = np.concatenate(([who["start_rate_nl"]], rate[:-1])).astype(np.int64)
    given_before = np.concatenate(([0], rows["bolus"][:-1])).astype(np.int64)
    return Case(
        patient=patient,
        tick=rows["tick"].astype(np.int64),
        rate=rate,
        bolus=rows["bolus"].astype(np.int64),
        before=before,
        request=rows["request"].astype(np.int64),
        bolus_request=rows["bolus_request"].astype(np.int64),
        broken=rows["violations"].astype(np.int64),
        valid=rows["valid"].astype(np.int64),
        facts=facts(_columns(rows["raw"], np.float64), before, given_before, _columns(rows["received"], np.int64), who),
        who=who,
        limits=meta["limits"],
        stage=str(meta["stage"]),
    )


def _envelope(case: Case, found: Findings) -> None:
    who, rate, bolus = case.who, case.rate, case.bolus
    low = np.minimum(who["min_rate_nl"], case.before)
    found.at(5, case, (rate < low) | (rate > who["max_rate_nl"]) | (rate < 0), "rate out of the pump's range")
    found.at(
        5,
        case,
        (rate % who["rate_step_nl"] != 0) & (rate != who["min_rate_nl"]) & (rate != case.before),
        "off the grid",
    )
    found.at(5, case, (bolus < 0) | (bolus % who["bolus_step_nl"] != 0), "bolus negative or off the grid")
    found.at(5, case, rate + np.where(bolus > 0, bolus, 0) > who["max_rate_nl"], "more than the pump pushes in a tick")
    found.margin(5, float((who["max_rate_nl"] - rate - bolus).min()) / who["max_rate_nl"])


def _rises(case: Case, locks: Locks, found: Findings) -> None:
    limits, setting = case.limits, case.who["setting"]
    up, rate, before = case.rises, case.rate, case.before
    step = share_of(limits, case.who, "step")
    size = np.where(up, (rate - before) / np.maximum(before, 1), 0.0)
    large = size > step + 1e-12
    per_day = (rate - before) * PER_DAY * 1e-6
    for drug, conc in zip(case.who["drugs"], case.who["conc_ug_per_ml"], strict=True):
        large |= up & (per_day * conc > limits.get(f"{drug}.step_abs", np.inf) + 1e-9)
    wait_h = max(limits[f"{setting}.interval"], *case.of_drugs("interval", 0.0))
    soon, passed = waits(case, wait_h)
    early = up & (soon | ~passed)
    quick = check_sooner(case, locks, up & (large | early), found)
    found.at(11, case, large & ~quick, f"a rise over {step:.0%} or over the largest in ug/d")
    found.margin(11, 1.0 - float(size[~quick].max(initial=0.0)) / step)
    found.at(12, case, up & soon & ~quick, f"a rise sooner than {wait_h:g} h after the last")
    found.at(12, case, up & ~passed & ~quick, "a rise before the last had passed the catheter")
    apart = np.diff(np.concatenate(([0], case.tick[up])))[~quick[up]]
    if apart.size:
        found.margin(12, float(apart.min()) / (wait_h * PER_HOUR) - 1.0)
    rise = share_of(limits, case.who, "rise_28d")
    history = np.concatenate((np.full(28 * PER_DAY, case.who["start_rate_nl"]), rate))[: rate.size]
    ratio = np.where(up, rate / np.maximum(history, 1), 0.0)
    found.at(41, case, ratio > 1.0 + rise + 1e-12, f"more than {1 + rise:g} times the rate of 28 days before")
    found.margin(41, 1.0 - float(ratio.max(initial=0.0)) / (1.0 + rise))


def _falls(case: Case, locks: Locks, found: Findings) -> Ints:
    """Check how far the rate falls; returns the lowest rate each tick may be held up to against a request."""
    limits = case.limits
    fall = min(limits.get(f"{d}.daily_fall", limits["withdrawal.daily_fall"]) for d in case.who["drugs"])
    padded = np.concatenate((np.full(PER_DAY, case.who["start_rate_nl"]), case.rate))
    highest = np.lib.stride_tricks.sliding_window_view(padded, PER_DAY)[: case.rate.size].max(axis=1)
    exposed = case.tick >= limits["withdrawal.exposed_after"] * PER_HOUR
    down = (case.rate < case.before) & exposed & ~locks.forced
    share = np.where(down, case.rate / np.maximum(highest, 1), 1.0)
    found.at(13, case, share < 1.0 - fall - 1e-12, f"a fall of more than {fall:.0%} in 24 h")
    found.margin(13, float(share.min(initial=1.0)) - (1.0 - fall))
    step = case.who["rate_step_nl"]
    notch = -np.floor_divide(-np.ceil((1.0 - fall) * highest - 1e-6).astype(np.int64), step) * step
    return np.where(exposed, np.minimum(case.before, notch), 0)


def _boluses(case: Case, found: Findings) -> None:
    limits, given = case.limits, case.bolus > 0
    for drug, conc in zip(case.who["drugs"], case.who["conc_ug_per_ml"], strict=True):
        size = case.bolus * conc / 1e6 / limits[f"{drug}.bolus"]
        found.at(14, case, size > 1.0 + 1e-12, f"a bolus of {drug} over {limits[f'{drug}.bolus']:g} ug")
        found.margin(14, 1.0 - float(size.max(initial=0.0)))
        if limits.get(f"{drug}.patient_bolus", 1.0) == 0.0:
            found.at(17, case, given, f"a bolus of {drug}")
    share = np.where(given, case.bolus / np.maximum(case.rate * PER_DAY, 1), 0.0)
    found.at(14, case, share > limits["bolus.share"] + 1e-12, "a bolus over its share of the day")
    apart = np.diff(case.tick[given])
    if apart.size:
        found.margin(15, float(apart.min()) / (limits["bolus.lockout"] * PER_HOUR) - 1.0)
        found.at(15, case, np.concatenate((apart < limits["bolus.lockout"] * PER_HOUR, [False])), "within the lockout")
    running = np.concatenate(([0], np.cumsum(given)))
    span = min(PER_DAY + 1, case.rate.size)  # a closed window of 24 h holds the starts of 97 ticks
    most = int((running[span:] - running[:-span]).max(initial=0))
    found.margin(16, 1.0 - most / max(limits["bolus.count"], 1.0))
    if most > limits["bolus.count"]:
        found.breaches.append((16, case.patient, -1, f"{most} boluses in 24 h"))
    left = case.facts["reservoir_nl"] - PER_DAY * case.rate - case.bolus
    found.at(25, case, given & (left < limits["reservoir.reserve"] * 1e6), "a bolus out of the reserve")
