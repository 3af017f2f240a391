"""The native vector environment, line by line: whom each environment meets, which actions it gets, and when it begins anew."""

from __future__ import annotations

import re
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from thecal.core.errors import ConfigError
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.scenario import Resolved

from support.episodes import POOL, draws, met, short_scene

STILL = np.zeros((3, 2))
MODES = {
    "next_step": AutoresetMode.NEXT_STEP, "same_step": AutoresetMode.SAME_STEP, "disabled": AutoresetMode.DISABLED,
    True: AutoresetMode.NEXT_STEP, False: AutoresetMode.DISABLED, np.True_: AutoresetMode.NEXT_STEP,
    np.False_: AutoresetMode.DISABLED, **{mode: mode for mode in AutoresetMode},
}  # fmt: skip


@pytest.fixture(scope="module")
def scene() -> Resolved:
    """Built once for this file."""
    return short_scene()


def made(scene: Resolved, **options: Any) -> ThecalVectorEnv:
    return ThecalVectorEnv(scene, 3, patients=POOL, **options)


def everyone(env: ThecalVectorEnv) -> list[tuple[int, int]]:
    """(patient, seed of the days) of every environment."""
    return [met(env, i) for i in range(env.num_envs)]


def due(seed: int, k: int) -> tuple[int, int]:
    """The same, when it is the draw number ``k`` of a stream."""
    place, days = draws(seed, len(POOL))[k]
    return POOL[place], days


def test_it_says_what_it_takes_and_gives(scene: Resolved) -> None:
    env = made(scene, autoreset="same_step")
    lens = env.batch.lens
    assert (env.num_envs, env.batch.n, env.render_mode, env.spec) == (3, 3, None, None)
    assert env.metadata == {"render_modes": ["ansi"], "autoreset_mode": AutoresetMode.SAME_STEP}
    assert ThecalVectorEnv.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.spec_task is scene.task
    assert (env.observation_names, env.observation_units) == (lens.names, lens.units)
    assert env.observation_low is lens.low
    assert env.observation_high is lens.high
    assert env.decode == lens.decode
    assert env.action_names == scene.task.action.fields
    for space, shape in (
        (env.single_observation_space, (len(lens),)), (env.single_action_space, (2,)),
        (env.observation_space, (3, len(lens))), (env.action_space, (3, 2)),
    ):  # fmt: skip
        assert (space.shape, space.dtype) == (shape, np.float32)
        assert (space.low == -1.0).all()  # type: ignore[attr-defined]
        assert (space.high == 1.0).all()  # type: ignore[attr-defined]
    assert [env.draws.pool(i).tolist() for i in range(3)] == [POOL] * 3
    plain = ThecalVectorEnv(scene)
    assert (plain.num_envs, plain.mode) == (1, AutoresetMode.NEXT_STEP)
    assert plain.draws.pool(0).tolist() == list(range(4096))
    assert plain.batch.trail.shape == (1, 0)
    assert made(scene, trail=True).batch.trail.shape == (3, 1)
    assert made(scene, render_mode="ansi").render_mode == "ansi"
    spec = gym.spec("thecal/CancerMorphine-v0")
    shorter = made(scene, max_episode_steps=2)
    shorter.spec = spec
    assert shorter.spec is not None
    assert (shorter.spec.id, shorter.spec.max_episode_steps) == (spec.id, 2)


def test_every_mode_and_length_is_one_there_is(scene: Resolved) -> None:
    for value, mode in MODES.items():
        env = ThecalVectorEnv(scene, autoreset=value)
        assert env.mode is env.metadata["autoreset_mode"] is mode
    for bad in ("Same_Step", 1, None, 0.0):
        words = f"autoreset {bad!r} is not one of next_step, same_step, disabled"
        with pytest.raises(ConfigError, match=f"^{re.escape(words)}$"):
            ThecalVectorEnv(scene, autoreset=bad)
    for steps in (None, 1, 2, 3):
        assert ThecalVectorEnv(scene, max_episode_steps=steps)._n_steps == (3 if steps is None else steps)
    for bad in (0, 4):
        with pytest.raises(ConfigError, match=f"^max_episode_steps must lie between 1 and 3, not {bad}$"):
            ThecalVectorEnv(scene, max_episode_steps=bad)


def test_truth_and_a_reward_of_ones_own_are_told(scene: Resolved) -> None:
    env = made(scene, truth=True, reward_fn=lambda rows: np.array([4.5, 5.5, 6.5]))
    assert env.batch.own_reward is not None
    assert env.metadata["reward"] == env.batch.own_reward.words
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    env.reset(seed=1)
    _, reward, _, _, info = env.step(STILL)
    assert reward.tolist() == [4.5, 5.5, 6.5]
    np.testing.assert_array_equal(info["task_reward"], env.batch.out["reward"])
    np.testing.assert_array_equal(info["pain_latent"], env.batch.out["pain_latent"])
    assert info["out"].tobytes() == env.batch.out.tobytes()
    plain = made(scene)
    assert "reward" not in plain.metadata
    plain.reset(seed=1)
    _, reward, _, _, info = plain.step(STILL)
    np.testing.assert_array_equal(reward, plain.batch.out["reward"])
    assert not {"task_reward", "pain_latent", "out"} & set(info)


def test_each_environment_draws_under_its_own_seed(scene: Resolved) -> None:
    env = made(scene, seed=5)
    observations, info = env.reset()
    assert everyone(env) == [(due(5 + i, 0)[0], 5 + i) for i in range(3)]
    assert info["patient"].tolist() == [due(5 + i, 0)[0] for i in range(3)]
    np.testing.assert_array_equal(observations, env.batch.observations)
    assert not np.shares_memory(observations, env.batch.observations)
    env.reset()
    assert everyone(env) == [due(5 + i, 1) for i in range(3)]
    env.reset(seed=[None, 20, None])
    assert everyone(env) == [due(5, 2), (due(20, 0)[0], 20), due(7, 2)]
    env.reset(options={"reset_mask": [False, True, False]})
    assert everyone(env) == [due(5, 2), due(20, 1), due(7, 2)]
    env.reset(seed=30)
    assert everyone(env) == [(due(30 + i, 0)[0], 30 + i) for i in range(3)]
    other = made(scene, seed=5)
    other.reset(seed=[None, 20, None])
    assert met(other, 1) == (due(20, 0)[0], 20), "a list of which one says something is what counts"
    other.reset()
    assert met(other, 1) == due(20, 1), "the first seed is of the first reset"
    with pytest.raises(ConfigError, match="^2 seeds were given for 3 environments$"):
        env.reset(seed=[1, 2])


def test_chosen_patients_share_their_days(scene: Resolved) -> None:
    env = made(scene)
    env.reset(seed=30, options={"patients": [9, 8, 7]})
    assert everyone(env) == [(9, 30), (8, 30), (7, 30)]
    env.reset(seed=[40, 41, 42], options={"patients": (7, 9, 9)})
    assert everyone(env) == [(7, 40), (9, 41), (9, 42)]
    env.reset(options={"patients": np.array([8, 8, 8])})
    assert everyone(env) == [(8, due(40 + i, 1)[1]) for i in range(3)]
    env.reset(seed=50, options={"patients": [7, 9], "reset_mask": [True, False, True]})
    assert everyone(env) == [(7, 50), (8, due(41, 1)[1]), (9, 50)]
    for options, words in (
        ({"patients": [7, 8]}, "2 patients were given for 3 environments"),
        ({"patients": [7, 8, 9], "reset_mask": [True, False, True]}, "3 patients were given for 2 environments"),
        ({"patients": []}, "patients must name at least one patient"),
        ({"reset_mask": [1, 0, 1]}, "reset_mask must be 3 booleans, not [1, 0, 1]"),
        ({"reset_masks": 1}, "unknown reset option 'reset_masks' (did you mean 'reset_mask'?); known: patients, reset_mask"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=f"^{re.escape(words)}$"):
            env.reset(options=options)
    mixed = made(scene, seed=[None, 3, 4])  # type: ignore[arg-type]
    mixed.reset(options={"patients": [7, 8, 9]})
    assert everyone(mixed)[1:] == [(8, 3), (9, 4)], "a seed that only some have is of those alone"


def test_each_row_is_the_action_of_its_environment(scene: Resolved) -> None:
    env = made(scene, trail=True)
    env.reset(seed=3)
    actions = [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]
    for given in (np.array(actions), actions, np.array(actions, np.float32)):
        rates = env.batch.world["shield"]["prev_rate"].tolist()
        observations, _, _, _, info = env.step(given)
        requested = [int(rate * factor) for rate, factor in zip(rates, (1.2, 0.9, 1.0), strict=True)]
        assert env.batch.trail["request"][:, 0].tolist() == requested
        assert env.batch.trail["valid"][:, 0].tolist() == [1, 1, 1]
        np.testing.assert_array_equal(observations, env.batch.observations)
        assert not np.shares_memory(observations, env.batch.observations)
        assert info["patient"].tolist() == env.batch.patients.tolist()


def ends(env: ThecalVectorEnv) -> tuple[list[bool], list[bool], list[int]]:
    """Which episodes a step ended, by death or at the limit, and the step at which each environment stands."""
    _, _, terminated, truncated, _ = env.step(STILL)
    return terminated.tolist(), truncated.tolist(), env.batch.world["episode"]["step"].tolist()


NO, YES = [False] * 3, [True] * 3


def test_a_next_step_begins_where_an_episode_ended(scene: Resolved) -> None:
    env = made(scene)
    env.reset(seed=5)
    env.batch._world["patient"]["dead"][1] = 1
    assert ends(env) == ([False, True, False], NO, [1, 1, 1])
    assert ends(env) == (NO, NO, [2, 0, 2])
    assert met(env, 1) == due(6, 1)
    assert env.batch.out["allowed_rate"][1] == 96e-6 * env.batch.world["shield"]["prev_rate"][1], (
        "it tells of its start"
    )
    assert np.isnan(env.batch.out["requested_rate"]).tolist() == [False, True, False]
    assert ends(env) == (NO, [True, False, True], [3, 1, 3])
    assert ends(env) == (NO, NO, [0, 2, 0])
    assert everyone(env) == [due(5, 1), due(6, 1), due(7, 1)]
    assert ends(env) == (NO, [False, True, False], [1, 3, 1])
    env.reset(options={"reset_mask": [False, True, False]})
    assert ends(env) == (NO, NO, [2, 1, 2]), "who was reset does not wait"
    env.batch._world["patient"]["dead"][0] = 1
    assert ends(env) == ([True, False, False], [False, False, True], [3, 2, 3]), "a death at the last step is a death"


def test_the_same_step_begins_the_next_episode(scene: Resolved) -> None:
    env = made(scene, autoreset="same_step")
    env.reset(seed=5)
    env.batch._world["patient"]["dead"][1] = 1
    last = env.step(STILL)
    assert (last[2].tolist(), last[3].tolist()) == ([False, True, False], NO)
    assert last[4]["_final_obs"].tolist() == [False, True, False]
    assert everyone(env) == [(due(5, 0)[0], 5), due(6, 1), (due(7, 0)[0], 7)]
    assert "final_obs" not in env.step(STILL)[4]
    assert ends(env) == (NO, [True, False, True], [0, 2, 0])
    assert ends(env) == (NO, [False, True, False], [1, 0, 1])


def test_nothing_begins_where_that_is_disabled(scene: Resolved) -> None:
    env = made(scene, autoreset="disabled", max_episode_steps=2)
    env.reset(seed=5)
    assert ends(env) == (NO, NO, [1, 1, 1])
    assert ends(env) == (NO, YES, [2, 2, 2])
    assert ends(env) == (NO, YES, [3, 3, 3])
    assert everyone(env) == [(due(5 + i, 0)[0], 5 + i) for i in range(3)]
    assert "final_obs" not in env.step(STILL)[4]
