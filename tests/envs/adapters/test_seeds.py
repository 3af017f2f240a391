"""Seeds: environment ``i`` under seed ``s`` meets what a single one under ``s + i`` meets, in every adapter, after ends too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.seeds import SEED_LIMIT
from thecal.envs import Scenario, ThecalEnv, ThecalVectorEnv, make_sb3

from support.runs import short_task

SCENE = Scenario.of(short_task(0.25)).resolve()  # six steps
STEPS = 16  # two ends and a part


def _single(seed: int) -> list[tuple[int, int]]:
    """(patient, seed of its days) of one environment's first three episodes."""
    env, met = ThecalEnv(SCENE), []
    for k in range(3):
        env.reset(**({"seed": seed} if k == 0 else {}))
        met.append((int(env.batch.patients[0]), int(env.batch.par["patient"]["seed"][0])))
    return met


def _now(batch: Any) -> list[tuple[int, int]]:
    return list(zip(batch.patients.tolist(), batch.par["patient"]["seed"].tolist(), strict=True))


def _native(n: int, mode: Any) -> list[list[tuple[int, int]]]:
    env = ThecalVectorEnv(SCENE, n, autoreset=mode)
    env.reset(seed=40)
    return _met(lambda: env.step(np.zeros((n, 2), np.float32)), lambda: _now(env.batch), n)


def _sb3(n: int, seeded: str) -> list[list[tuple[int, int]]]:
    env = make_sb3(SCENE, n, seed=40 if seeded == "made" else None)
    if seeded == "told":
        env.seed(40)
    env.reset()
    return _met(lambda: env.step(np.zeros((n, 2), np.float32)), lambda: _now(env.batch), n)


def _sync(n: int) -> list[list[tuple[int, int]]]:
    env = gym.vector.SyncVectorEnv([lambda: ThecalEnv(SCENE)] * n)
    env.reset(seed=40)
    batches = [one.batch for one in env.envs]  # type: ignore[attr-defined]
    return _met(
        lambda: env.step(np.zeros((n, 2), np.float32)), lambda: [_now(batch)[0] for batch in batches], n
    )  # fmt: skip


def _met(step: Callable[[], Any], now: Callable[[], Any], n: int) -> list[list[tuple[int, int]]]:
    met = [[one] for one in now()]
    for _ in range(STEPS):
        step()
        for i, one in enumerate(now()):
            if one != met[i][-1]:
                met[i].append(one)
    return [met[i] for i in range(n)]


@pytest.mark.parametrize("n", [2, 4])
def test_every_adapter_meets_what_single_environments_meet(n: int) -> None:
    wanted = [_single(40 + i) for i in range(n)]
    assert len({one for each in wanted for one in each}) == 3 * n, "each meets its own"
    assert _native(n, "next_step") == wanted
    assert _native(n, "same_step") == wanted
    assert _sync(n) == wanted
    assert _sb3(n, "made") == wanted
    assert _sb3(n, "told") == wanted


def test_native_and_synchronous_vectors_are_bitwise_one() -> None:
    native = gym.make_vec("thecal:thecal/CancerMorphine-v0", num_envs=3, task=short_task(0.25))
    sync = gym.make_vec(
        "thecal:thecal/CancerMorphine-v0", num_envs=3, vectorization_mode="sync", task=short_task(0.25)
    )  # fmt: skip
    rng = np.random.default_rng(1)
    assert np.array_equal(native.reset(seed=9)[0], sync.reset(seed=9)[0])
    for _ in range(STEPS):
        actions = rng.uniform(-1, 1, (3, 2)).astype(np.float32)
        mine, theirs = native.step(actions), sync.step(actions)
        assert all(np.array_equal(a, b) for a, b in zip(mine[:4], theirs[:4], strict=True))
        for name, value in mine[4].items():
            assert np.array_equal(value, theirs[4][name], equal_nan=True), name


def test_a_list_of_seeds_and_none_in_it() -> None:
    env = ThecalVectorEnv(SCENE, 3)
    env.reset(seed=[7, 50, 9])
    assert _now(env.batch) == [_single(7)[0], _single(50)[0], _single(9)[0]]
    env.reset(seed=[None, 7, None])
    assert _now(env.batch) == [_single(7)[1], _single(7)[0], _single(9)[1]]
    assert env.np_random_seed == (7, 7, 9)
    env.reset(seed=30, options={"reset_mask": np.array([False, True, True])})
    assert _now(env.batch)[1:] == [_single(31)[0], _single(32)[0]]


@pytest.mark.parametrize("seed", [3, [3, 8]])
def test_chosen_patients_leave_the_streams_as_single_ones_do(seed: Any) -> None:
    env = ThecalVectorEnv(SCENE, 2)
    env.reset(seed=seed, options={"patients": [5, 6]})
    own = [3, 4] if seed == 3 else seed
    days = [3, 3] if seed == 3 else seed
    assert _now(env.batch) == [(5, days[0]), (6, days[1])], "one number is common, so that policies can be compared"
    env.reset()
    assert _now(env.batch) == [_single(one)[1] for one in own]


def test_a_seed_at_the_end_of_the_range_goes_round() -> None:
    env = ThecalVectorEnv(SCENE, 2)
    env.reset(seed=SEED_LIMIT - 1)
    assert _now(env.batch) == [_single(SEED_LIMIT - 1)[0], _single(0)[0]]


def test_unseeded_environments_differ() -> None:
    env, other = (ThecalVectorEnv(SCENE, 4) for _ in range(2))
    env.reset()
    other.reset()
    assert len(set(_now(env.batch) + _now(other.batch))) == 8


def test_a_staggered_start_does_not_depend_on_the_number() -> None:
    few, many = (make_sb3(short_task(1.0), n, seed=3, stagger=True) for n in (2, 5))
    few.reset()
    many.reset()
    assert np.array_equal(few.batch.observations, many.batch.observations[:2])
    assert len(set(many.batch.world["episode"]["step"].tolist())) > 1
    assert [info["time_h"] for info in few.reset_infos] == few.batch.world["episode"]["step"].tolist()
