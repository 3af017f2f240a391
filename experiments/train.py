"""``thecal train``: learn a policy, check it on the tune split, save and track it; Ctrl-C saves what was learnt."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thecal.agents.rl import TrainedPolicy, train_sb3
from thecal.agents.rl_settings import load_rl_settings
from thecal.envs.tasks import load_task
from thecal.experiments.config import TrainConfig
from thecal.experiments.outcomes import outcomes
from thecal.experiments.provenance import provenance
from thecal.experiments.rollout import rollout
from thecal.experiments.tracking import Tracker
from thecal.physiology.errors import StoreError
from thecal.safety.invariants import ShieldMode

Progress = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class TrainResult:
    """A finished (or interrupted) training run.

    Attributes:
        trained: policy, model and throughput.
        folder: where the policy was saved.
        tune: mean of every outcome on the tune split.
        curve: ``{"frames", "return", "cost"}`` lists, one entry a rollout.
        run_id: MLflow run, ``None`` without tracking.
    """

    trained: TrainedPolicy
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
        progress: called after every rollout with (frames, frames in all, numbers of the last rollout).

    Raises:
        StoreError: the store or the output folder cannot be written (before any training).
        ConfigError: the configuration names something unknown.
    """
    from thecal.envs.sb3 import make_sb3

    spec = load_task(config.task)
    settings = load_rl_settings(config.algorithm, spec.name, **config.settings)
    total = settings.total_steps if config.total_steps is None else config.total_steps
    folder = writable(Path(config.out))
    origin = provenance(spec, config.profile, seed=config.seed, config=config.model_dump(mode="json"))
    with Tracker(config.experiment, f"train {config.algorithm} {spec.name}", enabled=config.track) as tracker:
        tracker.params({"config": config.model_dump(mode="json"), "settings": settings.model_dump(mode="json")})
        tracker.tags({**origin["git"], **_tags(config, origin)})
        env = make_sb3(
            spec,
            settings.n_envs,
            config.seed,
            pool=config.pool,
            preload=True,
            stagger=True,
            difficulty=config.difficulty,
            shield_mode=config.shield_mode,
            profile=config.profile,
            cohort_seed=config.cohort_seed,
        )
        log = _log(tracker, progress, total)
        trained = train_sb3(config.algorithm, env, settings, config.seed, total, [log])
        trained.save(folder / "policy")
        (folder / "config.json").write_text(config.model_dump_json(indent=2))
        (folder / "provenance.json").write_text(json.dumps(origin, indent=2))
        (folder / "curve.json").write_text(json.dumps(log.curve))
        tune = _tune(trained, config)
        speed = trained.throughput
        tracker.metrics(
            {f"tune/{key}": value for key, value in tune.items()}
            | {"frames_per_s": speed.frames_per_s, "env_share": speed.env_share, "update_share": speed.update_share},
            step=speed.frames,
        )
        tracker.artifact(folder)
        if trained.interrupted:
            tracker.killed()
    return TrainResult(trained, folder, tune, log.curve, tracker.run_id)


def writable(folder: Path) -> Path:
    """Make ``folder`` and see that a file can be written there.

    Raises:
        StoreError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write_check"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise StoreError(f"the output folder {folder} cannot be written ({error})") from error
    return folder


def _tags(config: TrainConfig, origin: dict[str, Any]) -> dict[str, str]:
    shielded = ShieldMode.of(config.shield_mode).shielded
    return {
        "kind": "train",
        "task_hash": origin["task"]["hash"],
        "cohort_hash": origin["cohort"]["hash"],
        "profile_hash": origin["profile"]["hash"],
        "config_hash": config.hash,
        "unshielded": str(not shielded).lower(),
    }


def _tune(trained: TrainedPolicy, config: TrainConfig) -> dict[str, float]:
    run = rollout(
        trained.policy,
        config.task,
        range(config.tune_patients),
        config.seed,
        split="tune",
        difficulty=config.difficulty,
        shield_mode=config.shield_mode,
        profile=config.profile,
        cohort_seed=config.cohort_seed,
    )
    return {key: float(values.mean()) for key, values in outcomes(run).items()}


def _log(tracker: Tracker, progress: Progress, total: int) -> Any:
    """An SB3 callback that logs one batch of numbers a rollout."""
    import numpy as np
    from stable_baselines3.common.callbacks import BaseCallback

    class RolloutLog(BaseCallback):
        def __init__(self) -> None:
            super().__init__()
            self.curve: dict[str, list[float]] = {"frames": [], "return": [], "cost": []}
            self._reward = 0.0
            self._cost = 0.0
            self._steps = 0

        def _on_step(self) -> bool:
            out = self.training_env.get_attr("batch", [0])[0].out
            self._reward += float(out["reward"].mean())
            self._cost += float(out["cost"].mean())
            self._steps += 1
            if self._steps >= _EVERY:
                self._flush()
            return True

        def _on_training_end(self) -> None:
            if self._steps:
                self._flush()

        def _flush(self) -> None:
            numbers = {"reward_per_step": self._reward / self._steps, "cost_per_step": self._cost / self._steps}
            self.curve["frames"].append(float(self.num_timesteps))
            self.curve["return"].append(numbers["reward_per_step"])
            self.curve["cost"].append(numbers["cost_per_step"])
            logged = {key: value for key, value in self.logger.name_to_value.items() if np.isfinite(value)}
            tracker.metrics({f"train/{key}": value for key, value in (numbers | logged).items()}, self.num_timesteps)
            progress(self.num_timesteps, total, numbers)
            self._reward = self._cost = 0.0
            self._steps = 0

    return RolloutLog()


_EVERY = 128
