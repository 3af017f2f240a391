"""Whether a regimen may be given to this patient: research drugs, allergies, earlier harm, and every limit of a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from thecal.clinic.pathway.consensus import Candidate, research_drugs, side_effects
from thecal.clinic.pathway.doses import Fill, fill_for
from thecal.clinic.pathway.history import History, Tried
from thecal.clinic.selection.fields import Chart
from thecal.core.errors import ProfileError
from thecal.physiology.population import drug_names, receptor_of
from thecal.safety.orders import Fill as Order
from thecal.safety.orders import refill_faults
from thecal.safety.profiles import LimitProfile

_ZICONOTIDE = "n_calcium"


@dataclass(frozen=True)
class Refusal:
    """A regimen that is not given: its line, the limit that says so, and why in one sentence."""

    line: str
    regimen: str
    limit: str
    sentence: str


def culprits(tried: Tried, effect: str) -> tuple[str, ...]:
    """The drugs of a step that can have brought a side effect."""
    receptors = side_effects()[effect].receptors
    return tuple(drug for drug in tried.drugs if receptor_of(drug) in receptors)


def banned(history: History) -> dict[str, str]:
    """Drugs that are never given again, and why."""
    found: dict[str, str] = {}
    for tried in history.step:
        for effect in tried.side_effects:
            kind = side_effects()[effect]
            if kind.answer == "stop":
                found |= dict.fromkeys(culprits(tried, effect), kind.reason)
            elif kind.answer == "no_opioid":
                found |= {drug: kind.reason for drug in drug_names() if receptor_of(drug) in kind.receptors}
    return found


def refusal(candidate: Candidate, chart: Chart, history: History, profile: LimitProfile) -> Refusal | None:
    """Why a regimen may not be given, whatever its dose; None where nothing is in its way."""

    def no(limit: str, sentence: str) -> Refusal:
        return Refusal(candidate.line, candidate.name, limit, sentence)

    never = banned(history)
    for drug in candidate.drugs:
        if drug in research_drugs():
            return no("research drug", f"{drug.capitalize()} is a research drug: {research_drugs()[drug].evidence}.")
        if drug in chart.allergies:
            return no("allergy", f"The chart names an allergy to {drug}.")
        if receptor_of(drug) == _ZICONOTIDE and chart["psychosis"]:
            return no("psychosis", f"{drug.capitalize()} is contraindicated after psychosis.")
        if drug in never:
            return no("earlier harm", f"{drug.capitalize()} is not given again: {never[drug]}.")
        if drug not in profile.drugs:
            return no("drug", f"Profile {profile.name} has no limits for {drug}.")
        missing = classes_missing(drug, history, profile)
        if missing > 0:
            return no(
                f"{drug}.classes_before",
                f"{drug.capitalize()} comes after {profile.option(drug, 'classes_before'):g} other classes of intrathecal "
                f"drugs, and {missing} of them {'is' if missing == 1 else 'are'} still to be tried.",
            )
    try:
        profile.require_mixture(candidate.drugs)
    except ProfileError:
        return no("mixture", f"Profile {profile.name} does not list the admixture {candidate.name}.")
    return None


def classes_missing(drug: str, history: History, profile: LimitProfile) -> int:
    """How many other classes of intrathecal drugs must still have been tried before this one."""
    tried = {receptor_of(name) for step in history.step for name in step.drugs} - {receptor_of(drug)}
    return max(0, int(profile.option(drug, "classes_before")) - len(tried))


def dose_refusal(
    candidate: Candidate, doses: Mapping[str, float], profile: LimitProfile
) -> tuple[Refusal | None, Fill | None]:
    """Why these doses (µg/d) may not be given, else the fill that gives them, as the refill's own order check passes it."""

    def no(limit: str, sentence: str) -> tuple[Refusal, None]:
        return Refusal(candidate.line, candidate.name, limit, sentence), None

    for drug, dose in doses.items():
        if dose > profile.cap_ug(drug):
            return no(f"{drug}.cap", f"{dose:.3g} ug/d of {drug} is over the cap of {profile.cap_ug(drug):g} ug/d.")
    opioid = sum(dose * profile.option(drug, "equivalence") for drug, dose in doses.items())
    if opioid > profile.limit("opioids.cap"):
        most = profile.limit("opioids.cap")
        return no("opioids.cap", f"The opioids together stand for {opioid:.3g} ug/d of morphine, over {most:g}.")
    fill = fill_for(doses, profile)
    if fill is None:
        return no("concentration", "No fill of a week or more stays stable and within the limits of concentration.")
    order = Order("virtual", "lot", fill.days, fill.ug_per_ml)
    faults = refill_faults(profile, order, order, fill.ug_per_ml, today_d=0.0)
    if faults:
        return no("refill order", f"The order of the refill is refused: {faults[0]}.")
    return None, fill
