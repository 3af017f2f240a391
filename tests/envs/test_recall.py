"""A task with memory: any adapter, any length of a step, snapshots to the bit, and nothing where no field asks for it."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.envs import ThecalEnv, ThecalVectorEnv, make_sb3
from thecal.envs.batch import Batch
from thecal.envs.kernel.recall import MEMORY_FIELDS
from thecal.envs.scenario import Scenario
from thecal.envs.task_parts import ObservationSpec
from thecal.envs.tasks import TaskSpec, load_task

N = 4


def remembering(tick_h: float = 1.0, **observation) -> TaskSpec:
    task = load_task("CancerMorphine")
    seen = ObservationSpec(**({"memory": True, "bounds": task.observation.bounds} | observation))
    return task.model_copy(update={"observation": seen, "tick_h": tick_h})


def begun(task: TaskSpec, n: int = N, **options) -> Batch:
    batch = Batch(Scenario.of(task, split="test", **options), n)
    batch.restart(np.arange(n), np.arange(n), np.arange(n, dtype=np.uint64))
    return batch


def recalled(batch: Batch) -> np.ndarray:
    seen = batch.lens.decode(batch.observations)
    return np.stack([seen[name] for name in MEMORY_FIELDS])


def test_memory_follows_the_fields_and_has_a_hash_of_its_own():
    plain, task = load_task("CancerMorphine"), remembering()
    assert task.observation.shown == (*plain.observation.fields, *MEMORY_FIELDS)
    assert task.hash != plain.hash
    names = Scenario.of(task).resolve().lens.names
    assert names == (*plain.observation.fields, *MEMORY_FIELDS)
    assert Scenario.of(task).resolve().hash != Scenario.of(plain).resolve().hash
    once = ObservationSpec(fields=("nrs_report", "poss_mean36"), memory=True)
    assert once.shown.count("poss_mean36") == 1
    assert len(once.shown) == 1 + len(MEMORY_FIELDS)


def test_bounds_of_memory_need_memory():
    assert ObservationSpec(memory=True, bounds={"rr_mean8": (5.0, 20.0)}).bounds
    with pytest.raises(ConfigError, match="'rr_mean8' is not among the fields"):
        Scenario.of(load_task("CancerMorphine").model_copy(
            update={"observation": {"bounds": {"rr_mean8": (5.0, 20.0)}}}
        )).resolve()  # fmt: skip


def test_a_task_without_memory_keeps_none_and_runs_the_same():
    plain, with_it = begun(load_task("CancerMorphine")), begun(remembering())
    for k in range(30):
        for batch in (plain, with_it):
            batch.advance(np.full((N, 2), np.sin(k)))
    assert not plain.world["memory"].tobytes().strip(b"\0")
    assert with_it.world["memory"].tobytes().strip(b"\0")
    assert plain.out.tobytes() == with_it.out.tobytes()
    np.testing.assert_array_equal(plain.observations, with_it.observations[:, : plain.observations.shape[1]])


def test_one_field_by_name_keeps_the_memory():
    batch = begun(remembering(memory=False, fields=("poss", "signs_mean8", "elapsed_h"), bounds={}))
    assert batch.par["task"]["remembers"].all()
    batch.advance(np.zeros((N, 2)))
    assert batch.world["memory"]["mean"].any()


@pytest.mark.parametrize("tick_h", [0.25, 4.0])
def test_the_length_of_a_step_changes_no_value(tick_h):
    hourly, other = begun(remembering()), begun(remembering(tick_h))
    for _ in range(48):
        hourly.advance(np.zeros((N, 2)))
    for _ in range(round(48 / tick_h)):
        other.advance(np.zeros((N, 2)))
    assert hourly.world["memory"].tobytes() == other.world["memory"].tobytes()
    np.testing.assert_array_equal(recalled(hourly), recalled(other))


def test_elapsed_time_is_the_step_that_was_taken():
    batch = begun(remembering(4.0, fields=("elapsed_h",), memory=False, bounds={}))
    assert batch.lens.decode(batch.observations)["elapsed_h"] == pytest.approx(np.zeros(N), abs=1e-6)
    batch.advance(np.zeros((N, 2)))
    assert batch.lens.decode(batch.observations)["elapsed_h"] == pytest.approx(np.full(N, 4.0), abs=1e-6)


def test_all_forms_see_the_same():
    task, steps = remembering(), 30
    vector = ThecalVectorEnv(task, 2, split="test", autoreset=False)
    rows, _ = vector.reset(seed=5, options={"patients": [3, 4]})
    single = ThecalEnv(task, split="test")
    seen, _ = single.reset(seed=5, options={"patient": 3})
    assert single.observation_space.shape == (len(task.observation.shown),)
    for k in range(steps):
        action = np.full(2, np.sin(k), np.float32)
        rows, *_ = vector.step(np.stack([action, action]))
        seen, *_ = single.step(action)
        np.testing.assert_array_equal(rows[0], seen)
    assert "lowest_sign_dose" in single.decode(seen)


def test_sb3_begins_every_episode_with_a_fresh_memory():
    task = remembering().model_copy(update={"horizon_d": 1.0})
    env = make_sb3(task, 2, split="test", seed=1)
    first = env.reset()
    places = [task.observation.shown.index(name) for name in ("highest_calm_dose", "signs_mean8")]
    done = np.zeros(2, bool)
    for _ in range(24):
        seen, _, done, _ = env.step(np.ones((2, 2), np.float32))
    assert done.all()
    assert (seen[:, places] == -1.0).all()
    assert first.shape == seen.shape
    assert np.isfinite(seen).all()


def test_snapshots_carry_the_memory_to_the_bit():
    env = ThecalEnv(remembering(), split="test")
    env.reset(seed=2, options={"patient": 7})
    for _ in range(40):
        env.step(np.array([1.0, 1.0], np.float32))
    kept = env.snapshot()
    after = [env.step(np.array([-1.0, 0.0], np.float32))[0] for _ in range(30)]
    env.reset(seed=3, options={"patient": 8})
    env.restore(kept)
    again = [env.step(np.array([-1.0, 0.0], np.float32))[0] for _ in range(30)]
    assert np.stack(after).tobytes() == np.stack(again).tobytes()


def test_lost_sensors_and_no_report_show_the_middle():
    batch = begun(remembering())
    batch._par["patient"]["s_drop_per_h"] = 1e6
    batch._par["patient"]["nrs_skip"] = 1.0 - 1e-12
    first = recalled(batch)
    for _ in range(72):
        batch.advance(np.zeros((N, 2)))
    seen = dict(zip(MEMORY_FIELDS, recalled(batch), strict=True))
    assert np.isfinite(batch.observations).all()
    assert (batch.world["patient"]["nrs_age_h"] > 24.0).all(), "nobody reports any more"
    before = dict(zip(MEMORY_FIELDS, first, strict=True))
    np.testing.assert_array_equal(seen["nrs_mean144"], before["nrs_mean144"])
    batch._world["memory"]["mean"] = np.nan
    batch.observe()
    assert (batch.observations[:, batch.lens.names.index("nrs_mean8")] == 0.0).all()


@pytest.mark.parametrize("mode", ["project"])
def test_values_lie_within_their_bounds(mode):
    batch = begun(remembering(), 16, shield_mode=mode, faults="stress")
    rng = np.random.default_rng(4)
    low, high = (dict(zip(batch.lens.names, edge, strict=True)) for edge in (batch.lens.low, batch.lens.high))
    names = [name for name in MEMORY_FIELDS if not name.startswith(("spo2", "rr"))]  # readings that may pass their own
    for _ in range(200):
        batch.advance(rng.uniform(-1.0, 1.0, (16, 2)))
        for name in names:
            values = batch._seen[name]
            assert ((values >= low[name]) & (values <= high[name]) | np.isnan(values)).all(), name
