"""A batch begins, steps and orders exactly the environments that were named, and leaves all others as they are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.devices.fault_presets import new_fault_state
from thecal.envs import batch as batches
from thecal.envs.assembly import Assembled, assemble
from thecal.envs.batch import Batch
from thecal.envs.kernel.observation import SEEN
from thecal.envs.kernel.records import STEP_OUT, TICK_OUT, WORLD, WORLD_PAR
from thecal.envs.kernel.start import start_rows
from thecal.envs.own_reward import OwnReward
from thecal.envs.scenario import Resolved, Scenario
from thecal.safety.invariants import ShieldMode

from support.task_files import written


@pytest.fixture(scope="module")
def plain() -> Resolved:
    return Scenario.of("CancerMorphine", split="test").resolve()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Resolved:
    """Of four mixtures the second is the first fill; the caller's token decides."""
    path = written(tmp_path_factory.mktemp("batches"), "Everything")
    return Scenario.of(path, shield_mode="replace", clinician="caller").resolve()


def scribbled(scene: Resolved, n: int, **options: Any) -> Batch:
    """A batch in which every byte that it may write was written before."""
    batch = Batch(scene, n, has_caller=True, **options)
    for name in ("_world", "_par", "_out", "_observations", "_own_paid", "_patients"):
        getattr(batch, name).view(np.uint8)[...] = 1
    return batch


def parts(batch: Batch, rows: list[int]) -> list[bytes]:
    names = ("_world", "_par", "_out", "_observations", "_own_paid", "_patients")
    return [getattr(batch, name)[rows].tobytes() for name in names]


class Due:
    """What rows hold in which the patients were put by hand."""

    def __init__(self, scene: Resolved, world: Any, par: Any, kernel: Any) -> None:
        n = len(world)
        self.world, self.par = world, par
        self.out, self.seen = np.zeros(n, TICK_OUT), np.zeros(n, SEEN)
        self.observations = np.zeros((n, len(scene.lens)), np.float32)
        values = self.seen.view(np.float64).reshape(n, -1)
        rows = np.arange(n)
        kernel(world, par, self.out.view(STEP_OUT), self.seen, values, scene.lens.record, self.observations, rows)

    def hold(self, batch: Batch, rows: list[int]) -> None:
        for name in ("world", "par", "out", "observations"):
            assert getattr(batch, name)[rows].tobytes() == getattr(self, name).tobytes(), name
        assert not batch._own_paid[rows].any()


def test_a_restart_begins_the_named_environments_anew(mixed: Resolved) -> None:
    batch = scribbled(mixed, 6)
    batch._commands.update({1: ("a",), 2: ("b",), 4: ("c",)})
    others = [0, 2, 3, 5]
    before = parts(batch, others)
    batch.restart(np.array([4, 1]), np.array([7, 2]), np.array([11, 2**64 - 1], np.uint64))
    assert parts(batch, others) == before
    world, par = np.zeros(2, WORLD), np.zeros(2, WORLD_PAR)
    for k, one in enumerate(assemble(mixed, np.array([7, 2]))):
        par[k], world["pump"][k], world["shield"][k] = one.par, one.pump, one.shield
    par["patient"]["seed"] = par["fault"]["seed"] = np.array([11, 2**64 - 1], np.uint64)
    world["fault"] = new_fault_state()
    world["episode"]["mixture"] = world["episode"]["mixture_asked"] = 1
    Due(mixed, world, par, start_rows).hold(batch, [4, 1])
    assert batch.patients[[4, 1]].tolist() == [7, 2]
    assert batch._commands == {2: ("b",)}
    assert batch.commands_of(2) == ("b",)
    assert batch.commands_of(1) == ()


def test_the_first_mixture_is_the_one_of_the_ratios(plain: Resolved, mixed: Resolved) -> None:
    batch = Batch(plain, 1)
    assert batch._first_mixture() == 0
    for ratios, place in (((), 0), ((3.0,), 2), ((0.5,), 0)):
        solution = SimpleNamespace(mixtures=((0.5,), (1.0,), (3.0,)) if ratios else (), ratios=ratios)
        batch.__dict__["spec"] = SimpleNamespace(solution=solution)
        assert batch._first_mixture() == place
    assert Batch(mixed, 1, has_caller=True)._first_mixture() == 1


def test_a_restart_takes_whole_numbers_that_fit(plain: Resolved) -> None:
    batch = Batch(plain, 2)
    both = np.array([0, 1])
    for patients, seeds, words in (
        ([0, 2**40], [1, 1], r"patient indices must lie between 0 and 2\*\*40 - 1, not 1099511627776"),
        ([-1, 0], [1, 1], "patient indices must lie between 0 and"),
        ([0.5, 1], [1, 1], "patient indices must be a list of whole numbers"),
        ([0, 1], [-1, 1], r"seeds must lie between 0 and 2\*\*64 - 1, not -1"),
        ([0, 1], [1, 2**64], r"seeds must lie between 0 and 2\*\*64 - 1, not 18446744073709551616"),
        ([0, 1], [1, 0.5], "seeds must be a list of whole numbers"),
    ):
        with pytest.raises(ConfigError, match=words):
            batch.restart(both, patients, seeds)  # type: ignore[arg-type]
    for patients, seeds in (([0, 1], [1]), ([0], [1, 1]), ([0, 1, 2], [1, 1, 1])):
        with pytest.raises(ValueError, match="argument"):
            batch.restart(both, np.array(patients), np.array(seeds, np.uint64))


def test_a_patient_is_drawn_once(plain: Resolved, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def assembled(scene: Any, patients: Any) -> list[str]:
        assert scene is plain
        asked.append((patients.tolist(), patients.dtype))
        return [f"patient {one}" for one in patients if one != 13]

    monkeypatch.setattr(batches, "assemble", assembled)
    batch = Batch(plain, 1)
    for patients in ([5, 3], np.array([8, 5]), [3], []):
        batch.preload(patients)
    assert asked == [([5, 3], np.int64), ([8], np.int64)]
    assert batch._known == {k: f"patient {k}" for k in (3, 5, 8)}
    with pytest.raises(ValueError, match="shorter"):
        batch.preload([13])
    batch.__dict__["identity"] = {**batch.identity, "profile_hash": "0"}
    with pytest.raises(ConfigError, match="batch: profile: seed_2025 has changed since it was checked"):
        batch.preload([4])
    batch.preload([3])
    assert 4 not in batch._known


def test_what_was_drawn_of_a_patient_can_be_asked(plain: Resolved) -> None:
    batch = Batch(plain, 1)
    empty: Any = np.zeros(1, WORLD_PAR)[0]
    batch._known.update({
        4: Assembled(empty, empty, empty, True, "spinal", 0.5),
        6: Assembled(empty, empty, empty, False, "cerebral", 0.0),
    })  # fmt: skip
    assert [batch.is_sedated(k) for k in (4, 6)] == [True, False]
    assert [batch.indication(k) for k in (4, 6)] == ["spinal", "cerebral"]
    assert [batch.lowered_start(k) for k in (4, 6)] == [0.5, 0.0]
    assert [batch.start_words(k) for k in (4, 6)] == ["the limits of seed_2025 lowered a start of 0.5 ug/d", ""]


@pytest.mark.parametrize("n", [1, 63, 64, 65])
def test_a_step_hands_everything_to_the_kernel(plain: Resolved, monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    calls: list[Any] = []
    for name in ("serial", "parallel"):
        monkeypatch.setattr(batches, f"advance_{name}", lambda *given, name=name: calls.append((name, given)))
    batch = scribbled(plain, n, trail=True)
    actions, active = np.zeros((n, 2)), np.arange(n) % 2 == 0
    batch.advance(actions)
    batch.advance(actions, active)
    for stepped, (name, given) in zip((batch._all, active), calls, strict=True):
        assert name == ("serial" if n < 64 else "parallel")
        due = (
            batch._world, batch._par, actions, batch._step_out, batch._seen, batch._values, batch._lens,
            batch._observations, stepped, batch._trail,
        )  # fmt: skip
        assert len(given) == len(due)
        assert all(one is other for one, other in zip(given, due, strict=True))
    assert not batch._out.view(np.uint8).any()
    assert (batch.trail["tick"] == -1).all()
    assert not batch.trail["mode"].any()


def test_a_reward_of_ones_own_is_paid_for_what_was_stepped(plain: Resolved) -> None:
    seen: list[Any] = []
    active = np.array([True, False, True])

    def paid(out: Any) -> Any:
        seen.append(out)
        return out["time_h"] + 1.0

    for sees in ("public", "truth"):
        batch = Batch(plain, 3, reward_fn=paid, reward_sees=sees)  # type: ignore[arg-type]
        rows = np.arange(3)
        batch.restart(rows, rows, rows.astype(np.uint64))
        batch.advance(np.zeros((3, 2)), active)
        hours = plain.task.tick_h
        assert batch.paid.tolist() == [hours + 1.0, 0.0, hours + 1.0]
        assert ("pain_mean" in seen[-1].dtype.names) == (sees == "truth")
        batch.restart(rows[2:], rows[2:], np.array([3], np.uint64))
        assert batch.paid.tolist() == [hours + 1.0, 0.0, 0.0]
    usual = Batch(plain, 1, reward_fn=lambda out: out["reward"])
    assert isinstance(usual.own_reward, OwnReward)
    assert usual.own_reward.sees == "truth"
    assert Batch(plain, 1).own_reward is None


def changed(before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    """Fields of the episodes that are not what they were, by row."""
    found: dict[str, Any] = {}
    for name in before.dtype.names or ():
        if before[name].tobytes() != after[name].tobytes():
            found[name] = after[name].tolist()
    return found


def test_an_order_stands_in_the_named_environment_alone(plain: Resolved) -> None:
    batch = Batch(plain, 3)

    def by(act: Any, *given: Any) -> dict[str, Any]:
        batch._world["episode"] = np.zeros((), WORLD["episode"])
        before = batch.world["episode"].copy()
        act(*given)
        return changed(before, batch.world["episode"])

    assert by(batch.keep_rate) == {"keep_rate": [1, 1, 1]}
    assert by(batch.keep_rate, np.array([1])) == {"keep_rate": [0, 1, 0]}
    assert by(batch.command, 1, 20, 30, 7) == {
        "command": [0, 1, 0], "command_rate": [0, 20, 0], "command_bolus": [0, 30, 0], "command_valid": [0, 7, 0],
    }  # fmt: skip
    assert by(batch._arm, 1, 20, 30, 7) == {
        "confirm_rate": [0, 20, 0], "confirm_bolus": [0, 30, 0], "confirm_until": [0, 7, 0],
    }  # fmt: skip
    assert by(batch._arm_clearing, 1, 9) == {"clear_until": [0, 9, 0]}


def test_what_a_batch_cannot_be_made_of_is_refused(plain: Resolved, mixed: Resolved) -> None:
    for n, shown in ((0, "0"), (-1, "-1"), (True, "True"), (1.0, "1.0"), ("2", "'2'"), (None, "None")):
        with pytest.raises(ConfigError) as found:
            Batch(plain, n)  # type: ignore[arg-type]
        assert str(found.value) == f"a batch needs a whole number of environments, at least one, not {shown}"
    for n in (1, np.int64(2), np.uint8(3)):
        batch = Batch(plain, n)  # type: ignore[arg-type]
        assert (batch.n, type(batch.n)) == (int(n), int)
    with pytest.raises(ConfigError) as found:
        Batch("CancerMorphine", 1, clinician_token="x")
    words = "only the single environment (ThecalEnv) takes one; elsewhere the model acts"
    assert str(found.value) == f"clinician_token: {words}"
    with pytest.raises(ConfigError) as found:
        Batch("CancerMorphine", 1, clinician="caller")
    words = "a caller acts with a clinician_token, which only the single environment takes"
    assert str(found.value) == f"clinician: {words}"
    for clinician in ("model", "none"):
        assert Batch("CancerMorphine", 1, clinician=clinician).scenario.clinician == clinician
    assert Batch(plain, 1, has_caller=True).scenario.clinician == "model"
    assert Batch("CancerMorphine", 1, clinician="caller", has_caller=True).scenario.clinician == "caller"
    with pytest.raises(ConfigError) as found:
        Batch(mixed, 1, has_caller=True, trail=True)
    words = "an audit trail knows one mixture a patient, and this task chooses among several"
    assert str(found.value) == f"Everything: {words}"


def test_a_batch_keeps_what_it_was_made_of(plain: Resolved, mixed: Resolved) -> None:
    own = OwnReward(lambda out: out["reward"])
    batch = batches.Memory(plain, 3, trail=True, own_reward=own)
    assert (batch.scene, batch.scenario, batch.spec) == (plain, plain.scenario, plain.task)
    assert batch.lens is plain.lens
    assert (batch.n, batch.own_reward) == (3, own)
    n_ticks = plain.task.ticks_per_step
    shapes = {"world": (3,), "par": (3,), "out": (3,), "observations": (3, len(plain.lens)), "patients": (3,)}
    assert {name: getattr(batch, name).shape for name in shapes} == shapes
    assert batch.trail.shape == (3, n_ticks)
    assert [str(getattr(batch, name).dtype) for name in ("observations", "patients")] == ["float32", "int64"]
    assert batch._all.tolist() == [True] * 3
    assert batch._own_paid.tolist() == [0.0] * 3
    assert batch._own_paid.dtype == np.float64
    assert (batch._known, batch._commands, batch._seals) == ({}, {}, {})
    assert np.asarray(batch._sound).tobytes() == np.asarray(new_fault_state()).tobytes()
    for name in ("_world", "_par", "_out", "_seen", "_observations", "_patients"):
        assert not getattr(batch, name).view(np.uint8).any(), name
    assert batches.Memory(plain, 2, trail=False, own_reward=None).trail.shape == (2, 0)
    assert Batch(mixed, 2, has_caller=True).trail.shape == (2, 0)
    with pytest.raises(ConfigError, match="n of a batch follows from its scenario and cannot be set"):
        batch.n = 4
    assert batch.n == 3


def test_the_mode_is_that_of_the_limits_that_run(mixed: Resolved) -> None:
    batch = Batch(mixed, 3, has_caller=True)
    assert batch.mode is ShieldMode.REPLACE, "of the scenario, while nothing runs"
    batch.restart(np.array([2]), np.array([0]), np.array([1], np.uint64))
    assert batch._begun.tolist() == [False, False, True]
    assert batch.mode is ShieldMode.REPLACE
    batch.restart(np.array([0]), np.array([1]), np.array([1], np.uint64))
    for place in (0, 2):
        batch._par["shield"]["mode"][place] = ShieldMode.OFF
        if place == 0:
            with pytest.raises(
                ConfigError, match="the environments of the batch run under several modes of the shield"
            ):
                _ = batch.mode
    assert batch.mode is ShieldMode.OFF
