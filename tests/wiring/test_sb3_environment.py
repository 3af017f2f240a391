"""The batch for Stable-Baselines3, line by line: what its resets use once, what a step adds up, and where episodes end."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError, InvalidActionWarning
from thecal.envs.adapters.masks import action_table
from thecal.envs.adapters.sb3 import STEP_INFO, ThecalSB3VecEnv
from thecal.envs.adapters.sb3_discrete import DiscreteSB3VecEnv
from thecal.envs.batch import Batch
from thecal.envs.scenario import Resolved

from support.episodes import POOL, draws, met, short_scene

STILL = np.zeros((3, 2))


@pytest.fixture(scope="module")
def scene() -> Resolved:
    """Built once for this file."""
    return short_scene()


def made(scene: Resolved, seed: Any = 5, *, kind: Any = ThecalSB3VecEnv, own: Any = None, **options: Any) -> Any:
    return kind(Batch(scene, 3, trail=True, reward_fn=own), POOL, seed, False, **options)


def everyone(env: Any) -> list[tuple[int, int]]:
    """(patient, seed of the days) of every environment."""
    return [met(env, i) for i in range(3)]


def due(seed: int, k: int) -> tuple[int, int]:
    """The same, when it is the draw number ``k`` of a stream."""
    place, days = draws(seed, len(POOL))[k]
    return POOL[place], days


class Scripted:
    """Makes the steps of a batch report what a test says: rewards, costs, deaths; the true step is taken first."""

    def __init__(self, batch: Any) -> None:
        self.batch, self.actions = batch, []
        self.reward = self.cost = self.terminated = (0.0, 0.0, 0.0)
        batch.__dict__["advance"] = self.advance

    def advance(self, actions: Any, active: Any = None) -> None:
        self.actions = actions.tolist()
        Batch.advance(self.batch, actions, active)
        for name in ("reward", "cost", "terminated"):
            self.batch._out[name][:] = getattr(self, name)


def test_it_says_what_it_takes_and_gives(scene: Resolved) -> None:
    env = made(scene)
    lens = env.batch.lens
    assert (env.num_envs, env.render_mode) == (3, None)
    assert env.spec_task is scene.task
    assert env.observation_names == lens.names
    assert env.decode == lens.decode
    assert env.action_names == scene.task.action.fields
    for space, n in ((env.observation_space, len(lens)), (env.action_space, 2)):
        assert (space.shape, space.dtype) == ((n,), np.float32)
        assert (space.low == -1.0).all()
        assert (space.high == 1.0).all()
    assert [env.draws.pool(i).tolist() for i in range(3)] == [POOL] * 3
    for sums in (env._returns, env._costs, env.step_costs):
        assert sums.tolist() == [0.0] * 3
    assert env._whole.tolist() == [True] * 3
    assert made(scene, render_mode="ansi").render_mode == "ansi"
    with pytest.raises(ConfigError, match="^render_mode 'human' is not there"):
        made(scene, render_mode="human")
    with pytest.raises(ConfigError, match="unknown info field 'costs'"):
        made(scene, info_fields=("costs",))
    with pytest.raises(ConfigError, match="patients must name at least one patient"):
        ThecalSB3VecEnv(Batch(scene, 1), [], 1, False)


def test_actions_that_wait_are_read_when_it_steps(scene: Resolved) -> None:
    env = made(scene)
    env.reset()
    script = Scripted(env.batch)
    env.step_wait()
    assert script.actions == [[0.0, 0.0]] * 3, "nothing was asked yet"
    env.step_async([[1.0, 0.0], [0.5, 0.25], [-1.0, 1.0]])
    env.step_wait()
    assert script.actions == [[1.0, 0.0], [0.5, 0.25], [-1.0, 1.0]]
    with pytest.warns(InvalidActionWarning, match="^1 of 3 actions are not 2 real numbers"):
        env.step([[1.0, 0.0], [0.5], [-1.0, 1.0]])
    assert np.isnan(script.actions[1]).all()


def test_seeds_and_options_are_of_one_reset(scene: Resolved) -> None:
    env = made(scene, seed=5)
    observations = env.reset()
    assert everyone(env) == [(due(5 + i, 0)[0], 5 + i) for i in range(3)]
    np.testing.assert_array_equal(observations, env.batch.observations)
    assert not np.shares_memory(observations, env.batch.observations)
    assert [info["patient"] for info in env.reset_infos] == env.batch.patients.tolist()
    assert "binding" in env.reset_infos[2]
    env.set_options([{"patient": 9, "seed": 0}, {}, {"seed": 12}])
    env.reset()
    assert everyone(env) == [(9, 0), due(6, 1), (due(7, 1)[0], 12)]
    env.reset()
    assert everyone(env) == [due(5 + i, 2) for i in range(3)]
    assert env.seed(20) == [20, 21, 22]
    env.set_options({"patient": 8})
    env.reset()
    assert everyone(env) == [(8, 20), (8, 21), (8, 22)]
    env.set_options([{"patient": 7}, None, None])
    env.set_options(None)
    env.reset()
    assert everyone(env) == [due(20 + i, 1) for i in range(3)]
    env.set_options((None, {"patient": 7}, {}))
    env.reset()
    assert everyone(env) == [due(20, 2), (7, due(21, 2)[1]), due(22, 2)]
    assert all(isinstance(one, int) for one in env.seed())
    given = {"patient": 7}
    env.set_options(given)
    given["patient"] = 9
    env.reset()
    assert env.batch.patients.tolist() == [7, 7, 7]


def test_options_and_seeds_that_cannot_be_are_refused(scene: Resolved) -> None:
    env = made(scene)
    env.set_options({"patient": 8})
    for options, words in (
        ([{}], "options of 1 environments were given for 3"), ([{}] * 4, "options of 4 environments were given for 3"),
        ([{}, {}, {"patient": -1}], "patient must lie between 0 and 2**40 - 1, not -1"),
        ({"days": 1}, "unknown reset option 'days'; known: patient, seed"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=f"^{re.escape(words)}$"):
            env.set_options(options)
    with pytest.raises(ConfigError, match="^seed must be a whole number, not 1.5$"):
        env.seed(1.5)
    with pytest.raises(ConfigError, match="^2 seeds were given for 3 environments$"):
        made(scene, seed=[1, 2])
    env.reset()
    assert env.batch.patients.tolist() == [8, 8, 8], "what was refused changed nothing"


def test_rewards_and_costs_add_up_over_an_episode(scene: Resolved) -> None:
    env = made(scene, own=lambda rows: np.array([4.5, 5.5, 6.5]))
    env.reset()
    script = Scripted(env.batch)
    script.reward, script.cost = (1.0, 2.0, 3.0), (0.5, 0.25, 0.125)
    observations, rewards, dones, infos = env.step(STILL)
    assert (rewards.dtype, rewards.tolist()) == (np.float32, [4.5, 5.5, 6.5])
    assert dones.tolist() == [False] * 3
    np.testing.assert_array_equal(observations, env.batch.observations)
    assert not np.shares_memory(observations, env.batch.observations)
    assert [tuple(info) for info in infos] == [STEP_INFO] * 3
    assert [info["cost"] for info in infos] == [0.5, 0.25, 0.125]
    assert (env._returns.tolist(), env._costs.tolist()) == ([1.0, 2.0, 3.0], [0.5, 0.25, 0.125])
    script.reward, script.cost, script.terminated = (10.0, 20.0, 30.0), (1.0, 2.0, 4.0), (0, 1, 0)
    before = everyone(env)
    env.reset_infos = ["of before"] * 3
    _, _, dones, infos = env.step(STILL)
    assert dones.tolist() == [False, True, False]
    assert infos[1]["episode"] == {"r": 22.0, "l": 2, "t": 0.0, "cost": 2.25}
    assert infos[1]["TimeLimit.truncated"] is False
    assert all("episode" not in infos[i] for i in (0, 2))
    assert env.step_costs.tolist() == [1.0, 2.0, 4.0], "also of a step that ended an episode"
    assert (env._returns.tolist(), env._costs.tolist()) == ([11.0, 0.0, 33.0], [1.5, 0.0, 4.125])
    assert everyone(env) == [before[0], due(6, 1), before[2]]
    assert env.reset_infos[0] == env.reset_infos[2] == "of before"
    assert env.reset_infos[1]["patient"] == due(6, 1)[0]
    script.terminated = (0, 0, 0)
    _, _, dones, infos = env.step(STILL)
    assert dones.tolist() == [True, False, True], "three steps are an episode"
    assert [infos[i]["TimeLimit.truncated"] for i in (0, 2)] == [True, True]
    assert infos[0]["episode"] == {"r": 21.0, "l": 3, "t": 0.0, "cost": 2.5}
    assert infos[2]["episode"] == {"r": 63.0, "l": 3, "t": 0.0, "cost": 8.125}
    assert everyone(env) == [due(5, 1), due(6, 1), due(7, 1)]
    assert env.batch.world["episode"]["step"].tolist() == [0, 1, 0]
    script.terminated = (0, 0, 1)
    env._whole[:] = False
    infos = env.step(STILL)[3]
    assert "episode" not in infos[2]
    assert env._whole.tolist() == [False, False, True]
    script.terminated = (0, 1, 0)
    assert env.step(STILL)[3][1]["TimeLimit.truncated"] is False, "a death at the last step is a death"
    env.reset()
    assert (env._returns.tolist(), env._costs.tolist(), env._whole.tolist()) == ([0.0] * 3, [0.0] * 3, [True] * 3)


def test_a_step_reports_the_fields_asked_for(scene: Resolved) -> None:
    env = made(scene, info_fields=("time_h", "patient"))
    env.reset()
    infos = env.step(STILL)[3]
    assert [tuple(info) for info in infos] == [("time_h", "patient")] * 3
    assert [info["time_h"] for info in infos] == [0.25] * 3
    assert "binding" in env.reset_infos[0]


def test_a_staggered_start_is_taken_only_where_it_is_asked_for(scene: Resolved) -> None:
    for stagger in (False, True):
        env = ThecalSB3VecEnv(Batch(scene, 3), POOL, 5, stagger)
        calls: list[int] = []
        env._spread_out = lambda calls=calls: calls.append(1)  # type: ignore[method-assign, misc]
        env.reset()
        assert len(calls) == stagger
    env = ThecalSB3VecEnv(Batch(scene, 3), POOL, 17, True)
    env.reset()
    offsets = [int(np.random.default_rng([1, 17 + i]).integers(3)) for i in range(3)]
    assert env.batch.world["episode"]["step"].tolist() == offsets == [2, 1, 0]
    assert env._whole.tolist() == [False, False, True]


def test_environments_are_chosen_by_number(scene: Resolved) -> None:
    env = made(scene)
    assert list(env._chosen(None)) == [0, 1, 2]
    assert list(env._chosen(1)) == [1]
    assert list(env._chosen([-1, 0])) == [2, 0]
    with pytest.raises(IndexError):
        env._chosen(3)


def test_discrete_choices_are_rows_and_holding_is_allowed(scene: Resolved) -> None:
    env = made(scene, kind=DiscreteSB3VecEnv, rates=(-1.0, 0.0, 0.5), boluses=(0.25, 0.0))
    rows = [(-1.0, 0.25), (-1.0, 0.0), (0.0, 0.25), (0.0, 0.0), (0.5, 0.25), (0.5, 0.0)]
    assert list(map(tuple, env.table.tolist())) == rows
    assert (env.action_space.n, env._hold, env.render_mode) == (6, 3, None)
    plain = made(scene, kind=DiscreteSB3VecEnv, render_mode="ansi", info_fields=("patient",))
    assert plain.table.tolist() == action_table()[0].tolist()
    assert (plain.action_space.n, plain.render_mode, plain._step_infos._names) == (15, "ansi", [])
    assert [plain.draws.pool(i).tolist() for i in range(3)] == [POOL] * 3
    env.reset()
    assert everyone(env) == [(due(5 + i, 0)[0], 5 + i) for i in range(3)]
    script = Scripted(env.batch)
    env.step(np.array([4, 0, 3]))
    assert script.actions == [list(rows[k]) for k in (4, 0, 3)]
    with pytest.warns(InvalidActionWarning, match="^1 of 3 choices are not whole numbers from 0 to 5"):
        env.step([5, 6, 0])
    assert (script.actions[0], script.actions[2]) == (list(rows[5]), list(rows[0]))
    assert np.isnan(script.actions[1]).tolist() == [True, True]
    assert env._masks.batch is env.batch
    assert env._masks.table.tolist() == env.table.tolist()
    found = np.zeros((3, 6), np.bool_)
    found[1, 4] = True
    env._masks = lambda: found
    masks = env.action_masks()
    assert masks.tolist() == [[k == 3 or (i, k) == (1, 4) for k in range(6)] for i in range(3)]
    assert DiscreteSB3VecEnv(Batch(scene, 1), POOL, None, True)._stagger is True
