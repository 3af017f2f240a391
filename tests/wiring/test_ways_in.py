"""Whoever asks, by whatever adapter: rate, bolus, lockout, calls and commands arrive as they were asked for."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import InvalidActionWarning
from thecal.envs.adapters.constrained import ConstrainedEnv
from thecal.envs.adapters.make import make_sb3
from thecal.envs.adapters.masks import DiscreteActions, action_masks, action_table
from thecal.envs.adapters.sb3 import ThecalSB3VecEnv
from thecal.envs.adapters.single import ThecalEnv
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.batch import Batch

from support.wiring import Bench, asking

# Rises and falls of the cancer task: deadband 0.25, up to 20 % up and 10 % down; a bolus as a share of the largest.
ACTIONS = ((1.0, 1.0), (-1.0, 0.5), (0.2, 0.0), (0.625, -1.0), (-0.625, 0.25), (5.0, 9.0), (-7.0, -3.0))


def asked(rate: int, a: float) -> int:
    """The rate that the first component asks for."""
    a = max(-1.0, min(1.0, a))
    if abs(a) <= 0.25:
        return rate
    return math.floor(rate * (1.0 + math.copysign((abs(a) - 0.25) / 0.75 * (0.2 if a > 0 else 0.1), a)))


def armed(world: Any, par: Any, b: float) -> int:
    """The bolus that the second component arms."""
    largest = min(int(par["bolus_abs"]), 96 * int(world["shield"]["prev_rate"]) * int(par["bolus_permille"]) // 1000)
    return math.floor(max(0.0, min(1.0, b)) * largest)


def requests(batch: Batch, before: np.ndarray, par: np.ndarray, actions: Any) -> None:
    """The rows of the trail hold what each action asks for on the state before."""
    for b, (first, second) in enumerate(actions):
        row = batch.trail[b, 0]
        rate = int(before["shield"]["prev_rate"][b])
        assert row["request"] == asked(rate, first), (b, first)
        assert row["bolus_request"] == armed(before[b], par["shield"][b], second), (b, second)
        assert row["valid"] == 1
        assert batch.world["pump"]["rate_nl"][b] == row["rate"]


def test_the_single_environment_hands_on_every_action() -> None:
    env = ThecalEnv(asking(), trail=True, split="test")
    env.reset(seed=3)
    for action in (*ACTIONS, (0.7, 0.3)):
        before, par = env.batch.world.copy(), env.batch.par.copy()
        env.step(np.array(action))
        requests(env.batch, before, par, [action])
        before = env.batch.world.copy()
        env.step(list(action))
        requests(env.batch, before, par, [action])
    for bad in ((math.nan, 0.5), (0.5, math.inf), (0.5,), "up", None):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            env.step(bad)
        row = env.batch.trail[0, 0]
        assert (row["valid"], row["bolus_request"], row["rate"]) == (0, 0, row["prev_rate"])


def test_the_vector_environment_hands_on_every_row() -> None:
    env = ThecalVectorEnv(asking(), len(ACTIONS), trail=True, split="test", autoreset="next_step")
    env.reset(seed=3)
    for turn in range(3):
        actions = np.roll(np.array(ACTIONS), turn, axis=0)
        before, par = env.batch.world.copy(), env.batch.par.copy()
        env.step(actions)
        requests(env.batch, before, par, actions)
    env.batch._world["patient"]["dead"][2] = 1
    *_, terminated, _, _ = env.step(np.array(ACTIONS))
    assert np.flatnonzero(terminated).tolist() == [2]
    before, par = env.batch.world.copy(), env.batch.par.copy()
    env.step(np.array(ACTIONS))
    assert env.batch.trail["tick"][2, 0] == -1, "it begins anew in place of the step"
    assert env.batch.world["episode"]["step"][2] == 0
    others = [k for k in range(len(ACTIONS)) if k != 2]
    for k in others:
        assert env.batch.trail["request"][k, 0] == asked(int(before["shield"]["prev_rate"][k]), ACTIONS[k][0])
    env.step(np.array(ACTIONS))
    assert env.batch.trail["tick"][2, 0] == 0


def test_the_vector_environment_restarts_as_its_mode_says() -> None:
    for mode, step in (("same_step", 0), ("disabled", 2)):
        env = ThecalVectorEnv(asking(), 2, split="test", autoreset=mode)
        env.reset(seed=1)
        env.step(np.zeros((2, 2)))
        env.batch._world["patient"]["dead"][1] = 1
        *_, terminated, truncated, _ = env.step(np.zeros((2, 2)))
        assert terminated.tolist() == [False, True]
        assert truncated.tolist() == [False, False]
        assert env.batch.world["episode"]["step"].tolist() == [2, step]
    env = ThecalVectorEnv(asking(), 2, split="test", autoreset="disabled", max_episode_steps=2)
    env.reset(seed=1)
    assert env.step(np.zeros((2, 2)))[3].tolist() == [False, False]
    assert env.step(np.zeros((2, 2)))[3].tolist() == [True, True]


def test_the_batch_for_sb3_hands_on_every_row() -> None:
    batch = Batch(asking(), len(ACTIONS), trail=True, split="test")
    env = ThecalSB3VecEnv(batch, list(range(40)), 3, False)
    env.reset()
    for turn in range(3):
        actions = np.roll(np.array(ACTIONS), turn, axis=0)
        before, par = batch.world.copy(), batch.par.copy()
        env.step_async(actions)
        _, rewards, _, _ = env.step_wait()
        requests(batch, before, par, actions)
        np.testing.assert_allclose(rewards, batch.out["reward"], rtol=1e-6)
        np.testing.assert_array_equal(env.step_costs, batch.out["cost"])
    batch._world["patient"]["dead"][4] = 1
    env.step_async(np.array(ACTIONS))
    _, _, dones, infos = env.step_wait()
    assert np.flatnonzero(dones).tolist() == [4]
    assert not infos[4]["TimeLimit.truncated"]
    assert batch.world["episode"]["step"].tolist() == [4, 4, 4, 4, 0, 4, 4]
    assert env._returns[4] == env._costs[4] == 0.0


def test_the_batch_for_sb3_draws_whom_it_was_told() -> None:
    batch = Batch(asking(), 3, split="test")
    env = ThecalSB3VecEnv(batch, [5, 6], 3, False)
    env.reset()
    assert set(batch.patients.tolist()) <= {5, 6}
    env.set_options([{"patient": 6, "seed": 11}, {}, {"patient": 5}])
    env.reset()
    assert (batch.patients[0], batch.patients[2]) == (6, 5)
    assert batch.par["patient"]["seed"][0] == 11
    env.seed(7)
    env.reset()
    first = batch.par["patient"]["seed"].copy()
    env.seed(7)
    env.reset()
    np.testing.assert_array_equal(batch.par["patient"]["seed"], first)


def test_discrete_actions_are_rows_of_their_table() -> None:
    table, hold = action_table()
    assert table[hold].tolist() == [0.0, 0.0]
    assert sorted(map(tuple, table.tolist())) == sorted(
        (rate, bolus) for rate in (-1.0, -0.5, 0.0, 0.5, 1.0) for bolus in (0.0, 0.5, 1.0)
    )
    env = DiscreteActions(ThecalEnv(asking(), trail=True, split="test"))
    many = make_sb3(asking(), 2, discrete=True, split="test", seed=2)
    assert many.action_space.n == env.action_space.n == 15
    env.reset(seed=2)
    base: Any = env.unwrapped
    for k in (0, 4, 8, 14):
        before, par = base.batch.world.copy(), base.batch.par.copy()
        env.step(k)
        requests(base.batch, before, par, [tuple(table[k])])
    read = many._read([3, 11])
    np.testing.assert_array_equal(read, table[[3, 11]])
    with pytest.warns(InvalidActionWarning):
        assert np.isnan(many._read([3, 15])[1]).all()
    with pytest.warns(InvalidActionWarning):
        assert np.isnan(env.action(-1)).all()
    assert env.action_masks()[hold]
    many.reset()
    assert many.action_masks()[:, hold].all()


def test_a_mask_says_what_would_run_unchanged() -> None:
    bench = Bench(asking())
    bench.quiet()
    bench.grown_up()
    bench.well()
    table, hold = action_table()
    state, clock = bench.batch.world.tobytes(), bench.batch.par.tobytes()
    mask = action_masks(bench.batch, table)[0]
    assert (bench.batch.world.tobytes(), bench.batch.par.tobytes()) == (state, clock)
    assert mask[hold]
    assert mask.any()
    kept = bench.batch.snapshot()
    for k, allowed in enumerate(mask):
        bench.batch.restore(kept)
        row = bench.act(table[k])
        assert allowed == (row["binding"] == 0), k
    bench.batch.restore(kept)
    bench.patient["poss_seen"] = 3
    sleepy = action_masks(bench.batch, table)[0]
    assert not sleepy[[k for k, (rate, bolus) in enumerate(table) if rate > 0 or bolus > 0]].any()


def test_the_constrained_environment_hands_on_tensors() -> None:
    torch = pytest.importorskip("torch")
    for n in (1, 2):
        env = ConstrainedEnv("thecal/CancerMorphine-v0", n, split="test")
        env.reset(seed=4)
        batch = env._env.batch
        before = batch.world.copy()
        action = torch.tensor([[-0.5, 1.0]] * n if n > 1 else [-0.5, 1.0])
        observation, reward, cost, terminated, truncated, _ = env.step(action)
        for b in range(n):
            rate = int(before["shield"]["prev_rate"][b])
            assert batch.out["requested_rate"][b] == pytest.approx(asked(rate, -0.5) * 96e-6)
            assert batch.out["requested_bolus_ul"][b] == pytest.approx(
                armed(before[b], batch.par["shield"][b], 1.0) / 1e3
            )
        assert float(cost.reshape(-1)[0]) == pytest.approx(float(batch.out["cost"][0]))
        assert float(reward.reshape(-1)[0]) == pytest.approx(float(batch.out["reward"][0]), rel=1e-5)
        assert not terminated.any()
        assert not truncated.any()
        assert observation.shape[-1] == len(batch.lens)
