"""Input and requests of the shield harness: values on either side of every limit, spells of silence, hostile requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import TICKS_PER_DAY
from thecal.experiments.assurance.harness_loop import (
    FLOOR,
    HOLD,
    MOST,
    MOST_BOLUS,
    NO_BOLUS,
    NOTHING,
    NUMBER,
    SHARE,
    SIZE,
    STEP,
)
from thecal.experiments.assurance.harness_raw import consistent
from thecal.safety.records import ASKED, MALFORMED, OUTDATED, SHIELD_INPUT, UNASKED, WRONG_UNITS

PLENTY = 1 << 30
AGE = 40 * TICKS_PER_DAY  # of a fill that withholds nothing
_ROUND = 32  # tick of the day at which a clinician looks
_OFTEN = 5.0  # times a day that each input of the pump or the clinic withholds
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def spells(rng: np.random.Generator, ticks: int, per_day: float, lengths: Sequence[int] = (1,)) -> Mask:
    """``[ticks]``: true within spells that begin at random, ``per_day`` times a day, each of one of ``lengths``."""
    found = np.zeros(ticks, np.bool_)
    for start in np.flatnonzero(rng.random(ticks) < per_day / TICKS_PER_DAY).tolist():
        found[start : start + max(0, int(rng.choice(lengths)))] = True
    return found


def _put(received: Any, name: str, where: Mask, rng: np.random.Generator, values: Sequence[int]) -> None:
    received[name][where] = rng.choice(values, int(where.sum()))


def hostile_input(par: Any, rng: np.random.Generator, ticks: int) -> NDArray[np.void]:
    """``[ticks]`` SHIELD_INPUT for one SHIELD_PAR: mostly a patient who is well and a pump that is sound, but never for long."""
    received = np.zeros(ticks, SHIELD_INPUT)
    received["poss"] = 1
    received["reservoir_nl"], received["since_refill"], received["fill_age"] = PLENTY, AGE, AGE
    pains = (np.full(ticks, 60), np.linspace(80, 20, ticks).astype(np.int64), np.full(ticks, -1))
    received["nrs"] = pains[int(rng.choice(3, p=[0.6, 0.2, 0.2]))]
    received["nrs"][spells(rng, ticks, 1.0)] = -1
    _breathing(received, par, rng, ticks)
    _circulation(received, par, rng, ticks)
    _pump(received, par, rng, ticks)
    _clinic(received, par, rng, ticks)
    if int(par["quick_permille"]) > 0:
        _quiet_days(received, par, rng, ticks)
    return consistent(received)


def _breathing(received: Any, par: Any, rng: np.random.Generator, ticks: int) -> None:
    for name, least, kind, worse in (("rr", 140, "rr", -1), ("spo2", 965, "spo2", -1), ("co2", 380, "co2", 1)):
        received[name] = least + rng.integers(0, 6, ticks)
        for limit, per_day in (("warn", 0.7), ("lock", 0.012)):
            edge = int(par[f"{kind}_{limit}"])
            _put(received, name, spells(rng, ticks, per_day, (1, 2, 3)), rng, (edge, edge + worse, edge + 3 * worse))
    stale, flat, flat_other = (int(par[name]) for name in ("stale", "flat", "flat_other"))
    for name, still, shown in (("rr", flat, 133), ("spo2", flat_other, 961), ("co2", flat_other, 377)):
        received[name][spells(rng, ticks, 0.3, range(still - 1, still + 4))] = shown
    # Harm that lasts: the lock that it closes cuts again.
    received["rr"][spells(rng, ticks, 0.01, range(4, 12))] = int(par["rr_lock"]) - 1
    for name, jump in (("rr", int(par["rr_jump"])), ("spo2", int(par["spo2_jump"])), ("co2", -int(par["co2_jump"]))):
        at = np.flatnonzero(spells(rng, ticks - 1, 0.5)) + 1
        leap = jump + np.sign(jump) * rng.integers(0, 3, len(at))
        if name == "spo2":
            received[name][at - 1] = received[name][at] - leap
        else:
            received[name][at] = received[name][at - 1] + leap
        missing = spells(rng, ticks, 0.15, range(stale - 1, 2 * stale + 4))
        received[name][missing] = -1


def _circulation(received: Any, par: Any, rng: np.random.Generator, ticks: int) -> None:
    own = int(rng.choice([1250, 1700]))
    received["sbp"] = own + rng.integers(-20, 21, ticks)
    received["map"], received["hr"] = 900, 720
    kept = own * int(par["sbp_keep_permille"]) // 1000
    for name, edge in (("sbp", int(par["sbp_low"])), ("map", int(par["map_low"])), ("hr", int(par["hr_low"])),
                       ("sbp", kept)):  # fmt: skip
        _put(received, name, spells(rng, ticks, 1.0, (1, 2, 3)), rng, (edge - 40, edge - 1, edge, edge + 1))
    for name in ("sbp", "map", "hr"):
        received[name][spells(rng, ticks, 1.0, (1, 2, 3))] = -1


def _pump(received: Any, par: Any, rng: np.random.Generator, ticks: int) -> None:
    for name in ("mri", "bridging", "bolus_running", "alarms", "unverified"):
        received[name][spells(rng, ticks, _OFTEN)] = 1
    _put(received, "battery", spells(rng, ticks, _OFTEN), rng, (1, 2))
    skew, off, shelf = (int(par[name]) for name in ("skew_s", "balance_permille", "shelf"))
    _put(received, "skew_s", spells(rng, ticks, _OFTEN), rng, (skew, skew + 1, -skew, -skew - 1))
    _put(received, "residual", spells(rng, ticks, _OFTEN), rng, (off, off + 1, off + 2, -off, -off - 1))
    _put(received, "fill_age", spells(rng, ticks, _OFTEN), rng, (shelf, shelf + 1, shelf + 2))
    received["since_refill"] = received["fill_age"]
    gap = int(par["gap_most"])
    received["stopped"][spells(rng, ticks, 0.5)] = 1
    received["stopped"][spells(rng, ticks, 0.02, range(gap - 2, gap + 4))] = 1


def _clinic(received: Any, par: Any, rng: np.random.Generator, ticks: int) -> None:
    hold, lock, marked = (int(par[name]) for name in ("poss_hold", "poss_lock", "neuro_hold"))
    _put(received, "poss", spells(rng, ticks, 2.0), rng, (hold - 1, hold))
    _put(received, "poss", spells(rng, ticks, 0.01), rng, (lock - 1, lock))
    for name in ("weakness", "confusion"):
        _put(received, name, spells(rng, ticks, _OFTEN), rng, (marked - 1, marked, marked + 1))
    for name in ("refill_hold", "lockout"):
        edge = int(par[name])
        _put(received, "since_refill", spells(rng, ticks, _OFTEN), rng, (edge - 1, edge, edge - 2))
    pocket, edge = spells(rng, ticks, 0.03), int(par["pocket_watch"])
    pocket[: ticks * 4 // 5] = (
        False  # it leaves the pump's lowest rate, from which a step of 20 % may be none of the grid
    )
    _put(received, "since_refill", pocket, rng, (0, edge - 1, edge))
    received["fill_age"] = received["since_refill"]
    received["poss"][pocket] = hold
    week = np.arange(ticks) // (7 * TICKS_PER_DAY)
    seen = rng.random(week[-1] + 1)[week] < 0.6  # in other weeks nobody looks, and what was raised stays unseen
    daily = np.arange(ticks) % TICKS_PER_DAY == _ROUND
    received["clear"] = (daily & seen) | spells(rng, ticks, 0.1)
    received["confirms"] = spells(rng, ticks, 1.0) | (received["clear"] & (rng.random(ticks) < 0.5))


def _quiet_days(received: Any, par: Any, rng: np.random.Generator, ticks: int) -> None:
    """Three days of four on which little withholds, so that monitored titration may act, with its own limits beside it."""
    where = np.flatnonzero(np.arange(ticks) // TICKS_PER_DAY % 4 > 0)
    n, quiet = where.size, np.zeros(where.size, SHIELD_INPUT)
    for name, value in (("poss", 1), ("reservoir_nl", PLENTY), ("since_refill", AGE), ("fill_age", AGE), ("nrs", -1),
                        ("map", 900), ("hr", 720), ("sbp", 1250)):  # fmt: skip
        quiet[name] = value
    for name, least in (("rr", 140), ("spo2", 965), ("co2", 380)):
        quiet[name] = least + np.arange(n) % 5
    fresh = int(par["quick_fresh"])
    for names in (("rr",), ("spo2",), ("co2",), ("sbp", "map"), ("hr",)):
        gap = spells(rng, n, 0.4, range(fresh, fresh + 4))
        for name in names:
            quiet[name][gap] = -1
    _put(quiet, "poss", spells(rng, n, 0.5, (1, 2)), rng, (int(par["quick_poss"]), int(par["quick_poss"]) + 1))
    quiet["mri"] = spells(rng, n, 0.4)
    quiet["clear"] = where % TICKS_PER_DAY == _ROUND
    quiet["confirms"] = quiet["clear"]
    received[where] = quiet


def hostile_pump(par: Any, rng: np.random.Generator, ticks: int, *, beyond: bool) -> tuple[Ints, Ints, Ints]:
    """(volume beyond the orders, permille of a bolus that comes a tick later, 1 where the count cannot be read) of every tick."""
    cap_nl = int((par["cap_pg"][: par["n_caps"]] // par["conc"][: par["n_caps"]]).min())
    cap_nl = min(cap_nl, TICKS_PER_DAY * int(par["max_rate"]))
    more = np.zeros(ticks, np.int64)
    if beyond:
        at = spells(rng, ticks, 0.05)
        more[at] = rng.choice([1, cap_nl // 50, cap_nl // 4, cap_nl], int(at.sum()))
        more[spells(rng, ticks, 0.03, range(1, TICKS_PER_DAY))] = cap_nl // 300
    late = rng.choice([0, 0, 300, 1000], ticks)
    return more, late, spells(rng, ticks, 0.2, (1, 2, 3)).astype(np.int64)


def hostile_requests(par: Any, rng: np.random.Generator, ticks: int, style: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """(kind, shift, kind of bolus, shift, valid) of every tick; styles: square wave, climb, boundary-seeking, now and then."""
    day = np.arange(ticks) // TICKS_PER_DAY
    shift = rng.choice([-10, -1, 0, 1, 10], ticks)
    if style == 0:
        kind = np.where(day % 24 < 20, MOST, NOTHING)
    elif style == 1:
        kind = np.where(rng.random(ticks) < 0.9, MOST, STEP)
    elif style == 2:
        kind = np.where(day % 10 < 8, rng.choice([STEP, STEP, HOLD], ticks), rng.choice([FLOOR, HOLD], ticks))
    else:
        kind = np.where(day % 15 < 14, rng.choice([MOST, STEP], ticks), NUMBER)
        shift = np.where(kind == NUMBER, rng.integers(-1000, int(par["max_rate"]) + 1000, ticks), shift)
    bolus = rng.choice([NO_BOLUS, MOST_BOLUS, SIZE, SHARE], ticks, p=[0.4, 0.2, 0.2, 0.2])
    return kind, shift, bolus, rng.choice([-101, -1, 0, 1, 101], ticks), _validity(par, rng, ticks, slow=style == 3)


def _validity(par: Any, rng: np.random.Generator, ticks: int, *, slow: bool) -> Ints:
    valid = np.full(ticks, ASKED)
    if slow:
        valid[np.arange(ticks) % 4 != 0] = UNASKED
    most, lease = int(par["errors_most"]), int(par["lease"])
    spoiled = spells(rng, ticks, 1.0) | spells(rng, ticks, 0.06, range(most - 1, most + 2))
    valid[spoiled] = rng.choice([MALFORMED, WRONG_UNITS, OUTDATED], int(spoiled.sum()))
    valid[spells(rng, ticks, 0.05, range(lease - 2, lease + 12))] = UNASKED
    return valid
