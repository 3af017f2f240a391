"""``thecal evaluate`` and ``thecal compare`` as functions: policies by name or folder, results on disk before the store hears."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy
from thecal.agents.find import find_policies, find_policy, name_of
from thecal.core.errors import ConfigError
from thecal.core.files import as_json, write_whole
from thecal.core.names import safe_name
from thecal.envs.outcomes import outcomes
from thecal.envs.scenario import Resolved
from thecal.experiments.analysis.compare import estimate, grouped
from thecal.experiments.analysis.comparison import Comparison
from thecal.experiments.analysis.results import Interval
from thecal.experiments.analysis.stored import head, save_result
from thecal.experiments.rollouts.fit import check_fit
from thecal.experiments.rollouts.parquet import TrajectoryWriter, save_trajectories
from thecal.experiments.rollouts.rollout import LOWERED, Record, blocks
from thecal.experiments.rollouts.trails import chunks, keep_heads
from thecal.experiments.rollouts.trajectories import Trajectories
from thecal.experiments.rollouts.transitions import TransitionWriter
from thecal.experiments.studies.compare import compare
from thecal.experiments.studies.config import (
    CONFIG_FILE,
    CompareConfig,
    EvaluateConfig,
    save_config,
)
from thecal.experiments.studies.keeping import EVERYTHING, kept_in
from thecal.experiments.studies.shared import (
    folder_for,
    interval_metrics,
    keep_policies,
    or_elsewhere,
    origin_of,
    require_packages,
    transfer,
)
from thecal.experiments.tracking.provenance import run_tags
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
        lowered_starts: patients whose starting dose the limits lowered.
        transfer: how the conditions of a trained policy's training differed; empty where they did not.
    """

    policy: str
    scene: Resolved
    values: dict[str, NDArray[np.float64]]
    estimates: dict[str, Interval]
    run_id: str | None
    transfer: tuple[str, ...] = ()
    lowered_starts: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The estimates and what they belong to, for JSON."""
        return {
            **head(SCHEMA, self.scene),
            "policy": self.policy,
            "transfer": self.transfer,
            "lowered_starts": self.lowered_starts,
            "run_id": self.run_id,
            "outcomes": self.estimates,
        }


def evaluate(config: EvaluateConfig, progress: Callable[[int, int], None] = lambda _d, _t: None) -> Evaluation:
    """Run one policy, estimate every outcome with its interval, save and track it; patients stream through in blocks.

    Raises:
        StoreError: the store or the output folder cannot be written (before any work), or fails afterwards; the text then says
            where the results are.
        ConfigError: the configuration names something unknown, its policy does not fit the task, or it asks for a trail or
            transitions and gives them no place.
        MissingExtraError: packages are missing that the run would need at its end.
    """
    for wanted, what in ((config.transitions, "transitions need"), (config.trail, "an audit trail needs")):
        if wanted and not (config.out or config.track):
            raise ConfigError(f"{what} a place: give the run a folder (--out) or track it")
    require_packages(config, parquet=bool(config.out) or config.transitions)
    policy = find_policy(config.policy)
    scene = config.scenario.resolve()
    check_fit([policy], scene)
    folder = folder_for(config, scene, 1)
    origin = origin_of(config, scene, [policy])
    tags = run_tags(origin, "evaluate", scene, config.hash)
    name = policy.info.name
    title = f"evaluate {name} {scene.task.name}"
    with (
        _home(config, folder) as home,
        kept_in() as saved,
        Tracker(config.experiment, title, tags, enabled=config.track) as tracker,
    ):
        tracker.params({"config": config.model_dump(mode="json")})
        tracker.document(config.model_dump(mode="json"), CONFIG_FILE)
        keep_policies(tracker, [config.policy])
        trail = _trail_place(config, name, home)
        values, lowered = _stream(config, policy, scene, folder, home, trail, progress)
        heads = None if trail is None else keep_heads(trail)
        estimates = {key: estimate(key, column, config.seed) for key, column in values.items()}
        found = Evaluation(name, scene, values, estimates, tracker.run_id, transfer(policy, scene), lowered)

        def save(place: Path) -> None:
            save_config(config, place)
            write_whole(place / "estimates.json", as_json(found.as_dict()))
            write_whole(place / "provenance.json", as_json(origin))

        if folder is not None:
            save(folder)
            saved(folder, EVERYTHING)
        with or_elsewhere(folder, home, save):
            tracker.metrics(interval_metrics(estimates))
            if heads is not None:
                tracker.tags({"trail_head": heads})
            if home is not None:
                tracker.artifact(home)
    return found


def _stream(
    config: EvaluateConfig,
    policy: Policy,
    scene: Resolved,
    folder: Path | None,
    home: Path | None,
    trail: Path | None,
    progress: Callable[[int, int], None],
) -> tuple[dict[str, NDArray[np.float64]], int]:
    """Run every block of patients, write it where a folder is given, keep its outcomes, and count the lowered starts."""
    lowered = 0
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
            lowered += int((block.start[LOWERED] > 0.0).sum())
    return {key: np.concatenate(columns) for key, columns in found.items()}, lowered


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
        StoreError: the store or the output folder cannot be written (before any work), or something fails afterwards; the text
            then says where the results are.
        ConfigError: the configuration names something unknown, or a policy does not fit the task.
        MissingExtraError: packages are missing that the run would need at its end.
    """
    require_packages(config, parquet=bool(config.out))
    chosen = find_policies(config.policies) if policies is None else list(policies)
    reference = config.reference if policies is not None else name_of(config.policies, chosen, config.reference)
    grouped(chosen, reference)
    scene = config.scenario.resolve()
    check_fit(chosen, scene)
    folder = folder_for(config, scene, len(chosen))
    origin = origin_of(config, scene, chosen)
    tags = run_tags(origin, "compare", scene, config.hash)
    with (
        kept_in() as saved,
        Tracker(config.experiment, f"compare {scene.task.name}", tags, enabled=config.track) as tracker,
    ):
        tracker.params({"config": config.model_dump(mode="json")})
        tracker.document(config.model_dump(mode="json"), CONFIG_FILE)
        keep_policies(tracker, config.policies)
        found = compare(chosen, scene, config.patients, reference=reference, progress=progress)

        def save(place: Path) -> None:
            save_config(config, place)
            save_result(found.result, place)
            write_whole(place / "provenance.json", as_json(origin))

        if folder is not None:
            save(folder)
            saved(folder, "the result")
            for run, file in _files(found):
                save_trajectories(run, folder / file)
            saved(folder, EVERYTHING)
            finish(found, folder, origin)
        with or_elsewhere(folder, None, save):
            for policy, one in found.result.policies.items():
                numbers = interval_metrics(one.estimates)
                tracker.metrics({f"{safe_name(policy)}/{key}": value for key, value in numbers.items()})
            if folder is not None:
                tracker.artifact(folder)
    return found, tracker.run_id


def _files(found: Comparison) -> Iterator[tuple[Trajectories, str]]:
    """Every run of a comparison with the name of its file; policies of any names get files of their own."""
    taken: set[str] = set()
    for name, runs in found.replicates.items():
        for k, run in enumerate(runs):
            stem = f"{safe_name(name)}{f'_{k}' if k else ''}"
            while stem in taken:  # one policy is called as another one's second run
                stem = safe_name(f"{name} {stem}")
            taken.add(stem)
            yield run, f"trajectories_{stem}.parquet"


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
    path = home / f"{safe_name(policy)}.trail"
    for old in chunks(path):
        old.unlink()
    return path
