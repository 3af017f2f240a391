"""What there is to win on a task, as data: policies and hindsight on the same patients, and whether skill shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thecal.envs.scenario import Scenario
from thecal.experiments.analysis.results import Frozen, Interval, Number
from thecal.experiments.analysis.statistics import Statistic, mean, paired_difference, standard_error, trimmed_mean

PRIMARY = "well_treated"
BY = (PRIMARY, "return")  # what hindsight chooses by: among equal doses the one with the better return
HOLD, RANDOM, MOST, GUIDELINE = "fixed", "random", "max_request", "guideline"
OTHER_RULES = ("pid", "pid_guarded")
POLICIES = (RANDOM, HOLD, GUIDELINE, *OTHER_RULES, MOST)
MODELS = ("mpc", "bayes")
HINDSIGHT, FREE, ORACLE = "hindsight", "hindsight_unshielded", "oracle"
APART = 5.0  # points of the primary below which hold and reference, or two policies, count as equal in a patient
OPEN_ABOVE = "open_above"  # key of the rule of what is left above the best rule
OPEN = 0.2  # of the way from hold to the reference that must be left above the best rule
TRIM = 0.1
RESAMPLES = 1000  # for a standard error; intervals take more

Floats = NDArray[np.float64]
Outcomes = dict[str, Floats]  # by key, [patients]
Values = Mapping[str, Mapping[str, Floats]]  # of every policy, by outcome, [patients of all seeds]
Kind = Literal["rule", "sanity", "model-based", "hindsight"]


class Center(Frozen):
    """A center of a distribution and its standard error over patients; NaN where it cannot be given."""

    value: Number
    error: Number


class Summary(Frozen):
    """An outcome over patients, three ways: few patients rule a mean, and a median hides them."""

    mean: Center
    median: Center
    trimmed: Center


class Row(Frozen):
    """What one policy did.

    Attributes:
        label, kind: what it is.
        outcomes: by key.
        score: normalized for each patient: 0 as hold, 1 as the reference.
    """

    label: str
    kind: Kind
    outcomes: dict[str, Summary]
    score: Summary


class Rule(Frozen):
    """One rule of a task on which skill shows.

    Attributes:
        key: its name.
        text: what must be so.
        gap: paired difference in points of the primary that must lie above 0, with its interval.
        passed: whether the whole interval does.
    """

    key: str
    text: str
    gap: Interval
    passed: bool

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        found = f"{self.gap.mean:+.1f} [{self.gap.low:+.1f}, {self.gap.high:+.1f}] points"
        return f"{'met' if self.passed else 'not met'}: {self.text} ({found})"


class Judgment(Frozen):
    """What the values of all policies say of a task.

    Attributes:
        policies: by name, in the order of the table.
        best_rule: the one with the highest mean of the primary; a policy that plans with a model is none.
        reference: the better of the planning oracle and the best dose in hindsight by that mean: what counts as reachable.
        open_share: of the way from hold to the reference, by means, that lies above the best rule.
        undefined: patients whose hold and reference are within ``APART``, who have no normalized score.
        discriminate: share (%) of patients in whom hold and rules differ by more than ``APART``.
        discriminate_reference: the same with the reference among them.
        rules: of a task on which skill shows.
    """

    policies: dict[str, Row]
    best_rule: str
    reference: str
    open_share: Number
    undefined: int
    discriminate: Center
    discriminate_reference: Center
    rules: tuple[Rule, ...]

    @property
    def passed(self) -> bool:
        """Whether every rule is met."""
        return all(rule.passed for rule in self.rules)


class Headroom(Frozen):
    """The whole record of a task's headroom.

    Attributes:
        date: of the run, ISO 8601.
        kernel, wiring: hashes of the shield that ran.
        scenario: what the patients met; cohort and days have the seed of each part.
        scenario_hashes: of each seed's scenario.
        profile: name of the limits; proved and wide as in :class:`thecal.envs.scenario.Resolved`.
        patients: for each seed.
        seeds: of the cohorts and their days.
        multiples: of the starting dose, those that hindsight chose from.
        apart, open_least, trim: the numbers that the judgment used.
        left_out: what was not run, and why.
        judgment: what was found.
    """

    date: str
    kernel: str
    wiring: str
    scenario: Scenario
    scenario_hashes: dict[str, str]
    profile: str
    proved: bool
    wide: bool
    patients: int
    seeds: tuple[int, ...]
    multiples: tuple[float, ...]
    apart: float = APART
    open_least: float = OPEN
    trim: float = TRIM
    left_out: dict[str, str] = {}
    judgment: Judgment


def best_of(runs: Sequence[Outcomes], by: Sequence[str] = ("return",)) -> Outcomes:
    """For each patient the run that is best by the first outcome, among equals by the next, and so on; then the first run."""
    columns = [np.array([run[key] for run in reversed(runs)]) for key in reversed(by)]
    chosen = len(runs) - 1 - np.lexsort(columns, axis=0)[-1]
    return {key: np.array([runs[k][key][i] for i, k in enumerate(chosen)]) for key in runs[0]}


def judge(values: Values, labels: Mapping[str, tuple[str, Kind]]) -> Judgment:
    """Judge a task by the outcomes of all policies on the same patients."""
    well = {name: np.asarray(found[PRIMARY], np.float64) for name, found in values.items()}
    reference = best_on_average(well, [name for name in (ORACLE, HINDSIGHT) if name in well])
    scores = normalized(well, top=reference)
    rows = {}
    for name, found in values.items():
        label, kind = labels[name]
        outcomes = {key: summary(column) for key, column in found.items()}
        rows[name] = Row(label=label, kind=kind, outcomes=outcomes, score=summary(scores[name]))
    best = best_on_average(well, (GUIDELINE, *OTHER_RULES))
    way = float(well[reference].mean() - well[HOLD].mean())
    left = float(well[reference].mean() - well[best].mean())
    skilled = (HOLD, GUIDELINE, *OTHER_RULES)
    return Judgment(
        policies=rows,
        best_rule=best,
        reference=reference,
        open_share=left / way if way > 0.0 else float("nan"),
        undefined=int(np.isnan(scores[HOLD]).sum()),
        discriminate=_share_apart(well, skilled),
        discriminate_reference=_share_apart(well, (*skilled, reference)),
        rules=rules_of(well, best, reference),
    )


def normalized(well: Mapping[str, Floats], *, hold: str = HOLD, top: str = HINDSIGHT) -> dict[str, Floats]:
    """Each patient's primary under every policy, 0 as ``hold`` and 1 as ``top``; NaN where those two are within ``APART``.

    Policies are ``[patients]``, or ``[training seeds, patients]`` beside a ``hold`` and a ``top`` of one row.
    """
    way = well[top] - well[hold]
    known = np.abs(way) >= APART
    gaps = {name: values - well[hold] for name, values in well.items()}
    return {name: np.divide(gap, way, out=np.full(gap.shape, np.nan), where=known) for name, gap in gaps.items()}


def best_on_average(well: Mapping[str, Floats], names: Sequence[str]) -> str:
    """The policy with the highest mean; the first among equals."""
    return max(names, key=lambda name: float(well[name].mean()))


def rules_of(well: Mapping[str, Floats], best: str, reference: str) -> tuple[Rule, ...]:
    """The rules of a task on which skill shows; intervals by paired bootstrap over patients."""
    above = best_on_average(well, OTHER_RULES)
    # Open above the best rule, less the share of the way that must be: linear in the policies, so the same bootstrap serves.
    least = (1.0 - OPEN) * well[reference] + OPEN * well[HOLD]
    share = f"{100 * OPEN:.0f} %"
    return (
        _rule("random_below", "random requests are clearly below guideline titration", well[GUIDELINE], well[RANDOM]),
        _rule("most_below", "maximal requests are clearly below guideline titration", well[GUIDELINE], well[MOST]),
        _rule("guideline_below", f"guideline titration is below the best other rule, {above}", well[above], well[GUIDELINE]),
        _rule(OPEN_ABOVE, f"more than {share} of the way from hold to {reference} is open above {best}", least, well[best]),
    )  # fmt: skip


def _rule(key: str, text: str, higher: Floats, lower: Floats) -> Rule:
    gap = paired_difference(higher, lower)
    return Rule(key=key, text=text, gap=gap, passed=bool(gap.low > 0.0))


def _share_apart(well: Mapping[str, Floats], names: Sequence[str]) -> Center:
    """Share (%) of patients whose best and worst of ``names`` differ by more than ``APART``."""
    columns = np.array([well[name] for name in names])
    return _center(100.0 * (np.ptp(columns, axis=0) > APART), mean)


def summary(values: Floats) -> Summary:
    """Mean, median and trimmed mean of one outcome; NaN marks a patient without a value."""
    return Summary(
        mean=_center(values, mean),
        median=_center(values, partial(trimmed_mean, share=0.5)),
        trimmed=_center(values, partial(trimmed_mean, share=TRIM)),
    )


def _center(values: Floats, statistic: Statistic) -> Center:
    column = np.asarray(values, np.float64)
    error = standard_error(column, statistic, resamples=RESAMPLES)
    return Center(value=float(statistic(column, np.ones((1, column.size)))[0]), error=error)
