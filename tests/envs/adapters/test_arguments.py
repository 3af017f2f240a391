"""Bad patients, seeds, masks, modes and ways to render: one sentence in every adapter, and nothing has changed after it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.envs import Scenario, ThecalEnv, ThecalVectorEnv, make_sb3

from support.runs import short_task
from support.same import same

SCENE = Scenario.of(short_task(0.5)).resolve()
BAD = {
    "a fraction": 2.7, "a float": 3.0, "a boolean": True, "NumPy's boolean": np.True_, "a text": "7", "NaN": float("nan"),
    "negative": -1, "2**63": 2**63, "2**64": 2**64, "a list": [[1]], "bytes": b"7", "an object": object(),
}  # fmt: skip


def _sb3_reset(**options: Any) -> None:
    env = make_sb3(SCENE, 2, pool=2)
    env.set_options(options)


PLACES: dict[str, Callable[[Any], Any]] = {
    "single patient": lambda bad: ThecalEnv(SCENE).reset(options={"patient": bad}),
    "single seed": lambda bad: ThecalEnv(SCENE).reset(seed=bad),
    "single days": lambda bad: ThecalEnv(SCENE).reset(options={"seed": bad}),
    "single pool": lambda bad: ThecalEnv(SCENE, patients=[1, bad]),
    "vector patient": lambda bad: ThecalVectorEnv(SCENE, 2).reset(options={"patients": [1, bad]}),
    "vector patients": lambda bad: ThecalVectorEnv(SCENE, 2).reset(options={"patients": bad}),
    "vector seed": lambda bad: ThecalVectorEnv(SCENE, 2).reset(seed=bad),
    "vector seeds": lambda bad: ThecalVectorEnv(SCENE, 2).reset(seed=[1, bad]),
    "vector's first seed": lambda bad: ThecalVectorEnv(SCENE, 2, seed=bad),
    "vector pool": lambda bad: ThecalVectorEnv(SCENE, 2, patients=[bad]),
    "vector mask": lambda bad: ThecalVectorEnv(SCENE, 2).reset(options={"reset_mask": bad}),
    "vector mode": lambda bad: None if bad is True or bad is np.True_ else ThecalVectorEnv(SCENE, 2, autoreset=bad),
    "vector length": lambda bad: ThecalVectorEnv(SCENE, 2, max_episode_steps=bad),
    "vector number": lambda bad: ThecalVectorEnv(SCENE, bad),
    "sb3 patient": lambda bad: _sb3_reset(patient=bad),
    "sb3 days": lambda bad: _sb3_reset(seed=bad),
    "sb3 seed": lambda bad: make_sb3(SCENE, 2, seed=bad, pool=2),
    "sb3 later seed": lambda bad: make_sb3(SCENE, 2, pool=2).seed(bad),
    "sb3 pool": lambda bad: make_sb3(SCENE, 2, pool=bad),
    "sb3 number": lambda bad: make_sb3(SCENE, bad, pool=2),
}
_MEMORY = ("vector number", "sb3 number", "sb3 pool")  # a huge number there is none that could be refused by itself


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_value_is_one_sentence(place: str, kind: str) -> None:
    if place in _MEMORY and kind in ("2**63", "2**64"):
        pytest.skip("memory is the limit")
    if place == "vector mode" and "boolean" in kind:
        pytest.skip("booleans stand for modes")
    with pytest.raises(ConfigError) as caught:
        PLACES[place](BAD[kind])
    assert len(str(caught.value)) < 160
    assert "\n" not in str(caught.value)


NONE: dict[str, Callable[[], Any]] = {
    "single patient": lambda: ThecalEnv(SCENE).reset(options={"patient": None}),
    "single days": lambda: ThecalEnv(SCENE).reset(options={"seed": None}),
    "vector patients": lambda: ThecalVectorEnv(SCENE, 2).reset(options={"patients": None}),
    "vector mask": lambda: ThecalVectorEnv(SCENE, 2).reset(options={"reset_mask": None}),
    "sb3 patient": lambda: _sb3_reset(patient=None),
    "sb3 days": lambda: _sb3_reset(seed=None),
}


@pytest.mark.parametrize("place", NONE)
def test_an_option_that_is_given_says_something(place: str) -> None:
    with pytest.raises(ConfigError, match="not None"):
        NONE[place]()


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3)])
def test_whole_numbers_of_any_make_are_taken(value: Any) -> None:
    assert ThecalEnv(SCENE).reset(seed=value, options={"patient": value})[1]["patient"] == 3
    assert ThecalVectorEnv(SCENE, 1).reset(seed=value)[1]["patient"][0] == ThecalEnv(SCENE).reset(seed=3)[1]["patient"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"patents": 1}, r"unknown reset option 'patents' \(did you mean 'patients?'\?\)"),
        ([("patient", 1)], "must be a dictionary"),
        ({1: 2}, "unknown reset option"),
    ],
)
def test_unknown_options_are_refused_everywhere(options: Any, text: str) -> None:
    sb3 = make_sb3(SCENE, 2, pool=2)
    single, vector = ThecalEnv(SCENE), ThecalVectorEnv(SCENE, 2)
    for reset in (lambda: single.reset(options=options), lambda: vector.reset(options=options)):
        with pytest.raises(ConfigError, match=text):
            reset()
    with pytest.raises(ConfigError):
        sb3.set_options(options)


@pytest.mark.parametrize("patients", [[], 3, "12", {1, 2}, [[1, 2]], None])
def test_a_pool_is_a_list_of_patients(patients: Any) -> None:
    if patients is not None:
        with pytest.raises(ConfigError, match="patients"):
            ThecalEnv(SCENE, patients=patients)
    env = ThecalEnv(SCENE)
    with pytest.raises(ConfigError, match="patients"):
        env.patients = patients


@pytest.mark.parametrize("mode", ["rgb_array", "human", "ANSI", 3])
def test_nothing_is_drawn_yet(mode: Any) -> None:
    for make in (
        lambda: ThecalEnv(SCENE, render_mode=mode),
        lambda: ThecalVectorEnv(SCENE, 2, render_mode=mode),
        lambda: make_sb3(SCENE, 2, pool=2, render_mode=mode),
    ):
        with pytest.raises(ConfigError, match="nothing is drawn"):
            make()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_gymnasium_passes_the_refusal_on() -> None:
    for vectorized in (False, True):
        make: Any = gym.make_vec if vectorized else gym.make
        with pytest.raises(ConfigError, match="is not there"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Gymnasium's own word on a way it does not know
            make("thecal:thecal/CancerMorphine-v0", render_mode="svg")


def test_lines_are_rendered_by_all() -> None:
    single = ThecalEnv(SCENE, render_mode="ansi")
    vector = ThecalVectorEnv(SCENE, 2, render_mode="ansi")
    sb3 = make_sb3(SCENE, 2, seed=5, render_mode="ansi")
    single.reset(seed=5)
    vector.reset(seed=5)
    sb3.reset()
    assert vector.render()[0] == single.render() == sb3.env_method("render")[0]
    assert single.render().startswith("day   0.0")
    assert list(vector.render()) == sb3.env_method("render")
    assert ThecalVectorEnv(SCENE, 2).render() is None
    listed = gym.make("thecal:thecal/CancerMorphine-v0", render_mode="ansi_list")
    listed.reset(seed=1)
    listed.step(np.zeros(2, np.float32))
    assert len(listed.render()) == 2


def test_a_refused_reset_changes_nothing() -> None:
    env, twin = ThecalEnv(SCENE), ThecalEnv(SCENE)
    for one in (env, twin):
        one.reset(seed=3)
        one.step(np.ones(2))
    for bad in ({"patient": -1}, {"seed": 1.5}, {"nobody": 1}):
        with pytest.raises(ConfigError):
            env.reset(seed=9, options=bad)
    with pytest.raises(ConfigError):
        env.reset(seed=-1)
    assert same(env.step(np.ones(2)), twin.step(np.ones(2)))
    assert same(env.reset(), twin.reset())
    vector, other = (ThecalVectorEnv(SCENE, 2, seed=1) for _ in range(2))
    for bad in ({"patients": [1]}, {"patients": [1, -2]}, {"reset_mask": [True]}, {"what": 1}):
        with pytest.raises(ConfigError):
            vector.reset(options=bad)
    assert same(vector.reset(), other.reset())


def test_a_closed_environment_can_be_closed_again_and_used() -> None:
    made = [ThecalEnv(SCENE), ThecalVectorEnv(SCENE, 2), make_sb3(SCENE, 2, pool=2)]
    for env in made:
        env.reset()
        env.close()
        env.close()
        env.step(np.zeros(env.action_space.shape if env is not made[2] else (2, 2), np.float32))
        env.reset()
    with pytest.raises(gym.error.ResetNeeded):
        ThecalEnv(SCENE).step(np.zeros(2))


def test_what_is_no_snapshot_is_refused() -> None:
    env = ThecalEnv(SCENE)
    env.reset(seed=1)
    kept = env.snapshot()
    for bad in ((), None, "x", kept.state, (kept.world, 0, ()), ThecalEnv):
        with pytest.raises(ConfigError, match="no snapshot"):
            env.restore(bad)  # type: ignore[arg-type]
    many = ThecalVectorEnv(SCENE, 2)
    many.reset(seed=1)
    with pytest.raises(ConfigError, match="no snapshot"):
        many.batch.restore(kept)
