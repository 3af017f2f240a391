"""``thecal evaluate`` and ``thecal compare`` as functions: policies by name or folder, results tracked and on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy
from thecal.agents.find import find_policies, find_policy, folder_of, training_facts
from thecal.core.errors import ConfigError
from thecal.core.files import as_json, write_whole
from thecal.envs.outcomes import outcomes
from thecal.envs.scenario import Resolved
from thecal.experiments.analysis.compare import estimate, grouped
from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.analysis.results import Interval
from thecal.experiments.analysis.stored import head, save_result
from thecal.experiments.rollouts.fit import check_fit
from thecal.experiments.rollouts.parquet import TrajectoryWriter, save_trajectories
from thecal.experiments.rollouts.rollout import Record, blocks
from thecal.experiments.rollouts.trails import chunks, keep_heads
from thecal.experiments.rollouts.transitions import TransitionWriter
from thecal.experiments.studies.compare import compare
from thecal.experiments.studies.config import (
    CONFIG_FILE,
    POLICIES,
    CompareConfig,
    EvaluateConfig,
    RunConfig,
    save_config,
    writable,
)
from thecal.experiments.tracking.provenance import provenance, run_tags
from thecal.experiments.tracking.tracker import Tracker

SCHEMA = 1  # of estimates.json


@dataclass(frozen=True)
class Evaluation:
    """One policy on one set of patients.

    Attributes:
        policy: its name.
        scene: what the patients met.
        values: every outcome of the task, ``[patients]``.
        estimates: of every outcome, with its interval.
        run_id: MLflow run, ``None`` without tracking.
    """

    policy: str
    scene: Resolved
    values: dict[str, NDArray[np.float64]]
    estimates: dict[str, Interval]
    run_id: str | None

    def as_dict(self) -> dict[str, Any]:
        """The estimates and what they belong to, for JSON."""
        return {**head(SCHEMA, self.scene), "policy": self.policy, "run_id": self.run_id, "outcomes": self.estimates}


def _keep_policies(tracker: Tracker, names: Sequence[str]) -> None:
    """Store trained policies with the run, so that it can be replayed when their folders are gone."""
    for k, name in enumerate(names):
        folder = folder_of(name)
        if folder is not None:
            tracker.artifact(folder, f"{POLICIES}/{k}")


def evaluate(config: EvaluateConfig, progress: Callable[[int, int], None] = lambda _d, _t: None) -> Evaluation:
    """Run one policy, estimate every outcome with its interval, save and track it; patients stream through in blocks.

    Raises:
        StoreError: the store or the output folder cannot be written (before any work).
        ConfigError: the configuration names something unknown, its policy does not fit the task, or it asks for a trail or
            transitions and gives them no place.
    """
    for wanted, what in ((config.transitions, "transitions need"), (config.trail, "an audit trail needs")):
        if wanted and not (config.out or config.track):
            raise ConfigError(f"{what} a place: give the run a folder (--out) or track it")
    policy = find_policy(config.policy)
    scene = config.scenario.resolve()
    check_fit([policy], scene)
    folder = writable(Path(config.out)) if config.out else None
    origin = _origin(config, scene, [policy])
    tags = run_tags(origin, "evaluate", scene, config.hash)
    name = policy.info.name
    with Tracker(config.experiment, f"evaluate {name} {scene.task.name}", tags, enabled=config.track) as tracker:
        tracker.params({"config": config.model_dump(mode="json")})
        tracker.document(config.model_dump(mode="json"), CONFIG_FILE)
        _keep_policies(tracker, [config.policy])
        with _home(config, folder) as home:
            trail = _trail_place(config, name, home)
            values = _stream(config, policy, scene, folder, home, trail, progress)
            if trail is not None:
                tracker.tags({"trail_head": keep_heads(trail)})
            if home is not None and folder is None:
                tracker.artifact(home)
        estimates = {key: estimate(key, column, config.seed) for key, column in values.items()}
        found = Evaluation(name, scene, values, estimates, tracker.run_id)
        tracker.metrics(_interval_metrics(estimates))
        if folder is not None:
            save_config(config, folder)
            write_whole(folder / "estimates.json", as_json(found.as_dict()))
            write_whole(folder / "provenance.json", as_json(origin))
            tracker.artifact(folder)
    return found


def _stream(
    config: EvaluateConfig,
    policy: Policy,
    scene: Resolved,
    folder: Path | None,
    home: Path | None,
    trail: Path | None,
    progress: Callable[[int, int], None],
) -> dict[str, NDArray[np.float64]]:
    """Run every block of patients, write it where a folder is given, and keep its outcomes."""
    found: dict[str, list[NDArray[np.float64]]] = {key: [] for key in scene.task.outcomes}
    with ExitStack() as open_files:
        table = None if folder is None else open_files.enter_context(TrajectoryWriter(folder / "trajectories.parquet"))
        transitions = None
        if config.transitions and home is not None:
            writer = TransitionWriter(home / "transitions.parquet", scene, policy.info)
            transitions = open_files.enter_context(writer)
        record: Record = "summary" if table is None else "full"
        parts = blocks(
            policy,
            scene,
            range(config.patients),
            trail=trail,
            transitions=transitions,
            record=record,
            progress=progress,
        )
        for block in parts:
            if table is not None:
                table.write(block)
            for key, column in outcomes(block, scene.task.outcomes).items():
                found[key].append(column)
    return {key: np.concatenate(columns) for key, columns in found.items()}


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
        ConfigError: the configuration names something unknown, or a policy does not fit the task.
    """
    chosen = find_policies(config.policies) if policies is None else list(policies)
    written = dict(zip(config.policies, chosen, strict=False)) if policies is None else {}
    reference = written[config.reference].info.name if config.reference in written else config.reference
    grouped(chosen, reference)
    scene = config.scenario.resolve()
    check_fit(chosen, scene)
    folder = writable(Path(config.out)) if config.out else None
    origin = _origin(config, scene, chosen)
    tags = run_tags(origin, "compare", scene, config.hash)
    with Tracker(config.experiment, f"compare {scene.task.name}", tags, enabled=config.track) as tracker:
        tracker.params({"config": config.model_dump(mode="json")})
        tracker.document(config.model_dump(mode="json"), CONFIG_FILE)
        _keep_policies(tracker, config.policies)
        found = compare(chosen, scene, config.patients, reference=reference, progress=progress)
        for policy, one in found.result.policies.items():
            tracker.metrics({f"{policy}/{key}": value for key, value in _interval_metrics(one.estimates).items()})
        if folder is not None:
            save_config(config, folder)
            save_result(found.result, folder)
            write_whole(folder / "provenance.json", as_json(origin))
            for name, runs in found.replicates.items():
                for k, run in enumerate(runs):
                    save_trajectories(run, folder / f"trajectories_{name}{f'_{k}' if k else ''}.parquet")
            finish(found, folder, origin)
            tracker.artifact(folder)
    return found, tracker.run_id


@contextmanager
def _home(config: EvaluateConfig, folder: Path | None) -> Iterator[Path | None]:
    """Where trail and transitions are written: the run's folder, or a passing one that the tracking store copies."""
    if folder is not None or not (config.trail or config.transitions):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="thecal-run-") as passing:
        yield Path(passing)


def _trail_place(config: EvaluateConfig, policy: str, home: Path | None) -> Path | None:
    if home is None or not config.trail:
        return None
    path = home / f"{policy}.trail"
    for old in chunks(path):
        old.unlink()
    return path


def _origin(config: RunConfig, scene: Resolved, policies: Sequence[Policy]) -> dict[str, Any]:
    """Provenance with what is known of trained policies: their weights' hash, seed and length of training."""
    plain = config.model_dump(mode="json")
    return provenance(scene, seed=config.seed, config=plain, trained=training_facts(policies))


def _interval_metrics(estimates: Mapping[str, Interval]) -> dict[str, float]:
    rows: dict[str, float] = {}
    for key, value in estimates.items():
        rows |= {key: value.mean, f"{key}.low": value.low, f"{key}.high": value.high}
    return rows
