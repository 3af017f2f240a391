"""Trials on virtual patients: a single shot, several boluses, an infusion by a temporary catheter. No pump, no shield.

Every method meets the same patients on the same days. Pain is what patients report, with their own noise, gaps and expectation;
whoever reports nothing when relief is asked for has not passed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from thecal.clinic.pathway.doses import first_dose
from thecal.clinic.selection.fields import Chart
from thecal.clinic.trialing.numbers import number
from thecal.envs.signs import sign_limits
from thecal.physiology.cohort import Cohort
from thecal.physiology.regimen import advance, begin
from thecal.safety.profiles import LimitProfile

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_DAY_H = 24.0
_BOLUS_ML = 1.0
_ROUNDING = 1e-9  # 1 - 8/10 is a little under 20 %, and whole reports meet a threshold often
EFFECTS = ("nausea", "itch", "retention")


@dataclass
class Watch:
    """What is seen of patients over some hours: sums and counts of reports, and side effects, each ``[B]``."""

    reports: Floats
    asked: Floats
    side_effect: Flags
    depressed_h: Floats
    first_depressed_h: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def mean(self) -> Floats:
        """Mean report; not a number where nobody reported."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.reports / self.asked

    @property
    def harmed(self) -> Flags:
        """Who had a side effect, breathing included."""
        return self.side_effect | (self.depressed_h >= number("side_effects.depressed"))


@dataclass(frozen=True)
class Tried:
    """What a trial brought to each patient ``[B]``: reports before (NRS), at the judgment (NaN: none), harm, doses, breathing.

    ``first_depressed_h``: hours from the first dose to the first depressed breathing; infinite where there is none.
    """

    method: str
    before: Floats
    after: Floats
    harmed: Flags
    dose_ug: Floats
    first_depressed_h: Floats

    @property
    def fall(self) -> Floats:
        """Fall of the mean report, %; NaN where nothing was reported."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return 100.0 * (1.0 - self.after / self.before)

    def passed(self, rule: str) -> Flags:
        """Who passed by a rule of success (``numbers.RULES``)."""
        return succeeded(rule, self.fall, self.before - self.after, self.harmed)


def succeeded(rule: str, fall: Floats, points: Floats, harmed: Flags) -> Flags:
    """Who meets a rule of success with a fall of pain in percent and in points; nobody whose fall is not known."""
    enough: Flags = fall >= number(f"success.{rule}.fall") - _ROUNDING
    least = number(f"success.{rule}.points")
    if least > 0.0:
        enough |= points >= least - _ROUNDING
    return enough & ~harmed if number(f"success.{rule}.clean") else enough


@dataclass(frozen=True)
class Ready:
    """Patients before their trial: parameters, state after the baseline, charts, and what they reported then ``[B]``."""

    par: NDArray[np.void]
    state: NDArray[np.void]
    before: Floats
    felt_before: Floats
    bolus_ug: Floats
    start_ug_per_d: Floats
    cap_ug: float
    most_bolus_ug: float


def prepare(cohort: Cohort, charts: list[Chart], drug: str, profile: LimitProfile) -> Ready:
    """Follow patients through the days before their trial, asked but not treated, and without expectation.

    Args:
        cohort: drawn for ``drug`` alone.
        charts: of the same patients.
        drug: an opioid.
        profile: whose limits on starts, boluses and daily doses every method keeps.
    """
    par = cohort.par.copy()
    par["nrs_every_h"] = number("baseline.every")
    state = begin(par)
    hopeful = par["placebo"].copy()
    par["placebo"] = 0.0
    seen, felt = watch(par, state, number("baseline.days") * _DAY_H)
    par["placebo"] = hopeful
    start = np.array([first_dose(chart, drug, profile) for chart in charts])
    naive = np.array([chart["medd_mg_per_d"] <= 0.0 for chart in charts])
    bolus = np.minimum(number("dose.over_start") * start, profile.largest_bolus_ug(drug))
    ceiling = number("dose.naive") / max(1.0, profile.option(drug, "equivalence"))
    bolus = np.where(naive, np.minimum(bolus, ceiling), bolus)
    return Ready(par, state, seen.mean, felt, bolus, start, profile.cap_ug(drug), profile.largest_bolus_ug(drug))


def watch(
    par: NDArray[np.void],
    state: NDArray[np.void],
    hours: float,
    rate_ug_per_h: Floats | float = 0.0,
    bolus_ug: Floats | float = 0.0,
    *,
    judged_from_h: float = 0.0,
    judged_to_h: float = math.inf,
) -> tuple[Watch, Floats]:
    """Advance patients by whole hours and see what can be seen; reports count within the hours that are judged.

    Returns:
        What was seen, and the mean felt pain ``[B]`` of the judged hours, which nobody sees.
    """
    n = len(par)
    seen = Watch(np.zeros(n), np.zeros(n), np.zeros(n, bool), np.zeros(n), np.full(n, math.inf))
    felt, judged = np.zeros(n), 0
    for hour in range(round(hours)):
        given = bolus_ug if hour == 0 else 0.0
        course = advance(par, state, 1.0, rate_ug_per_h=rate_ug_per_h, bolus_ug=given, bolus_ml=_BOLUS_ML)
        if judged_from_h <= hour < judged_to_h:
            new = state["nrs_age_h"] < 1.0
            seen.reports += np.where(new, state["nrs_report"], 0.0)
            seen.asked += new
            felt += course["pain"].mean(axis=0)
            judged += 1
        seen.side_effect |= side_effects(course, state)
        low = course["depressed"].sum(axis=0) / len(course["depressed"])
        seen.first_depressed_h = np.where((low > 0.0) & np.isinf(seen.first_depressed_h), hour, seen.first_depressed_h)
        seen.depressed_h += low
    return seen, felt / max(1, judged)


def side_effects(course: dict[str, Floats], state: NDArray[np.void]) -> Flags:
    """Who had nausea, itch or retention at some time of a course, or is over-sedated at its end, ``[B]``."""
    found: Flags = state["poss_seen"] >= sign_limits().poss_limit
    for name in EFFECTS:
        found |= course[name].max(axis=0) >= number(f"side_effects.{name}")
    return found


def run(method: str, ready: Ready) -> Tried:
    """One method (``numbers.METHODS``) on all patients."""
    return {
        "single_shot": _single_shot,
        "several_boluses": _several_boluses,
        "continuous_intrathecal": _infusion,
    }[method](ready)


def _single_shot(ready: Ready) -> Tried:
    seen = _bolus(ready, ready.state.copy(), ready.bolus_ug)
    return Tried("single_shot", ready.before, seen.mean, seen.harmed, ready.bolus_ug, seen.first_depressed_h)


def _bolus(ready: Ready, state: NDArray[np.void], dose_ug: Floats) -> Watch:
    window = {"judged_from_h": number("window.from"), "judged_to_h": number("window.to")}
    return watch(ready.par, state, _DAY_H, bolus_ug=dose_ug, **window)[0]


def _rising(ready: Ready) -> Iterator[Floats]:
    for k in range(round(number("boluses.count"))):
        factor = number("boluses.first") * number("boluses.rise") ** k
        yield np.minimum(factor * ready.bolus_ug, ready.most_bolus_ug)


def _several_boluses(ready: Ready) -> Tried:
    """A bolus a day, each larger, until one halves the reports or harms; the last one given is judged."""
    n = len(ready.par)
    state = ready.state.copy()
    after, dose = np.full(n, math.nan), np.zeros(n)
    harmed, going = np.zeros(n, bool), np.ones(n, bool)
    first = np.full(n, math.inf)
    for day, wanted in enumerate(_rising(ready)):
        given = np.where(going, wanted, 0.0)
        seen = _bolus(ready, state, given)
        after = np.where(going, seen.mean, after)
        dose = np.where(going, given, dose)
        harmed |= going & seen.harmed
        first = np.where(going, np.minimum(first, day * _DAY_H + seen.first_depressed_h), first)
        with np.errstate(invalid="ignore"):
            halved = succeeded("fifty", 100.0 * (1.0 - seen.mean / ready.before), seen.mean, seen.harmed)
        going &= ~(halved | seen.harmed)
    return Tried("several_boluses", ready.before, after, harmed, dose, first)


def _infusion(ready: Ready) -> Tried:
    """An infusion from the starting dose, raised daily while reports are not halved and nothing harms; the last day is judged."""
    n = len(ready.par)
    state = ready.state.copy()
    dose, harmed = ready.start_ug_per_d.copy(), np.zeros(n, bool)
    first, after = np.full(n, math.inf), np.full(n, math.nan)
    for day in range(round(number("infusion.days"))):
        seen, _ = watch(ready.par, state, _DAY_H, rate_ug_per_h=dose / _DAY_H)
        first = np.minimum(first, day * _DAY_H + seen.first_depressed_h)
        after, harmed = seen.mean, seen.harmed
        if day + 1 == round(number("infusion.days")):
            break
        with np.errstate(invalid="ignore"):
            halved = succeeded("fifty", 100.0 * (1.0 - seen.mean / ready.before), seen.mean, seen.harmed)
        up = 1.0 + number("infusion.step")
        raised = np.where(
            ~halved & ~np.isnan(seen.mean) & ~seen.harmed, dose * up, np.where(seen.harmed, dose / up, dose)
        )
        dose = np.minimum(raised, ready.cap_ug)
    return Tried("continuous_intrathecal", ready.before, after, harmed, dose, first)
