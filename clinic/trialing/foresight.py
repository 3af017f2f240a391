"""What a trial foretells: the same patients on a pump for months, false passes and false fails of every method and rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from thecal.clinic.trialing.numbers import BY_BOLUS, OBSERVATIONS, number
from thecal.clinic.trialing.trial import Flags, Floats, Ready, Tried, side_effects, succeeded
from thecal.envs.signs import sign_limits
from thecal.physiology.regimen import advance

_DAY_H, _WEEK_H, _WEEK_D = 24.0, 168.0, 7.0
_MONTH_D = 30.4
_LEVEL = 0.95


@dataclass(frozen=True)
class Outcome:
    """Patients after months on a pump ``[B]``: fall of felt pain over the last weeks (%), side effects then, daily dose (µg)."""

    fall: Floats
    points: Floats
    harmed: Flags
    dose_ug: Floats

    def good(self, rule: str) -> Flags:
        """Who does as well as a rule of success asks of a trial, by felt pain."""
        return succeeded(rule, self.fall, self.points, self.harmed)


@dataclass(frozen=True)
class Share:
    """A share of ``of`` patients with its exact 95 % interval (Clopper and Pearson); all are NaN where there is nobody."""

    count: int
    of: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Foresight:
    """One method under one rule of success."""

    method: str
    rule: str
    passed: Share
    false_pass: Share  # poor outcome among those who passed
    false_fail: Share  # good outcome among those who failed
    right: Share  # pass and good, or fail and poor


@dataclass(frozen=True)
class Difference:
    """Two methods on the same patients: how often each alone was right, and the exact p of McNemar's test."""

    first: str
    second: str
    rule: str
    first_only: int
    second_only: int
    p: float


def share(flags: Flags) -> Share:
    """The share of true flags with its exact interval."""
    n, k = len(flags), int(np.count_nonzero(flags))
    if n == 0:
        return Share(0, 0, np.nan, np.nan, np.nan)
    interval = binomtest(k, n).proportion_ci(_LEVEL, method="exact")
    return Share(k, n, k / n, float(interval.low), float(interval.high))


def follow(ready: Ready, months: float, told: Callable[[float], None] = lambda _: None) -> Outcome:
    """Everybody on a pump for months, whether the trial was passed or not: weekly raises for reported pain, cuts for harm.

    Args:
        ready: patients before their trial.
        months: at least two.
        told: called with the share done.
    """
    par, state = ready.par.copy(), ready.state.copy()
    dose = ready.start_ug_per_d.copy()
    weeks = round(months * _MONTH_D / _WEEK_D)
    last = round(number("year.judged") / _WEEK_D)
    for week in range(weeks - last):
        advance(par, state, _WEEK_H, rate_ug_per_h=dose / _DAY_H)
        dose = _visit(ready, state, dose)
        told((week + 1) / weeks)
    felt, bad, days = np.zeros(len(par)), np.zeros(len(par)), round(last * _WEEK_D)
    for _ in range(days):
        course = advance(par, state, _DAY_H, rate_ug_per_h=dose / _DAY_H)
        felt += course["pain"].mean(axis=0) / days
        bad += side_effects(course, state) / days
    told(1.0)
    fall = 100.0 * (1.0 - felt / ready.felt_before)
    return Outcome(fall, ready.felt_before - felt, bad >= number("year.harmed"), dose)


def _visit(ready: Ready, state: NDArray[np.void], dose: Floats) -> Floats:
    """The dose after a weekly visit, which sees the mean of reports, sedation and nausea."""
    relieved = 100.0 * (1.0 - state["nrs_mean"] / ready.before) >= number("success.fifty.fall")
    harmed = (state["poss_seen"] >= sign_limits().poss_limit) | (state["nausea_seen"] >= number("side_effects.nausea"))
    factor = np.where(harmed, number("year.cut"), np.where(relieved, 1.0, number("year.rise")))
    return np.asarray(np.minimum(dose * factor, ready.cap_ug))


def foresee(tried: Tried, outcome: Outcome, rule: str) -> Foresight:
    """How well a method foretells the outcome under one rule."""
    passed, good = tried.passed(rule), outcome.good(rule)
    return Foresight(
        tried.method, rule, share(passed), share(~good[passed]), share(good[~passed]), share(passed == good)
    )  # fmt: skip


def differences(trials: Sequence[Tried], outcome: Outcome, rule: str) -> list[Difference]:
    """Every pair of methods on the same patients; p is that of as uneven a split where both are as often right."""
    good = outcome.good(rule)
    found = []
    for first, second in combinations(trials, 2):
        a, b = first.passed(rule) == good, second.passed(rule) == good
        one, other = int(np.count_nonzero(a & ~b)), int(np.count_nonzero(b & ~a))
        p = float(binomtest(one, one + other).pvalue) if one + other else 1.0
        found.append(Difference(first.method, second.method, rule, one, other, p))
    return found


def unseen(tried: Tried) -> dict[str, Share]:
    """Depressed breathing that begins only after an observation rule lets go: its share of all patients, by rule.

    Of methods by bolus; whoever has a catheter is watched throughout.
    """
    if tried.method not in BY_BOLUS:
        return {}
    hours = np.where(np.isfinite(tried.first_depressed_h), tried.first_depressed_h, 0.0) % _DAY_H
    return {name: share(hours >= number(f"observation.{name}")) for name in OBSERVATIONS}
