"""``thecal evaluate`` and ``thecal compare`` as functions: policies by name or folder, results tracked and on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thecal.agents.base import Policy
from thecal.agents.registry import make_policy, policy_names
from thecal.core.errors import UnknownNameError
from thecal.core.files import as_json, write_whole
from thecal.envs.outcomes import outcomes
from thecal.envs.tasks import TaskSpec
from thecal.experiments.analysis.compare import estimate, grouped, is_one_method
from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.analysis.results import Interval
from thecal.experiments.analysis.stored import save_result
from thecal.experiments.rollouts.rollout import Trajectories, rollout
from thecal.experiments.rollouts.trails import chunks, keep_heads
from thecal.experiments.studies.compare import compare
from thecal.experiments.studies.config import (
    CONFIG_FILE,
    POLICIES,
    CompareConfig,
    EvaluateConfig,
    RunConfig,
    checked_task,
    save_config,
)
from thecal.experiments.studies.train import writable
from thecal.experiments.tracking.provenance import provenance, run_tags
from thecal.experiments.tracking.tracker import Tracker


@dataclass(frozen=True)
class Evaluation:
    """One policy on one set of patients."""

    run: Trajectories
    estimates: dict[str, Interval]
    run_id: str | None


def _keep_policies(tracker: Tracker, names: Sequence[str]) -> None:
    """Store trained policies with the run, so that it can be replayed when their folders are gone."""
    for k, name in enumerate(names):
        folder = folder_of(name)
        if folder is not None:
            tracker.artifact(folder, f"{POLICIES}/{k}")


def evaluate(config: EvaluateConfig, progress: Callable[[int, int], None] = lambda _d, _t: None) -> Evaluation:
    """Run one policy, estimate every outcome with its interval, save and track it.

    Raises:
        StoreError: the store or the output folder cannot be written (before any work).
        ConfigError: the configuration names something unknown.
    """
    policy = find_policy(config.policy)
    spec = checked_task(config)
    folder = writable(Path(config.out)) if config.out else None
    origin = _origin(config, spec, [policy])
    tags = run_tags(origin, "evaluate", config.shield_mode, config.hash)
    with Tracker(config.experiment, f"evaluate {policy.info.name} {spec.name}", tags, enabled=config.track) as tracker:
        tracker.params({"config": config.model_dump(mode="json")})
        tracker.document(config.model_dump(mode="json"), CONFIG_FILE)
        _keep_policies(tracker, [config.policy])
        trail = _trail_place(config, policy.info.name, folder)
        run = rollout(
            policy,
            spec,
            range(config.patients),
            config.seed,
            split=config.split,
            difficulty=config.difficulty,
            shield_mode=config.shield_mode,
            profile=config.profile,
            allow_unproved=config.allow_unproved,
            cohort_seed=config.cohort_seed,
            trail=trail,
            progress=progress,
        )
        if trail is not None:
            tracker.tags({"trail_head": keep_heads(trail)})
            if folder is None:
                tracker.artifact(trail.parent)
        estimates = {key: estimate(key, values, config.seed) for key, values in outcomes(run).items()}
        tracker.metrics(_interval_metrics(estimates))
        if folder is not None:
            save_config(config, folder)
            write_whole(folder / "estimates.json", as_json(estimates))
            write_whole(folder / "provenance.json", as_json(origin))
            run.to_parquet(folder / "trajectories.parquet")
            tracker.artifact(folder)
    return Evaluation(run, estimates, tracker.run_id)


def run_compare(
    config: CompareConfig,
    progress: Callable[[str, int, int], None] = lambda _p, _d, _t: None,
    policies: Sequence[Policy] | None = None,
    finish: Callable[[Comparison, Path, dict[str, Any]], None] = lambda _c, _f, _o: None,
) -> tuple[Comparison, str | None]:
    """Compare policies on unseen patients, save numbers and trajectories, and track them.

    Args:
        config: the comparison; its reference is a policy's name, or one of its ``policies`` as written there.
        progress: called with (policy, steps done, steps in all).
        policies: ready policies in place of the names of ``config``.
        finish: called with (comparison, folder, provenance) before the folder is stored, for example to write a report.

    Raises:
        StoreError: the store or the output folder cannot be written (before any work).
        ConfigError: the configuration names something unknown.
    """
    chosen = find_policies(config.policies) if policies is None else list(policies)
    written = dict(zip(config.policies, chosen, strict=False)) if policies is None else {}
    reference = written[config.reference].info.name if config.reference in written else config.reference
    grouped(chosen, reference)
    spec = checked_task(config)
    folder = writable(Path(config.out)) if config.out else None
    origin = _origin(config, spec, chosen)
    tags = run_tags(origin, "compare", config.shield_mode, config.hash)
    with Tracker(config.experiment, f"compare {spec.name}", tags, enabled=config.track) as tracker:
        tracker.params({"config": config.model_dump(mode="json")})
        tracker.document(config.model_dump(mode="json"), CONFIG_FILE)
        _keep_policies(tracker, config.policies)
        found = compare(
            chosen,
            spec,
            config.patients,
            config.seed,
            reference=reference,
            split=config.split,
            difficulty=config.difficulty,
            shield_mode=config.shield_mode,
            profile=config.profile,
            allow_unproved=config.allow_unproved,
            cohort_seed=config.cohort_seed,
            progress=progress,
        )
        for policy, one in found.result.policies.items():
            tracker.metrics({f"{policy}/{key}": value for key, value in _interval_metrics(one.estimates).items()})
        if folder is not None:
            save_config(config, folder)
            save_result(found.result, folder)
            write_whole(folder / "provenance.json", as_json(origin))
            for name, runs in found.replicates.items():
                for k, run in enumerate(runs):
                    run.to_parquet(folder / f"trajectories_{name}{f'_{k}' if k else ''}.parquet")
            finish(found, folder, origin)
            tracker.artifact(folder)
    return found, tracker.run_id


def _trail_place(config: EvaluateConfig, policy: str, folder: Path | None) -> Path | None:
    if not config.trail:
        return None
    home = folder if folder is not None else Path(tempfile.mkdtemp(prefix="thecal-trail-"))
    path = home / f"{policy}.trail"
    for old in chunks(path):
        old.unlink()
    return path


def _origin(config: RunConfig, spec: TaskSpec, policies: Sequence[Policy]) -> dict[str, Any]:
    """Provenance with what is known of trained policies: their weights' hash, seed and length of training."""
    return provenance(
        spec,
        config.profile,
        seed=config.seed,
        config=config.model_dump(mode="json"),
        trained=training_facts(policies),
    )


def _interval_metrics(estimates: Mapping[str, Interval]) -> dict[str, float]:
    rows: dict[str, float] = {}
    for key, value in estimates.items():
        rows |= {key: value.mean, f"{key}.low": value.low, f"{key}.high": value.high}
    return rows
