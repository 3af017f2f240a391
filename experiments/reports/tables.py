"""The outcome tables of a report: one group a theme, one row a policy, one cell an outcome."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.results import SHARE_OF_PATIENTS, Difference, Interval
from thecal.experiments.analysis.shown import at_most, never_seen, shown, shown_difference
from thecal.experiments.reports.data import ReportData
from thecal.experiments.reports.words import typeset

_GROUPS = (
    ("Efficacy", ("primary", "efficacy"), False), ("Harms", ("cost",), False), ("Harms seen in nobody", ("cost",), True),
    ("How it was done", ("use",), False),
)  # fmt: skip
# A harm within its margin is no mark against a policy, so the verdict decides and not the interval alone.
_SIDES = {"superior": "better", "inferior": "worse"}


@dataclass(frozen=True)
class Cell:
    """One cell of a table: a number, its interval, and for a difference what its verdict says."""

    value: str
    interval: str
    side: str = ""


def outcome_groups(data: ReportData) -> list[dict[str, Any]]:
    """The tables by theme: means, paired differences, and the worst tenth where that says something.

    Harms that nobody had are a group of their own, ``quiet``, with their bounds in one sentence each.
    """
    tails = {name: data.of(name).tails for name in data.policies if data.of(name).tails}
    n = data.n_patients
    worst = max(1, ceil(0.1 * n - 1e-9))
    found = []
    for title, roles, quiet in _GROUPS:
        shown = [outcome for outcome in data.outcomes if outcome.role in roles and unseen(data, outcome) == quiet]
        # The worst tenth of a yes-or-no outcome is all yes or all no.
        graded = [outcome for outcome in shown if outcome.better and outcome.unit != SHARE_OF_PATIENTS]
        if "use" in roles or not tails or not all(entry.key in table for table in tails.values() for entry in graded):
            graded = []
        if shown:
            found.append(
                {
                    "title": title,
                    "quiet": quiet,
                    "bounds": [_bound(data, outcome) for outcome in shown] if quiet else [],
                    "outcomes": shown,
                    "graded": graded,
                    "means": {p: [_cell(data.of(p).estimates[o.key], o, n) for o in shown] for p in data.policies},
                    "differences": {p: [_difference(data.gaps(p)[o.key], o) for o in shown] for p in data.others},
                    "tails": {p: [_cell(table[o.key], o, worst) for o in graded] for p, table in tails.items()},
                }
            )
    return found


def unseen(data: ReportData, outcome: Outcome) -> bool:
    """Whether a harm occurred in no patient under any policy."""
    return all(never_seen(data.of(policy).estimates[outcome.key], outcome) for policy in data.policies)


def _bound(data: ReportData, outcome: Outcome) -> str:
    """``over-sedations (at most 0.05 events/patient)``: what the number of patients leaves open."""
    found = max((data.of(policy).estimates[outcome.key] for policy in data.policies), key=lambda one: one.high)
    label = f"{outcome.label[0].lower()}{outcome.label[1:]}"
    bound = at_most(found, outcome)
    return f"{label} (at most {bound} {outcome.unit})" if bound else label


def _cell(found: Interval, outcome: Outcome, patients: int) -> Cell:
    seen = shown(found, outcome, patients)
    return Cell(typeset(seen.value), typeset(seen.spread))


def _difference(found: Difference, outcome: Outcome) -> Cell:
    seen = shown_difference(found, outcome)
    return Cell(typeset(seen.value), typeset(seen.spread), _SIDES.get(found.verdict, ""))
