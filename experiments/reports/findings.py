"""The findings of a comparison in words, computed from the numbers and never stronger than they allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.decision import limit_words
from thecal.experiments.analysis.results import Difference, Events
from thecal.experiments.analysis.statistics import bootstrap
from thecal.experiments.reports.data import EVENT_LABELS, ReportData
from thecal.experiments.reports.words import number, share_of_all, with_interval

Tone = Literal["good", "bad", "open"]
SEEDS_FOR_A_CLAIM = 10
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
    if not data.learned:
        found += [_in_brief(data, policy) for policy in data.others if policy not in data.sanity]
    for policy in [name for name in data.learned if name in data.others]:
        found += [efficacy(data, policy), harms(data, policy), _claim(data, policy), *_best_rule(data, policy)]
    found += [*_transfers(data), *_shield_share(data), *_rare(data), _seeds(data)]
    if not data.shielded:
        found = [replace(item, tone="open") if item.tone == "good" else item for item in found]
    return found


def in_the_way(data: ReportData, policy: str) -> str:
    """What stands in the way of calling ``policy`` better, in words; empty where nothing does."""
    decision = data.decision(policy)
    labels = {harm.key: harm.label for harm in data.result.harms}
    worse, unclear = (
        [labels[key] for key in keys] for keys in (decision.harms_worse, decision.harms_undecided)
    )  # fmt: skip
    parts = ["the shield was off"] if decision.unshielded else []
    parts += [] if decision.superior else ["superiority was not shown"]
    parts += [f"worse: {_joined(worse)}"] if worse else []
    parts += [f"not ruled out with {data.n_patients} patients: {_joined(unclear)}"] if unclear else []
    parts += [limit_words(data.result, policy)] if decision.limits_not_shown else []
    return "; ".join(parts)


def _joined(labels: list[str]) -> str:
    return ", ".join(label[0].lower() + label[1:] for label in labels)


def efficacy(data: ReportData, policy: str) -> Finding:
    """A policy against the reference on the registered outcome."""
    outcome, n = data.primary, data.n_patients
    name, reference = data.of(policy).info.label, data.of(data.reference).info.label
    found = data.gaps(policy)[outcome.key]
    mine, theirs = data.of(policy).estimates[outcome.key], data.of(data.reference).estimates[outcome.key]
    tone, lead = {
        "superior": ("good", f"{name} did better than {reference} on the primary outcome."),
        "inferior": ("bad", f"{name} did worse than {reference} on the primary outcome."),
    }.get(found.verdict, ("open", f"No difference in the primary outcome was shown between {name} and {reference}."))
    text = (
        f"{outcome.label}: {name} {with_interval(mine, outcome, n)}, "
        f"{reference} {with_interval(theirs, outcome, n, brief=True)}. "
        f"Same patients, same days: {with_interval(found, outcome, n, sign=True, brief=True)}{_extras(found)}."
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


def harms(data: ReportData, policy: str) -> Finding:
    """A policy's harms against those of the reference."""
    costs, table, decision = data.result.harms, data.gaps(policy), data.decision(policy)
    name = data.of(policy).info.label
    worse = [cost for cost in costs if cost.key in decision.harms_worse]
    unclear = [cost for cost in costs if cost.key in decision.harms_undecided]
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
        f"{cost.label[0].lower()}{cost.label[1:]} {with_interval(table[cost.key], cost, 0, sign=True, brief=k > 0)}"
        for k, cost in enumerate(ranked[:_HARMS_IN_WORDS])
    ]
    rest = len(ranked) - len(shown)
    return "; ".join(shown) + (f"; and {rest} more in the table" if rest else "")


def _claim(data: ReportData, policy: str) -> Finding:
    decision = data.decision(policy)
    kept = ", and the task's limits kept" if data.result.limits else ""
    rule = f"Rule fixed beforehand: superior on the primary outcome and no harm worse than its margin{kept}."
    what = f"“{data.of(policy).info.label} is better than {data.of(data.reference).info.label}”"
    if decision.unshielded:
        return Finding(
            "bad", f"{what} is not supported: the shield was off.", f"{rule} Unshielded runs support no claim."
        )
    if decision.better:
        return Finding("good", f"In these virtual patients, {what} is supported.", rule)
    return Finding("open", f"{what} is not supported.", f"{rule} In its way: {in_the_way(data, policy)}.")


def _in_brief(data: ReportData, policy: str) -> Finding:
    """A policy by rule in one finding: efficacy, and what stands in the way of calling it better."""
    first = efficacy(data, policy)
    if data.decision(policy).better:
        return Finding(first.tone, first.lead, f"{first.text} No harm rose beyond its margin.")
    tone: Tone = "open" if first.tone == "good" else first.tone
    return Finding(tone, first.lead, f"{first.text} Against the claim that it is better: {in_the_way(data, policy)}.")


def _best_rule(data: ReportData, policy: str) -> list[Finding]:
    """Against the best policy by rule, which is the comparison a clinician would ask for next."""
    outcome = data.primary
    rules = data.best_rules(policy, data.reference)
    if not rules:
        return []
    best = rules[0]
    found = bootstrap(data.of(policy).values[outcome.key] - data.of(best).values[outcome.key], seed=data.result.seed)
    name, other = (data.of(p).info.label for p in (policy, best))
    edges = sorted((outcome.better * found.low, outcome.better * found.high))
    paired = with_interval(found, outcome, data.n_patients, sign=True)
    text = f"{outcome.label}, paired: {paired}. Exploratory, and chosen after the fact."
    if edges[0] > 0:
        return [Finding("good", f"{name} also did better than the best rule, {other}.", text)]
    if edges[1] < 0:
        return [Finding("bad", f"The best rule, {other}, did better than {name}.", text)]
    return [Finding("open", f"No difference was shown from the best rule, {other}.", text)]


def _shield_share(data: ReportData) -> list[Finding]:
    """How much of the result the shield alone accounts for, from the sanity baselines."""
    outcome = data.primary
    found = []
    if data.sanity and data.shielded:
        scores = "; ".join(
            f"{data.of(p).info.label} {with_interval(data.of(p).estimates[outcome.key], outcome, data.n_patients, brief=k > 0)}"
            for k, p in enumerate(data.sanity)
        )
        lead = "How far the shield alone carries sanity baselines."
        found.append(Finding("open", lead, f"{outcome.label}: {scores}."))
    return found + [item for policy in data.learned if (item := changed(data, policy)) is not None]


def changed(data: ReportData, policy: str) -> Finding | None:
    """What the shield changed of a trained policy's requests, in the numbers of the outcome tables."""
    label = data.of(policy).info.label
    share, broken = (data.said(policy, key) for key in ("interventions", "would_be_violations"))
    use = data.of(policy).shield
    if use is None:
        return None
    percent = data.percent(use.intervened)
    how_many = f"{share} %" if share and percent > 0 else share_of_all(percent)
    does = "changed" if data.shielded else "would have changed"
    after = "what reached the pump broke none" if data.shielded else "they reached the pump"
    text = f"Raw requests broke a limit in {broken} decisions per 1000 patient-hours; {after}." if broken else ""
    what = f"{how_many} of the decisions" if percent > 0 else "no decision"
    return Finding("open", f"The shield {does} {what} of {label}.", text)


def _transfers(data: ReportData) -> list[Finding]:
    """Policies that were trained under other conditions than they were judged under."""
    text = "These numbers say how it carries over to other conditions, not what it does where it was trained."
    return [
        Finding("open", f"{data.of(policy).info.label}: {', '.join(parts)}.", text)
        for policy, parts in data.result.transfers.items()
    ]


def _rare(data: ReportData) -> list[Finding]:
    """Events that were never seen: the bound, not a zero."""
    found = []
    for policy in data.learned:
        table = data.of(policy).events
        zero = {EVENT_LABELS.get(name, name): events for name, events in table.items() if events.onsets == 0}
        if zero:
            bounds = "; ".join(f"{name.lower()}: {_bound(events)}" for name, events in zero.items())
            days = number(max(events.patient_days for events in zero.values()), 0)
            lead = f"Not seen under {data.of(policy).info.label} in {days} patient-days, which does not mean never."
            found.append(Finding("open", lead, f"{bounds[:1].upper()}{bounds[1:]}."))
    return found


def _bound(events: Events) -> str:
    """The bound of what was never seen, in the number of the table of events."""
    if events.upper_share is not None:
        return f"at most {number(events.upper_share, 2)} % of patients (Clopper and Pearson)"
    return f"at most {number(events.upper_per_100d, 2)} in 100 patient-days (rule of three)"


def _seeds(data: ReportData) -> Finding:
    if not data.learned:
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
