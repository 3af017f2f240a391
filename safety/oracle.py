"""An independent auditor: it reads an audit trail and nothing else, and shares no code with the shield.

Slow and plain on purpose. Limits are taken in their own units from the trail's meta record (mg, h, %), and the cap is checked
on a one-minute grid, for a bolus at the start, at the end and spread over its tick. Every rule is stated again from the text of
the invariants, not from the shield's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.safety.oracle_locks import Locks, follow_locks

MINUTES = 15  # of a tick
PER_HOUR = 4  # ticks
PER_DAY = 96
Ints = NDArray[np.int64]


@dataclass
class Findings:
    """What an audit found: breaches as (invariant, patient, tick, words) and the narrowest margin of each invariant."""

    ticks: int = 0
    patients: int = 0
    breaches: list[tuple[int, int, int, str]] = field(default_factory=list)
    margins: dict[int, float] = field(default_factory=dict)  # share of the limit that was left, 0 at the limit

    def at(self, invariant: int, case: Case, where: NDArray[np.bool_], words: str) -> None:
        """Note every tick of ``where`` as a breach; the first of them is described."""
        found = np.flatnonzero(where)
        if found.size:
            more = f" ({found.size} ticks)" if found.size > 1 else ""
            self.breaches.append((invariant, case.patient, int(case.tick[found[0]]), words + more))

    def margin(self, invariant: int, value: float) -> None:
        """Note a margin; the narrowest stays."""
        self.margins[invariant] = min(self.margins.get(invariant, float("inf")), float(value))

    def join(self, other: Findings) -> None:
        """Add what another audit found."""
        self.ticks += other.ticks
        self.patients += other.patients
        self.breaches += other.breaches
        for invariant, value in other.margins.items():
            self.margin(invariant, value)


@dataclass(frozen=True)
class Case:
    """One patient's trajectory with what the meta record says of him."""

    patient: int
    tick: Ints
    rate: Ints  # allowed, nL per tick
    bolus: Ints  # nL
    before: Ints  # rate in force before each tick
    request: Ints
    valid: Ints
    facts: Mapping[str, Ints]
    who: Mapping[str, Any]
    limits: Mapping[str, float]  # in the units of the profile's schema
    stage: str

    @property
    def rises(self) -> NDArray[np.bool_]:
        """Where the rate rose."""
        return self.rate > self.before


def audit(meta: Mapping[str, Any], rows: NDArray[np.void]) -> Findings:
    """Check every patient of a trail against every rule.

    Args:
        meta, rows: of :func:`thecal.safety.trail.read_trail`.
    """
    found = Findings()
    shielded = meta["mode"] in ("project", "replace", "mask")
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
            for rule in (_caps, _envelope, _rises, _boluses, _device, _escalation):
                rule(case, found)
            locks = follow_locks(case)
            _falls(case, locks, found)
            _locked(case, locks, found)
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
        valid=rows["valid"].astype(np.int64),
        facts={name: rows["facts"][name].astype(np.int64) for name in rows["facts"].dtype.names or ()},
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
    step = limits[f"{setting}.step"]
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
    rise = limits[f"{setting}.rise_28d"]
    history = np.concatenate((np.full(28 * PER_DAY, case.who["start_rate_nl"]), rate))[: rate.size]
    ratio = np.where(up, rate / np.maximum(history, 1), 0.0)
    found.at(41, case, ratio > 1.0 + rise + 1e-12, f"more than {1 + rise:g} times the rate of 28 days before")
    found.margin(41, 1.0 - float(ratio.max(initial=0.0)) / (1.0 + rise))


def _falls(case: Case, locks: Locks, found: Findings) -> None:
    limits = case.limits
    fall = min(limits.get(f"{d}.daily_fall", limits["withdrawal.daily_fall"]) for d in case.who["drugs"])
    padded = np.concatenate((np.full(PER_DAY, case.who["start_rate_nl"]), case.rate))
    highest = np.lib.stride_tricks.sliding_window_view(padded, PER_DAY)[: case.rate.size].max(axis=1)
    exposed = case.tick >= limits["withdrawal.exposed_after"] * PER_HOUR
    down = (case.rate < case.before) & exposed & ~locks.forced
    share = np.where(down, case.rate / np.maximum(highest, 1), 1.0)
    found.at(13, case, share < 1.0 - fall - 1e-12, f"a fall of more than {fall:.0%} in 24 h")
    found.margin(13, float(share.min(initial=1.0)) - (1.0 - fall))


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


def _device(case: Case, found: Findings) -> None:
    facts, limits, up, given = case.facts, case.limits, case.rises, case.bolus > 0
    either = up | given
    found.at(1, case, either & (case.valid == 0), "an unusable request ran")
    found.at(2, case, either & (case.valid == -1), "a request in wrong units ran")
    found.at(3, case, either & (case.valid == -2), "a stale or repeated request ran")
    found.at(4, case, either & (np.abs(facts["skew_s"]) > limits["automation.clock"]), "clocks disagree")
    busy = (facts["bolus_running"] > 0) | (facts["alarms"] > 0) | (facts["unverified"] > 0)
    found.at(18, case, given & busy, "a bolus while another ran, an alarm stood or the rate was not verified")
    marked = limits["neurology.hold"]
    found.at(
        22, case, either & ((facts["weakness"] >= marked) | (facts["confusion"] >= marked)), "weakness or confusion"
    )
    found.at(26, case, up & (facts["fill_age"] > case.who["stable_h"] * PER_HOUR), "a rise on an old solution")
    found.at(27, case, either & (facts["stopped"] > 0), "a rise or bolus into a pump that stands")
    found.at(28, case, either & (facts["mri"] > 0), "a rise or bolus around a scan")
    found.at(29, case, (up & (facts["battery"] > 0)) | (given & (facts["battery"] > 1)), "at the end of the battery")
    found.at(30, case, either & (facts["bridging"] > 0), "an old solution in the catheter")
    found.at(32, case, up & (facts["since_refill"] < limits["refill.hold"] * PER_HOUR), "a rise soon after a refill")
    found.at(
        15, case, given & (facts["since_refill"] < limits["bolus.lockout"] * PER_HOUR), "a bolus soon after a refill"
    )
    found.at(34, case, up & (np.abs(facts["residual"]) > 1000 * limits["refill.balance"]), "volumes out of balance")
    if case.stage != "auto":
        allowed = facts["clear"] > 0 if case.stage == "confirm" else np.zeros(up.size, bool)
        found.at(40, case, up & ~allowed, f"a rise at stage {case.stage}")


def _escalation(case: Case, found: Findings) -> None:
    week = case.tick // (7 * PER_DAY)
    then = np.maximum(week - 13, 0) * 7 * PER_DAY
    rate_then, nrs_then, nrs = case.rate[then], case.facts["nrs"][then], case.facts["nrs"]
    grown = (week >= 13) & (case.before >= (1.0 + case.limits[f"{case.who['setting']}.escalation"]) * rate_then)
    vain = grown & (nrs >= 0) & (nrs_then >= 0) & (nrs >= nrs_then)
    found.at(37, case, case.rises & vain, "a rise after 13 weeks of rises without relief")


def _locked(case: Case, locks: Locks, found: Findings) -> None:
    either = case.rises | (case.bolus > 0)
    for invariant, where in locks.withheld.items():
        found.at(invariant, case, either & where, "a rise or bolus while withheld")
    low = np.minimum(case.who["min_rate_nl"], case.before)
    over = locks.forced & (case.rate > np.maximum(locks.top, low))
    found.at(19, case, over & ~locks.restart, "more than a lock leaves")
    found.at(35, case, over & locks.restart, "more than a restart leaves")
