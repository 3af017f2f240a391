"""Snapshots have an identity: what is of another scenario, altered or forged is refused, and nothing has changed then."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError, StoreError
from thecal.envs import Scenario, ThecalEnv, ThecalVectorEnv, make_sb3
from thecal.envs.batch import Batch
from thecal.envs.kernel.records import WORLD
from thecal.envs.snapshots import Snapshot, SnapshotError
from thecal.safety.invariants import ShieldMode

from support.same import same
from support.snapshots import GREEDY, begun, sealed_again


@pytest.fixture(scope="module")
def shielded() -> ThecalEnv:
    return begun()


def _state(env: ThecalEnv) -> tuple[bytes, bytes]:
    return env.batch.world.tobytes(), env.batch.par.tobytes()


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "unshielded": ({"shield_mode": "off"}, "mode: off, and here project"),
    "watched": ({"shield_mode": "monitor"}, "mode: monitor, and here project"),
    "replacing": ({"shield_mode": "replace"}, "mode: replace"),
    "another task": ({"task": "NonCancerMorphine"}, "task: thecal/NonCancerMorphine-v0"),
    "another profile": ({"profile": "research_wide"}, "profile: research_wide, and here seed_2025"),
    "another stage": ({"stage": "confirm"}, "stage: confirm"),
    "other patients": ({"split": "test"}, "scenario: "),
    "another cohort": ({"cohort": "elderly"}, "cohort_hash: "),
    "another seed of the cohort": ({"cohort_seed": 5}, "scenario: "),
    "another pump": ({"pump": "prometra_ii_20"}, "scenario: "),
    "faults": ({"faults": "stress"}, "scenario: "),
    "another life": ({"life": "cancer_month"}, "scenario: "),
    "another drug": ({"drugs": "hydromorphone"}, "task_hash: "),
    "easy patients": ({"difficulty": "easy"}, "scenario: "),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_one_of_another_scenario_is_refused_with_what_differs(kind: str, shielded: ThecalEnv) -> None:
    options, words = OTHERS[kind]
    before = _state(shielded)
    with pytest.raises(SnapshotError, match="another scenario or version: .*" + words.split(",")[0]):
        shielded.restore(begun(**options).snapshot())
    assert _state(shielded) == before, "nothing has changed"


def test_no_state_of_an_unshielded_run_gets_into_a_shielded_one() -> None:
    """What used to run 24 mL/d under the name of a shield, also with its identity forged and sealed anew."""
    free, bound = begun(shield_mode="off", steps=200), begun()
    kept = free.snapshot()
    forged = sealed_again(kept, identity=dict(bound.batch.identity))
    for one in (kept, dataclasses.replace(kept, identity=dict(bound.batch.identity)), forged):
        with pytest.raises(SnapshotError):
            bound.restore(one)
    with pytest.raises(SnapshotError, match=r"shield\.ledger: a window of 24 h lies above its cap"):
        bound.restore(sealed_again(forged, owners=bound.snapshot().owners))
    cap = bound.batch.par["shield"]["cap_pg"][0, 0] / 1e6
    for _ in range(100):
        info = bound.step(GREEDY)[4]
        assert info["dose24_ug"][0] <= cap
        assert ShieldMode(info["shield_mode"]).shielded


def test_it_holds_no_parameter_and_limits_are_the_scenarios(shielded: ThecalEnv) -> None:
    kept = shielded.snapshot()
    assert len(kept.state) == WORLD.itemsize
    shielded.batch._par["shield"]["cap_pg"] *= 100
    shielded.batch._par["patient"]["pain_base"] = 0.0
    with pytest.raises(ConfigError, match=r"batch: par\.\w+: what ran is not what the scenario says"):
        shielded.batch.require_own()
    shielded.restore(kept)
    shielded.batch.require_own()
    assert shielded.batch.par.tobytes() == begun().batch.par.tobytes()


def _edited(part: str, field: str, value: Any, at: Any = ...) -> Callable[[Snapshot], Snapshot]:
    def edit(kept: Snapshot) -> Snapshot:
        world = kept.world.copy()
        world[part][field][at] = value
        return sealed_again(kept, world=world)

    return edit


FORGED: dict[str, tuple[Callable[[Snapshot], Any], str]] = {
    "a forgotten ledger": (_edited("shield", "ledger", 0), "dose24"),
    "a forgotten sum": (_edited("shield", "dose24", 0), "dose24"),
    "a debt": (_edited("shield", "ledger", -(10**9)), "negative"),
    "forgotten boluses": (_edited("shield", "bolus_count", -1), "negative"),
    "boluses of nobody": (_edited("shield", "bolus_count", 2), "bolus_count"),
    "a rate of another pump": (_edited("shield", "prev_rate", 10**6), "prev_rate"),
    "a higher day": (_edited("shield", "highest24", 10**6), "highest24"),
    "an unlocked age": (_edited("shield", "lock_age", -5), "lock_age"),
    "half a lock": (_edited("shield", "lock_resp", 7), "lock_resp"),
    "samples of nobody": (_edited("shield", "warn_samples", 99), "warn_samples"),
    "another clock": (_edited("shield", "ticks", 0), r"shield\.ticks"),
    "a slug too many": (_edited("pump", "n_slugs", 10**6), "n_slugs"),
    "a part too few": (_edited("pump", "n_parts", -1), "n_parts"),
    "a node beyond the cord": (_edited("fault", "home_node", 10**6), "home_node"),
    "a mixture of nobody": (_edited("episode", "mixture", 3), "mixture"),
    "a negative step": (_edited("episode", "step", -3), "step"),
    "a tip that moved": (lambda kept: sealed_again(kept, tips=(kept.tips[0] + 1,)), "without a migration"),
    "a tip beyond": (lambda kept: sealed_again(kept, tips=(10**6,)), "tip_node"),
    "another patient": (lambda kept: sealed_again(kept, patients=(kept.patients[0] + 1,)), "owners"),
    "a negative patient": (lambda kept: sealed_again(kept, patients=(-1,)), "patients"),
    "a fraction": (lambda kept: sealed_again(kept, patients=(1.5,)), "patients"),
    "a seed out of range": (lambda kept: sealed_again(kept, seeds=(2**70,)), "seeds"),
    "two patients": (lambda kept: sealed_again(kept, patients=kept.patients * 2), "rows"),
    "half a state": (lambda kept: sealed_again(kept, world=np.frombuffer(kept.state[:-8], np.uint8)), "rows"),
    "another kernel": (lambda kept: sealed_again(kept, identity={**kept.identity, "kernel": "0" * 64}), "kernel"),
    "other physics": (lambda kept: sealed_again(kept, identity={**kept.identity, "physics": "0"}), "physics"),
    "no proof": (lambda kept: sealed_again(kept, identity={**kept.identity, "proved": "no"}), "proved"),
    "an identity of less": (lambda kept: sealed_again(kept, identity={"task": "x"}), "another scenario"),
    "no seal": (lambda kept: dataclasses.replace(kept, seal=""), "checksum"),
    "an edited state": (lambda kept: dataclasses.replace(kept, state=bytes(len(kept.state))), "checksum"),
    "an edited patient": (lambda kept: dataclasses.replace(kept, patients=(3,)), "checksum"),
    "edited commands": (lambda kept: dataclasses.replace(kept, commands=(("a",),)), "checksum"),
    "no bytes": (lambda kept: dataclasses.replace(kept, state=None), "no snapshot"),
    "no identity": (lambda kept: dataclasses.replace(kept, identity=None), "no snapshot"),
    "nothing": (lambda _: None, "no snapshot"),
    "arrays": (lambda kept: (kept.world, kept.world), "no snapshot"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_snapshot_is_refused_and_nothing_has_changed(kind: str, shielded: ThecalEnv) -> None:
    forge, words = FORGED[kind]
    before = _state(shielded)
    with pytest.raises(ConfigError, match=words) as caught:
        shielded.restore(forge(shielded.snapshot()))
    assert "\n" not in str(caught.value)
    assert _state(shielded) == before
    shielded.restore(shielded.snapshot())
    assert _state(shielded) == before


def test_every_flipped_byte_of_a_stored_one_is_found(shielded: ThecalEnv, tmp_path: Path) -> None:
    kept = shielded.snapshot()
    path = kept.save(tmp_path / "a.snapshot")
    assert same(dataclasses.astuple(Snapshot.load(path))[1:], dataclasses.astuple(kept)[1:])
    shielded.restore(Snapshot.load(path))
    data = path.read_bytes()
    for at in np.random.default_rng(0).integers(len(data), size=200).tolist():
        spoiled = bytearray(data)
        spoiled[at] ^= 1 << at % 8
        path.write_bytes(spoiled)
        with pytest.raises(SnapshotError, match=r"a\.snapshot: (begin|checksum): "):
            Snapshot.load(path)
    for cut in (b"", data[:7], data[:40], data[:-1], data + b"x"):
        path.write_bytes(cut)
        with pytest.raises(SnapshotError, match=r"a\.snapshot: "):
            Snapshot.load(path)
    with pytest.raises(StoreError, match="cannot be read"):
        Snapshot.load(tmp_path / "none")


HEADS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda head: [head],
    "more": lambda head: {**head, "par": 1},
    "less": lambda head: {key: value for key, value in head.items() if key != "tips"},
    "a text for a number": lambda head: {**head, "patients": ["1"]},
    "true for a number": lambda head: {**head, "patients": [True]},
    "a fraction": lambda head: {**head, "tips": [1.0]},
    "ids of numbers": lambda head: {**head, "commands": [[1]]},
    "other bytes": lambda head: {**head, "bytes": 1},
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_with_a_checksum_that_fits_is_read_strictly(kind: str, shielded: ThecalEnv) -> None:
    kept = shielded.snapshot()
    data = kept.to_bytes()
    length = int.from_bytes(data[8:12], "big")
    head = json.dumps(HEADS[kind](json.loads(data[12 : 12 + length])), sort_keys=True).encode()
    body = data[:8] + len(head).to_bytes(4, "big") + head + kept.state
    with pytest.raises(SnapshotError, match="head: "):
        Snapshot.from_bytes(body + hashlib.sha256(body).digest())


def test_they_go_between_all_forms_and_take_their_ids_along() -> None:
    scene = Scenario.of("CancerMorphine").resolve()
    single, vector, sb3 = ThecalEnv(scene), ThecalVectorEnv(scene, 3), make_sb3(scene, 3, seed=4, pool=4)
    single.reset(seed=1)
    vector.reset(seed=2)
    sb3.reset()
    seen, rate = (int(single.batch.world[a][b][0]) for a, b in (("pump", "events"), ("shield", "prev_rate")))
    command = {
        "id": "a",
        "seen": seen,
        "issued_s": 0,
        "rate": rate,
        "bolus": 0,
        "units": {"rate": "nL/tick", "bolus": "nL"},
    }
    assert single.step(command)[4]["command"] == 1
    kept = single.snapshot()
    assert kept.commands == (("a",),)
    sb3.env_method("restore", kept, indices=[2])
    vector.batch.restore(sb3.env_method("snapshot", indices=[2])[0], [1])
    back = vector.call("snapshot")[1]
    other = ThecalEnv(scene)
    other.restore(back)
    assert other.step({**command, "issued_s": 3_600})[4]["command"] == 4
    assert other.command_words == "repeated"
    assert vector.batch.world[1].tobytes() == single.batch.world[0].tobytes()
    assert vector.batch.par[1].tobytes() == single.batch.par[0].tobytes()


def test_what_faults_and_refills_moved_comes_back_to_the_bit() -> None:
    batch = Batch("NonCancerMix", 24, faults="stress")
    rows = np.arange(24)
    batch.restart(rows, rows, rows.astype(np.uint64))
    rng = np.random.default_rng(0)
    tips = batch.par["patient"]["tip_node"].copy()
    for _ in range(500):
        batch.advance(rng.uniform(-1.0, 1.0, (24, batch.spec.n_actions)))
    assert (batch.par["patient"]["tip_node"] != tips).any()
    batch.require_own()
    other = Batch(batch.scene, 24)
    other.restore(pickle.loads(pickle.dumps(batch.snapshot())))
    twin = copy.deepcopy(batch)
    for name in ("world", "par"):
        assert getattr(other, name).tobytes() == getattr(batch, name).tobytes()
    for action in rng.uniform(-1.0, 1.0, (50, 24, batch.spec.n_actions)):
        for one in (batch, other, twin):
            one.advance(action)
        assert other.world.tobytes() == batch.world.tobytes() == twin.world.tobytes()


def test_a_snapshot_needs_a_reset_and_as_many_rows() -> None:
    many = ThecalVectorEnv(num_envs=4)
    with pytest.raises(ConfigError, match="were reset"):
        many.batch.snapshot()
    many.reset(seed=1)
    one = begun().snapshot()
    for where in (slice(None), [0, 1], slice(0, 0)):
        with pytest.raises(SnapshotError, match="rows: "):
            many.batch.restore(one, where)
    many.batch.restore(one, [3])
    many.batch.restore(many.batch.snapshot([3, 1]), [0, 2])
    assert many.batch.patients[0] == many.batch.patients[3] == one.patients[0]
