"""Patients in blocks: any size gives the same bits, blocks come one at a time, and memory follows the block."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError
from thecal.envs.outcomes import outcomes
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.rollouts.rollout import FIELDS, blocks, rollout
from thecal.experiments.rollouts.trajectories import joined
from thecal.safety.trail import read_trail

from support.runs import short_task


def scene(days: float = 2.0, **options) -> Resolved:
    return Scenario.of(short_task(days), **{"split": "test", "seed": 3} | options).resolve()


@pytest.mark.parametrize("policy", ["guideline_ptm", "random"])
def test_blocks_of_any_size_give_the_same_bits(policy):
    whole = rollout(make_policy(policy), scene(), range(6))
    for size in (1, 4, 5, 6, 100):
        parts = list(blocks(make_policy(policy), scene(), range(6), size=size))
        assert [len(part.patients) for part in parts] == [len(range(6)[k : k + size]) for k in range(0, 6, size)]
        again = joined(parts)
        assert again.patients.tolist() == list(range(6))
        for name in FIELDS:
            np.testing.assert_array_equal(again[name], whole[name], err_msg=name)
        for name, values in whole.start.items():
            np.testing.assert_array_equal(again.start[name], values, err_msg=name)
        assert again.scenario_hash == whole.scenario_hash


def test_progress_counts_the_steps_of_every_block():
    seen: list[tuple[int, int]] = []
    tell = lambda done, total: seen.append((done, total))  # noqa: E731
    list(blocks(make_policy("fixed"), scene(), range(6), size=4, progress=tell))
    assert seen == [(k, 96) for k in range(1, 97)]


def test_a_block_is_run_when_it_is_asked_for():
    seen: list[int] = []
    stream = blocks(make_policy("fixed"), scene(), range(6), size=2, progress=lambda done, _total: seen.append(done))
    assert seen == []
    next(stream)
    assert seen == list(range(1, 49))


def test_arguments_are_checked_before_the_first_block():
    for patients in ([], [1, 1], [[1, 2]]):
        with pytest.raises(ConfigError):
            blocks(make_policy("fixed"), scene(), patients)


def test_every_block_has_a_trail_of_its_own(tmp_path):
    list(blocks(make_policy("fixed"), scene(0.5), range(5), size=2, trail=tmp_path / "run.trail"))
    found = {path.name: read_trail(path) for path in tmp_path.iterdir()}
    assert sorted(found) == ["run-1.trail", "run-2.trail", "run.trail"]
    counts = [len(found[name][0]["patients"]) for name in ("run.trail", "run-1.trail", "run-2.trail")]
    assert counts == [2, 2, 1]
    assert len({patient for meta, _, _ in found.values() for patient in meta["patients"]}) == 5
    for meta, rows, inspection in found.values():
        assert inspection.closed
        assert len(rows) == 48 * len(meta["patients"])


def peak_mib(patients: int, size: int) -> float:
    """Most memory that a stream of patients in blocks held at once, MiB."""
    task = short_task(2.0, tick_h=8.0)
    tracemalloc.start()
    try:
        begin = tracemalloc.get_traced_memory()[0]
        parts = blocks(make_policy("fixed"), scene(task.horizon_d), range(patients), size=size, record="summary")
        kept = [outcomes(part)["time_controlled"] for part in parts]
        assert sum(len(values) for values in kept) == patients
        return (tracemalloc.get_traced_memory()[1] - begin) / 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("size", "few", "many"), [(16, 32, 128), pytest.param(256, 512, 2_048, marks=pytest.mark.slow)]
)
def test_memory_follows_the_block_and_not_the_patients(size, few, many):
    assert peak_mib(many, size) < 1.1 * peak_mib(few, size)
