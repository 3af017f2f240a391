"""``thecal evaluate`` and ``thecal compare`` as functions: policies by name or folder, results tracked and on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thecal.agents.base import Policy
from thecal.agents.registry import make_policy, policy_names
from thecal.agents.store import load_policy
from thecal.experiments.compare import Comparison, compare
from thecal.experiments.config import CompareConfig, EvaluateConfig, RunConfig
from thecal.experiments.outcomes import outcomes
from thecal.experiments.provenance import provenance
from thecal.experiments.report_data import Interval
from thecal.experiments.rollout import Trajectories, rollout
from thecal.experiments.statistics import bootstrap
from thecal.experiments.tracking import Tracker
from thecal.experiments.train import writable
from thecal.physiology.errors import UnknownNameError
from thecal.safety.invariants import ShieldMode


@dataclass(frozen=True)
class Evaluation:
    """One policy on one set of patients."""

    run: Trajectories
    estimates: dict[str, Interval]
    run_id: str | None


def find_policy(name: str) -> Policy:
    """A policy by registered name, or a trained one by its folder (or the folder of its training run).

    Raises:
        UnknownNameError: neither.
    """
    if name in policy_names():
        return make_policy(name)
    for folder in (Path(name), Path(name) / "policy"):
        if (folder / "policy.json").exists():
            return load_policy(folder)
    raise UnknownNameError("policy", name, [*policy_names(), "or the folder of a trained policy"])


def evaluate(config: EvaluateConfig, progress: Callable[[int, int], None] = lambda _d, _t: None) -> Evaluation:
    """Run one policy, estimate every outcome with its interval, and track it."""
    policy = find_policy(config.policy)
    folder = writable(Path(config.out)) if config.out else None
    with Tracker(config.experiment, f"evaluate {config.policy}", _tags(config), enabled=config.track) as tracker:
        run = rollout(
            policy,
            config.task,
            range(config.patients),
            config.seed,
            split=config.split,
            difficulty=config.difficulty,
            shield_mode=config.shield_mode,
            profile=config.profile,
            cohort_seed=config.cohort_seed,
            progress=progress,
        )
        estimates = {key: bootstrap(values, seed=config.seed) for key, values in outcomes(run).items()}
        tracker.params({"config": config.model_dump(mode="json")})
        tracker.metrics({key: value.mean for key, value in estimates.items()})
        if folder is not None:
            tracker.artifact(run.to_parquet(folder / "trajectories.parquet"))
    return Evaluation(run, estimates, tracker.run_id)


def run_compare(
    config: CompareConfig,
    progress: Callable[[str, int, int], None] = lambda _p, _d, _t: None,
    policies: list[Policy] | None = None,
    finish: Callable[[Comparison, Path, dict[str, Any]], None] = lambda _c, _f, _o: None,
) -> tuple[Comparison, str | None]:
    """Compare policies on unseen patients, save numbers and trajectories, and track them.

    Args:
        config: the comparison.
        progress: called with (policy, steps done, steps in all).
        policies: ready policies in place of the names of ``config``.
        finish: called with (comparison, folder, provenance) before the folder is stored, for example to write a report.
    """
    chosen = [find_policy(name) for name in config.policies] if policies is None else policies
    folder = writable(Path(config.out)) if config.out else None
    origin = provenance(config.task, config.profile, seed=config.seed, config=config.model_dump(mode="json"))
    with Tracker(config.experiment, f"compare {config.task}", _tags(config), enabled=config.track) as tracker:
        found = compare(
            chosen,
            config.task,
            config.patients,
            config.seed,
            reference=config.reference,
            split=config.split,
            difficulty=config.difficulty,
            shield_mode=config.shield_mode,
            profile=config.profile,
            cohort_seed=config.cohort_seed,
            progress=progress,
        )
        tracker.params({"config": config.model_dump(mode="json")})
        tracker.tags({**origin["git"], "cohort_hash": origin["cohort"]["hash"], "profile_hash": origin["profile"]["hash"]})
        tracker.metrics(
            {f"{policy}/{key}": value.mean for policy, rows in found.estimates.items() for key, value in rows.items()}
        )
        if folder is not None:
            (folder / "comparison.json").write_text(json.dumps(found.to_dict(), indent=2))
            (folder / "provenance.json").write_text(json.dumps(origin, indent=2))
            for name, run in found.runs.items():
                run.to_parquet(folder / f"trajectories_{name}.parquet")
            finish(found, folder, origin)
            tracker.artifact(folder)
    return found, tracker.run_id


def _tags(config: RunConfig) -> dict[str, str]:
    shielded = ShieldMode.of(config.shield_mode).shielded
    return {"config_hash": config.hash, "unshielded": str(not shielded).lower()}
