"""Nobody writes to what runs or replaces it; pickles are whole; what is said of the shield is read from what ran."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from thecal.core.errors import ConfigError
from thecal.envs import Scenario, ThecalEnv, ThecalVectorEnv, make_sb3
from thecal.envs.adapters.masks import DiscreteActions
from thecal.envs.batch import Batch
from thecal.envs.snapshots import SnapshotError
from thecal.envs.trails import trail_meta
from thecal.safety.invariants import ShieldMode

from support.snapshots import GREEDY, begun

ID = "thecal:thecal/CancerMorphine-v0"


@pytest.fixture(scope="module")
def shielded() -> ThecalEnv:
    return begun()


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
@pytest.mark.parametrize("what", ["snapshot", "environment"])
def test_an_edited_pickle_is_refused(what: str, pickler: Any, shielded: ThecalEnv) -> None:
    held = shielded.snapshot() if what == "snapshot" else shielded
    data = pickler.dumps(held)
    pickler.loads(data)
    needle = shielded.batch.world["shield"].tobytes()[:2_000]
    at = [data.find(needle)]
    if what == "environment":
        par = shielded.batch.par["shield"].tobytes()
        at.append(data.find(par))
        at.append(data.rfind(par))
    assert min(at) > 0
    for place in at:
        edited = bytearray(data)
        edited[place + 8] ^= 1
        with pytest.raises(SnapshotError, match="checksum"):
            pickler.loads(bytes(edited))


def test_a_pickled_batch_is_of_its_scenario_and_its_proof(shielded: ThecalEnv) -> None:
    state = shielded.batch.__getstate__()
    for name, value, words in (
        ("seal", None, "checksum"),
        ("seal", "0" * 64, "checksum"),
        ("identity", None, "another scenario or version"),
        ("identity", {**state["identity"], "kernel": "0" * 64}, "version: kernel: 000000000000, and here "),
        ("scene", begun(profile="label_us").batch.scene, "profile: seed_2025, and here label_us"),
    ):
        with pytest.raises(SnapshotError, match=words):
            object.__new__(Batch).__setstate__({**state, name: value})
    object.__new__(Batch).__setstate__(dict(state))
    scene = shielded.batch.scene
    with pytest.raises(ConfigError, match="mode: off does not follow from shield_mode 'project'"):
        dataclasses.replace(scene, mode=ShieldMode.OFF)
    loose = Scenario.of(profile="research_wide").resolve().profile
    replaced = dataclasses.replace(scene, profile=loose)
    assert Batch(replaced, 1).identity["profile_hash"] == loose.hash != scene.profile.hash


READ = ("world", "par", "out", "observations", "patients", "trail", "words", "rewards", "paid", "ended", "last_report")


@pytest.mark.parametrize("name", READ)
def test_what_a_batch_shows_cannot_be_written_or_replaced(name: str) -> None:
    batch = begun(trail=True).batch
    shown = getattr(batch, name)
    assert not shown.flags.writeable
    with pytest.raises(ValueError, match="WRITEABLE"):
        shown.flags.writeable = True
    with pytest.raises(ValueError, match="read-only"):
        shown[...] = shown.copy()
    with pytest.raises(ConfigError, match=f"{name} of a batch .* cannot be set"):
        setattr(batch, name, shown.copy())
    assert np.shares_memory(shown, getattr(batch, f"_{name}", shown)), "it shows what runs, now and later"


def test_nothing_deep_in_the_parameters_can_be_written() -> None:
    batch = begun().batch
    for write in (
        lambda: batch.par["shield"].__setitem__("mode", 4),
        lambda: batch.par["shield"]["mode"].__setitem__(0, 4),
        lambda: batch.par[0]["shield"].__setitem__("mode", 4),
        lambda: batch.par.view(np.int64).__setitem__(0, 4),
        lambda: np.asarray(batch.par)["shield"]["cap_pg"].__imul__(9),
        lambda: next(iter(batch.par))["shield"].__setitem__("mode", 4),
        lambda: batch.world["shield"]["ledger"].fill(0),
        lambda: batch.snapshot().world["shield"]["ledger"].fill(0),
    ):
        with pytest.raises(ValueError, match="read-only"):
            write()
    for name in ("scene", "scenario", "spec", "lens", "identity", "n", "own_reward", "advance", "restart", "restore"):
        with pytest.raises(ConfigError, match="cannot be set"):
            setattr(batch, name, getattr(batch, name))


ADAPTERS: dict[str, Callable[[], Any]] = {
    "single": lambda: ThecalEnv(),
    "made": lambda: gym.make(ID),
    "vector": lambda: ThecalVectorEnv(num_envs=2),
    "sb3": lambda: make_sb3("CancerMorphine", 2, seed=1, pool=2),
    "sb3 discrete": lambda: make_sb3("CancerMorphine", 2, seed=1, pool=2, discrete=True),
    "monitored": lambda: VecMonitor(make_sb3("CancerMorphine", 2, seed=1, pool=2)),
    "dummy": lambda: DummyVecEnv([ThecalEnv] * 2),
    "discrete": lambda: DiscreteActions(ThecalEnv(shield_mode="mask")),
    "synchronous": lambda: gym.vector.SyncVectorEnv([ThecalEnv] * 2),
}


@pytest.mark.parametrize("kind", ADAPTERS)
def test_no_adapter_takes_another_batch(kind: str) -> None:
    env, other = ADAPTERS[kind](), begun(shield_mode="off").batch
    env.reset()
    ways: list[Callable[[], Any]] = []
    if hasattr(env, "set_attr"):
        ways.append(lambda: env.set_attr("batch", other))
    if hasattr(env, "set_wrapper_attr"):
        ways.append(lambda: env.set_wrapper_attr("batch", other))
    if hasattr(env.unwrapped, "batch"):
        ways.append(lambda: setattr(env.unwrapped, "batch", other))
    assert ways
    for way in ways:
        with pytest.raises(ConfigError, match="batch .*cannot be set"):
            way()


@pytest.mark.parametrize("mode", list(ShieldMode))
def test_what_is_said_of_the_shield_is_read_from_what_ran(mode: ShieldMode) -> None:
    env = begun(shield_mode=mode)
    info = env.step(GREEDY)[4]
    assert info["shield_mode"] == mode
    assert env.reset(seed=2)[1]["shield_mode"] == mode
    assert env.batch.mode is mode
    assert trail_meta(env.batch)["mode"] == mode.name.lower()
    many = ThecalVectorEnv(num_envs=2, shield_mode=mode)
    many.reset(seed=1)
    many.batch._par["shield"]["mode"][1] = ShieldMode.OFF  # as only the inside of the package can
    assert many.step(np.zeros((2, 2), np.float32))[4]["shield_mode"].tolist() == [mode, ShieldMode.OFF]
    if mode is not ShieldMode.OFF:
        with pytest.raises(ConfigError, match="several modes"):
            trail_meta(many.batch)
    many.batch._par["shield"]["mode"] = ShieldMode.OFF
    assert trail_meta(many.batch)["mode"] == "off"


def test_a_batch_that_was_laid_open_gives_no_states_away() -> None:
    env, other = begun(), begun()
    env.batch.laid_open()["shield"]["since_command"] = 0
    with pytest.raises(SnapshotError, match="opened: yes, and here none"):
        other.restore(env.snapshot())
    env.restore(env.snapshot())
    with pytest.raises(SnapshotError, match="opened"):
        other.restore(pickle.loads(pickle.dumps(env)).snapshot())
    with pytest.raises(SnapshotError, match="opened"):
        other.restore(copy.deepcopy(env).snapshot())
