"""Inherited programs: what the shield counts of them, what they may be, and that other starts are as they were."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.envs.batch import Batch
from thecal.envs.tasks import TaskSpec, load_task
from thecal.safety.memory import memory_faults

N = 40
WIDE = {"rule": "fixed", "dose_ug_per_d": 5000.0, "low": 0.3, "high": 3.0}


def begun(start: dict[str, object], **options: object) -> Batch:
    task = TaskSpec.model_validate({**load_task("CancerMorphine").model_dump(), "start": start, "horizon_d": 2.0})
    batch = Batch(task, N, split="tune", **options)
    batch.restart(np.arange(N), np.arange(N), np.ones(N, np.uint64))
    return batch


def daily_ug(batch: Batch) -> np.ndarray:
    return batch.world["shield"]["dose24"][:, 0] / 1e6


def test_an_inherited_start_is_not_lowered_to_ones_own() -> None:
    own, inherited = begun(WIDE), begun({**WIDE, "inherited": True})
    rates = inherited.par["task"]["start_rate_nl"] * inherited.par["shield"]["conc"][:, 0]
    assert (rates >= own.par["task"]["start_rate_nl"] * own.par["shield"]["conc"][:, 0] * 0.98).all()
    assert sum(own.lowered_start(i) > 0.0 for i in range(N)) > sum(inherited.lowered_start(i) > 0.0 for i in range(N))


def test_the_first_day_counts_what_was_inherited() -> None:
    batch = begun({**WIDE, "inherited": True})
    rate = batch.world["shield"]["prev_rate"]
    assert daily_ug(batch) == pytest.approx(96 * rate * batch.par["shield"]["conc"][:, 0] / 1e6)
    assert (daily_ug(batch) <= batch.par["shield"]["cap_pg"][:, 0] / 1e6).all()
    assert memory_faults(batch.world["shield"], batch.par["shield"]) == []
    assert not daily_ug(begun(WIDE)).any()


def test_who_takes_a_depressant_inherits_half_the_cap() -> None:
    batch = begun({**WIDE, "low": 3.0, "inherited": True})
    sedated = np.array([batch.is_sedated(i) for i in range(N)])
    assert sedated.any()
    assert (daily_ug(batch)[sedated] <= 7500.0).all()
    assert daily_ug(batch)[~sedated].min() > 7500.0


def test_a_day_at_an_inherited_rate_breaks_no_cap() -> None:
    batch = begun({**WIDE, "low": 3.0, "inherited": True})
    for _ in range(24):
        batch.advance(np.zeros((N, 2)))
        assert (batch.out["dose24_ug"][:, 0] <= batch.par["shield"]["cap_pg"][:, 0] / 1e6 * (1 + 1e-9)).all()


def test_starts_spread_evenly_on_the_log_scale() -> None:
    batch = begun({**WIDE, "dose_ug_per_d": 1000.0, "inherited": True})
    ratio = np.log(daily_ug(batch) / 1000.0)
    assert np.log(0.28) < ratio.min() < np.log(0.5)
    assert np.log(2.0) < ratio.max() < np.log(3.05)


def test_a_start_of_ones_own_keeps_its_hash() -> None:
    task = load_task("CancerMorphine")
    same = TaskSpec.model_validate({**task.model_dump(), "start": {**task.start.model_dump(), "inherited": False}})
    assert same.hash == task.hash
