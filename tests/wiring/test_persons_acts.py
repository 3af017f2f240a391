"""What a person outside does through the single environment: how much is confirmed, how long it holds, and who may."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.envs.adapters.single import ThecalEnv
from thecal.envs.clinician import BY_TOKEN, CONFIRMED
from thecal.envs.scenario import Resolved
from thecal.safety import tokens

from support.episodes import POOL, TOKEN, armed, short_scene
from support.wiring import asking


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is slow to try out by design; here it is shown often."""
    monkeypatch.setattr(tokens, "_ROUNDS", 2)


@pytest.fixture(scope="module")
def scene() -> Resolved:
    """Built once for this file."""
    return short_scene()


def test_a_person_confirms_so_much_and_so_long(scene: Resolved) -> None:
    env = ThecalEnv(scene, patients=POOL, clinician_token=TOKEN)
    env.reset(seed=3)
    env.batch._world["patient"]["tick"][0] = 40
    # 83 nL a tick and 290 nL as numbers that lie a hair below, after their units are changed.
    for given, due in (
        ({"rate_ml_per_d": 0.5}, (5208, 0, 40 + 96 + 1)),
        ({"rate_ml_per_d": 83 * 96e-6, "bolus_ul": 1.001, "within_h": 6.0}, (83, 1001, 40 + 24 + 1)),
        ({"rate_ml_per_d": 1, "bolus_ul": 7.0004, "within_h": 0.3}, (10416, 7000, 40 + 1 + 1)),
        ({"rate_ml_per_d": 0, "bolus_ul": 0, "within_h": 0}, (0, 0, 41)),
        ({"rate_ml_per_d": 999_999.0, "bolus_ul": 2.0, "within_h": 999_999.0}, (10416656250, 2000, 40 + 3999996 + 1)),
    ):  # fmt: skip
        env.confirm(TOKEN, **given)  # type: ignore[arg-type]
        assert armed(env)[:3] == due, given
    before = armed(env)
    for name in ("rate_ml_per_d", "bolus_ul", "within_h"):
        for bad in (True, "1", None, np.float32(1.0), float("nan"), -1e-9, 1e6, float("inf")):
            with pytest.raises(ConfigError) as caught:
                env.confirm(TOKEN, **{"rate_ml_per_d": 0.1, name: bad})  # type: ignore[arg-type]
            assert str(caught.value) == f"confirm: {name}: {bad!r} is no number from 0 to 1e+06"
    with pytest.raises(ConfigError, match="^clinician_token: it is not the one that was given$"):
        env.confirm("a word", rate_ml_per_d=0.1)
    assert (armed(env), env.refused_tokens) == (before, 1)


def test_a_person_clears_in_the_next_step_alone(scene: Resolved) -> None:
    env = ThecalEnv(scene, patients=POOL, clinician_token=TOKEN)
    for act in (lambda: env.clear(TOKEN), lambda: env.confirm(TOKEN, rate_ml_per_d=0.1)):
        with pytest.raises(gym.error.ResetNeeded, match=r"^call reset\(\) before a clinician acts$"):
            act()
    env.reset(seed=3)
    env.batch._world["patient"]["tick"][0] = 40
    before = armed(env)
    with pytest.raises(ConfigError, match="^clinician_token: it is not the one that was given$"):
        env.clear("a word")
    assert (armed(env), env.refused_tokens) == (before, 1)
    env.clear(TOKEN)
    assert armed(env) == (*before[:3], 41)
    assert env.refused_tokens == 1
    none = ThecalEnv(scene, patients=POOL)
    none.reset(seed=3)
    for act in (lambda: none.clear(TOKEN), lambda: none.confirm(TOKEN, rate_ml_per_d=0.1)):
        with pytest.raises(ConfigError, match="^clinician_token: this environment was given none, so nobody confirms"):
            act()
    assert (armed(none), none.refused_tokens) == (before, 0)


def test_a_token_needs_somebody_who_acts() -> None:
    task = asking()
    with pytest.raises(ConfigError, match="^clinician_token: with clinician 'none' nobody acts, so nobody needs one$"):
        ThecalEnv(task, split="test", clinician="none", clinician_token=TOKEN)
    assert ThecalEnv(task, split="test", clinician="none").batch.scenario.clinician == "none"
    assert ThecalEnv(task, split="test", clinician="caller", clinician_token=TOKEN).batch.scenario.clinician == "caller"
    with pytest.raises(ConfigError, match="^clinician: a caller acts with a clinician_token"):
        ThecalEnv(task, split="test", clinician="caller")


def test_it_words_what_a_clinician_decided(scene: Resolved) -> None:
    env = ThecalEnv(scene, patients=POOL)
    assert env.clinician_words == ""
    env.batch._out["clinician"][0] = CONFIRMED | BY_TOKEN
    assert env.clinician_words == "the clinician confirmed the rise: by a clinician's token"
