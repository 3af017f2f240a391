"""Small trainings that a signal ends at a chosen moment, and what has to be the same when they go on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thecal.agents.backends.store import read_record
from thecal.core.signals import ending
from thecal.experiments.studies.config import TrainConfig
from thecal.experiments.studies.train import train

SETTINGS: dict[str, dict[str, Any]] = {
    "ppo": {"n_envs": 8, "n_steps": 32, "batch_size": 64, "n_epochs": 1, "net_arch": [8]},
    "sac": {
        "n_envs": 4, "learning_starts": 64, "batch_size": 16, "gradient_steps": 1, "buffer_size": 400, "net_arch": [8],
    },
}  # fmt: skip
SETTINGS["td3"] = SETTINGS["sac"]
SETTINGS["tqc"] = SETTINGS["sac"] | {"n_quantiles": 5}
SETTINGS["ppo_lagrangian"] = SETTINGS["ppo"] | {"limits": {"withdrawal": 0.0, "resp": 0.0}, "dual_derivative": 0.1}
FRAMES = {"ppo": 2048, "sac": 1200, "td3": 800, "tqc": 800, "ppo_lagrangian": 1024}  # whole rollouts
EVERY = {"ppo": 256, "sac": 100, "td3": 100, "tqc": 100, "ppo_lagrangian": 256}


def config(out: object, algorithm: str = "ppo", **changes: Any) -> TrainConfig:
    """A training of a second or two."""
    values = {
        "algorithm": algorithm, "settings": SETTINGS[algorithm], "total_steps": FRAMES[algorithm], "pool": 8,
        "tune_patients": 2, "checkpoint_every": EVERY[algorithm], "track": False, "out": str(out), **changes,
    }  # fmt: skip
    return TrainConfig(**values)


def cut(
    chosen: TrainConfig,
    frames: int,
    number: signal.Signals = signal.SIGTERM,
    *,
    resume: bool = False,
    tell: Callable[[str], None] = lambda _text: None,
) -> None:
    """Train, and send this process a signal within the first step after ``frames`` more frames."""
    from thecal.envs.adapters.sb3 import ThecalSB3VecEnv

    step = ThecalSB3VecEnv.step_wait
    left = [frames]

    def stopping(self: Any) -> Any:
        before, left[0] = left[0], left[0] - self.num_envs
        if before >= 0 > left[0]:
            os.kill(os.getpid(), number)
        return step(self)

    with pytest.MonkeyPatch.context() as patch, ending():
        patch.setattr(ThecalSB3VecEnv, "step_wait", stopping)
        assert train(chosen, resume=resume, tell=tell).interrupted


def outcome(folder: Path) -> tuple[str, bytes, Any]:
    """All that has to be the same: weights, curve and tuning outcomes."""
    tune = json.loads((folder / "training.json").read_text())["tune"]
    return read_record(folder / "policy").weights_sha256, (folder / "curve.json").read_bytes(), tune
