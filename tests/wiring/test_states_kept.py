"""States that are kept say whose they are, and come back to the environments that were named, to the bit."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.envs import memory
from thecal.envs import parameters as in_force
from thecal.envs.assembly import Assembled
from thecal.envs.batch import Batch
from thecal.envs.kernel.observation import SEEN
from thecal.envs.kernel.records import STEP_OUT, TICK_OUT, WORLD, WORLD_PAR
from thecal.envs.kernel.start import observe_rows, prepare_rows
from thecal.envs.scenario import Resolved, Scenario
from thecal.envs.snapshots import Snapshot, SnapshotError

from support.task_files import written
from support.wiring import ticking

PATIENTS, SEEDS = (9, 4, 6), (21, 2**64 - 1, 23)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Resolved:
    return Scenario.of(written(tmp_path_factory.mktemp("kept"), "Everything")).resolve()


@pytest.fixture
def batch(mixed: Resolved) -> Batch:
    """Four environments of which the first was never begun; the second has another mixture, the last a tip that moved."""
    made = Batch(mixed, 4)
    made.preload(PATIENTS)
    made.restart(np.array([1, 2, 3]), np.array(PATIENTS), np.array(SEEDS, np.uint64))
    made._world["episode"]["mixture"][1] = 3
    for name in ("shield", "ordered_conc"):
        made._par[name][1] = made._par["mixture"][1, 3][{"ordered_conc": "ordered"}.get(name, name)]
    part = made._par[3:].copy()
    part["patient"]["tip_node"] -= 2
    prepare_rows(part)
    made._par[3:] = part
    made._world["fault"]["home_node"][3] = part["patient"]["tip_node"][0] + 2
    made._commands.update({1: ("a", "b"), 3: ("c",)})
    made._world["episode"]["confirm_until"] = [5, 6, 7, 8]
    made._world["episode"]["clear_until"] = [9, 10, 11, 12]
    made._world["episode"]["rescue_left"] = [1, 2, 3, 4]
    return made


def digest(one: Assembled) -> str:
    return hashlib.sha256(one.par.tobytes() + one.pump.tobytes() + one.shield.tobytes()).hexdigest()


def test_a_snapshot_holds_the_named_environments(batch: Batch) -> None:
    kept = batch.snapshot([3, 1])
    assert kept.identity == batch.identity
    assert kept.state == batch.world[3].tobytes() + batch.world[1].tobytes()
    assert kept.rows == 2
    assert (kept.patients, kept.seeds) == ((6, 9), (23, 21))
    assert kept.tips == tuple(batch.par["patient"]["tip_node"][[3, 1]].tolist())
    assert kept.owners == (digest(batch._known[6]), digest(batch._known[9]))
    assert kept.commands == (("c",), ("a", "b"))
    assert kept.totals == (None, None)
    given = batch.snapshot([1, 2], totals=[(1.5, 2.0), None], commands=[("x",), ()])
    assert given.totals == ((1.5, 2.0), None)
    assert given.commands == (("x",), ())
    assert batch.snapshot(slice(1, None)).patients == PATIENTS
    batch._world["episode"]["step"] = [3, 4, 5, 6]
    assert batch.snapshot([2, 1]).steps == (5, 4)
    assert batch.snapshot([3, 2]).world.tobytes() == batch.world[[3, 2]].tobytes()
    for where in (slice(None), [0], [1, 0]):
        with pytest.raises(ConfigError, match="a snapshot needs environments that were reset"):
            batch.snapshot(where)


def test_a_restored_environment_is_the_kept_one(batch: Batch, mixed: Resolved) -> None:
    kept = batch.snapshot([3, 1, 2])
    other = Batch(mixed, 6)
    for name in ("_world", "_par", "_out", "_observations", "_own_paid", "_patients"):
        getattr(other, name).view(np.uint8)[...] = 1
    names = ("world", "par", "out", "observations", "patients", "_own_paid")
    before = [getattr(other, name)[[1, 3, 4]].tobytes() for name in names]
    other._commands[1] = ("z",)
    other.restore(kept, [5, 0, 2])
    assert [getattr(other, name)[[1, 3, 4]].tobytes() for name in names] == before
    world, par = batch.world[[3, 1, 2]].copy(), batch.par[[3, 1, 2]].copy()
    world["episode"]["confirm_until"] = world["episode"]["clear_until"] = 0
    assert world["episode"]["rescue_left"].tolist() == [4, 2, 3]
    out, seen, observations = np.zeros(3, TICK_OUT), np.zeros(3, SEEN), np.zeros((3, len(mixed.lens)), np.float32)
    values = seen.view(np.float64).reshape(3, -1)
    due: Any = (world, par, out, observations, np.array([6, 9, 4]), np.zeros(3))
    observe_rows(world, par, out.view(STEP_OUT), seen, values, mixed.lens.record, observations, np.arange(3))
    for name, one in zip(names, due, strict=True):
        assert getattr(other, name)[[5, 0, 2]].tobytes() == one.tobytes(), name
    assert other._commands == {5: ("c",), 0: ("a", "b"), 2: (), 1: ("z",)}
    assert sorted(other._known) == [4, 6, 9]


def test_what_does_not_fit_is_refused_before_anything_moves(batch: Batch, mixed: Resolved) -> None:
    def changed(rows: list[int], edit: Any = None, **parts: Any) -> Snapshot:
        kept = batch.snapshot(rows)
        world = kept.world.copy()
        if edit:
            edit(world)
        names = ("patients", "seeds", "owners", "tips", "commands", "totals")
        return Snapshot.of(kept.identity, world, **{name: parts.get(name, getattr(kept, name)) for name in names})

    other = Batch(mixed, 2)
    before = other.world.tobytes(), other.par.tobytes(), other.patients.tobytes()
    for kept, words in (
        (changed([1, 2], owners=(digest(batch._known[9]), "0")), "snapshot: owners: patient 4 is another one here"),
        (changed([1, 2], lambda world: world["episode"]["step"].__setitem__(1, -1)), r"snapshot: episode\.step: "),
        (changed([1, 2], lambda world: world["shield"]["bolus_count"].__setitem__(1, -1)), r"snapshot: shield\."),
        (changed([1]), "rows: it is no snapshot of as many environments, 1 and not 2"),
    ):
        with pytest.raises(SnapshotError, match=words):
            other.restore(kept)
        assert (other.world.tobytes(), other.par.tobytes(), other.patients.tobytes()) == before
        assert not other._commands


def test_parameters_that_run_are_the_scenarios(batch: Batch) -> None:
    batch.require_own()
    for name in batch.par.dtype.names or ():
        whole = batch.par[2].copy()
        batch._par[name][2:3].view(np.uint8).reshape(-1)[8] ^= 1
        with pytest.raises(ConfigError) as found:
            batch.require_own()
        assert str(found.value) == f"batch: par.{name}: what ran is not what the scenario says"
        batch._par[2] = whole
    batch.require_own()
    batch._world["episode"]["mixture"][1] = 2
    with pytest.raises(ConfigError, match=r"par\.shield: what ran"):
        batch.require_own()


def test_parameters_are_made_of_those_that_were_drawn(batch: Batch) -> None:
    known, seeds = batch._known, np.array([5, 6, 7], np.uint64)
    patients = np.array([4, 6, 4])
    drawn = in_force.as_drawn(known, patients, seeds)
    due = np.zeros(3, WORLD_PAR)
    for k, patient in enumerate((4, 6, 4)):
        due[k] = known[patient].par
    due["patient"]["seed"] = due["fault"]["seed"] = seeds
    assert drawn.tobytes() == due.tobytes()
    world = np.zeros(3, WORLD)
    world["episode"]["mixture"] = [2, 0, 3]
    tips = drawn["patient"]["tip_node"] - np.array([0, 3, 1])
    drawn["task"]["n_mixtures"][2] = 0
    before = drawn.copy()
    found = in_force.in_episode(drawn, world, tips)
    assert drawn.tobytes() == before.tobytes(), "of a copy"
    due = before
    for row, mixture in ((0, 2), (1, 0)):
        due["shield"][row] = drawn["mixture"][row, mixture]["shield"]
        due["ordered_conc"][row] = drawn["mixture"][row, mixture]["ordered"]
    moved = due[1:].copy()
    moved["patient"]["tip_node"] = tips[1:]
    prepare_rows(moved)
    due[1:] = moved
    assert found.tobytes() == due.tobytes()
    assert in_force.in_episode(drawn, world, drawn["patient"]["tip_node"]).tobytes() != found.tobytes()
    assert in_force.seal_of(known[6]) == digest(known[6])


def test_nothing_is_prepared_anew_where_no_tip_moved(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(in_force, "prepare_rows", lambda par: asked.append(len(par)))
    drawn = batch.par[1:3].copy()
    tips = drawn["patient"]["tip_node"]
    in_force.in_episode(drawn, batch.world[1:3], tips.copy())
    assert asked == []
    in_force.in_episode(drawn, batch.world[1:3], tips - np.array([0, 1]))
    assert asked == [1]


def test_a_seal_covers_all_that_decides_what_comes_next(batch: Batch) -> None:
    def due() -> str:
        commands = [[row, list(ids)] for row, ids in sorted(batch._commands.items())]
        found = hashlib.sha256(json.dumps([dict(sorted(batch.identity.items())), commands]).encode())
        for name in ("_world", "_par", "_patients"):
            found.update(getattr(batch, name).tobytes())
        for patient in (4, 6, 9):
            one = batch._known[patient]
            found.update(f"{patient} {one.sedated} {digest(one)}".encode())
        return found.hexdigest()

    assert list(batch._known) != sorted(batch._known)
    assert batch._seal() == due()
    batch._commands.clear()
    batch._commands.update({3: ("c",), 2: ("d", "a")})
    assert batch._seal() == due()
    batch._known[9] = batch._known[9]._replace(sedated=not batch._known[9].sedated)
    assert batch._seal() == due()
    batch.laid_open()
    assert batch._seal() == due()


def test_an_owner_is_hashed_once(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(memory, "seal_of", lambda one: asked.append(one) or "a hash")
    batch._seals.clear()
    assert [batch._owner(6), batch._owner(6)] == ["a hash"] * 2
    assert asked == [batch._known[6]]
    assert batch._seals == {6: "a hash"}


def test_states_laid_open_are_no_longer_the_scenarios(batch: Batch) -> None:
    before = dict(batch.identity)
    assert batch.laid_open() is batch._world
    assert batch.identity == {**before, "opened": "yes"}


def test_a_pickle_holds_no_memory_twice(batch: Batch) -> None:
    own = {"_world", "_par", "_out", "_seen", "_observations", "_patients", "_all", "_trail", "_own_paid"}
    beside = {"n", "own_reward", "_known", "_commands", "scene", "identity", "seal"}
    assert set(batch.__getstate__()) == own | beside


def test_an_environment_with_steps_of_one_tick_has_begun() -> None:
    made = Batch(ticking(), 2)
    assert made._begun.tolist() == [False, False]
    made.restart(np.array([1]), np.array([0]), np.array([1], np.uint64))
    assert made.par["task"]["ticks_per_step"].tolist() == [0, 1]
    assert made._begun.tolist() == [False, True]
    assert made.snapshot([1]).rows == 1
