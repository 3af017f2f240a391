"""Fair comparison of policies: same unseen patients, same days, paired differences with intervals, one verdict each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from thecal.agents.base import Policy
from thecal.envs.tasks import TaskSpec, load_task
from thecal.experiments.outcomes import OUTCOMES, event_counts, outcome, outcomes
from thecal.experiments.report_data import Difference, Events, Interval, Outcome, ShieldUse, Verdict
from thecal.experiments.rollout import Trajectories, rollout
from thecal.experiments.statistics import (
    bootstrap,
    cvar,
    event_rate_upper,
    holm,
    probability_of_improvement,
    sign_flip_p,
)
from thecal.physiology.errors import ConfigError
from thecal.safety.invariants import Invariant, ShieldMode

Floats = NDArray[np.float64]
ALPHA = 0.05
PER_HOURS = 1000.0
DAYS = 100.0


@dataclass(frozen=True)
class Comparison:
    """Everything a comparison found; ``values[policy][outcome]`` is ``[patients]``."""

    task: TaskSpec
    seed: int
    split: str
    difficulty: str
    shield_mode: str
    reference: str
    policies: tuple[str, ...]
    patients: NDArray[np.int64]
    values: dict[str, dict[str, Floats]]
    estimates: dict[str, dict[str, Interval]]
    tails: dict[str, dict[str, Interval]]
    differences: dict[str, dict[str, Difference]]
    events: dict[str, dict[str, Events]]
    shield: dict[str, ShieldUse]
    runs: dict[str, Trajectories]

    @property
    def unshielded(self) -> bool:
        """Whether the shield's limits did not bind."""
        return not ShieldMode.of(self.shield_mode).shielded

    def is_better(self, policy: str) -> bool:
        """Superior on the primary outcome and not shown worse than the margin on any cost."""
        gaps = self.differences[policy]
        costs = [entry.key for entry in OUTCOMES if entry.role == "cost"]
        return gaps[self.task.primary.outcome].verdict == "superior" and all(
            gaps[key].verdict in ("non-inferior", "superior") for key in costs
        )

    def table(self) -> Table:
        """The comparison as a terminal table: mean [95 % interval] for each policy."""
        mark = "  UNSHIELDED" if self.unshielded else ""
        shown = Table(
            title=f"{self.task.id}, {len(self.patients)} {self.split} patients, shield {self.shield_mode}{mark}",
            caption="mean [95 % bootstrap interval over patients]; simulation only",
        )
        shown.add_column("outcome")
        shown.add_column("unit", style="dim")
        for policy in self.policies:
            shown.add_column(policy + (" (ref)" if policy == self.reference else ""), justify="right")
        for entry in OUTCOMES:
            cells = [_cell(self.estimates[policy][entry.key], entry.digits) for policy in self.policies]
            shown.add_row(entry.label, entry.unit, *cells, style="bold" if entry.role == "primary" else "")
        shown.add_section()
        primary = outcome(self.task.primary.outcome)
        gaps = [
            "-" if policy == self.reference else _cell(self.differences[policy][primary.key], primary.digits)
            for policy in self.policies
        ]
        shown.add_row(f"difference, {primary.label}", primary.unit, *gaps, style="bold")
        verdicts = [
            "-" if policy == self.reference else ("better" if self.is_better(policy) else "not shown better")
            for policy in self.policies
        ]
        shown.add_row("verdict (efficacy and every cost)", "", *verdicts)
        return shown

    def to_dict(self) -> dict[str, Any]:
        """Plain data of the comparison without trajectories."""

        def interval(value: Interval) -> dict[str, Any]:
            return dict(vars(value))

        return {
            "task": self.task.id,
            "seed": self.seed,
            "split": self.split,
            "difficulty": self.difficulty,
            "shield_mode": self.shield_mode,
            "unshielded": self.unshielded,
            "reference": self.reference,
            "patients": self.patients.tolist(),
            "estimates": {p: {k: interval(v) for k, v in rows.items()} for p, rows in self.estimates.items()},
            "tails": {p: {k: interval(v) for k, v in rows.items()} for p, rows in self.tails.items()},
            "differences": {p: {k: interval(v) for k, v in rows.items()} for p, rows in self.differences.items()},
            "better": {p: self.is_better(p) for p in self.policies if p != self.reference},
        }


def _cell(value: Interval, digits: int) -> str:
    if not np.isfinite(value.mean):
        return "-"
    return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def compare(
    policies: Sequence[Policy],
    task: str | TaskSpec,
    n_patients: int = 100,
    seed: int = 0,
    *,
    reference: str = "fixed",
    split: str = "test",
    difficulty: str = "real",
    shield_mode: str = "project",
    profile: str | None = None,
    cohort_seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda _policy, _done, _total: None,
) -> Comparison:
    """Run every policy on the same patients and days, and compare each with ``reference``.

    Args:
        policies: policies with distinct names, ``reference`` among them.
        task: name, id, path or spec.
        n_patients: the first ``n_patients`` of the split.
        seed: of the days, and of the bootstrap.
        progress: called with (policy, steps done, steps in all).

    Raises:
        ConfigError: names repeat, or the reference is not among the policies.
    """
    names = [policy.name for policy in policies]
    if len(set(names)) != len(names):
        raise ConfigError(f"policies need distinct names, got {', '.join(names)}")
    if reference not in names:
        raise ConfigError(f"the reference {reference!r} is not among the policies {', '.join(names)}")
    spec = load_task(task)
    patients = np.arange(n_patients)
    runs = {
        policy.name: rollout(
            policy,
            spec,
            patients,
            seed,
            split=split,
            difficulty=difficulty,
            shield_mode=shield_mode,
            profile=profile,
            cohort_seed=cohort_seed,
            progress=lambda done, total, name=policy.name: progress(name, done, total),
        )
        for policy in policies
    }
    return summarize(runs, reference, seed)


def summarize(runs: dict[str, Trajectories], reference: str, seed: int) -> Comparison:
    """The comparison of finished runs; all must be of the same patients and days."""
    base = runs[reference]
    for run in runs.values():
        if run.seed != base.seed or not np.array_equal(run.patients, base.patients):
            raise ConfigError(f"{run.policy!r} ran on other patients or days than {reference!r}")
    values = {name: outcomes(run) for name, run in runs.items()}
    estimates = {
        name: {key: bootstrap(column, seed=seed) for key, column in rows.items()} for name, rows in values.items()
    }
    tails = {
        name: {
            entry.key: bootstrap(rows[entry.key], lambda x, better=entry.better: cvar(x, better), seed=seed)
            for entry in OUTCOMES
            if entry.better
        }
        for name, rows in values.items()
    }
    return Comparison(
        task=base.task,
        seed=seed,
        split=base.split,
        difficulty=base.difficulty,
        shield_mode=base.shield_mode,
        reference=reference,
        policies=tuple(runs),
        patients=base.patients,
        values=values,
        estimates=estimates,
        tails=tails,
        differences={
            name: _differences(values[name], values[reference], seed) for name in runs if name != reference
        },
        events={name: _events(run) for name, run in runs.items()},
        shield={name: _shield_use(run) for name, run in runs.items()},
        runs=runs,
    )


def _differences(values: dict[str, Floats], reference: dict[str, Floats], seed: int) -> dict[str, Difference]:
    """Paired differences of every outcome; p values of efficacy are adjusted together by Holm."""
    tested = [entry.key for entry in OUTCOMES if entry.role in ("primary", "efficacy")]
    adjusted = dict(zip(tested, holm([sign_flip_p(values[k] - reference[k], seed=seed) for k in tested]), strict=True))
    found = {}
    for entry in OUTCOMES:
        gap = bootstrap(values[entry.key] - reference[entry.key], seed=seed)
        found[entry.key] = Difference(
            gap.mean,
            gap.low,
            gap.high,
            verdict=_verdict(entry, gap),
            p_adjusted=adjusted.get(entry.key),
            improved=probability_of_improvement(values[entry.key], reference[entry.key], entry.better or 1),
        )
    return found


def _verdict(entry: Outcome, gap: Interval) -> Verdict:
    """Superior or inferior when the interval excludes zero; a cost is non-inferior when it excludes the margin."""
    if not np.isfinite(gap.low) or entry.better == 0:
        return "inconclusive"
    best, worst = (gap.low, gap.high) if entry.better > 0 else (-gap.high, -gap.low)
    if best > 0:
        return "superior"
    if entry.margin is not None and best >= -entry.margin:
        return "non-inferior"
    return "inferior" if worst < 0 else "inconclusive"


def _events(run: Trajectories) -> dict[str, Events]:
    return {
        name: Events(
            entry["onsets"],
            entry["patients"],
            entry["patient_days"],
            DAYS * event_rate_upper(entry["onsets"], entry["patient_days"]),
        )
        for name, entry in event_counts(run).items()
    }


def _shield_use(run: Trajectories) -> ShieldUse:
    hours = run["intervened"].size * run.step_h
    scale = PER_HOURS / hours

    def rates(field: str) -> dict[int, float]:
        return {int(k): scale * float(((run[field] >> int(k)) & 1).sum()) for k in Invariant}

    return ShieldUse(scale * float(run["intervened"].sum()), rates("binding"), rates("violations"))
