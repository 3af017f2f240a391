"""The clinic: when it comes, what it answers, what it fills, and what a new environment, a snapshot or a copy hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.devices.fault_records import Fault
from thecal.devices.monitor_records import RESPONDS, Monitor
from thecal.devices.records import HALT_EXPLANT
from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario
from thecal.envs.snapshots import SnapshotError
from thecal.envs.visits import _alarming
from thecal.physiology.sensors import SBP, SPO2

from support.task_files import written
from support.wiring import Bench, ticking

NO_FAULT = {"hazards": False, "serviced": True, "planned": [{"fault": "occlusion", "at_h": 1.0}]}


def test_a_called_clinic_comes_after_its_delay_for_one_tick() -> None:
    bench = Bench()
    delay = int(bench.par["task"]["call_delay"])
    assert delay == 96
    bench.episode["call_left"] = 3
    seen = []
    for _ in range(5):
        bench.quiet()
        seen.append((int(bench.episode["call_left"]), int(bench.episode["present"]), float(bench.out["visits"])))
    assert seen == [(2, 0, 0.0), (1, 0, 0.0), (0, 1, 1.0), (0, 0, 0.0), (0, 0, 0.0)]


def test_the_clinic_answers_what_rises_or_called_what_stands() -> None:
    bit = int(RESPONDS[Fault.OCCLUSION]) & -int(RESPONDS[Fault.OCCLUSION])
    other = 1 << int(Monitor.FEVER)
    for raised, standing, present, credited in (
        (bit, bit, 0, True), (0, bit, 0, False), (0, bit, 1, True), (other, other, 1, False), (0, 0, 1, False),
    ):  # fmt: skip
        bench = Bench(faults=NO_FAULT)
        for _ in range(5):
            bench.quiet()
        assert bench.fault["active"] == 1 << Fault.OCCLUSION
        assert bench.fault["detected_h"][Fault.OCCLUSION] < 0.0
        bench.monitor["from_refill"] = 0
        bench.monitor["standing"] = standing & ~raised
        bench.monitor["last_h"][:] = bench.pump["age_h"]
        bench.monitor["from_refill"] = raised & 3  # what a refill has shown rises in the next tick
        if raised == other:
            bench.monitor["standing"] = other
        bench.episode["call_left"] = present
        bench.quiet()
        assert (bench.fault["detected_h"][Fault.OCCLUSION] >= 0.0) == credited, (raised, standing, present)
        if credited:
            # The tick's monitors are read at its end.
            assert bench.fault["detected_h"][Fault.OCCLUSION] == pytest.approx(bench.pump["age_h"])


@pytest.mark.parametrize("sign", ["spo2", "sbp", "overdose", "ventilated", "none", "missing"])
def test_an_emergency_brings_somebody_after_the_delay(sign: str) -> None:
    bench = Bench(ticking("NonCancerMorphine"), faults={"hazards": False, "serviced": True})
    delay = int(bench.par["task"]["rescue_delay"])
    assert delay == 4, "an hour for outpatients"
    assert Bench().par["task"]["rescue_delay"] == 1, "a quarter on a ward"
    for _ in range(2):
        bench.quiet()
    assert bench.episode["rescue_left"] == 0
    stuck: Any = bench.par["patient"]
    if sign == "spo2":
        stuck["s_rest"][SPO2] = 80.0
    # A sensor shows anew at the end of each tick, so what alarms is set there through its parameters or states.
    bench.monitor["standing"] = 1 << int(Monitor.OVERDOSE) if sign == "overdose" else 0
    bench.monitor["last_h"][:] = bench.pump["age_h"]
    bench.patient["ventilated"] = int(sign == "ventilated")
    bench.step()
    if sign in ("overdose", "ventilated"):
        assert bench.episode["rescue_left"] == delay
        bench.patient["poss"] = 4
        left = []
        rescues = 0.0
        for _ in range(delay):
            bench.patient["poss"] = 4
            bench.patient["ventilated"] = 0
            bench.monitor["standing"] = 0
            bench.step()
            rescues += float(bench.out["rescues"])
            left.append(int(bench.episode["rescue_left"]))
        assert left == [3, 2, 1, 0]
        assert rescues == bench.patient["rescues"]
    elif sign in ("none", "missing"):
        assert bench.episode["rescue_left"] == 0


def alarm(bench: Bench, k: int, value: float, valid: int) -> int:
    """What a tick of the clinic makes of one reading."""
    bench.patient["s_value"][:] = 120.0
    bench.patient["s_valid"][:] = 1
    bench.patient["s_value"][SPO2] = 97.0
    bench.patient["s_value"][k], bench.patient["s_valid"][k] = value, valid
    bench.monitor["standing"], bench.patient["ventilated"] = 0, 0
    worlds = bench.batch._world
    return int(_alarming(worlds[0]))


def test_readings_beyond_the_wards_limits_call_for_help() -> None:
    bench = Bench()
    for k, low, fine in ((SPO2, 84.9, 85.0), (SBP, 79.9, 80.0)):
        assert alarm(bench, k, low, 1)
        assert not alarm(bench, k, fine, 1)
        assert not alarm(bench, k, low, 0), "a missing sample is no alarm"


def test_a_refill_is_made_when_the_estimate_or_the_age_says_so() -> None:
    for ml, age_h, halt, made in (
        (8.0, 0.0, 0, True), (8.3, 0.0, 0, False), (20.0, 90 * 24.0, 0, True), (20.0, 89 * 24.0, 0, False),
        (8.0, 0.0, HALT_EXPLANT, False),
    ):  # fmt: skip
        bench = Bench()
        bench.quiet()
        bench.pump["estimated_ml"] = bench.pump["true_ml"] = ml
        bench.pump["fill_h"] = bench.pump["age_h"] - age_h
        bench.pump["halt"] = halt
        bench.quiet()
        assert (bench.pump["refills"] == 1) == made, (ml, age_h)
        assert bench.out["visits"] == float(made)
        if made:
            assert bench.pump["estimated_ml"] == bench.par["pump"]["capacity_ml"]
            assert bench.out["reservoir_est_ml"] == bench.pump["estimated_ml"]
            row = bench.quiet()
            assert row["received"]["since_refill"] == 0
            assert row["received"]["fill_age"] == 0
            assert bench.monitor["infused_ml"] > 0.0
            np.testing.assert_array_equal(bench.pump["label_conc"], bench.par["ordered_conc"])


def test_the_balance_of_a_refill_is_what_is_missing() -> None:
    residuals = []
    for hidden in (0.0, 3.0):
        bench = Bench()
        for _ in range(4):
            bench.quiet()
        bench.pump["commanded_ml"] = bench.episode["counted_ml"] = 30.0
        bench.pump["estimated_ml"] = 8.0
        bench.pump["true_ml"] = 8.0 - hidden
        bench.quiet()
        assert bench.pump["refills"] == 1
        residuals.append(float(bench.monitor["residual"]))
    assert residuals[1] - residuals[0] == pytest.approx(3.0 / 30.0, rel=0.01)
    assert abs(residuals[0]) < 0.05
    assert bench.out["refill_residual"] == residuals[1]


def everything(folder: Path, n: int = 1, **options: Any) -> Batch:
    batch = Batch(Scenario.of(written(folder, "Everything"), split="test", **options), n)
    batch.restart(np.arange(n), np.arange(n), np.arange(n, dtype=np.uint64))
    return batch


def test_each_mixture_has_limits_and_concentrations_of_its_own(tmp_path: Path) -> None:
    batch = everything(tmp_path)
    par = batch.par[0]
    first = float(par["ordered_conc"][0])
    for k, ratio in enumerate((0.5, 1.0, 1.2, 3.0)):
        ordered = par["mixture"]["ordered"][k]
        assert ordered.tolist() == pytest.approx([first, first * ratio, 0.0])
        assert par["mixture"]["shield"]["conc"][k][:2].tolist() == np.ceil(ordered[:2]).tolist()
    assert batch.world["episode"]["mixture"][0] == batch.world["episode"]["mixture_asked"][0] == 1
    assert par["shield"].tobytes() == par["mixture"]["shield"][1].tobytes()
    assert par["task"]["n_mixtures"] == 4
    assert par["most_conc"].tolist() == pytest.approx([20_000.0, 30_000.0, 0.0])
    assert batch.out["mixture"][0] == 1


def test_a_new_mixture_runs_under_its_own_limits_at_once(tmp_path: Path) -> None:
    batch = everything(tmp_path)
    world, par = batch._world[0], batch._par[0]
    world["episode"]["since_mixture"] = 28 * 96
    world["episode"]["mixture_asked"] = 2
    world["pump"]["estimated_ml"] = world["pump"]["true_ml"] = 7.0
    batch.advance(np.zeros((1, batch.spec.n_actions)))
    assert world["episode"]["mixture"] == 2
    assert world["episode"]["since_mixture"] <= 4
    assert par["shield"].tobytes() == par["mixture"]["shield"][2].tobytes()
    np.testing.assert_array_equal(par["ordered_conc"], par["mixture"]["ordered"][2])
    np.testing.assert_array_equal(world["pump"]["label_conc"], par["ordered_conc"])
    kept = batch.snapshot()
    other = everything(tmp_path)
    other.restore(kept)
    assert other.par.tobytes() == batch.par.tobytes()
    other.require_own()


def test_a_mixture_that_cannot_be_held_is_not_filled(tmp_path: Path) -> None:
    for mixture, cap, wait, now in (
        (3, 1.0, 28 * 96, 1),
        (2, 1.0, 28 * 96, 2),
        (2, 0.0, 28 * 96, 1),
        (2, 1.0, 28 * 96 - 1, 1),
    ):
        batch = everything(tmp_path)
        world, par = batch._world[0], batch._par[0]
        world["episode"]["since_mixture"] = wait - 1  # of the tick in which the clinic comes
        world["episode"]["mixture_asked"] = mixture
        par["mixture"]["shield"]["cap_pg"][mixture] = cap * par["mixture"]["shield"]["cap_pg"][mixture]
        world["pump"]["estimated_ml"] = world["pump"]["true_ml"] = 7.0
        batch.advance(np.zeros((1, batch.spec.n_actions)))
        assert world["pump"]["refills"] == 1
        assert world["episode"]["mixture"] == now, (mixture, cap, wait)


def test_a_restored_environment_goes_on_to_the_bit() -> None:
    bench, other = Bench(), Bench(patient=4, seed=9)
    for k in range(7):
        bench.quiet(None if k else 10**6)
    kept = bench.batch.snapshot()
    assert (kept.patients, kept.seeds, kept.rows) == ((0,), (1,), 1)
    assert kept.steps == (7,)
    other.batch.restore(kept)
    assert other.batch.patients[0] == 0
    for _ in range(5):
        bench.step()
        other.step()
        assert bench.batch.world.tobytes() == other.batch.world.tobytes()
        assert bench.batch.par.tobytes() == other.batch.par.tobytes()
        assert bench.batch.out.tobytes() == other.batch.out.tobytes()
        assert bench.batch.observations.tobytes() == other.batch.observations.tobytes()


@pytest.mark.parametrize(
    "options",
    [
        {"shield_mode": "monitor"},
        {"stage": "lower"},
        {"profile": "pacc_2017"},
        {"pump": "synchromed_ii_20"},
        {"cohort_seed": 5},
    ],
)
def test_a_snapshot_of_anything_else_is_refused(options: dict[str, Any]) -> None:
    bench, other = Bench(), Bench(**options)
    before = other.batch.world.tobytes(), other.batch.par.tobytes()
    with pytest.raises(SnapshotError):
        other.batch.restore(bench.batch.snapshot())
    assert (other.batch.world.tobytes(), other.batch.par.tobytes()) == before


def test_a_state_that_cannot_be_is_refused() -> None:
    for room, name, value in (
        ("shield", "prev_rate", -1), ("shield", "ticks", 5), ("episode", "mixture", 3), ("patient", "tick", -1),
        ("pump", "n_slugs", 0), ("episode", "step", -1), ("shield", "dose24", -5),
    ):  # fmt: skip
        bench, other = Bench(), Bench()
        bench.world[room][name] = value
        with pytest.raises(SnapshotError):
            other.batch.restore(bench.batch.snapshot())


def test_limits_that_were_changed_are_noticed() -> None:
    for room, name in (("shield", "cap_pg"), ("pump", "max_rate_nl"), ("task", "call_delay"), ("monitor", "clock_h")):
        bench = Bench()
        bench.batch.require_own()
        bench.par[room][name] = bench.par[room][name] + 1
        with pytest.raises(ConfigError):
            bench.batch.require_own()


def test_several_restarts_leave_the_others_alone() -> None:
    batch = Batch(Scenario.of(ticking(), split="test"), 3, trail=True)
    batch.restart(np.arange(3), np.array([4, 5, 6]), np.array([1, 2, 3], np.uint64))
    batch.advance(np.zeros((3, 2)))
    kept = batch.world.copy(), batch.par.copy()
    batch.restart(np.array([1]), np.array([9]), np.array([8], np.uint64))
    for b in (0, 2):
        assert batch.world[b].tobytes() == kept[0][b].tobytes()
        assert batch.par[b].tobytes() == kept[1][b].tobytes()
    assert batch.patients.tolist() == [4, 9, 6]
    assert batch.par["patient"]["seed"].tolist() == batch.par["fault"]["seed"].tolist() == [1, 8, 3]
    own = {patient: batch._known[patient] for patient in (4, 9, 6)}
    for b, patient in enumerate((4, 9, 6)):
        assert batch.par["shield"][b].tobytes() == own[patient].par["shield"].tobytes()
        assert batch.par["pump"][b].tobytes() == own[patient].par["pump"].tobytes()
    assert batch.world["shield"][1].tobytes() == own[9].shield.tobytes()
    assert batch.world["pump"][1].tobytes() == own[9].pump.tobytes()
    assert batch.world["patient"]["tick"].tolist() == [1, 0, 1]
    active = np.array([True, False, True])
    batch.advance(np.zeros((3, 2)), active)
    assert batch.world["patient"]["tick"].tolist() == [2, 0, 2]
    assert batch.trail["tick"][:, 0].tolist() == [1, -1, 1]
    assert batch.out["time_h"].tolist() == [0.5, 0.0, 0.5]
