"""Whoever asks, by whatever adapter: rate, bolus, lockout, calls and commands arrive as they were asked for."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from thecal.envs.adapters.constrained import ConstrainedEnv
from thecal.envs.adapters.make import make_sb3
from thecal.envs.adapters.masks import DiscreteActions, action_masks, action_table
from thecal.envs.adapters.sb3 import ThecalSB3VecEnv
from thecal.envs.adapters.single import Command, ThecalEnv
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.batch import Batch

from support.task_files import written
from support.wiring import Bench, ticking

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


def spec() -> Any:
    """A task of one tick in which the policy itself triggers the bolus."""
    task = ticking()
    return task.model_copy(update={"action": task.action.model_copy(update={"bolus_trigger": "policy"})})


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
    env = ThecalEnv(spec(), trail=True, split="test")
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
    env = ThecalVectorEnv(spec(), len(ACTIONS), trail=True, split="test", autoreset="next_step")
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
        env = ThecalVectorEnv(spec(), 2, split="test", autoreset=mode)
        env.reset(seed=1)
        env.step(np.zeros((2, 2)))
        env.batch._world["patient"]["dead"][1] = 1
        *_, terminated, truncated, _ = env.step(np.zeros((2, 2)))
        assert terminated.tolist() == [False, True]
        assert truncated.tolist() == [False, False]
        assert env.batch.world["episode"]["step"].tolist() == [2, step]
    env = ThecalVectorEnv(spec(), 2, split="test", autoreset="disabled", max_episode_steps=2)
    env.reset(seed=1)
    assert env.step(np.zeros((2, 2)))[3].tolist() == [False, False]
    assert env.step(np.zeros((2, 2)))[3].tolist() == [True, True]


def test_the_batch_for_sb3_hands_on_every_row() -> None:
    batch = Batch(spec(), len(ACTIONS), trail=True, split="test")
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
    batch = Batch(spec(), 3, split="test")
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
    env = DiscreteActions(ThecalEnv(spec(), trail=True, split="test"))
    many = make_sb3(spec(), 2, discrete=True, split="test", seed=2)
    assert many.action_space.n == env.action_space.n == 15
    env.reset(seed=2)
    base: Any = env.unwrapped
    for k in (0, 4, 8, 14):
        before, par = base.batch.world.copy(), base.batch.par.copy()
        env.step(k)
        requests(base.batch, before, par, [tuple(table[k])])
    read = many._read([3, 11])
    np.testing.assert_array_equal(read, table[[3, 11]])
    with pytest.warns(UserWarning):
        assert np.isnan(many._read([3, 15])[1]).all()
    with pytest.warns(UserWarning):
        assert np.isnan(env.action(-1)).all()
    assert env.action_masks()[hold]
    many.reset()
    assert many.action_masks()[:, hold].all()


def test_a_mask_says_what_would_run_unchanged() -> None:
    bench = Bench(spec())
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
            assert batch.out["requested_bolus_ul"][b] == pytest.approx(armed(before[b], batch.par["shield"][b], 1.0) / 1e3)
        assert float(cost.reshape(-1)[0]) == pytest.approx(float(batch.out["cost"][0]))
        assert float(reward.reshape(-1)[0]) == pytest.approx(float(batch.out["reward"][0]), rel=1e-5)
        assert not terminated.any()
        assert not truncated.any()
        assert observation.shape[-1] == len(batch.lens)


def command(env: ThecalEnv, **changes: Any) -> dict[str, Any]:
    """A command that fits what stands."""
    world = env.batch.world[0]
    found = {
        "id": f"{world['patient']['tick']}", "seen": int(world["pump"]["events"]),
        "issued_s": 900.0 * int(world["patient"]["tick"]), "rate": float(world["shield"]["prev_rate"]),
        "bolus": 0.0, "units": {"rate": "nL/tick", "bolus": "nL"},
    }  # fmt: skip
    return {**found, **changes}


def test_a_typed_command_reaches_the_shield_as_it_was_written() -> None:
    env = ThecalEnv(spec(), trail=True, split="test")
    env.reset(seed=3)
    env.step(np.zeros(2))
    rate = int(env.batch.world["shield"]["prev_rate"][0])
    info = env.step(command(env, rate=rate - 57.0, bolus=420.0))[4]
    row = env.batch.trail[0, 0]
    assert (row["request"], row["bolus_request"], row["valid"]) == (rate - 57, 420, 1)
    assert info["command"] == Command.TAKEN
    assert env.command_words == "taken"
    assert info["requested_rate"] == pytest.approx((rate - 57) * 96e-6)
    assert info["requested_bolus_ul"] == pytest.approx(0.42)
    conc = float(env.batch.par["ordered_conc"][0, 0])
    rate = int(env.batch.world["shield"]["prev_rate"][0])
    info = env.step(command(env, dose_ug_per_d=rate * 96e-6 * conc))[4]
    assert info["command"] == Command.TAKEN
    cases = (
        ({"id": "1"}, Command.STALE, -2),
        ({"seen": -1}, Command.STALE, -2),
        ({"issued_s": 900.0}, Command.STALE, -2),
        ({"issued_s": 1e6}, Command.STALE, -2),
        ({"units": {"rate": "mg", "bolus": "nL"}}, Command.UNITS, -1),
        ({"dose_ug_per_d": 1.0}, Command.UNITS, -1),
        ({"rate": 10.0 * rate}, Command.UNITS, -1),
        ({"rate": -1.0}, Command.MALFORMED, 0),
    )
    for changes, became, valid in cases:
        info = env.step(command(env, **changes))[4]
        row = env.batch.trail[0, 0]
        assert (info["command"], row["valid"]) == (became, valid), changes
        assert row["rate"] <= row["prev_rate"]
        assert env.command_words not in ("", "taken")
        assert env.step(np.zeros(2))[4]["command"] == Command.NONE
        assert env.command_words == ""


def test_a_command_acts_once_also_after_a_snapshot() -> None:
    env = ThecalEnv(spec(), trail=True, split="test")
    env.reset(seed=3)
    env.step(command(env, id="once"))
    kept = env.snapshot()
    assert kept.commands == (("once",),)
    assert env.step(command(env, id="once"))[4]["command"] == Command.STALE
    other = ThecalEnv(spec(), trail=True, split="test")
    other.reset(seed=9)
    other.restore(kept)
    assert other.batch.world["episode"]["step"][0] == other._steps == 1
    assert other.step(command(other, id="once"))[4]["command"] == Command.STALE
    other.reset(seed=9)
    assert other.step(command(other, id="once"))[4]["command"] == Command.TAKEN


def test_every_component_of_an_action_asks_its_own(tmp_path: Path) -> None:
    env = ThecalEnv(written(tmp_path, "Everything"), split="test")
    env.reset(seed=1)
    par, episode = env.batch.par[0], env.batch.world[0]["episode"]
    start = int(par["task"]["start_rate_nl"])
    for target, lockout, mixture, call, hold in (
        (1.0, -1.0, -1.0, 0.0, 0.0), (-1.0, 1.0, 1.0, 0.4, 0.0), (0.0, 0.5, 0.3, 0.0, 0.4), (1.0, 0.0, 0.0, 1.0, 1.0),
    ):  # fmt: skip
        before, rate = episode.copy(), int(env.batch.world["shield"]["prev_rate"][0])
        env.step(np.array([target, 0.0, lockout, mixture, call, hold]))
        due = rate if hold > 0.5 else math.floor(start * 0.5 * 4.0 ** (0.5 * (target + 1.0)) + 1e-9)
        assert env.batch.out["requested_rate"][0] == pytest.approx(due * 96e-6, abs=96e-6)
        ticks = math.ceil(8 + 0.5 * (lockout + 1.0) * 40) if lockout else before["lockout"]
        assert episode["lockout"] == ticks
        asked_for = min(3, math.floor(0.5 * (mixture + 1.0) * 4)) if mixture else before["mixture_asked"]
        assert episode["mixture_asked"] == asked_for
        assert episode["called"] == before["called"] + (call > 0.5)
    env.batch.keep_rate()
    rate = int(env.batch.world["shield"]["prev_rate"][0])
    env.step(np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    assert env.batch.out["requested_rate"][0] == pytest.approx(rate * 96e-6)
    env.step(np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    assert env.batch.out["requested_rate"][0] > rate * 96e-6, "once"


def test_a_reset_begins_the_patient_and_the_days_asked_for() -> None:
    env: gym.Env[Any, Any] = ThecalEnv(spec(), split="test", patients=[7, 8])
    batch = env.batch  # type: ignore[attr-defined]
    env.reset(seed=5)
    assert batch.patients[0] in (7, 8)
    assert batch.par["patient"]["seed"][0] == batch.par["fault"]["seed"][0] == 5
    env.step(np.zeros(2))
    env.reset(options={"patient": 2, "seed": 6})
    assert batch.patients[0] == 2
    assert batch.par["patient"]["seed"][0] == batch.par["fault"]["seed"][0] == 6
    assert batch.world["patient"]["tick"][0] == 0
    assert not batch.world["shield"]["ledger"].any()
    own = batch._known[2].par["patient"]["patient"]
    assert batch.par["patient"]["patient"][0] == own
