"""What evaluating and comparing share: checks before the work, provenance, and a place for results that the store refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from thecal.agents.base import Policy
from thecal.agents.find import folder_of, training_facts
from thecal.agents.info import Conditions
from thecal.core.errors import StoreError
from thecal.core.extras import require
from thecal.envs.scenario import Resolved
from thecal.experiments.analysis.results import Interval
from thecal.experiments.rollouts.parquet import pyarrow
from thecal.experiments.rollouts.rollout import FIELDS
from thecal.experiments.studies.config import POLICIES, CompareConfig, EvaluateConfig, RunConfig, writable
from thecal.experiments.studies.keeping import EVERYTHING, require_room, rescued
from thecal.experiments.tracking.provenance import provenance
from thecal.experiments.tracking.tracker import Tracker

_VALUE_BYTES = 0.25  # of a trajectory's number on disk: what compression leaves of it, at the least


def keep_policies(tracker: Tracker, names: Sequence[str]) -> None:
    """Store trained policies with the run, so that it can be replayed when their folders are gone."""
    for k, name in enumerate(names):
        folder = folder_of(name)
        if folder is not None:
            tracker.artifact(folder, f"{POLICIES}/{k}")


def transfer(policy: Policy, scene: Resolved) -> tuple[str, ...]:
    """How the conditions of a trained policy's training differ from those it is judged under; empty where they do not."""
    if policy.info.trained is None:
        return ()
    return policy.info.trained.unlike(
        Conditions.of(scene.task.model_dump(mode="json"), scene.task.hash, scene.scenario)
    )


def require_packages(config: RunConfig, *, parquet: bool) -> None:
    """See that what the end of the run needs is installed."""
    if config.track:
        require("tracking", "track")
    if parquet:
        pyarrow()


def folder_for(config: EvaluateConfig | CompareConfig, scene: Resolved, policies: int) -> Path | None:
    """The folder of the results, made, writable, and with room for them."""
    if not config.out:
        return None
    folder = writable(Path(config.out))
    numbers = policies * config.patients * scene.task.n_steps * len(FIELDS)
    require_room(folder, int(_VALUE_BYTES * numbers))
    return folder


@contextmanager
def or_elsewhere(folder: Path | None, home: Path | None, save: Callable[[Path], None]) -> Iterator[None]:
    """Where results have no folder of their own and the store refuses them, leave them in a passing one and say where."""

    def everything(place: Path) -> None:
        save(place)
        if home is not None:
            shutil.copytree(home, place, dirs_exist_ok=True)

    try:
        yield
    except StoreError as error:
        if folder is not None:
            raise
        raise rescued(error, EVERYTHING, everything) from error


def origin_of(config: RunConfig, scene: Resolved, policies: Sequence[Policy]) -> dict[str, Any]:
    """Provenance with what is known of trained policies: their weights' hash, seed and length of training."""
    plain = config.model_dump(mode="json")
    return provenance(scene, seed=config.seed, config=plain, trained=training_facts(policies))


def interval_metrics(estimates: Mapping[str, Interval]) -> dict[str, float]:
    """Estimates as metrics: mean, and both ends of the interval."""
    rows: dict[str, float] = {}
    for key, value in estimates.items():
        rows |= {key: value.mean, f"{key}.low": value.low, f"{key}.high": value.high}
    return rows
