"""``info``: true from the reset on, NumPy numbers and arrays only, the same keys and types at every moment, in every adapter."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.errors import UnknownNameError
from thecal.envs import Scenario, ThecalEnv, ThecalVectorEnv, make_sb3
from thecal.envs.adapters.infos import NAMES
from thecal.envs.adapters.sb3 import STEP_INFO
from thecal.envs.kernel.records import TRUTH_NAMES

from support.runs import short_task
from support.same import same

TASKS = ("CancerMorphine", "NonCancerMorphine", "NonCancerMix")
SCENE = Scenario.of(short_task(0.5)).resolve()


def _kinds(info: dict[str, Any]) -> dict[str, Any]:
    return {name: (type(value), value.dtype, value.shape) for name, value in info.items()}


@pytest.mark.parametrize("truth", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_keys_and_types_never_change_and_are_numpys(task: str, truth: bool) -> None:
    env = ThecalEnv(task, truth=truth, faults="stress")
    kinds = _kinds(env.reset(seed=1)[1])
    assert all(issubclass(kind, (np.number, np.ndarray)) for kind, *_ in kinds.values())
    assert {*NAMES, "command", *(TRUTH_NAMES if truth else ())} == set(kinds)
    for k in range(60):
        action = np.full(env.action_space.shape, np.nan if k % 7 == 0 else 0.3)
        assert _kinds(env.step(action)[4]) == kinds
    assert _kinds(env.reset()[1]) == kinds


@pytest.mark.parametrize("task", TASKS)
def test_a_reset_tells_what_stands(task: str) -> None:
    env = ThecalEnv(task, truth=True, split="test")
    observation, info = env.reset(seed=4, options={"patient": 9})
    seen = env.decode(observation)
    world, scene = env.batch.world, env.batch.scene
    assert info["patient"] == 9
    assert info["nrs_report"] == pytest.approx(float(seen["nrs_report"]), abs=1e-5)
    assert info["nrs_new"] == 1
    assert info["reservoir_est_ml"] == info["reservoir_true_ml"] == scene.pump.capacity_ml
    assert info["programmed_rate"] == pytest.approx(seen["rate_ml_per_d"], abs=1e-6)
    assert info["allowed_rate"] == info["programmed_rate"] > 0.0
    assert np.array_equal(info["conc_true"], world["pump"]["conc"][0])
    assert info["conc_true"][0] == env.batch.par["ordered_conc"][0, 0] > 0.0
    assert info["pain_end"] == info["pain_mean"] == world["patient"]["pain"][0] > 0.0
    assert info["spo2_min"] == world["patient"]["spo2"][0] > 90.0
    assert info["battery_used"] == info["time_h"] == info["cost"] == 0
    assert not info["dose_ug"].any()
    assert not info["dose24_ug"].any()
    assert np.isnan(info["requested_rate"])
    assert np.isnan(info["delivered_rate"])
    assert env.step(np.zeros(2))[4]["patient"] == 9


def test_the_last_report_stands_until_the_next_one_comes() -> None:
    env = ThecalEnv("CancerMorphine", split="test")
    last, came = env.reset(seed=2)[1]["nrs_report"], 0
    for _ in range(100):
        observation, *_, info = env.step(np.zeros(2))
        came += int(info["nrs_new"])
        assert info["nrs_new"] or info["nrs_report"] == last
        last = info["nrs_report"]
        seen = env.decode(observation)["nrs_report"]
        assert np.isnan(seen) or abs(seen - last) < 1e-6
    assert 0 < came < 100


def test_every_info_is_its_own() -> None:
    env = ThecalEnv(SCENE)
    env.reset(seed=1)
    first = env.step(np.ones(2))[4]
    kept = {name: np.copy(value) for name, value in first.items()}
    second = env.step(np.zeros(2))[4]
    assert not any(np.shares_memory(first[name], second[name]) for name in ("dose_ug", "dose24_ug"))
    first["dose_ug"][:] = -1.0
    assert env.batch.out["dose_ug"][0, 0] >= 0.0
    assert all(np.array_equal(first[name], kept[name], equal_nan=True) for name in kept if name != "dose_ug")


@pytest.mark.parametrize("truth", [False, True])
def test_the_vector_tells_what_its_environments_tell(truth: bool) -> None:
    singles = [ThecalEnv(SCENE, truth=truth) for _ in range(3)]
    vector = ThecalVectorEnv(SCENE, 3, truth=truth)
    _, info = vector.reset(seed=5)
    alone = [env.reset(seed=5 + i)[1] for i, env in enumerate(singles)]
    for _ in range(8):
        assert set(info) - {"out"} == set(alone[0]) - {"command"}
        for i, own in enumerate(alone):
            assert same({name: value[i] for name, value in info.items() if name != "out"},
                        {name: own[name] for name in info if name != "out"})  # fmt: skip
        info = vector.step(np.full((3, 2), 0.4, np.float32))[4]
        alone = [env.step(np.full(2, 0.4, np.float32))[4] for env in singles]
    assert info["cost"].shape == (3,)


def test_the_same_step_vector_tells_the_end_and_the_new_start() -> None:
    env = ThecalVectorEnv(SCENE, 2, autoreset="same_step")
    env.reset(seed=1)
    for _ in range(12):
        info = env.step(np.zeros((2, 2), np.float32))[4]
    assert (info["final_info"]["time_h"] == 12.0).all()
    assert (info["final_info"]["cost"] >= 0.0).all()
    assert (info["time_h"] == 0.0).all()
    assert (info["reservoir_est_ml"] > 0.0).all()


def test_sb3_infos_hold_costs_patient_and_shield_at_every_step() -> None:
    env = make_sb3(SCENE, 3, seed=5)
    env.reset()
    singles = [ThecalEnv(SCENE) for _ in range(3)]
    for i, single in enumerate(singles):
        assert same(env.reset_infos[i], {k: v for k, v in single.reset(seed=5 + i)[1].items() if k != "command"})
    for step in range(12):
        _, _, done, infos = env.step(np.full((3, 2), 0.4, np.float32))
        for i, info in enumerate(infos):
            own = singles[i].step(np.full(2, 0.4, np.float32))[4]
            assert same({name: info[name] for name in STEP_INFO}, {name: own[name] for name in STEP_INFO}), (step, i)
    assert done.all()
    assert all(info["time_h"] == 0.0 for info in env.reset_infos), "those of the next episodes"
    assert same(env.reset_infos[0], {k: v for k, v in singles[0].reset()[1].items() if k != "command"})


def test_sb3_infos_hold_what_is_asked_for() -> None:
    env = make_sb3(SCENE, 2, seed=5, info_fields=("dose_ug", *NAMES))
    env.reset()
    infos = env.step(np.zeros((2, 2), np.float32))[3]
    assert set(infos[0]) == set(NAMES)
    assert not np.shares_memory(infos[0]["dose_ug"], env.batch.out)
    bare = make_sb3(SCENE, 2, seed=5, info_fields=())
    bare.reset()
    assert bare.step(np.zeros((2, 2), np.float32))[3] == [{}, {}]
    with pytest.raises(UnknownNameError, match=r"unknown info field 'costs' \(did you mean 'cost'\?\)"):
        make_sb3(SCENE, 2, info_fields=("costs",))


@pytest.mark.parametrize("vector", [gym.vector.SyncVectorEnv, gym.vector.AsyncVectorEnv])
def test_gymnasiums_vectors_stack_every_key(vector: Any) -> None:
    env = vector([lambda: ThecalEnv(SCENE)] * 2)
    _, info = env.reset(seed=1)
    for _ in range(14):
        assert all(value.dtype != object for value in info.values())
        assert info["dose_ug"].shape == (2, 3)
        info = env.step(np.zeros((2, 2), np.float32))[4]
    env.close()
