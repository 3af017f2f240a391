"""The single environment, line by line: whom a reset draws, what a step ends, what a command and a token's holder arm."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.errors import ConfigError, InvalidActionWarning
from thecal.envs.adapters.single import Command, ThecalEnv
from thecal.envs.scenario import Resolved
from thecal.safety.gateway import Reading, sign

from support.episodes import POOL, TOKEN, armed, command, draws, met, short_scene


@pytest.fixture(scope="module")
def scene() -> Resolved:
    """Built once for this file."""
    return short_scene()


class Door:
    """In place of the gateway: keeps what it is asked, and answers one thing."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.asked: list[Any] = []

    def read(self, *args: Any, **known: Any) -> Reading:
        self.asked.append((args, known))
        return self.reading


def test_it_says_what_it_takes_and_gives(scene: Resolved) -> None:
    env = ThecalEnv(scene)
    lens = env.batch.lens
    assert env.batch.n == 1
    assert env.spec is None
    assert env.spec_task is scene.task
    assert (env.render_mode, env.command_words, env.refused_tokens) == (None, "", 0)
    assert (env.observation_names, env.observation_units) == (lens.names, lens.units)
    assert env.observation_low is lens.low
    assert env.observation_high is lens.high
    assert env.decode == lens.decode
    assert env.action_names == scene.task.action.fields
    for space, n in ((env.observation_space, len(lens)), (env.action_space, 2)):
        assert (space.shape, space.dtype) == ((n,), np.float32)  # type: ignore[attr-defined]
        assert (space.low == -1.0).all()  # type: ignore[attr-defined]
        assert (space.high == 1.0).all()  # type: ignore[attr-defined]
    assert env.metadata == {"render_modes": ["ansi"], "render_fps": 1}
    assert env.patients.tolist() == list(range(4096))
    assert len(env.batch.trail[0]) == 0
    assert len(ThecalEnv(scene, trail=True).batch.trail[0]) == 1
    assert ThecalEnv(scene, render_mode="ansi").render_mode == "ansi"
    with pytest.raises(ConfigError, match="^render_mode 'human' is not there"):
        ThecalEnv(scene, render_mode="human")
    spec = gym.spec("thecal/CancerMorphine-v0")
    given = ThecalEnv(scene)
    given.spec = spec
    assert given.spec is not None
    assert (given.spec.id, given.spec.max_episode_steps) == (spec.id, 3)


def test_a_reward_of_ones_own_is_named_and_told_apart(scene: Resolved) -> None:
    env = ThecalEnv(scene, reward_fn=lambda rows: np.full(len(rows), 4.5), patients=POOL)
    assert env.batch.own_reward is not None
    assert env.metadata == {"render_modes": ["ansi"], "render_fps": 1, "reward": env.batch.own_reward.words}
    assert "reward" not in ThecalEnv.metadata
    assert env.reset(seed=1)[1]["task_reward"] == 0.0
    _, reward, _, _, info = env.step(np.zeros(2))
    assert (type(reward), reward) == (float, 4.5)
    assert info["task_reward"] == env.batch.out["reward"][0] != 4.5
    plain = ThecalEnv(scene, patients=POOL)
    assert "task_reward" not in plain.reset(seed=1)[1]
    _, reward, _, _, info = plain.step(np.zeros(2))
    assert (type(reward), reward) == (float, plain.batch.out["reward"][0])


def test_truth_is_told_when_it_is_asked_for(scene: Resolved) -> None:
    assert "pain_latent" in ThecalEnv(scene, truth=True, patients=POOL).reset(seed=1)[1]
    assert "pain_latent" not in ThecalEnv(scene, patients=POOL).reset(seed=1)[1]


def test_a_reset_draws_from_its_stream_or_as_it_is_told(scene: Resolved) -> None:
    env = ThecalEnv(scene, patients=POOL)
    assert env.patients.tolist() == POOL
    due = [(POOL[k], days) for k, days in draws(5, 3)]
    observation, info = env.reset(seed=5)
    assert met(env) == (due[0][0], 5), "the days of the first episode are the seed itself"
    assert info["patient"] == due[0][0]
    np.testing.assert_array_equal(observation, env.batch.observations[0])
    assert not np.shares_memory(observation, env.batch.observations)
    env.reset()
    assert met(env) == due[1]
    env.reset(options={"patient": 8})
    assert met(env) == (8, due[2][1])
    env.reset(options={"seed": 0})
    assert met(env) == (due[3][0], 0)
    env.reset(seed=np.uint8(6), options={"patient": 7, "seed": 11})
    assert met(env) == (7, 11)
    env.reset(options={})
    assert met(env) == (POOL[draws(6, 3)[1][0]], draws(6, 3)[1][1])
    env.patients = [9]
    assert env.patients.tolist() == [9]
    env.reset()
    assert met(env) == (9, draws(6, 3)[2][1])
    with pytest.raises(ConfigError, match="seed must be a whole number, not 1.5"):
        env.reset(seed=1.5)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="patients must name"):
        env.patients = []


def test_an_episode_ends_at_its_last_step_or_by_death(scene: Resolved) -> None:
    env = ThecalEnv(scene, patients=POOL)
    with pytest.raises(gym.error.ResetNeeded, match=r"^call reset\(\) before step\(\)$"):
        env.step(np.zeros(2))
    for _ in range(2):
        env.reset(seed=1)
        assert env._steps == 0
        ends = [env.step(np.zeros(2))[2:4] for _ in range(4)]
        assert ends == [(False, False), (False, False), (False, True), (False, True)]
        assert env._steps == 4
    for last in (1, 3):
        env.reset(seed=1)
        for _ in range(last - 1):
            env.step(np.zeros(2))
        env.batch._world["patient"]["dead"][0] = 1
        observation, _, terminated, truncated, _ = env.step(np.zeros(2))
        assert (terminated, truncated) == (True, False), "a death at the last step is a death"
        np.testing.assert_array_equal(observation, env.batch.observations[0])
        assert not np.shares_memory(observation, env.batch.observations)


def test_arrays_lists_and_nonsense_reach_the_pump(scene: Resolved) -> None:
    env = ThecalEnv(scene, trail=True, patients=POOL)
    env.reset(seed=3)
    for action, factor in ((np.array([1.0, 0.0]), 1.2), ([-1.0, 0.0], 0.9), (np.array([1.0, 0.0], np.float32), 1.2)):
        rate = int(env.batch.world["shield"]["prev_rate"][0])
        info = env.step(action)[4]
        row = env.batch.trail[0, 0]
        assert (row["request"], row["valid"]) == (int(rate * factor), 1)
        assert (info["command"], env.command_words) == (Command.NONE, "")
    with pytest.warns(InvalidActionWarning, match="^action of type list is not 2 real numbers"):
        env.step([1.0])
    assert env.batch.trail[0, 0]["valid"] == 0


def test_a_command_is_read_against_what_stands(scene: Resolved) -> None:
    env = ThecalEnv(scene, patients=POOL)
    env.reset(seed=3)
    world = env.batch._world[0]
    world["patient"]["tick"], world["pump"]["events"], world["shield"]["prev_rate"] = 7, 5, 123
    before = armed(env)
    for valid, became in ((1, Command.TAKEN), (0, Command.MALFORMED), (-1, Command.UNITS), (-2, Command.STALE)):
        door: Any = Door(Reading(11, 22, valid, "" if valid == 1 else f"because {valid}"))
        env._gateway = door
        written = {"any": "thing"}
        env._command(written)
        assert door.asked == [((written,), {"now_s": 7 * 900, "head": 5, "rate_nl": 123})]
        episode = env.batch.world["episode"][0]
        names = ("command", "command_rate", "command_bolus", "command_valid")
        assert [int(episode[name]) for name in names] == [1, 11, 22, valid]
        assert armed(env) == before, "nobody signed it"
        assert (type(env._became), env._became) == (np.int64, int(became))
        assert env.command_words == ("taken" if valid == 1 else f"because {valid}")
    env._gateway = Door(Reading(11, 22, 1, signed=True))  # type: ignore[assignment]
    env._command({})
    assert armed(env) == (11, 22, 8, before[3])
    assert env.reset(seed=3)[1]["command"] == Command.NONE
    assert env.command_words == ""


def test_a_step_under_a_command_asks_nothing_else(scene: Resolved) -> None:
    env = ThecalEnv(scene, patients=POOL)
    env.reset(seed=3)
    env.step(np.array([1.0, 1.0]))
    info = env.step(command(env, "a"))[4]
    assert (info["command"], env.command_words) == (Command.TAKEN, "taken")
    assert env._action.tolist() == [[0.0, 0.0]]
    info = env.step(np.zeros(2))[4]
    assert (info["command"], env.command_words) == (Command.NONE, "")


def test_a_gateway_knows_its_pump_and_its_ids(scene: Resolved) -> None:
    env = ThecalEnv(scene, patients=POOL, clinician_token=TOKEN)
    env.reset(seed=3)
    conc = float(env.batch.par["ordered_conc"][0, 0])
    assert (env._gateway.conc_ug_per_ml, env._gateway.max_age_s) == (conc, 300.0)
    env._command(command(env, "once"))
    env.step(np.zeros(2))
    kept = env.snapshot()
    assert kept.commands == (("once",),)
    env._command(command(env, "once"))
    assert env.command_words == "repeated"
    other = ThecalEnv(scene, patients=POOL, clinician_token=TOKEN)
    with pytest.raises(gym.error.ResetNeeded, match=r"^call reset\(\) before snapshot\(\)$"):
        other.snapshot()
    other.restore(kept)
    assert (other._steps, other.command_words) == (1, "")
    assert other.batch.world.tobytes() == kept.world.tobytes()
    assert [other.step(np.zeros(2))[3] for _ in range(2)] == [False, True]
    other._command(command(other, "once"))
    assert other.command_words == "repeated"
    other.restore(kept)
    assert (other._steps, other.command_words, int(other._became)) == (1, "", 0)
    signed = command(other, "signed", rate=0.0)
    other._command({**signed, "signed": sign(signed, TOKEN)})
    assert other.command_words == "taken"
    assert armed(other)[2] == 2
    other.reset(seed=3)
    assert other._gateway.known == ()
    other._command(command(other, "once"))
    assert other.command_words == "taken"
