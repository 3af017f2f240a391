"""Environments drawn as pictures: by gymnasium's ways, single and many, with nothing changed by the drawing."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.envs.adapters.picture import HEIGHT, WIDTH
from thecal.envs.adapters.pictured import PicturedEnv
from thecal.envs.adapters.pictured_vector import PicturedVectorEnv

ID = "thecal:thecal/CancerMorphine-v0"
VECTOR = {"vectorization_mode": "vector_entry_point"}
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(name)
import importlib.util
real = importlib.util.find_spec
import thecal.core.extras as extras
extras.find_spec = lambda name, *rest: None if name == "matplotlib" else real(name, *rest)
sys.meta_path.insert(0, Missing())
import gymnasium as gym
gym.make("thecal:thecal/CancerMorphine-v0", render_mode="ansi")
try:
    gym.make("thecal:thecal/CancerMorphine-v0", render_mode="rgb_array")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def drawn():
    env = gym.make(ID, render_mode="rgb_array", disable_env_checker=True)
    env.reset(seed=3, options={"patient": 5, "seed": 7})
    return env


def test_a_picture_has_its_size_and_shows_the_step(drawn):
    drawn.reset(options={"patient": 5, "seed": 7})
    first = drawn.render()
    assert (first.shape, first.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    drawn.step(np.array([0.5, 0.0], np.float32))
    second = drawn.render()
    changed = (first != second).any(axis=2)
    assert changed[60:, 340:].any(), "the traces go on"
    assert changed[:40].any(), "the heading tells the time"
    assert (second[0, :20] == 255).all()
    assert np.array_equal(drawn.render(), second), "what stands is drawn once"


def test_a_new_episode_begins_new_traces(drawn):
    drawn.reset(options={"patient": 5, "seed": 7})
    first = drawn.render()
    drawn.step(np.zeros(2, np.float32))
    drawn.render()
    painter = drawn.unwrapped._painter
    assert [moment.time_h for moment in painter.traces[0]] == [0.0, 1.0]
    drawn.reset(options={"patient": 5, "seed": 7})
    assert np.array_equal(drawn.render(), first)
    assert len(painter.traces[0]) == 1


def test_drawing_changes_nothing(drawn):
    drawn.reset(options={"patient": 9, "seed": 7})
    plain = gym.make(ID, disable_env_checker=True)
    plain.reset(options={"patient": 9, "seed": 7})
    for _ in range(3):
        drawn.render()
        ours, theirs = (env.step(np.array([0.2, 0.1], np.float32)) for env in (drawn, plain))
        assert np.array_equal(ours[0], theirs[0])
        assert ours[1] == theirs[1]
    assert plain.render_mode is None


def test_copies_draw_on_with_their_own_traces(drawn):
    drawn.reset(options={"patient": 5, "seed": 7})
    drawn.step(np.zeros(2, np.float32))
    picture = drawn.render()
    twin, thawed = copy.deepcopy(drawn.unwrapped), pickle.loads(pickle.dumps(drawn.unwrapped))
    assert np.array_equal(twin.render(), picture)
    assert np.array_equal(thawed.render(), picture)
    twin.step(np.zeros(2, np.float32))
    twin.render()
    assert len(drawn.unwrapped._painter.traces[0]) + 1 == len(twin._painter.traces[0])


def test_many_are_drawn_as_each_would_be(drawn):
    many = gym.make_vec(ID, num_envs=2, render_mode="rgb_array", **VECTOR)
    assert isinstance(many, PicturedVectorEnv)
    many.reset(seed=7, options={"patients": [4, 5]})
    frames = many.render()
    assert isinstance(frames, tuple)
    drawn.reset(options={"patient": 5, "seed": 7})
    assert np.array_equal(frames[1], drawn.render())
    assert not np.array_equal(frames[0], frames[1])


def test_gymnasium_collects_frames():
    env = gym.make(ID, render_mode="rgb_array_list", disable_env_checker=True)
    env.reset(seed=1)
    env.step(np.zeros(2, np.float32))
    frames = env.render()
    assert [frame.shape for frame in frames] == [(HEIGHT, WIDTH, 3)] * 2


@pytest.mark.parametrize("name", ["Discrete", "Cost", "Terms"])
def test_every_form_can_be_drawn(name):
    env = gym.make(f"thecal:thecal/CancerMorphine-{name}-v0", render_mode="rgb_array", disable_env_checker=True)
    env.unwrapped.reset(seed=1)
    assert env.unwrapped.render().shape == (HEIGHT, WIDTH, 3)
    many = gym.make_vec(f"thecal:thecal/CancerMorphine-{name}-v0", num_envs=1, render_mode="ansi", **VECTOR)
    many.reset(seed=1)
    assert isinstance(many.render()[0], str)


@pytest.mark.parametrize("kind", [PicturedEnv, PicturedVectorEnv])
@pytest.mark.parametrize("mode", ["human", "svg", 3])
def test_other_ways_are_refused_with_what_there_is(kind, mode):
    with pytest.raises(ConfigError, match=r"is not there: 'ansi' gives one line of text and 'rgb_array' a picture"):
        kind(render_mode=mode)


def test_a_missing_library_is_said_at_the_making():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "MissingExtraError a picture of an environment needs matplotlib: pip install 'thecal[study]'"
    )
