"""Masks for discrete agents: MaskablePPO learns on one environment and on the native batch, and no choice is changed."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.errors import ConfigError, InvalidActionWarning
from thecal.envs import make_sb3
from thecal.envs.adapters.masks import DiscreteActions, Masks, action_masks, action_table
from thecal.envs.batch import Batch

sb3_contrib = pytest.importorskip("sb3_contrib")


class Watch:
    """Counts, over the steps of a batch, the choices that asked for something and were changed in the first tick.

    Under a lock no choice runs unchanged, not even the one that holds.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch, self.asked, self.changed, self.steps = batch, 0, 0, 0

    def look(self) -> None:
        first = self.batch.trail[:, 0]
        asked = (first["request"] != first["prev_rate"]) | (first["bolus_request"] > 0)
        self.asked += int(asked.sum())
        self.changed += int((asked & (first["binding"] != 0)).sum())
        self.steps += self.batch.n


def _watched(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch, advance = Watch(batch), Batch.advance

    def stepped(self: Batch, *arguments: Any) -> None:
        advance(self, *arguments)
        if self is batch:
            watch.look()

    monkeypatch.setattr(Batch, "advance", stepped)
    return watch


def test_maskable_ppo_learns_and_the_shield_changes_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    env = DiscreteActions(gym.make("thecal:thecal/CancerMorphine-v0", shield_mode="mask", trail=True))
    watch = _watched(env.unwrapped.batch, monkeypatch)  # type: ignore[attr-defined]
    model = sb3_contrib.MaskablePPO("MlpPolicy", env, n_steps=128, batch_size=64, n_epochs=1, seed=0, device="cpu")
    model.learn(512)
    assert watch.steps == 512
    assert watch.asked > 64  # most steps of a fresh policy hold: a rise may run once a day
    assert watch.changed == 0


def test_maskable_ppo_learns_on_the_native_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    env = make_sb3("CancerMorphine", 16, seed=0, pool=64, discrete=True, trail=True)
    assert env.batch.scene.mode.name == "MASK"
    watch = _watched(env.batch, monkeypatch)
    model = sb3_contrib.MaskablePPO("MlpPolicy", env, n_steps=64, batch_size=256, n_epochs=1, seed=0, device="cpu")
    model.learn(2_048)
    assert watch.steps == 2_048
    assert watch.asked > 300
    assert watch.changed == 0
    observation = env.reset()
    masks = np.stack(env.env_method("action_masks"))
    chosen, _ = model.predict(observation, action_masks=masks, deterministic=True)
    assert masks[np.arange(16), chosen].all()
    assert len(env.env_method("action_masks", indices=[3, 1])) == 2
    assert np.array_equal(env.env_method("action_masks", indices=[3])[0], masks[3])


@pytest.mark.parametrize("n", [3, 70])
def test_the_masks_of_a_batch_are_those_of_its_environments(n: int) -> None:
    env = make_sb3("CancerMorphine", n, seed=1, pool=16, discrete=True)
    env.reset()
    rng = np.random.default_rng(0)
    narrow = 0
    for _ in range(30):
        before = env.batch.world.tobytes()
        masks = env.action_masks()
        assert env.batch.world.tobytes() == before, "looking changes nothing"
        narrow += int((~masks).sum())
        env.step(np.array([rng.choice(np.flatnonzero(mask)) for mask in masks]))
    assert narrow > 0
    table, hold = action_table()
    one = Batch("CancerMorphine", 1, shield_mode="mask")
    for i in (0, n - 1):
        one._world[0], one._par[0] = env.batch._world[i], env.batch._par[i]
        mask = action_masks(one, table)[0]
        mask[hold] = True
        assert np.array_equal(mask, env.action_masks()[i])


def test_the_batch_runs_table_rows_and_holds_what_is_no_choice() -> None:
    discrete, plain = (
        make_sb3("CancerMorphine", 4, seed=5, pool=8, shield_mode="mask", discrete=d) for d in (True, False)
    )
    assert discrete.action_space == gym.spaces.Discrete(15)
    for env in (discrete, plain):
        env.reset()
    table, hold = action_table()
    choices = np.array([0, 14, hold, 7])
    assert np.array_equal(discrete.step(choices)[0], plain.step(table[choices])[0])
    for bad in (None, [0, 1], [0, 1, 2, 15], np.array([0.0, 1.0, 2.0, 3.0]), [hold, -1, "x", {}], np.zeros((4, 2))):
        with pytest.warns(InvalidActionWarning, match="held"):
            discrete.step(bad)
        assert (discrete.batch.out["violations"] >> 1 & 1).any()


def test_a_table_of_ones_own() -> None:
    env = make_sb3("CancerMorphine", 2, discrete=True, rates=(-1.0, 0.0), boluses=(0.0,), pool=2)
    assert env.action_space.n == 2
    with pytest.raises(ConfigError, match="were reset"):
        Masks(env.batch, env.table)()
    env.reset()
    assert Masks(env.batch, env.table)().shape == (2, 2)
    with pytest.raises(ConfigError, match="needs a 0"):
        make_sb3("CancerMorphine", 2, discrete=True, rates=(-1.0, 1.0), pool=2)
