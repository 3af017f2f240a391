"""``thecal train``: learn a policy, check it on the tune split, save and track it; what ends it early loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from thecal.agents.backends.base import PARTS, Trained
from thecal.agents.backends.checkpoint import Checkpoints, Head, read_head, remove
from thecal.agents.backends.hyperparameters import RLSettings
from thecal.agents.backends.settings import load_rl_settings
from thecal.agents.backends.training import train_policy
from thecal.core.errors import ConfigError, StoreError
from thecal.core.extras import require
from thecal.core.files import as_json, write_whole
from thecal.core.signals import held
from thecal.envs.kernel.records import WORLD, WORLD_PAR
from thecal.envs.outcomes import outcomes
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.analysis.stored import written_by
from thecal.experiments.rollouts.rollout import rollout
from thecal.experiments.studies.config import CONFIG_FILE, TrainConfig, save_config, writable
from thecal.experiments.studies.keeping import EVERYTHING, kept_in, require_room, rescued
from thecal.experiments.studies.resuming import RESULT, Study, identity, store_key, unfinished, unlike
from thecal.experiments.studies.training_log import Progress, training_log
from thecal.experiments.tracking.provenance import provenance, run_tags
from thecal.experiments.tracking.tracker import Tracker, store_uri

SCHEMA = 1  # of training.json
_FILES = ("policy", CONFIG_FILE, "provenance.json", "curve.json", RESULT)
_FLOAT_BYTES, _SPARE_BYTES = 4, 1 << 18


@dataclass(frozen=True)
class TrainResult:
    """A finished (or interrupted) training run.

    Attributes:
        trained: policy, model and throughput.
        folder: where the policy was saved.
        tune: mean of every outcome on the tune split.
        curve: ``{"frames", "return", "cost"}`` lists: frames so far, mean reward and mean cost of a decision since the last.
        run_id: MLflow run, ``None`` without tracking.
        checkpoint: frames at the last checkpoint of an interrupted run; ``None`` where there is none.
    """

    trained: Trained
    folder: Path
    tune: dict[str, float]
    curve: dict[str, list[float]] = field(default_factory=dict)
    run_id: str | None = None
    checkpoint: int | None = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C, or another signal, ended the run."""
        return self.trained.interrupted

    def as_dict(self) -> dict[str, Any]:
        """What ``training.json`` keeps."""
        return {
            **written_by(SCHEMA),
            "frames": self.trained.record.frames,
            "interrupted": self.interrupted,
            "seconds": self.trained.throughput.seconds,
            "time": self.trained.throughput.as_dict(),
            "run_id": self.run_id,
            "tune": self.tune,
        }


def train(
    config: TrainConfig,
    progress: Progress = lambda _done, _total, _numbers: None,
    *,
    resume: bool | None = False,
    tell: Callable[[str], None] = lambda _text: None,
) -> TrainResult:
    """Train, save, check and track one policy.

    Everything is on disk before the tracking store hears of it. Checkpoints are written on the way and removed at the end.

    Args:
        config: the run.
        progress: called every 128 steps of the batch with (frames, frames in all, means since the last call).
        resume: go on from the checkpoint in the run's folder, to the result of a run without a break; None does so where there
            is one that fits, and begins anew otherwise.
        tell: told in one sentence what a person should know meanwhile.

    Raises:
        StoreError: the store or the output folder cannot be written (before any training), the checkpoint is damaged, or
            something could not be saved or tracked at the end; the text then says where what was learned is.
        ConfigError: the configuration names something unknown, or there is no checkpoint that fits.
    """
    require("training", "train", *(("track",) if config.track else ()))
    from thecal.envs.adapters.make import make_sb3

    scene = config.scenario.resolve()
    settings = load_rl_settings(config.algorithm, scene.task.name, **config.settings)
    total = settings.total_steps if config.total_steps is None else config.total_steps
    # The saved configuration names every setting, so that it runs the same when the shipped ones have changed.
    full = config.model_copy(update={"settings": settings.model_dump(mode="json"), "total_steps": total})
    folder, who = Path(config.out), identity(full, scene)
    head = _head(folder, who, resume, tell)
    known = None if head is None else Study.of(head, folder)
    require_room(writable(folder), _needed(scene, settings))
    origin = provenance(scene, seed=config.seed, config=full.model_dump(mode="json"))
    tags = run_tags(origin, "train", scene, full.hash)
    with (
        kept_in() as saved,
        Tracker(
            config.experiment,
            f"train {config.algorithm} {scene.task.name}",
            tags,
            enabled=config.track,
            resume=known.run_id if known is not None and known.store == store_key(store_uri()) else None,
        ) as tracker,
    ):
        if not tracker.resumed:
            tracker.params({"config": full.model_dump(mode="json")})
            tracker.document(full.model_dump(mode="json"), CONFIG_FILE)
        env = make_sb3(scene, settings.n_envs, config.seed, pool=config.pool, preload=True, stagger=True)
        log = training_log(tracker, progress, total)
        if known is not None:
            log.restore(known.log)

        def study() -> dict[str, Any]:
            values = full.model_dump(mode="json")
            where = store_key(tracker.uri) if tracker.run_id else ""
            return Study(config=values, log=log.state, run_id=tracker.run_id, store=where).model_dump(mode="json")

        checkpoints = Checkpoints(folder, who, config.checkpoint_every, study, tell, head)
        trained = train_policy(config.algorithm, env, settings, config.seed, total, [log], checkpoints)
        env.batch.require_own()  # before anything says under which shield it was learned
        if trained.interrupted:
            tracker.killed()
        _save(trained, full, origin, log.curve, folder)
        saved(folder, "what was learned")
        try:
            tune = _tune(trained, scene, config)
        except KeyboardInterrupt:
            with suppress(StoreError):
                _track(tracker, folder, trained, {})
            raise
        left = read_head(folder) if trained.interrupted else None
        at = None if left is None else left.frames
        result = TrainResult(trained, folder, tune, log.curve, tracker.run_id, at)
        with held():
            write_whole(folder / RESULT, as_json(result.as_dict()))
            if not trained.interrupted:
                remove(folder)
        saved(folder, EVERYTHING)
        _track(tracker, folder, trained, tune)
    return result


def _head(folder: Path, who: Mapping[str, str], resume: bool | None, tell: Callable[[str], None]) -> Head | None:
    """The checkpoint to go on from, if any."""
    if resume:
        begun = unfinished(folder)
        if differs := unlike(begun, who):
            raise ConfigError(f"the checkpoint in {folder} is of another run, and would end differently: {differs}")
        tell(f"goes on at {begun.frames:,} frames, from the checkpoint in {folder}")
        return begun
    try:
        head = read_head(folder)
    except StoreError as error:
        tell(f"begins anew: {error}")
        return None
    if head is None:
        return None
    if resume is None and not unlike(head, who):
        return _head(folder, who, True, tell)
    differs = (
        f", which is of another run ({unlike(head, who)})" if resume is None else " (--resume would go on from it)"
    )
    tell(f"begins anew: the first checkpoint will replace the one at {head.frames:,} frames in {folder}{differs}")
    return None


def _needed(scene: Resolved, settings: RLSettings) -> int:
    """Bytes of the two checkpoints that are there for a moment, and of what is left at the end."""
    rows = getattr(settings, "buffer_size", 0)
    row = _FLOAT_BYTES * (2 * len(scene.lens) + scene.task.n_actions + 3)
    return 2 * (settings.n_envs * (WORLD.itemsize + WORLD_PAR.itemsize) + rows * row) + _SPARE_BYTES


def _save(trained: Trained, full: TrainConfig, origin: Any, curve: Mapping[str, list[float]], folder: Path) -> None:
    """Write everything that was learned; where the folder cannot take it, another one does, and the error says which."""

    def everything(place: Path) -> None:
        trained.save(place / "policy")
        save_config(full, place)
        write_whole(place / "provenance.json", as_json(origin))
        write_whole(place / "curve.json", as_json(curve, indent=None))

    with held():
        try:
            everything(folder)
        except StoreError as error:
            raise rescued(error, "the policy", everything) from error


def _track(tracker: Tracker, folder: Path, trained: Trained, tune: Mapping[str, float]) -> None:
    for name in _FILES:
        if (folder / name).exists():
            tracker.artifact(folder / name, name if (folder / name).is_dir() else None)
    speed = trained.throughput
    tracker.metrics(
        {f"tune/{key}": value for key, value in tune.items()}
        | {"frames_per_s": speed.frames_per_s}
        | {f"{part}_share": speed.share(part) for part in PARTS},
        step=trained.record.frames,
    )


def _tune(trained: Trained, scene: Resolved, config: TrainConfig) -> dict[str, float]:
    tuning = Scenario.of(scene, split="tune").resolve()
    run = rollout(trained.policy, tuning, range(config.tune_patients), record="summary")
    return {
        key: float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
        for key, values in outcomes(run, scene.task.outcomes).items()
    }
