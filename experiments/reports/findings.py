"""The findings of a comparison in words, computed from the numbers and never stronger than they allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.results import Difference, Interval
from thecal.experiments.analysis.statistics import bootstrap
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.theme import styles_of

Tone = Literal["good", "bad", "open"]
SEEDS_FOR_A_CLAIM = 10
_STRESS = ("random", "max_request")
_HARMS_IN_WORDS = 3


@dataclass(frozen=True)
class Finding:
    """One finding: a short lead, the sentence with the numbers, and whether it speaks for, against or neither."""

    tone: Tone
    lead: str
    text: str


def findings(data: ReportData) -> list[Finding]:
    """What may be said, most important first."""
    found: list[Finding] = []
    if not data.trained:
        found += [_in_brief(data, policy) for policy in data.others if policy not in _STRESS]
    for policy in data.trained:
        found += [_efficacy(data, policy), _harms(data, policy), _claim(data, policy), *_best_rule(data, policy)]
    found += [*_shield_share(data), *_rare(data), _seeds(data)]
    if not data.shielded:
        found = [replace(item, tone="open") if item.tone == "good" else item for item in found]
    return found


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A number for a sentence: true minus, thin gap for thousands, a dash where it is missing."""
    if not np.isfinite(value):
        return "–"
    rounded = round(value, digits) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:{'+' if sign and rounded else ''},.{digits}f}".replace(",", "\u2009").replace("-", "−")


def with_interval(found: Interval, outcome: Outcome, *, sign: bool = False, brief: bool = False) -> str:
    """``12.3 % (95 % interval 11.0 to 13.6)``; ``brief`` leaves out the words once they were said."""
    mean, low, high = (number(value, outcome.digits, sign=sign) for value in (found.mean, found.low, found.high))
    unit = "percentage points" if sign and outcome.unit.startswith("%") else outcome.unit
    return f"{mean} {unit} ({'' if brief else '95 % interval '}{low} to {high})"


def gate(data: ReportData, policy: str) -> tuple[bool, str]:
    """Whether ``policy`` passes the rule fixed beforehand, and in words what stands in its way."""
    table = data.differences[policy]
    costs = [outcome for outcome in data.outcomes if outcome.role == "cost"]
    worse = [cost.label for cost in costs if table[cost.key].verdict == "inferior"]
    unclear = [cost.label for cost in costs if table[cost.key].verdict == "inconclusive"]
    parts = [] if table[data.primary.key].verdict == "superior" else ["superiority was not shown"]
    parts += [f"worse: {_joined(worse)}"] if worse else []
    parts += [f"not ruled out with {data.n_patients} patients: {_joined(unclear)}"] if unclear else []
    return not parts, "; ".join(parts)


def _joined(labels: list[str]) -> str:
    return ", ".join(label[0].lower() + label[1:] for label in labels)


def _efficacy(data: ReportData, policy: str) -> Finding:
    outcome = data.primary
    styles = styles_of(data.policies)
    name, reference = styles[policy].label, styles[data.reference].label
    found = data.differences[policy][outcome.key]
    mine, theirs = data.estimates[policy][outcome.key], data.estimates[data.reference][outcome.key]
    tone, lead = {
        "superior": ("good", f"{name} did better than {reference} on the primary outcome."),
        "inferior": ("bad", f"{name} did worse than {reference} on the primary outcome."),
    }.get(found.verdict, ("open", f"No difference in the primary outcome was shown between {name} and {reference}."))
    text = (
        f"{outcome.label}: {name} {with_interval(mine, outcome)}, {reference} {with_interval(theirs, outcome, brief=True)}. "
        f"Same patients, same days: {with_interval(found, outcome, sign=True, brief=True)}{_extras(found)}."
    )
    return Finding(tone, lead, text)  # type: ignore[arg-type]


def _extras(found: Difference) -> str:
    parts = []
    if found.p_adjusted is not None and np.isfinite(found.p_adjusted):
        small = found.p_adjusted < 0.001
        parts.append("adjusted p < 0.001" if small else f"adjusted p = {found.p_adjusted:.3f}")
    if found.improved is not None and np.isfinite(found.improved):
        parts.append(f"a patient does better with probability {found.improved:.2f}, ties counting half")
    return "".join(f"; {part}" for part in parts)


def _harms(data: ReportData, policy: str) -> Finding:
    costs = [outcome for outcome in data.outcomes if outcome.role == "cost"]
    table = data.differences[policy]
    name = styles_of(data.policies)[policy].label
    worse = [cost for cost in costs if table[cost.key].verdict == "inferior"]
    unclear = [cost for cost in costs if table[cost.key].verdict == "inconclusive"]

    if worse:
        lead = f"{name} did more harm on {len(worse)} of {len(costs)} harms."
        return Finding("bad", lead, f"Worse: {_listed(worse, table)}.")
    if unclear:
        lead = f"On {len(unclear)} of {len(costs)} harms the data cannot rule out that {name} is worse."
        return Finding("open", lead, f"Undecided: {_listed(unclear, table)}.")
    lead = f"No harm rose beyond its margin under {name}."
    moved = [cost for cost in costs if table[cost.key].low != 0 or table[cost.key].high != 0]
    if not moved:
        return Finding("good", lead, "No harm differed from the reference at all.")
    return Finding("good", lead, f"Largest differences from the reference: {_listed(moved, table)}.")


def _listed(costs: list[Outcome], table: Mapping[str, Difference]) -> str:
    """The differences that are largest against their margin, in words."""
    ranked = sorted(costs, key=lambda cost: -abs(table[cost.key].mean) / (cost.margin or 1e-9))
    shown = [
        f"{cost.label[0].lower()}{cost.label[1:]} {with_interval(table[cost.key], cost, sign=True, brief=k > 0)}"
        for k, cost in enumerate(ranked[:_HARMS_IN_WORDS])
    ]
    rest = len(ranked) - len(shown)
    return "; ".join(shown) + (f"; and {rest} more in the table" if rest else "")


def _claim(data: ReportData, policy: str) -> Finding:
    passed, against = gate(data, policy)
    styles = styles_of(data.policies)
    rule = "Rule fixed beforehand: superior on the primary outcome and no harm worse than its margin."
    what = f"“{styles[policy].label} is better than {styles[data.reference].label}”"
    if not data.shielded:
        return Finding(
            "bad", f"{what} is not supported: the shield was off.", f"{rule} Unshielded runs support no claim."
        )
    if passed:
        return Finding("good", f"In these virtual patients, {what} is supported.", rule)
    return Finding("open", f"{what} is not supported.", f"{rule} In its way: {against}.")


def _in_brief(data: ReportData, policy: str) -> Finding:
    """A policy by rule in one finding: efficacy, and what stands in the way of calling it better."""
    first = _efficacy(data, policy)
    passed, against = gate(data, policy)
    tail = " No harm rose beyond its margin." if passed else f" Against the claim that it is better: {against}."
    return Finding("open" if not passed and first.tone == "good" else first.tone, first.lead, first.text + tail)


def _best_rule(data: ReportData, policy: str) -> list[Finding]:
    """Against the best policy by rule, which is the comparison a clinician would ask for next."""
    outcome = data.primary
    rules = [p for p in data.others if p not in (policy, *data.trained, *_STRESS)]
    if not rules:
        return []
    best = max(rules, key=lambda p: outcome.better * data.estimates[p][outcome.key].mean)
    gaps = np.asarray(data.values[policy][outcome.key]) - np.asarray(data.values[best][outcome.key])
    found = bootstrap(gaps, seed=data.seed)
    name, other = (styles_of(data.policies)[p].label for p in (policy, best))
    edges = sorted((outcome.better * found.low, outcome.better * found.high))
    text = (
        f"{outcome.label}, paired: {with_interval(found, outcome, sign=True)}. Exploratory, and chosen after the fact."
    )
    if edges[0] > 0:
        return [Finding("good", f"{name} also did better than the best rule, {other}.", text)]
    if edges[1] < 0:
        return [Finding("bad", f"The best rule, {other}, did better than {name}.", text)]
    return [Finding("open", f"No difference was shown from the best rule, {other}.", text)]


def _shield_share(data: ReportData) -> list[Finding]:
    """How much of the result the shield alone accounts for, from the policies without sense."""
    outcome = data.primary
    styles = styles_of(data.policies)
    stress = [policy for policy in _STRESS if policy in data.policies]
    found = []
    if stress and data.shielded:
        scores = "; ".join(
            f"{styles[p].label} {with_interval(data.estimates[p][outcome.key], outcome, brief=k > 0)}"
            for k, p in enumerate(stress)
        )
        lead = "How far the shield alone carries a policy without sense."
        found.append(Finding("open", lead, f"{outcome.label}: {scores}."))
    for policy in data.trained:
        if policy in data.shield:
            share = number(data.percent(data.shield[policy].intervened), 1)
            lead = f"The shield changed {share} % of the decisions of {styles[policy].label}."
            after = "what reached the pump broke none" if data.shielded else "they reached the pump"
            text = (
                f"Raw requests broke a limit {number(_broken(data, policy), 1)} times in 1000 patient-hours; {after}."
            )
            found.append(Finding("open", lead, text))
    return found


def _broken(data: ReportData, policy: str) -> float:
    """Broken limits in 1000 patient-hours, each limit counted by itself."""
    return sum(data.shield[policy].violations.values())


def _rare(data: ReportData) -> list[Finding]:
    """Events that were never seen: the bound, not a zero."""
    styles = styles_of(data.policies)
    found = []
    for policy in data.trained:
        zero = {name: events for name, events in data.events.get(policy, {}).items() if events.onsets == 0}
        if zero:
            bounds = "; ".join(
                f"{name.lower()}: at most {number(events.upper_per_100d, 2)} in 100 patient-days (rule of three)"
                for name, events in zero.items()
            )
            days = number(max(events.patient_days for events in zero.values()), 0)
            lead = f"Not seen under {styles[policy].label} in {days} patient-days, which does not mean never."
            found.append(Finding("open", lead, f"{bounds[:1].upper()}{bounds[1:]}."))
    return found


def _seeds(data: ReportData) -> Finding:
    if not data.trained:
        return Finding("open", "No trained policy was compared.", "All policies here follow fixed rules.")
    seeds = data.training_seeds
    if seeds >= SEEDS_FOR_A_CLAIM:
        return Finding("good", f"{seeds} training seeds.", "Enough for a statement about the algorithm on this task.")
    plural = "one training seed" if seeds == 1 else f"{seeds} training seeds" if seeds else "an unknown number of seeds"
    text = (
        f"The intervals above carry the spread over patients, for {plural}. They describe the policy that was trained, "
        f"not the algorithm; a claim about that needs {SEEDS_FOR_A_CLAIM}."
    )
    return Finding("open", "This is one trained policy, not a verdict on the method.", text)
