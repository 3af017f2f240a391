"""The next step of therapy and its reason: monotherapy first, raise, add, rotate, wean, taper, stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from thecal.clinic.pathway.checks import Refusal, banned, culprits, dose_refusal, refusal
from thecal.clinic.pathway.consensus import Candidate, Consensus, candidates, number, preferred_drug, side_effects
from thecal.clinic.pathway.doses import (
    Fill,
    Weaning,
    days_between_raises,
    first_dose,
    most_raised,
    raised_doses,
    rotated_dose,
    taper_days,
    weaning,
)
from thecal.clinic.pathway.history import History, Tried
from thecal.clinic.selection.fields import Chart
from thecal.physiology.population import receptor_of
from thecal.safety.profiles import LimitProfile

Action = Literal["start", "keep", "wait", "raise", "add", "rotate", "remove", "stop"]
_ROUNDING = 1e-9
_OPIOID = "mu"


@dataclass(frozen=True)
class Decision:
    """One step: what is done with which drugs at which doses (µg/d), why in one sentence, and on which evidence.

    ``ending`` says how the drugs that are left go: days of taper by drug, 0 for at once (no withdrawal, or another drug of its
    class takes over). ``refused`` are the regimens that came
    before it in the order and may not be given.
    """

    action: Action
    sentence: str
    doses: Mapping[str, float]
    line: str
    source: str
    confidence: str
    fill: Fill | None
    ending: Mapping[str, int]
    wean: Weaning | None
    refused: tuple[Refusal, ...]

    @property
    def regimen(self) -> str:
        """Drugs joined by +; empty where none is given."""
        return "+".join(sorted(self.doses))


class _Planner:
    """One patient, one history, one consensus, one profile."""

    def __init__(self, chart: Chart, history: History, consensus: Consensus, profile: LimitProfile) -> None:
        self.chart, self.history, self.profile = chart, history, profile
        self.preferred = preferred_drug(chart, consensus)
        self.order = candidates(chart, consensus)
        self.tried = {step.regimen for step in history.step}
        self.refused: list[Refusal] = []

    def doses(self, drugs: Sequence[str]) -> dict[str, float]:
        """What each drug begins with: as it runs already, by conversion from the opioid that it follows, or as at an implant."""
        last = self.history.step[-1].doses if self.history.step else {}
        found: dict[str, float] = {}
        left = [drug for drug in last if drug not in drugs and receptor_of(drug) == _OPIOID]
        for drug in drugs:
            converted = rotated_dose(left[0], last[left[0]], drug, self.profile) if left else None
            fresh = first_dose(self.chart, drug, self.profile)
            found[drug] = last.get(drug, fresh if converted is None else converted)
        return found

    def choose(self, wanted: Sequence[Candidate]) -> tuple[Candidate, dict[str, float], Fill | None] | None:
        """The first that may be given; those before it are kept with what refused them."""
        for candidate in wanted:
            found = refusal(candidate, self.chart, self.history, self.profile)
            if found is None:
                doses = self.doses(candidate.drugs)
                found, fill = dose_refusal(candidate, doses, self.profile)
                if found is None:
                    return candidate, doses, fill
            self.refused.append(found)
        return None

    def untried(self) -> list[Candidate]:
        return [one for one in self.order if one.drugs not in self.tried]

    def decide(self) -> Decision:
        if not self.history.step:
            return self.start()
        last = self.history.step[-1]
        answers = {side_effects()[name].answer for name in last.side_effects}
        if "remove" in answers:
            return self.stop(self._why(last), "remove")
        if last.side_effects:
            return self.rotate(last)
        if last.relief_percent >= number("relief.enough"):
            return self.same("keep", last, f"{_share(last)} without side effects is enough, so nothing changes.")
        return self.unrelieved(last)

    def start(self) -> Decision:
        alone = [one for one in self.untried() if len(one.drugs) == 1]
        found = self.choose(alone) or self.choose([one for one in self.untried() if len(one.drugs) > 1])
        if found is None:
            return self.stop("No regimen of the consensus may be given to this patient.", "stop")
        candidate, doses, fill = found
        drug = candidate.name
        preferred = " that the consensus prefers" if drug == self.preferred else ""
        why = f"Therapy begins with one drug{preferred}: {drug} is the first of line {candidate.line} that may be given"
        return self._decision("start", f"{why}.", candidate, doses, fill)

    def unrelieved(self, last: Tried) -> Decision:
        """No side effect and not enough relief: raise as far as the limits go, then add to what helps a little, else change."""
        wait = days_between_raises(last.drugs, self.chart, self.profile)
        if last.days < wait:
            sentence = f"{last.days:g} days are too few to judge the dose; the next step is due after {wait:g}."
            return self.same("wait", last, sentence)
        raised = raised_doses(last.doses, self.chart, self.profile)
        began = self.history.first_doses
        most = most_raised(last.drugs, self.chart, self.profile)
        drug = last.drugs[0]
        rises = raised[drug] > last.doses[drug] * (1.0 + _ROUNDING)
        if rises and raised[drug] <= most * began[drug] * (1.0 + _ROUNDING):
            candidate = self._running(last)
            problem, fill = dose_refusal(candidate, raised, self.profile)
            if problem is None:
                up = 100.0 * (raised[drug] / last.doses[drug] - 1.0)
                why = f"{_share(last)} is not enough and nothing harms, so the dose rises by {up:.3g} %"
                return self._decision("raise", f"{why}.", candidate, raised, fill)
            self.refused.append(problem)
        if last.relief_percent >= number("relief.partial"):
            now = set(last.drugs)
            found = self.choose(
                [one for one in self.untried() if len(one.drugs) == len(now) + 1 and set(one.drugs) > now]
            )
            if found is not None:
                candidate, doses, fill = found
                new = next(drug for drug in candidate.drugs if drug not in last.drugs)
                why = f"{_share(last)} is partial and the dose is not raised further, so {new} is added"
                return self._decision("add", f"{why} (line {candidate.line}).", candidate, doses, fill)
        return self.change(last, (), f"{_share(last)} is not enough and the dose is not raised further")

    def rotate(self, last: Tried) -> Decision:
        guilty = tuple(dict.fromkeys(drug for name in last.side_effects for drug in culprits(last, name)))
        if not guilty:
            names = " and ".join(name.replace("_", " ") for name in last.side_effects)
            return self.same(
                "keep", last, f"No drug that is given is known to bring {names}: another cause is looked for."
            )
        return self.change(last, guilty, self._why(last).rstrip("."))

    def change(self, last: Tried, guilty: Sequence[str], why: str) -> Decision:
        """Another regimen: one of the same class for each culprit, then what is left without it, then few drugs before more."""
        avoided = guilty or last.drugs
        never = banned(self.history)
        free = [one for one in self.untried() if not set(avoided) & set(one.drugs)]
        same_class = [one for one in free if self._replaces(last, one, avoided, never)]
        kept = tuple(sorted(set(last.drugs) - set(avoided)))
        alone = [one for one in self.order if one.drugs == kept]
        few = [one for one in free if len(one.drugs) <= len(last.drugs)]
        wanted = list({one.drugs: one for one in (*same_class, *alone, *few, *free)}.values())
        found = self.choose(wanted)
        if found is None:
            return self.stop(f"{why}, and no regimen is left.", "stop")
        candidate, doses, fill = found
        how = "goes on alone" if candidate.drugs == kept else "takes over"
        return self._decision(
            "rotate", f"{why}, so {candidate.name} {how} (line {candidate.line}).", candidate, doses, fill
        )

    def _replaces(self, last: Tried, one: Candidate, guilty: Sequence[str], never: Mapping[str, str]) -> bool:
        """Whether a regimen keeps all other drugs and puts one of the same class in the place of each that is left."""
        kept = [drug for drug in last.drugs if drug not in guilty]
        new = [drug for drug in one.drugs if drug not in kept]
        classes = sorted(receptor_of(drug) for drug in guilty)
        fits = set(kept) <= set(one.drugs) and all(drug not in never for drug in new)
        known = all(drug in self.profile.drugs for drug in new)
        return bool(fits and known and sorted(receptor_of(drug) for drug in new) == classes)

    def same(self, action: Action, last: Tried, sentence: str) -> Decision:
        candidate = self._running(last)
        problem, fill = dose_refusal(candidate, last.doses, self.profile)
        if problem is not None:
            self.refused.append(problem)
        return self._decision(action, sentence, candidate, last.doses, fill)

    def stop(self, sentence: str, action: Action) -> Decision:
        nothing = Candidate("", (), "", "")
        return self._decision(action, sentence, nothing, {}, None)

    def _why(self, last: Tried) -> str:
        text = "; ".join(side_effects()[name].reason for name in last.side_effects)
        return f"{text[0].upper()}{text[1:]}."

    def _running(self, last: Tried) -> Candidate:
        for one in self.order:
            if one.drugs == last.regimen:
                return one
        return Candidate("none", last.regimen, "no line of the consensus holds what is given", "low")

    def _decision(
        self, action: Action, sentence: str, candidate: Candidate, doses: Mapping[str, float], fill: Fill | None
    ) -> Decision:
        last = self.history.step[-1].drugs if self.history.step else ()
        classes = {receptor_of(drug) for drug in doses}
        # What another drug of its class takes over needs no taper: the class is not withdrawn.
        ending = {
            drug: 0 if receptor_of(drug) in classes else taper_days([drug], self.profile)
            for drug in last
            if drug not in doses
        }
        wean = None if action in ("stop", "remove") else weaning(float(self.chart["medd_mg_per_d"]))
        return Decision(
            action, sentence, dict(doses), candidate.line, candidate.source, candidate.confidence, fill, ending, wean,
            tuple(self.refused),
        )  # fmt: skip


def next_step(chart: Chart, history: History, consensus: Consensus, profile: LimitProfile) -> Decision:
    """The next step for a patient who may have a pump.

    Args:
        chart: the patient.
        history: what has been tried by the intrathecal route, the earliest first.
        consensus: whose lines are followed.
        profile: whose limits every step keeps.
    """
    return _Planner(chart, history, consensus, profile).decide()


@dataclass(frozen=True)
class Ahead:
    """One regimen of the lines: whether it was tried, runs now, may be given, or is refused and by which limit."""

    line: str
    regimen: str
    state: str
    sentence: str
    confidence: str


def lines_ahead(chart: Chart, history: History, consensus: Consensus, profile: LimitProfile) -> list[Ahead]:
    """Every regimen of the patient's lines in order, with its state."""
    planner = _Planner(chart, history, consensus, profile)
    running = history.step[-1].regimen if history.step else ()
    found = []
    for one in planner.order:
        problem = refusal(one, chart, history, profile)
        if one.drugs == running:
            state, sentence = "given now", ""
        elif one.drugs in planner.tried:
            state, sentence = "tried", ""
        elif problem is not None:
            state, sentence = f"refused ({problem.limit})", problem.sentence
        else:
            state, sentence = "may follow", ""
        found.append(Ahead(one.line, one.name, state, sentence, one.confidence))
    return found


def _share(tried: Tried) -> str:
    return f"Relief of {tried.relief_percent:.3g} %"
