"""The single environment in its forms and wrappers, with the Gymnasium that is installed: 0.29.1, 1.0 or later.

It needs pytest and Thecal's base install alone, so that it can run in an environment of its own for each release.
"""

from __future__ import annotations

import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import thecal.envs
from thecal.core.errors import MissingExtraError

RELEASE = tuple(int(part) for part in gym.__version__.split(".")[:2])
TASKS = ("CancerMorphine", "NonCancerMix")
needs_old = pytest.mark.skipif(RELEASE >= (1, 1), reason="this Gymnasium has what the vector module asks for")
needs_new = pytest.mark.skipif(RELEASE < (1, 1), reason="the vector module asks for Gymnasium 1.1")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=300, check=False)


def test_the_vector_module_is_left_alone() -> None:
    script = """
import sys, gymnasium, thecal
from thecal.experiments.cli import run
gymnasium.make('thecal/CancerMorphine-v0').reset(seed=0)
assert run(['--help']) == 0
print([name for name in sys.modules if name.startswith('thecal.envs.adapters.vector')])
"""
    done = run("-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", [("--help",), ("list", "ids"), ("tasks",), ("warmup",)])
def test_commands_that_need_no_vector_work(command: tuple[str, ...]) -> None:
    done = run("-c", "from thecal.experiments.cli import main; main()", *command)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("variant", ["", "-Discrete", "-Easy", "-Faults"])
def test_the_ids_pass_the_checker(task: str, variant: str) -> None:
    env_id = f"thecal/{task}{variant}-v0"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(env_id, disable_env_checker=False)
        env.reset(seed=0)
        env.step(env.action_space.sample())
        check_env(gym.make(env_id).unwrapped, skip_render_check=True)


def test_seeds_give_the_same_episode() -> None:
    rows = []
    for _ in range(2):
        env = gym.make("thecal/CancerMorphine-v0")
        observation, _ = env.reset(seed=5)
        rows.append([observation, *(env.step(np.array([0.5, 0.0], np.float32))[0] for _ in range(20))])
    assert np.array_equal(*rows)


@pytest.mark.parametrize(
    "wrap",
    [
        gym.wrappers.RecordEpisodeStatistics,
        gym.wrappers.ClipAction,
        gym.wrappers.NormalizeReward,
        gym.wrappers.FlattenObservation,
        lambda env: gym.wrappers.TimeLimit(env, 10),
    ],
    ids=["statistics", "clip", "normalize", "flatten", "limit"],
)
def test_wrappers_go_around_it(wrap) -> None:
    env = wrap(gym.make("thecal/CancerMorphine-v0", horizon_d=1))
    env.reset(seed=1)
    steps = 0
    while steps < 25:
        steps += 1
        *_, terminated, truncated, info = env.step(env.action_space.sample())
        if terminated or truncated:
            break
    assert steps in (10, 24)
    assert truncated
    if "episode" in info:
        assert int(np.ravel(info["episode"]["l"])[0]) == 24


def test_the_discrete_wrapper_has_masks() -> None:
    from thecal.envs.adapters.masks import DiscreteActions

    env = DiscreteActions(gym.make("thecal/CancerMorphine-v0", shield_mode="mask"))
    env.reset(seed=0)
    masks = env.action_masks()
    assert masks.shape == (env.action_space.n,)
    env.step(int(np.flatnonzero(masks)[0]))


def test_costs_and_terms_come_in_their_forms() -> None:
    from thecal.envs.adapters.forms import WithCost

    six = gym.make("thecal/CancerMorphine-Cost-v0", cost_limit=2.0)
    around = WithCost(gym.wrappers.ClipAction(gym.make("thecal/CancerMorphine-v0")))
    for env in (six, around):
        env.reset(seed=0)
    action = np.array([0.5, 0.5], np.float32)
    for _ in range(5):
        first, second = six.step(action), around.step(action)
        assert len(first) == len(second) == 6
        assert first[1:5] == second[1:5]
    terms = gym.make("thecal/CancerMorphine-Terms-v0")
    terms.reset(seed=0)
    reward = terms.step(action)[1]
    assert reward.shape == terms.unwrapped.reward_space.shape


def test_synchronous_vectors_of_gymnasium_take_it() -> None:
    env = gym.vector.SyncVectorEnv([lambda: gym.make("thecal/CancerMorphine-v0", horizon_d=1) for _ in range(2)])
    env.reset(seed=0)
    ended = 0
    for _ in range(30):
        _, _, terminated, truncated, _ = env.step(np.zeros((2, 2), np.float32))
        ended += int((terminated | truncated).sum())
    assert ended == 2


@needs_old
def test_the_vector_module_asks_for_a_later_release() -> None:
    with pytest.raises(MissingExtraError, match=r"needs gymnasium 1\.1 or later, and .* is installed") as found:
        thecal.envs.ThecalVectorEnv("CancerMorphine", 2)
    assert "\n" not in str(found.value)
    done = run("-c", "from thecal.experiments.cli import main; main()", "evaluate", "fixed", "-n", "2", "--no-track")
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr


@needs_new
def test_the_vector_module_loads() -> None:
    env = thecal.envs.ThecalVectorEnv("CancerMorphine", 2)
    assert env.reset(seed=0)[0].shape[0] == 2
