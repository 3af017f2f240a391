"""Summary of finished runs: same unseen patients, same days, paired differences with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy
from thecal.agents.find import is_one_method
from thecal.agents.info import PolicyInfo
from thecal.core.errors import ConfigError, UnknownNameError, did_you_mean
from thecal.envs.measures import event_counts, steps_alive
from thecal.envs.outcomes import Outcome, outcome, outcomes
from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.analysis.decision import verdict
from thecal.experiments.analysis.exact import event_rate_upper, share_upper
from thecal.experiments.analysis.results import (
    SHARE_OF_PATIENTS,
    ComparisonResult,
    Difference,
    Events,
    Interval,
    PolicyResult,
    ShieldUse,
    task_outcomes,
)
from thecal.experiments.analysis.statistics import (
    bootstrap,
    cvar,
    holm,
    paired_difference,
    probability_of_improvement,
    sign_flip_p,
)
from thecal.experiments.rollouts.trajectories import Trajectories, require_paired
from thecal.safety.invariants import Invariant

Floats = NDArray[np.float64]
ALPHA = 0.05
PER_HOURS = 1000.0
DAYS = 100.0
ONCE = ("death",)  # kinds of harm that a patient can come to once


def grouped(policies: Sequence[Policy], reference: str) -> dict[str, list[Policy]]:
    """Policies by name, several of one name only as training seeds of one method.

    Raises:
        ConfigError: other policies share a name, or there is no ``reference``.
    """
    groups: dict[str, list[Policy]] = {}
    for policy in policies:
        groups.setdefault(policy.info.name, []).append(policy)
    for name, members in groups.items():
        infos = [policy.info for policy in members]
        if not is_one_method(infos):
            if all(info == infos[0] for info in infos):
                raise ConfigError(f"the policy {name!r} is given {len(members)} times: give each once")
            raise ConfigError(f"{len(members)} policies are named {name!r} and differ in more than their training seed")
    if reference not in groups:
        near = did_you_mean(reference, groups)
        raise ConfigError(f"the reference {reference!r} is not among the policies {', '.join(groups)}{near}")
    return groups


def summarize(runs: Mapping[str, Trajectories | Sequence[Trajectories]], reference: str, seed: int) -> Comparison:
    """The comparison of finished runs (a sequence for several training seeds).

    Raises:
        UnknownNameError: the reference is not among the runs.
        ConfigError: the runs are not of the same patients, days and conditions.
    """
    if reference not in runs:
        raise UnknownNameError("reference", reference, runs)
    groups = {name: (entry,) if isinstance(entry, Trajectories) else tuple(entry) for name, entry in runs.items()}
    base = groups[reference][0]
    for members in groups.values():
        for run in members:
            require_paired(run, base)
    measured = task_outcomes(base.task)
    values = {name: _values(members, measured) for name, members in groups.items()}
    infos = _infos(groups)
    result = ComparisonResult(
        task=base.task.id,
        task_hash=base.task.hash,
        spec=base.task.model_dump(mode="json"),
        scenario=base.scenario,
        scenario_hash=base.scenario_hash,
        seed=seed,
        split=base.split,
        difficulty=base.difficulty,
        shield_mode=base.shield_mode,
        profile=base.profile,
        cohort_seed=base.cohort_seed,
        reference=reference,
        patients=tuple(base.patients.tolist()),
        outcomes=measured,
        policies={name: _policy_result(infos[name], groups[name], values[name], measured, seed) for name in groups},
        differences=_differences(values, reference, measured, seed),
        # Only who asked for it can have run without a proof or with wide limits, so nothing is read again otherwise.
        unproved=base.scenario.allow_unproved and not base.scenario.resolve().proved,
        wide=base.scenario.allow_wide and base.scenario.resolve().wide,
    )
    return Comparison(result, groups)


def _values(runs: Sequence[Trajectories], measured: Sequence[Outcome]) -> dict[str, Floats]:
    """Every outcome as ``[training seeds, patients]``."""
    keys = [entry.key for entry in measured]
    rows = [outcomes(run, keys) for run in runs]
    return {key: np.stack([row[key] for row in rows]) for key in keys}


def _infos(groups: Mapping[str, Sequence[Trajectories]]) -> dict[str, PolicyInfo]:
    """What each policy is, under its name in the comparison and with all its training seeds; equal labels get that name."""
    known = {name: [run.info for run in runs] for name, runs in groups.items()}
    labels = Counter(infos[0].label for infos in known.values())
    found = {}
    for name, (first, *more) in known.items():
        label = first.label if labels[first.label] == 1 else f"{first.label} ({name})"
        seeds = tuple(dict.fromkeys(seed for info in (first, *more) for seed in info.training_seeds))
        found[name] = first.model_copy(update={"name": name, "label": label, "training_seeds": seeds})
    return found


def _policy_result(
    info: PolicyInfo,
    runs: Sequence[Trajectories],
    values: Mapping[str, Floats],
    measured: Sequence[Outcome],
    seed: int,
) -> PolicyResult:
    return PolicyResult(
        info=info,
        training_seeds=len(runs),
        values={key: rows.mean(axis=0) for key, rows in values.items()},
        estimates={key: estimate(key, rows, seed) for key, rows in values.items()},
        tails={
            entry.key: bootstrap(values[entry.key], partial(cvar, better=entry.better), seed=seed)
            for entry in measured
            if entry.better
        },
        events=_events(runs),
        shield=_shield_use(runs),
    )


def estimate(key: str, rows: Floats, seed: int, strata: Any = None) -> Interval:
    """Mean of an outcome with its interval.

    Resampling knows no uncertainty where all patients are alike. So where no event was seen the interval ends at the exact
    bound that this leaves open (Garwood's of a rate for what can happen to a patient again and again, Clopper and Pearson's of
    a share for what can happen once), and a share that nobody or everybody belongs to has that bound on its open side.
    """
    entry = outcome(key)
    n = rows.shape[-1]
    if entry.unit == SHARE_OF_PATIENTS and (rows == 100.0).all():
        return Interval(mean=100.0, low=100.0 * (1.0 - share_upper(0, n)), high=100.0)
    if entry.unit == SHARE_OF_PATIENTS and not rows.any():
        return Interval(mean=0.0, low=0.0, high=100.0 * share_upper(0, n))
    if entry.event and not rows.any():
        return Interval(mean=0.0, low=0.0, high=_none_seen(entry, n))
    return bootstrap(rows, seed=seed, strata=strata)


def _none_seen(entry: Outcome, n: int) -> float:
    """Upper bound of an outcome that was 0 in all of ``n`` patients; resampling would know no uncertainty."""
    bound = share_upper(0, n) if entry.unit == SHARE_OF_PATIENTS else event_rate_upper(0, n)
    return entry.event * bound


def _differences(
    values: Mapping[str, Mapping[str, Floats]], reference: str, measured: Sequence[Outcome], seed: int
) -> dict[str, dict[str, Difference]]:
    """Paired differences of every outcome.

    The primary outcome is the registered test: its p values (conditional on the trained policies) are adjusted over the
    policies by Holm, and superiority needs both the interval and p. All other outcomes are exploratory and carry no p.
    """
    others = [name for name in values if name != reference]
    base, primary = values[reference], measured[0].key
    raw = [sign_flip_p((values[name][primary].mean(axis=0) - base[primary].mean(axis=0)), seed=seed) for name in others]
    found: dict[str, dict[str, Difference]] = {}
    for name, p in zip(others, holm(raw), strict=True):
        found[name] = {}
        for entry in measured:
            own, other = values[name][entry.key], base[entry.key]
            found[name][entry.key] = difference(entry, own, other, p if entry.key == primary else None, seed)
    return found


def difference(
    entry: Outcome, own: Floats, other: Floats, p: float | None, seed: int, strata: Any = None
) -> Difference:
    """The paired difference of an outcome; with ``p``, which is adjusted already, superiority needs that too."""
    gap = _gap(entry, own, other, seed, strata)
    says = verdict(gap, entry.better, entry.margin)
    if p is not None and says == "superior" and not p <= ALPHA:
        says = "inconclusive"
    return Difference(
        mean=gap.mean,
        low=gap.low,
        high=gap.high,
        verdict=says,
        p_adjusted=p,
        improved=probability_of_improvement(own, other, entry.better or 1),
    )


def _gap(entry: Outcome, own: Floats, other: Floats, seed: int, strata: Any) -> Interval:
    if entry.event and len(other) == 1 and np.array_equal(own, np.broadcast_to(other[:1], own.shape)):
        bound = _none_seen(entry, own.shape[1])
        return Interval(mean=0.0, low=-bound, high=bound)
    return paired_difference(own, other, seed=seed, strata=strata)


def _events(runs: Sequence[Trajectories]) -> dict[str, Events]:
    counted = [event_counts(run) for run in runs]
    found = {}
    for name in counted[0]:
        onsets, patients, days = (
            sum(entry[name][key] for entry in counted) for key in ("onsets", "patients", "patient_days")
        )
        bound, once = DAYS * event_rate_upper(onsets, days), {}
        if name in ONCE:
            n = sum(len(run.patients) for run in runs)
            bound = min(bound, DAYS * n / days)  # nobody can do it twice
            once = {"share": 100.0 * patients / n, "upper_share": 100.0 * share_upper(int(patients), n)}
        found[name] = Events(onsets=onsets, patients=int(patients), patient_days=days, upper_per_100d=bound, **once)
    return found


def _shield_use(runs: Sequence[Trajectories]) -> ShieldUse:
    """Means over patients, as every outcome is, so that no sentence says another number than a table."""

    def rate(concerned: Callable[[Trajectories], NDArray[Any]]) -> float:
        each = [concerned(run).sum(axis=0) / (steps_alive(run) * run.step_h) for run in runs]
        return PER_HOURS * float(np.mean(each))

    def rates(field: str) -> dict[int, float]:
        return {int(k): rate(lambda run, k=int(k): (run[field] >> k) & 1) for k in Invariant}  # type: ignore[misc]

    return ShieldUse(
        intervened=rate(lambda run: run["intervened"]),
        violated=rate(lambda run: run["violations"] > 0),
        binding=rates("binding"),
        violations=rates("violations"),
    )
