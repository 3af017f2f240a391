"""The first screen of a report: which policy is better, by how much, at what harm, for whom and why, in plain words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.subgroups import Effect
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.findings import Tone, efficacy, harms, in_the_way
from thecal.experiments.reports.words import share_of_all, with_interval

_LIMITS_IN_WORDS = 2


@dataclass(frozen=True)
class Brief:
    """The answer in short.

    Attributes:
        policy: the one it is about; empty where there is nothing to compare.
        tone: whether the claim is supported.
        verdict: one sentence.
        answers: question and answer, in the order of the screen.
    """

    policy: str
    tone: Tone
    verdict: str
    answers: tuple[tuple[str, str], ...]


def brief(data: ReportData) -> Brief:
    """What a reader with one minute should know, never stronger than the decision rule allows."""
    policy = data.lead
    if policy == data.reference:
        return Brief("", "open", "There is nothing to compare: only the reference was run.", ())
    answers = (
        ("By how much", efficacy(data, policy).text),
        ("At what harm", _harm(data, policy)),
        ("For whom", _whom(data, policy)),
        ("Why", _why(data, policy)),
    )
    tone, verdict = _verdict(data, policy)
    return Brief(policy, tone, verdict, tuple((head, text) for head, text in answers if text))


def _verdict(data: ReportData, policy: str) -> tuple[Tone, str]:
    name, reference = data.of(policy).info.label, data.of(data.reference).info.label
    others = [data.of(one).info.label for one in data.ranked if one != policy and data.decision(one).better]
    also = f" So {'is' if len(others) == 1 else 'are'} {', '.join(others)}." if others else ""
    if data.decision(policy).better:
        return "good", f"{name} is better than {reference} in these virtual patients.{also}"
    first = "No policy was shown to be better" if not others else f"{name} was not shown to be better"
    found = data.gaps(policy)[data.primary.key].verdict
    how = {"superior": "was more effective", "inferior": "was less effective"}.get(found, "did not differ clearly")
    return "open", f"{first} than {reference}. {name} {how}; in its way: {in_the_way(data, policy)}.{also}"


def _harm(data: ReportData, policy: str) -> str:
    found = harms(data, policy)
    return f"{found.lead} {found.text}".strip()


def _whom(data: ReportData, policy: str) -> str:
    """In how many subgroups the effect is apart from nothing, where it was largest and where smallest."""
    outcome, known = data.primary, shown_effects(data, policy)
    if not known:
        return ""
    sign = outcome.better or 1
    ranked = sorted(known, key=lambda one: sign * one.difference.mean)
    for_it = sum(sign * (one.difference.low if sign > 0 else one.difference.high) > 0 for one in known)
    against = sum(sign * (one.difference.high if sign > 0 else one.difference.low) < 0 for one in known)
    head = f"Better in {for_it} and worse in {against} of {len(known)} subgroups (95 % intervals apart from zero)."
    ends = [_group(one, outcome) for one in (ranked[-1], ranked[0])]
    return f"{head} Most in {ends[0]}, least in {ends[1]}. Subgroups are exploratory."


def shown_effects(data: ReportData, policy: str) -> list[Effect]:
    """The subgroups in which an effect can be given."""
    return [one for one in data.groups.get(policy, ()) if np.isfinite(one.difference.mean)]


def _group(found: Effect, outcome: Outcome) -> str:
    effect = with_interval(found.difference, outcome, found.patients, sign=True, brief=True)
    return f"“{found.group}: {found.level}” ({found.patients} patients, {effect.replace(' (', ', ').rstrip(')')})"


def _why(data: ReportData, policy: str) -> str:
    """What the policy did otherwise than the reference: dose, and what the shield changed of it."""
    reference = data.of(data.reference).info.label
    name = data.of(policy).info.label
    parts = []
    for key, verb in (("dose_mg_per_day", "gave"), ("dose_ug_per_day", "gave")):
        own, other = data.said(policy, key), data.said(data.reference, key)
        if own and other:
            unit = next(entry.unit for entry in data.outcomes if entry.key == key)
            parts.append(f"{name} {verb} {own} {unit}, {reference} {other}")
            break
    return "; ".join([*parts, *_changed(data, policy)]) + "." if parts or _changed(data, policy) else ""


def _changed(data: ReportData, policy: str) -> list[str]:
    use = data.of(policy).shield
    if use is None:
        return []
    share = data.said(policy, "interventions")
    percent = data.percent(use.intervened)
    how_much = f"{share} %" if share and percent > 0.0 else share_of_all(percent)
    does = "changed" if data.shielded else "would have changed"
    ranked = sorted((k for k, rate in use.binding.items() if rate > 0.0), key=lambda k: -use.binding[k])
    named = ", ".join(data.invariants.get(k, (f"limit {k}", ""))[0] for k in ranked[:_LIMITS_IN_WORDS])
    if percent == 0.0:
        return [f"the shield {does} none of its decisions"]
    return [f"the shield {does} {how_much} of its decisions" + (f", most by {named}" if named else "")]
