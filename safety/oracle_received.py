"""The auditor's rules about the input: pump, clinic, signals and stage withhold, locks force, a lease bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.safety.oracle_case import PER_DAY, PER_HOUR, SILENT, Case, Findings, Ints
from thecal.safety.oracle_locks import Locks
from thecal.safety.oracle_shares import share_of

_OPEN = 1 << 59  # no bound


def check_device(case: Case, found: Findings) -> None:
    """Requests, pump, clinic, solution and stage."""
    facts, limits, up, given = case.facts, case.limits, case.rises, case.bolus > 0
    valid, hour = case.valid, limits["refill.hold"] * PER_HOUR
    for invariant, code in ((1, 0), (2, -1), (3, -2)):
        other = (valid == code) if code else (valid == 0) | (valid < -2) | (valid > SILENT)
        found.at(invariant, case, other & (up | given), "an unusable request ran")
        found.test(invariant, other)
    found.at(39, case, up & (valid == SILENT), "a rise that nobody asked for")
    busy = (facts["bolus_running"] > 0) | (facts["alarms"] > 0) | (facts["unverified"] > 0)
    marked = (facts["weakness"] >= limits["neurology.hold"]) | (facts["confusion"] >= limits["neurology.hold"])
    both, soon = up | given, facts["since_refill"] < limits["bolus.lockout"] * PER_HOUR
    rules: tuple[tuple[int, Any, Any, str], ...] = (
        (4, np.abs(facts["skew_s"]) > limits["automation.clock"], both, "clocks disagree"),
        (18, busy, given, "a bolus while another ran, an alarm stood or the rate was not verified"),
        (22, marked, both, "weakness or confusion"),
        (26, facts["fill_age"] > case.who["stable_h"] * PER_HOUR, up, "a rise on an old solution"),
        (27, facts["stopped"] > 0, both, "a rise or bolus into a pump that stands"),
        (28, facts["mri"] > 0, both, "a rise or bolus around a scan"),
        (29, facts["battery"] > 0, up, "a rise at the end of the battery"),
        (29, facts["battery"] > 1, given, "a bolus at the end of the battery"),
        (30, facts["bridging"] > 0, both, "an old solution in the catheter"),
        (32, facts["since_refill"] < hour, up, "a rise soon after a refill"),
        (15, soon, given, "a bolus soon after a refill"),
        (34, np.abs(facts["residual"]) > 1000 * limits["refill.balance"], up, "volumes out of balance"),
    )
    for invariant, stands, what, words in rules:
        _hold(found, case, invariant, stands, what, words)
    if case.stage != "auto":
        waits = facts["confirms"] <= 0 if case.stage == "confirm" else np.ones(up.size, bool)
        _hold(
            found,
            case,
            40,
            waits,
            up | (given if case.stage == "advise" else np.zeros(up.size, bool)),
            f"at stage {case.stage}",
        )


def _hold(
    found: Findings, case: Case, invariant: int, stands: NDArray[np.bool_], ran: NDArray[np.bool_], words: str
) -> None:
    """A rule that withholds: nothing ran while it stood; it was put to the test where it stood and more was asked for."""
    found.at(invariant, case, stands & ran, words)
    found.test(invariant, stands & case.asks)


def check_escalation(case: Case, found: Findings) -> None:
    """Thirteen weeks of rises without relief."""
    week = case.tick // (7 * PER_DAY)
    then = np.maximum(week - 13, 0) * 7 * PER_DAY
    rate_then, nrs_then, nrs = case.rate[then], case.facts["nrs"][then], case.facts["nrs"]
    grown = (week >= 13) & (case.before >= (1.0 + share_of(case.limits, case.who, "escalation")) * rate_then)
    vain = grown & (nrs >= 0) & (nrs_then >= 0) & (nrs >= nrs_then)
    _hold(found, case, 37, vain, case.rises, "a rise after 13 weeks of rises without relief")


def check_locks(case: Case, locks: Locks, floor: Ints, found: Findings) -> None:
    """Vital signs withhold; locks, restarts, a lapsed lease and blindness lower. ``floor`` is what withdrawal keeps."""
    either = case.rises | (case.bolus > 0)
    for invariant, where in locks.withheld.items():
        found.at(invariant, case, either & where, "a rise or bolus while withheld")
        found.test(invariant, case.asks & where)
    low = np.minimum(case.who["min_rate_nl"], case.before)
    for invariant, most in locks.bound.items():
        lapsed = most < _OPEN
        found.at(
            invariant, case, lapsed & (case.rate > np.maximum(np.maximum(most, floor), low)), "over a clinician's rate"
        )
        found.test(invariant, lapsed & (case.request > most))
    found.test(35, locks.restart)
    over = locks.forced & (case.rate > np.maximum(locks.top, low))
    found.at(19, case, over & ~locks.restart, "more than a lock leaves")
    found.at(35, case, over & locks.restart, "more than a restart leaves")
