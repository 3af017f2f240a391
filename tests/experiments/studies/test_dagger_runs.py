"""A student's training as a run: it goes on after a signal to the same result, and learns what a rule does not know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thecal.agents import load_policy, make_policy
from thecal.agents.backends.checkpoint import FILE, FOLDER, read_head
from thecal.agents.backends.store import read_record
from thecal.core.errors import StoreError
from thecal.envs.scenario import Scenario
from thecal.experiments.rollouts.rollout import measured
from thecal.experiments.studies.config import TrainConfig
from thecal.experiments.studies.train import train

from support.trainings import cut, outcome

SMALL: dict[str, Any] = {
    "n_envs": 4, "rounds": 3, "between": 4, "doses": 3, "horizon": 12.0, "epochs": 2, "batch_size": 16, "net_arch": [8],
}  # fmt: skip


def config(out: object, **changes: Any) -> TrainConfig:
    values = {
        "algorithm": "dagger", "task": "CancerDoseFinding", "settings": SMALL, "total_steps": 1500, "pool": 8,
        "tune_patients": 2, "checkpoint_every": 100, "track": False, "out": str(out), **changes,
    }  # fmt: skip
    return TrainConfig(**values)


@pytest.mark.parametrize("at", [30, 250, 470])  # before the first student, in the second round and in the third
def test_a_student_goes_on_to_the_same_result(at, tmp_path, whole):
    cut(config(tmp_path), at)
    assert read_record(tmp_path / "policy").interrupted
    train(config(tmp_path), resume=read_head(tmp_path) is not None)
    assert outcome(tmp_path) == whole
    assert not (tmp_path / FOLDER).exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a run without a break comes to."""
    folder = tmp_path_factory.mktemp("whole")
    assert train(config(folder)).trained.record.frames >= 1500
    return outcome(folder)


@pytest.mark.parametrize("key", ["lessons", "round", "rng"])
def test_a_spoiled_checkpoint_is_refused(key, tmp_path):
    import json

    cut(config(tmp_path), 300)
    path = tmp_path / FOLDER / FILE
    head = json.loads(path.read_text())
    head["state"][key] = -1
    path.write_text(json.dumps(head))
    with pytest.raises(StoreError):
        train(config(tmp_path), resume=True)


@pytest.mark.slow
def test_a_student_is_better_treated_than_by_a_fixed_rate(tmp_path):
    """Three students of a tenth of the shipped lessons each, on 60 tune patients: all are above hold by over three errors."""
    for seed in (1, 2, 3):
        out = tmp_path / str(seed)
        train(config(out, settings={}, total_steps=160_000, pool=256, seed=seed))
        scene = Scenario.of("CancerDoseFinding", split="tune", seed=seed, cohort_seed=seed).resolve()
        values = [
            measured(policy, scene, np.arange(60), ("well_treated",))["well_treated"]
            for policy in (load_policy(out / "policy"), make_policy("fixed"))
        ]
        gain = values[0] - values[1]
        assert gain.mean() > 3.0 * gain.std(ddof=1) / np.sqrt(len(gain))
