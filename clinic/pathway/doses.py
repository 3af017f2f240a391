"""Doses of the next step, by what the model and the limits hold already: starts, rotation, raises, weaning, taper, fill."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thecal.clinic.pathway.consensus import number
from thecal.clinic.selection.fields import Chart
from thecal.devices.chemistry import load_chemistry, load_mixtures, mixtures_file
from thecal.physiology.cohort import start_dose
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.safety.profiles import LimitProfile

_WHOLE = 100.0  # percent


def setting_of(chart: Chart) -> str:
    """The setting of a limit profile in which a patient is treated."""
    return "cancer" if chart.path == "cancer" else "noncancer"


def indication_of(chart: Chart) -> str:
    """Where spasticity comes from, as limit profiles name it; empty for pain."""
    return chart["diagnosis"].removeprefix("spasticity_") if chart.path == "spasticity" else ""


def first_dose(chart: Chart, drug: str, profile: LimitProfile) -> float:
    """Dose at the implant, µg/d: the cohort's rule for the oral dose, no more than the profile allows at a start."""
    oral = float(chart["medd_mg_per_d"])
    usual = float(start_dose(load_cohort_spec(chart.path).file, drug, np.array([oral]))[0])
    return min(usual, profile.highest_start(drug, oral))


def rotated_dose(old: str, dose: float, new: str, profile: LimitProfile) -> float | None:
    """Dose of another opioid, µg/d: equianalgesic by the profile, cut for incomplete cross-tolerance, within start and cap.

    None where one of the two is no opioid.
    """
    ratios = profile.option(old, "equivalence"), profile.option(new, "equivalence")
    if not all(ratios):
        return None
    converted = dose * ratios[0] / ratios[1] * (1.0 - number("rotation.cut") / _WHOLE)
    return min(converted, profile.option(new, "start"), profile.cap_ug(new))


def raised_doses(doses: Mapping[str, float], chart: Chart, profile: LimitProfile) -> dict[str, float]:
    """Every dose raised by one step: one pump rate raises all drugs alike, by what the most limited of them allows."""
    share = profile.share(setting_of(chart), "step", list(doses), indication_of(chart))
    for drug, dose in doses.items():
        share = min(share, profile.option(drug, "step_abs") / dose, profile.cap_ug(drug) / dose - 1.0)
    return {drug: dose * (1.0 + max(0.0, share)) for drug, dose in doses.items()}


def days_between_raises(drugs: Sequence[str], chart: Chart, profile: LimitProfile) -> float:
    """The time between two steps that the profile asks for, days."""
    hours = [profile.option(drug, "interval") for drug in drugs]
    return max(profile.limit(f"{setting_of(chart)}.interval"), *hours) / 24.0


def most_raised(drugs: Sequence[str], chart: Chart, profile: LimitProfile) -> float:
    """How far a dose may rise over its start without relief before its effect is doubted, as a factor (invariant 37)."""
    return 1.0 + profile.share(setting_of(chart), "escalation", list(drugs), indication_of(chart))


@dataclass(frozen=True)
class Weaning:
    """A systemic opioid on its way down: from, to (mg/d of oral morphine), by a share a week, in so many weeks."""

    before_mg_per_d: float
    goal_mg_per_d: float
    step_percent: float
    weeks: int


def weaning(medd_mg_per_d: float) -> Weaning | None:
    """How the systemic opioid is weaned to its goal; None where none is taken."""
    if medd_mg_per_d <= 0.0:
        return None
    left = 1.0 - number("wean.goal") / _WHOLE
    step = number("wean.step")
    weeks = math.ceil(math.log(left) / math.log1p(-step / _WHOLE))
    return Weaning(medd_mg_per_d, left * medd_mg_per_d, step, weeks)


def taper_days(drugs: Sequence[str], profile: LimitProfile) -> int:
    """Days to take drugs down by the largest daily fall that all of them tolerate, until so little is left that it is stopped."""
    fall = profile.daily_fall(drugs)
    if fall >= 1.0:
        return 0
    return math.ceil(math.log(number("taper.left") / _WHOLE) / math.log1p(-fall))


@dataclass(frozen=True)
class Fill:
    """One fill: days until the next, flow (mL/d), concentrations (µg/mL), and what keeps it from lasting longer."""

    days: float
    ml_per_d: float
    ug_per_ml: dict[str, float]
    bound: str


def fill_for(doses: Mapping[str, float], profile: LimitProfile) -> Fill | None:
    """The longest fill of the smaller reservoir that is stable and within every concentration limit; None where none is.

    Args:
        doses: µg/d by drug.
        profile: limits of concentration.
    """
    usable = number("fill.reservoir") - profile.limit("reservoir.reserve")
    bounds = {
        "a refill every quarter": number("fill.longest"),
        "stability at body temperature": stable_days(list(doses)),
    }
    for drug, dose in doses.items():
        most = min(profile.max_concentration(drug), load_chemistry(drug).max_ug_per_ml)
        bounds[f"the concentration of {drug}"] = usable * most / dose
    bound, days = min(bounds.items(), key=lambda item: item[1])
    if days < number("fill.shortest"):
        return None
    flow = usable / days
    return Fill(days, flow, {drug: dose / flow for drug, dose in doses.items()}, bound)


def stable_days(drugs: Sequence[str]) -> float:
    """How long a fill is good at body temperature: as studied, or as an unstudied mixture is taken to be."""
    alone = min(load_chemistry(drug).stable_d for drug in drugs)
    if len(drugs) == 1:
        return alone
    studied = load_mixtures().get(frozenset(drugs))
    together = studied.stable_d if studied else mixtures_file().get_in("untested.stable_time", "day", minimum=0.0)
    return min(alone, together)
