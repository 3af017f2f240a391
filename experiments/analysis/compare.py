"""Fair comparison of policies: same unseen patients, same days, paired differences with intervals, one verdict each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy
from thecal.agents.find import is_one_method
from thecal.core.errors import ConfigError
from thecal.envs.measures import event_counts, steps_alive
from thecal.envs.outcomes import OUTCOMES, Outcome, outcomes
from thecal.envs.tasks import TaskSpec, load_task
from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.analysis.results import Difference, Events, Interval, ShieldUse
from thecal.experiments.analysis.statistics import (
    bootstrap,
    cvar,
    event_rate_upper,
    holm,
    paired_difference,
    probability_of_improvement,
    sign_flip_p,
    verdict,
)
from thecal.experiments.rollouts.rollout import Trajectories, require_paired, rollout
from thecal.safety.invariants import Invariant

__all__ = ["Comparison", "compare", "estimate", "grouped", "summarize"]
Floats = NDArray[np.float64]
ALPHA = 0.05
PER_HOURS = 1000.0
DAYS = 100.0
# Outcomes that count events: where no patient differs, resampling knows no uncertainty, the rule of three does.
_EVENT_UNITS = {"resp_events": 1.0, "sed_events": 1.0, "died": 100.0}


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
    allow_unproved: bool = False,
    cohort_seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda _policy, _done, _total: None,
) -> Comparison:
    """Run every policy on the same patients and days, and compare each with ``reference``.

    Args:
        policies: ``reference`` and others. Trained policies of one name that differ in nothing but their training seed
            are taken as one method, and its intervals cover both patients and seeds.
        task: name, id, path or spec.
        n_patients: the first ``n_patients`` of the split.
        seed: of the days, and of the bootstrap.
        progress: called with (policy, steps done, steps in all).

    Raises:
        ConfigError: names repeat otherwise, or the reference is not among the policies.
    """
    groups = grouped(policies, reference)
    if n_patients < 1:
        raise ConfigError(f"a comparison needs at least one patient, not {n_patients}")
    spec = load_task(task)
    run = partial(
        rollout,
        task=spec,
        patients=np.arange(n_patients),
        seed=seed,
        split=split,
        difficulty=difficulty,
        shield_mode=shield_mode,
        profile=profile,
        allow_unproved=allow_unproved,
        cohort_seed=cohort_seed,
    )
    runs: dict[str, list[Trajectories]] = {name: [] for name in groups}
    for name, members in groups.items():
        for k, policy in enumerate(members):
            told = partial(_tell, progress, name, k, len(members))
            runs[name].append(run(policy, record="summary" if k else "full", progress=told))
    return summarize(runs, reference, seed)


def _tell(progress: Callable[[str, int, int], None], name: str, k: int, of: int, done: int, total: int) -> None:
    progress(name, k * total + done, of * total)


def grouped(policies: Sequence[Policy], reference: str) -> dict[str, list[Policy]]:
    """Policies by name, several of one name only as training seeds of one method.

    Raises:
        ConfigError: other policies share a name, or there is no ``reference``.
    """
    groups: dict[str, list[Policy]] = {}
    for policy in policies:
        groups.setdefault(policy.info.name, []).append(policy)
    for name, members in groups.items():
        if not is_one_method([policy.info for policy in members]):
            raise ConfigError(f"{len(members)} policies are named {name!r} and differ in more than their training seed")
    if reference not in groups:
        raise ConfigError(f"the reference {reference!r} is not among the policies {', '.join(groups)}")
    return groups


def summarize(runs: Mapping[str, Trajectories | Sequence[Trajectories]], reference: str, seed: int) -> Comparison:
    """The comparison of finished runs (a sequence for several training seeds).

    Raises:
        ConfigError: the runs are not of the same patients, days and conditions.
    """
    groups = {name: (entry,) if isinstance(entry, Trajectories) else tuple(entry) for name, entry in runs.items()}
    base = groups[reference][0]
    for members in groups.values():
        for run in members:
            require_paired(run, base)
    each = {name: [outcomes(run) for run in members] for name, members in groups.items()}
    values = {
        name: {entry.key: np.stack([row[entry.key] for row in rows]) for entry in OUTCOMES}
        for name, rows in each.items()
    }
    return Comparison(
        task=base.task,
        seed=seed,
        split=base.split,
        difficulty=base.difficulty,
        shield_mode=base.shield_mode,
        reference=reference,
        policies=tuple(groups),
        patients=base.patients,
        values={name: {key: rows.mean(axis=0) for key, rows in table.items()} for name, table in values.items()},
        estimates={
            name: {key: estimate(key, rows, seed) for key, rows in table.items()} for name, table in values.items()
        },
        tails={
            name: {
                entry.key: bootstrap(table[entry.key], partial(cvar, better=entry.better), seed=seed)
                for entry in OUTCOMES
                if entry.better
            }
            for name, table in values.items()
        },
        differences=_differences(values, reference, base.task.primary.outcome, seed),
        events={name: _events(members) for name, members in groups.items()},
        shield={name: _shield_use(members) for name, members in groups.items()},
        replicates=groups,
    )


def estimate(key: str, rows: Floats, seed: int) -> Interval:
    """Mean with its interval; where no event was seen, up to the rule of three."""
    if key in _EVENT_UNITS and not rows.any():
        return Interval(0.0, 0.0, _EVENT_UNITS[key] * event_rate_upper(0, rows.shape[-1]))
    return bootstrap(rows, seed=seed)


def _differences(
    values: Mapping[str, Mapping[str, Floats]], reference: str, primary: str, seed: int
) -> dict[str, dict[str, Difference]]:
    """Paired differences of every outcome.

    The primary outcome is the registered test: its p values (conditional on the trained policies) are adjusted over the
    policies by Holm, and superiority needs both the interval and p. All other outcomes are exploratory and carry no p.
    """
    others = [name for name in values if name != reference]
    base = values[reference]
    raw = [sign_flip_p((values[name][primary].mean(axis=0) - base[primary].mean(axis=0)), seed=seed) for name in others]
    found: dict[str, dict[str, Difference]] = {}
    for name, p in zip(others, holm(raw), strict=True):
        found[name] = {}
        for entry in OUTCOMES:
            own, other = values[name][entry.key], base[entry.key]
            gap = _difference(entry, own, other, seed)
            says = verdict(gap, entry.better, entry.margin)
            tested = entry.key == primary
            if tested and says == "superior" and not p <= ALPHA:
                says = "inconclusive"
            improved = probability_of_improvement(own, other, entry.better or 1)
            found[name][entry.key] = Difference(gap.mean, gap.low, gap.high, says, p if tested else None, improved)
    return found


def _difference(entry: Outcome, own: Floats, other: Floats, seed: int) -> Interval:
    unit = _EVENT_UNITS.get(entry.key)
    if unit is not None and np.array_equal(own, np.broadcast_to(other[:1], own.shape)) and len(other) == 1:
        bound = unit * event_rate_upper(0, own.shape[1])
        return Interval(0.0, -bound, bound)
    return paired_difference(own, other, seed=seed)


def _events(runs: Sequence[Trajectories]) -> dict[str, Events]:
    counted = [event_counts(run) for run in runs]
    found = {}
    for name in counted[0]:
        onsets, patients, days = (
            sum(entry[name][key] for entry in counted) for key in ("onsets", "patients", "patient_days")
        )
        found[name] = Events(onsets, int(patients), days, DAYS * event_rate_upper(onsets, days))
    return found


def _shield_use(runs: Sequence[Trajectories]) -> ShieldUse:
    scale = PER_HOURS / sum(float(steps_alive(run).sum()) * run.step_h for run in runs)

    def rates(field: str) -> dict[int, float]:
        return {int(k): scale * sum(float(((run[field] >> int(k)) & 1).sum()) for run in runs) for k in Invariant}

    return ShieldUse(scale * sum(float(run["intervened"].sum()) for run in runs), rates("binding"), rates("violations"))
