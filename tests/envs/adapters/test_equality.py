"""One physics: alone or in a batch, on one thread or two, with other neighbors, the same patient is bitwise the same."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from thecal.envs import ThecalEnv, ThecalVectorEnv
from thecal.envs.adapters.make import make_sb3

STEPS = 48
SEED = 77


def policy(k: int, n: int) -> np.ndarray:
    """Scripted actions that differ between patients only through ``k``."""
    return np.tile(np.array([np.sin(0.7 * k), np.cos(0.3 * k)]), (n, 1)).astype(np.float32)


def batch_course(patients, threads):
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        env = ThecalVectorEnv(num_envs=len(patients), split="test", truth=True, autoreset=False)
        observation, _ = env.reset(seed=SEED, options={"patients": patients})
        rows = [observation]
        outs = []
        for k in range(STEPS):
            observation, _, _, _, info = env.step(policy(k, len(patients)))
            rows.append(observation)
            outs.append(info["out"])
        return np.array(rows), np.array(outs), env.batch.world.copy()
    finally:
        numba.set_num_threads(before)


def test_alone_in_a_thousand_on_one_and_two_threads():
    patients = np.arange(1000)
    wide, wide_out, world = batch_course(patients, 1)
    threaded, threaded_out, threaded_world = batch_course(patients, min(2, numba.config.NUMBA_NUM_THREADS))
    assert wide.tobytes() == threaded.tobytes()
    assert wide_out.tobytes() == threaded_out.tobytes()
    assert world.tobytes() == threaded_world.tobytes()
    for i in (0, 499, 999):
        env = ThecalEnv(split="test", truth=True)
        observation, _ = env.reset(seed=SEED, options={"patient": i})
        assert np.array_equal(observation, wide[0, i])
        for k in range(STEPS):
            observation, reward, _, _, info = env.step(policy(k, 1)[0])
            assert np.array_equal(observation, wide[k + 1, i])
            assert reward == wide_out[k]["reward"][i]
            assert info["pain_mean"] == wide_out[k]["pain_mean"][i]


def test_order_and_neighbors_do_not_matter():
    a, _, _ = batch_course(np.array([3, 8, 5]), 1)
    b, _, _ = batch_course(np.array([5, 3, 700, 8]), 1)
    assert np.array_equal(a[:, 0], b[:, 1])
    assert np.array_equal(a[:, 1], b[:, 3])
    assert np.array_equal(a[:, 2], b[:, 0])


def test_days_do_not_depend_on_the_policy():
    """Common random numbers: two policies meet the same disturbances and sensor dropouts."""
    courses = []
    for action in (-1.0, 1.0):
        env = ThecalVectorEnv(num_envs=20, split="test", truth=True, autoreset=False)
        env.reset(seed=3, options={"patients": np.arange(20)})
        rows = []
        for _ in range(STEPS):
            _, _, _, _, info = env.step(np.full((20, 2), action, np.float32))
            state = env.batch.world["patient"]
            rows.append(
                (info["out"]["pain_latent"], state["ou"].copy(), state["s_valid"].copy(), info["out"]["dose_ug"][:, 0])
            )
        courses.append(rows)
    for first, second in zip(*courses, strict=True):
        assert np.array_equal(first[0], second[0])
        assert np.array_equal(first[1], second[1])
        assert np.array_equal(first[2], second[2])
    assert not np.array_equal(courses[0][-1][3], courses[1][-1][3])


def test_snapshot_continues_bitwise():
    env = ThecalEnv(split="test")
    env.reset(seed=1, options={"patient": 4})
    for k in range(10):
        env.step(policy(k, 1)[0])
    kept = env.snapshot()
    onward = [env.step(policy(k, 1)[0])[0] for k in range(10, 20)]
    env.restore(kept)
    again = [env.step(policy(k, 1)[0])[0] for k in range(10, 20)]
    assert np.array_equal(onward, again)


def test_adapter_is_the_same_batch():
    adapter = make_sb3("CancerMorphine", 4, seed=5)
    observation = adapter.reset()
    vector = ThecalVectorEnv(num_envs=4, autoreset=False)
    vector.reset(seed=0, options={"patients": adapter.batch.patients})
    where = np.arange(4)
    vector.batch.restart(where, adapter.batch.patients, adapter.batch.par["patient"]["seed"].copy())
    assert np.array_equal(observation, vector.batch.observations)
    for k in range(20):
        mine, reward, _, _ = adapter.step(policy(k, 4))
        theirs, other, *_ = vector.step(policy(k, 4))
        assert np.array_equal(mine, theirs)
        assert reward == pytest.approx(other, abs=1e-6)
