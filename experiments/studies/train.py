"""``thecal train``: learn a policy, check it on the tune split, save and track it; Ctrl-C saves what was learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from thecal.agents.backends.base import Trained
from thecal.agents.backends.settings import load_rl_settings
from thecal.agents.backends.training import train_policy
from thecal.core.extras import importing
from thecal.core.files import as_json, write_whole
from thecal.envs.outcomes import outcomes
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.rollouts.rollout import rollout
from thecal.experiments.studies.config import CONFIG_FILE, TrainConfig, save_config, writable
from thecal.experiments.tracking.provenance import provenance, run_tags
from thecal.experiments.tracking.tracker import Tracker, sb3_writer

Progress = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class TrainResult:
    """A finished (or interrupted) training run.

    Attributes:
        trained: policy, model and throughput.
        folder: where the policy was saved.
        tune: mean of every outcome on the tune split.
        curve: ``{"frames", "return", "cost"}`` lists: frames so far, mean reward and mean cost of a decision since the last.
        run_id: MLflow run, ``None`` without tracking.
    """

    trained: Trained
    folder: Path
    tune: dict[str, float]
    curve: dict[str, list[float]] = field(default_factory=dict)
    run_id: str | None = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the run."""
        return self.trained.interrupted


def train(config: TrainConfig, progress: Progress = lambda _done, _total, _numbers: None) -> TrainResult:
    """Train, save, check and track one policy.

    Args:
        config: the run.
        progress: called every 128 steps of the batch with (frames, frames in all, means since the last call).

    Raises:
        StoreError: the store or the output folder cannot be written (before any training).
        ConfigError: the configuration names something unknown.
    """
    with importing("training", "train"):
        from thecal.envs.adapters.make import make_sb3

    scene = config.scenario.resolve()
    settings = load_rl_settings(config.algorithm, scene.task.name, **config.settings)
    total = settings.total_steps if config.total_steps is None else config.total_steps
    # The saved configuration names every setting, so that it runs the same when the shipped ones have changed.
    full = config.model_copy(update={"settings": settings.model_dump(mode="json"), "total_steps": total})
    folder = writable(Path(config.out))
    origin = provenance(scene, seed=config.seed, config=full.model_dump(mode="json"))
    tags = run_tags(origin, "train", scene, full.hash)
    with Tracker(
        config.experiment, f"train {config.algorithm} {scene.task.name}", tags, enabled=config.track
    ) as tracker:
        tracker.params({"config": full.model_dump(mode="json")})
        tracker.document(full.model_dump(mode="json"), CONFIG_FILE)
        env = make_sb3(scene, settings.n_envs, config.seed, pool=config.pool, preload=True, stagger=True)
        log = training_log(tracker, progress, total)
        trained = train_policy(config.algorithm, env, settings, config.seed, total, [log])
        if trained.interrupted:
            tracker.killed()
        trained.save(folder / "policy")
        save_config(full, folder)
        write_whole(folder / "provenance.json", as_json(origin))
        write_whole(folder / "curve.json", as_json(log.curve, indent=None))
        tracker.artifact(folder)
        tune = _tune(trained, scene, config)
        speed = trained.throughput
        tracker.metrics(
            {f"tune/{key}": value for key, value in tune.items()}
            | {"frames_per_s": speed.frames_per_s, "env_share": speed.env_share, "update_share": speed.update_share},
            step=speed.frames,
        )
    return TrainResult(trained, folder, tune, log.curve, tracker.run_id)


def _tune(trained: Trained, scene: Resolved, config: TrainConfig) -> dict[str, float]:
    tuning = Scenario.of(scene, split="tune").resolve()
    run = rollout(trained.policy, tuning, range(config.tune_patients), record="summary")
    return {
        key: float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
        for key, values in outcomes(run, scene.task.outcomes).items()
    }


def training_log(tracker: Tracker, progress: Progress, total: int) -> Any:
    """An SB3 callback: the learning curve, the progress, and one batch of metrics for each of them and of SB3's own dumps.

    Its ``curve`` holds mean reward and cost of a decision, one entry for every 128 steps of the batch.
    """
    from stable_baselines3.common.callbacks import BaseCallback

    class TrainingLog(BaseCallback):
        def __init__(self) -> None:
            super().__init__()
            self.curve: dict[str, list[float]] = {"frames": [], "return": [], "cost": []}
            self._writer = sb3_writer(tracker)
            self._sums = np.zeros(2)
            self._steps = 0

        def _on_training_start(self) -> None:
            self.logger.output_formats.append(self._writer)

        def _on_step(self) -> bool:
            out = self.training_env.get_attr("batch", [0])[0].out
            self._sums += (out["reward"].mean(), out["cost"].mean())
            self._steps += 1
            if self._steps >= _EVERY:
                self._flush()
            return True

        def _on_training_end(self) -> None:
            if self._steps:
                self._flush()

        def _flush(self) -> None:
            reward, cost = (self._sums / self._steps).tolist()
            for key, value in (("frames", float(self.num_timesteps)), ("return", reward), ("cost", cost)):
                self.curve[key].append(value)
            numbers = {"reward_per_step": reward, "cost_per_step": cost}
            self._writer.write({f"curve/{key}": value for key, value in numbers.items()}, {}, self.num_timesteps)
            progress(self.num_timesteps, total, numbers)
            self._sums[:] = 0.0
            self._steps = 0

    return TrainingLog()


_EVERY = 128
