"""An independent auditor: it reads an audit trail and nothing else, and shares no code with the shield.

Slow and plain on purpose. Limits are taken in their own units from the trail's meta record (mg, h, %), and the cap is checked
on a one-minute grid, for a bolus at the start, at the end and spread over its tick. Every rule is stated again from the text of
the invariants, not from the shield's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.safety.oracle_case import PER_DAY, PER_HOUR, Case, Findings, Ints
from thecal.safety.oracle_locks import Locks, follow_locks
from thecal.safety.oracle_received import check_device, check_escalation, check_locks
from thecal.safety.oracle_shares import share_of

__all__ = ["Findings", "audit", "worst_window"]
MINUTES = 15  # of a tick
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
        gap = np.diff(case.tick) != 1
        found.at(38, case, np.concatenate(([case.tick[0] != 0], gap)), "a tick is missing from the trail")
        if shielded:
            for rule in (_caps, _envelope, _rises, _boluses, check_device, check_escalation):
                rule(case, found)
            locks = follow_locks(case)
            floor = _falls(case, locks, found)
            check_locks(case, locks, floor, found)
            found.test(38, np.ones(own.size, bool))
            for invariant in _BY_MARK:
                found.test(invariant, case.broken >> _MARKED_AS.get(invariant, invariant) & 1 == 1)
    return found


def _case(meta: Mapping[str, Any], patient: int, who: Mapping[str, Any], rows: NDArray[np.void]) -> Case:
    rate = rows["rate"].astype(np.int64)
    return Case(
        patient=patient,
        tick=rows["tick"].astype(np.int64),
        rate=rate,
        bolus=rows["bolus"].astype(np.int64),
        before=np.concatenate(([who["start_rate_nl"]], rate[:-1])).astype(np.int64),
        request=rows["request"].astype(np.int64),
        bolus_request=rows["bolus_request"].astype(np.int64),
        broken=rows["violations"].astype(np.int64),
        valid=rows["valid"].astype(np.int64),
        received={name: rows["received"][name].astype(np.int64) for name in rows["received"].dtype.names or ()},
        who=who,
        limits=meta["limits"],
        stage=str(meta["stage"]),
    )


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


def _caps(case: Case, found: Findings) -> None:
    limits, who = case.limits, case.who
    opioids = [d for d in who["drugs"] if limits.get(f"{d}.equivalence", 0.0) > 0.0]
    depressed = who["sedated"] or any(limits.get(f"{d}.sedative", 0.0) > 0.0 for d in who["drugs"])
    factor = limits["sedatives.factor"] if opioids and depressed else 1.0
    pairs = [(6, d, conc, limits[f"{d}.cap"]) for d, conc in zip(who["drugs"], who["conc_ug_per_ml"], strict=True)]
    for invariant, applies in ((9, len(opioids) > 1), (10, factor < 1.0)):
        found.test(invariant, (case.broken >> 6 & 1 == 1) & applies)
    if len(opioids) > 1:
        both = sum(
            conc * limits.get(f"{d}.equivalence", 0.0)
            for d, conc in zip(who["drugs"], who["conc_ug_per_ml"], strict=True)
        )
        pairs.append((9, "opioids together", both, limits["opioids.cap"]))
    window = worst_window(case.rate, case.bolus)
    days = (case.tick + round(who["start_clock_h"] * PER_HOUR)) // PER_DAY
    civil = np.bincount(days - days[0], weights=case.rate + case.bolus).max()
    for invariant, name, conc, cap in pairs:
        for number, volume in ((invariant, window), (7, civil)):
            used = volume * conc / 1e6 / (cap * factor)
            found.margin(number, 1.0 - used)
            if used > 1.0 + 1e-12:
                words = f"{name}: {volume * conc / 1e6:.3f} ug, {cap * factor:g} allowed"
                found.breaches.append((number, case.patient, -1, words))
        if conc > limits.get(f"{name}.concentration", np.inf):
            found.breaches.append((8, case.patient, 0, f"{name}: {conc:g} ug/mL"))


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


def _rises(case: Case, found: Findings) -> None:
    limits, setting = case.limits, case.who["setting"]
    up, rate, before = case.rises, case.rate, case.before
    step = share_of(limits, case.who, "step")
    size = np.where(up, (rate - before) / np.maximum(before, 1), 0.0)
    found.at(11, case, size > step + 1e-12, f"a rise over {step:.0%}")
    found.margin(11, 1.0 - float(size.max(initial=0.0)) / step)
    per_day = (rate - before) * PER_DAY * 1e-6
    wait_h = limits[f"{setting}.interval"]
    for drug, conc in zip(case.who["drugs"], case.who["conc_ug_per_ml"], strict=True):
        absolute = limits.get(f"{drug}.step_abs", np.inf)
        found.at(11, case, per_day * conc > absolute + 1e-9, f"a rise of {drug} over {absolute:g} ug/d")
        wait_h = max(wait_h, limits.get(f"{drug}.interval", 0.0))
    when = np.concatenate(([0], case.tick[up]))  # the start of therapy counts as a change
    apart = np.diff(when)
    if apart.size:
        found.margin(12, float(apart.min()) / (wait_h * PER_HOUR) - 1.0)
        late = np.zeros(rate.size, bool)
        late[np.flatnonzero(up)] = apart < wait_h * PER_HOUR - 1e-9
        found.at(12, case, late, f"a rise sooner than {wait_h:g} h after the last")
    passage = limits["titration.transits"] * case.who.get("dead_ml", 0.0) * 1e6
    pumped = np.diff(np.concatenate(([0], np.cumsum(rate)))[np.concatenate(([0], np.flatnonzero(up)))])
    early = np.zeros(rate.size, bool)
    early[np.flatnonzero(up)] = pumped < passage - 1e-3
    found.at(12, case, early, f"a rise before {passage:.0f} nL of the last had passed the catheter")
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
    left = case.received["reservoir_nl"] - PER_DAY * case.rate - case.bolus
    found.at(25, case, given & (left < limits["reservoir.reserve"] * 1e6), "a bolus out of the reserve")
