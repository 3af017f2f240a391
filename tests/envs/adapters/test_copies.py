"""Copies are exact: copied or pickled at any moment, every adapter goes on bit for bit, apart from the original."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.envs import Scenario, ThecalEnv, ThecalVectorEnv, make_sb3
from thecal.envs.adapters.masks import DiscreteActions

from support.runs import short_task
from support.same import same

SCENE = Scenario.of(short_task(0.5), faults="stress").resolve()  # twelve steps, so that copies also meet ends
MASKED = Scenario.of(short_task(0.5), shield_mode="mask").resolve()
POOL = [3, 1, 4]
ID = "thecal:thecal/CancerMorphine-v0"
MAKERS: dict[str, Callable[[], Any]] = {
    "single": lambda: ThecalEnv(SCENE, patients=POOL, trail=True, truth=True),
    "made": lambda: gym.make(ID, patients=POOL),
    "discrete": lambda: DiscreteActions(ThecalEnv(MASKED, patients=POOL)),
    "vector": lambda: ThecalVectorEnv(SCENE, 3, patients=POOL, trail=True, truth=True),
    "same step": lambda: ThecalVectorEnv(SCENE, 2, patients=POOL, autoreset="same_step"),
    "parallel": lambda: ThecalVectorEnv(SCENE, 64, patients=POOL),
    "made vector": lambda: gym.make_vec(ID, num_envs=2, patients=POOL),
    "sb3": lambda: make_sb3(SCENE, 3, seed=7, pool=3, stagger=True),
    "sb3 discrete": lambda: make_sb3(MASKED, 2, seed=7, pool=3, discrete=True, stagger=True),
}
WAYS: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda env: pickle.loads(pickle.dumps(env)),
    "cloudpickle": lambda env: cloudpickle.loads(cloudpickle.dumps(env)),
}


def _begin(env: Any) -> Any:
    return env.reset() if hasattr(env, "set_options") else env.reset(seed=7)


def _go(env: Any, rng: np.random.Generator) -> Any:
    """One step, and a reset of a single environment where an episode ended: all that comes back."""
    if env.action_space.dtype == np.int64:
        masks = np.atleast_2d(env.action_masks())
        chosen = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
        result = env.step(chosen if env.action_space.shape != () or len(chosen) > 1 else int(chosen[0]))
    else:
        shape = env.action_space.shape
        shape = (env.num_envs, *shape) if hasattr(env, "set_options") else shape
        result = env.step(rng.uniform(-1.0, 1.0, shape).astype(np.float32))
    batch = env.unwrapped.batch
    extra = [batch.trail.copy(), batch.out.copy(), batch.world.tobytes()]
    if not hasattr(env, "num_envs") and (result[2] or result[3]):
        return [result, env.reset(), extra]
    return [result, extra]


def _course(env: Any, steps: int, seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [_go(env, rng) for _ in range(steps)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=5)
@given(before=st.integers(0, 15), after=st.integers(1, 15), seed=st.integers(0, 2**32 - 1))
def test_a_copy_goes_on_as_the_original(kind: str, way: str, before: int, after: int, seed: int) -> None:
    env, twin = MAKERS[kind](), MAKERS[kind]()
    assert same(_begin(env), _begin(twin))
    assert same(_course(env, before, seed), _course(twin, before, seed))
    copied = WAYS[way](env)
    bytes_then = env.unwrapped.batch.world.tobytes()
    assert copied.unwrapped.batch.world.tobytes() == bytes_then
    assert copied.unwrapped.batch.par.tobytes() == env.unwrapped.batch.par.tobytes()
    gone = _course(copied, after, seed + 1)
    assert env.unwrapped.batch.world.tobytes() == bytes_then, "the copy moved the original"
    assert same(gone, _course(env, after, seed + 1))
    assert same(gone, _course(twin, after, seed + 1))
    assert same(_begin(copied), _begin(env))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["single", "made", "discrete"])
def test_snapshots_and_pending_commands_survive_a_copy(kind: str, way: str) -> None:
    env = MAKERS[kind]()
    _begin(env)
    _course(env, 3, 1)
    kept = env.unwrapped.snapshot()
    _course(env, 3, 2)
    env.unwrapped.restore(kept)
    base = env.unwrapped
    rate = int(base.batch.world["shield"]["prev_rate"][0])
    head = int(base.batch.world["pump"]["events"][0])
    command = {"id": "a", "seen": head, "issued_s": 0, "rate": rate, "bolus": 0}
    base._command({**command, "units": {"rate": "nL/tick", "bolus": "nL"}})  # taken, and not yet carried out
    copied = WAYS[way](env)
    assert copied.unwrapped.batch.world["episode"]["command"][0] == 1
    assert same(_course(copied, 12, 3), _course(env, 12, 3))
    copied.unwrapped.restore(WAYS[way](kept))
    env.unwrapped.restore(kept)
    assert same(_course(copied, 5, 4), _course(env, 5, 4))


def test_a_copy_that_was_never_reset_is_as_new() -> None:
    for kind, make in MAKERS.items():
        env = make()
        for way in WAYS.values():
            assert same(_begin(way(env)), _begin(make())), kind


def test_copies_share_what_never_changes_and_nothing_else() -> None:
    env = ThecalEnv(SCENE, patients=POOL)
    env.reset(seed=1)
    copied = copy.deepcopy(env)
    assert copied.batch.scene is env.batch.scene
    views = ("words", "_step_out", "_values", "last_report")
    for name in ("_world", "_par", "_out", "_observations", *views):
        assert not np.shares_memory(getattr(env.batch, name), getattr(copied.batch, name)), name
        assert getattr(copied.batch, name).base is None or name in views
    assert np.shares_memory(copied.batch.words, copied.batch.out)
    assert np.shares_memory(copied.batch.last_report, copied.batch._world)
    assert copied._infos.batch is copied.batch
