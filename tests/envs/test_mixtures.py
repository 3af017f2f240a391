"""Mixtures in one reservoir, and the same patients by the second structural model, through the whole environment."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from thecal.core.errors import ConfigError
from thecal.core.layout import AXIAL, COMPARTMENT
from thecal.envs import ThecalVectorEnv
from thecal.envs.batch import Batch
from thecal.envs.tasks import TaskSpec, load_task
from thecal.safety.profiles import load_profile

from support.structures import GOOD, put_record

N = 24


def _run(batch: Batch, steps: int, action: tuple[float, float]) -> list[np.ndarray]:
    batch.restart(np.arange(N), np.arange(N), np.arange(N, dtype=np.uint64))
    outs = []
    for _ in range(steps):
        batch.advance(np.tile(np.array(action), (N, 1)))
        outs.append(batch.out.copy())
    return outs


def test_two_drugs_move_at_one_flow_and_each_keeps_its_cap():
    batch = Batch("NonCancerMix", N, split="test")
    outs = _run(batch, 90, (1.0, 1.0))
    profile = load_profile("seed_2025")
    for out in outs:
        np.testing.assert_allclose(out["dose_ug"][:, 1], 2.0 * out["dose_ug"][:, 0], rtol=2e-3)
        for d, drug in enumerate(("morphine", "bupivacaine")):
            assert (out["dose24_ug"][:, d] <= profile.cap_ug(drug)).all()
    drugs = batch.world["patient"]["drug"]
    given = drugs["given"][:, :2]
    assert (given > 0.0).all()
    held = sum(drugs[name].sum(axis=-1) for name in ("csf", "cord"))[:, :2]
    held = held + sum(drugs[name][:, :2] for name in ("tip", "plasma", "periph", "eliminated"))
    np.testing.assert_allclose(held, given, rtol=1e-9)
    assert not drugs["given"][:, 2].any()


def test_the_second_drug_relieves_pain():
    mix = Batch("NonCancerMix", N, split="test")
    alone = Batch("NonCancerMorphine", N, split="test")
    pain = [np.mean([out["pain_mean"] for out in _run(batch, 42, (0.0, 0.0))]) for batch in (mix, alone)]
    assert pain[0] < pain[1] - 0.1  # the same patients on the same days; 0.4 mg/d is little


def test_a_mixture_needs_a_ratio_for_every_further_drug():
    data = load_task("NonCancerMix").model_dump()
    for ratios in ((), (2.0, 1.0), (0.0,), (-1.0,)):
        data["solution"]["ratios"] = ratios
        with pytest.raises(ValidationError, match="ratios"):
            TaskSpec.model_validate(data)


@pytest.mark.parametrize("task", ["CancerMorphine", "NonCancerMorphine", "NonCancerMix"])
def test_every_task_runs_patients_of_the_second_structure(task, monkeypatch, tmp_path):
    put_record(monkeypatch, tmp_path, GOOD)
    found = {}
    for difficulty, structure in (("real", AXIAL), ("swap", COMPARTMENT)):
        env = ThecalVectorEnv(task, num_envs=N, split="test", difficulty=difficulty, truth=True, autoreset=False)
        observation, _ = env.reset(seed=3, options={"patients": np.arange(N)})
        for _ in range(30):
            observation, reward, _, _, info = env.step(np.zeros((N, 2), np.float32))
        assert np.isfinite(observation).all()
        assert np.isfinite(reward).all()
        par = env.batch.par["patient"]
        assert (par["structure"] == structure).all()
        found[difficulty] = (par["pain_base"].copy(), info["out"]["relief"].copy(), info["out"]["dose_ug"].copy())
    assert found["real"][0].tobytes() == found["swap"][0].tobytes()
    assert found["real"][2].tobytes() == found["swap"][2].tobytes()
    assert np.abs(found["real"][1] - found["swap"][1]).mean() > 0.01


def test_an_unknown_structure_is_refused():
    task = load_task("CancerMorphine")
    wrong = task.model_copy(update={"difficulty": {**task.difficulty, "odd": {"structure": 7.0}}})
    with pytest.raises(ConfigError, match="structure 7 is neither"):
        _run(Batch(wrong, N, split="test", difficulty="odd"), 1, (0.0, 0.0))
