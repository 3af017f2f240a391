"""Trajectories on disk: everything comes back, block by block when asked, also what version 0.1 wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thecal.core.errors import StoreError
from thecal.envs.outcomes import outcomes
from thecal.envs.scenario import Scenario
from thecal.experiments.rollouts.parquet import TrajectoryWriter, load_trajectories, read_blocks, save_trajectories
from thecal.experiments.rollouts.rollout import FIELDS, summary_fields
from thecal.experiments.rollouts.trajectories import Trajectories, joined, require_paired

from support.runs import hand_run

NEW_FIELDS = ("mixture", "visits", "calls", "order_faults")  # what 0.1 did not record, beside new terms and costs


def part(run: Trajectories, some: slice) -> Trajectories:
    """Some of the patients of a run."""
    return replace(
        run,
        patients=run.patients[some],
        data={name: values[:, some] for name, values in run.data.items()},
        start={name: values[some] for name, values in run.start.items()},
    )


def test_parquet_gives_everything_back(deadly, tmp_path):
    path = save_trajectories(deadly, tmp_path / "deep" / "run.parquet")
    again = load_trajectories(path)
    for name in FIELDS:
        np.testing.assert_array_equal(again[name], deadly[name], err_msg=name)
        assert again[name].dtype == deadly[name].dtype
    for name, values in deadly.start.items():
        np.testing.assert_array_equal(again.start[name], values)
    assert again.task.hash == deadly.task.hash
    assert again.info == deadly.info
    assert again.scenario == deadly.scenario
    require_paired(again, deadly)


def test_the_table_is_long_and_says_that_it_is_simulated(deadly, tmp_path):
    table = pq.read_table(save_trajectories(deadly, tmp_path / "run.parquet"))
    assert table.num_rows == 48 * 12
    assert {"patient", "step", "pain_mean", "dose_ug_bupivacaine"} <= set(table.column_names)
    row = table.slice(5 * 12 + 3, 1).to_pylist()[0]
    assert (row["patient"], row["step"], row["time_h"]) == (3, 5, 6.0)
    assert table.schema.metadata[b"thecal.note"] == b"simulated data, UNSHIELDED"


def test_a_summary_comes_back_as_a_summary(tmp_path):
    run = hand_run(4, 2)
    kept = summary_fields(Scenario.of(run.task).resolve())
    brief = replace(run, data={name: run[name] for name in kept})
    assert tuple(load_trajectories(save_trajectories(brief, tmp_path / "r.parquet")).data) == kept


def test_blocks_are_read_one_at_a_time_as_they_were_written(deadly, tmp_path):
    path = tmp_path / "run.parquet"
    parts = [part(deadly, slice(0, 5)), part(deadly, slice(5, 12))]
    with TrajectoryWriter(path) as writer:
        for block in parts:
            writer.write(block)
            assert not path.exists(), "a table that is not whole is not there"
    stream = read_blocks(path)
    assert next(stream).patients.tolist() == list(range(5))
    assert next(stream).patients.tolist() == list(range(5, 12))
    assert next(stream, None) is None
    whole = load_trajectories(path)
    for name in FIELDS:
        np.testing.assert_array_equal(whole[name], deadly[name], err_msg=name)
    assert joined(parts).patients.tolist() == whole.patients.tolist()


def test_a_crash_between_blocks_leaves_no_table(deadly, tmp_path):
    with pytest.raises(RuntimeError), TrajectoryWriter(tmp_path / "run.parquet") as writer:
        writer.write(part(deadly, slice(0, 5)))
        raise RuntimeError("power cut")
    assert list(tmp_path.iterdir()) == []


def test_failures_to_read_or_write_are_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        save_trajectories(hand_run(4, 1), tmp_path / "file" / "run.parquet")
    with pytest.raises(StoreError, match="cannot be read"):
        load_trajectories(tmp_path / "nowhere.parquet")
    with pytest.raises(StoreError, match="cannot be read"):
        load_trajectories(tmp_path / "file")


def test_a_table_of_something_else_is_refused(tmp_path):
    pq.write_table(pa.table({"patient": [1, 2]}), tmp_path / "other.parquet")
    with pytest.raises(StoreError, match="not a trajectory table"):
        load_trajectories(tmp_path / "other.parquet")


def first_task(run: Trajectories) -> dict[str, Any]:
    """The run's task in the words of 0.1: nobody says who is monitored, and there is one set of everything."""
    now = run.task.model_dump(mode="json")
    names = ("name", "version", "title", "evidence", "drugs", "pump", "cohort", "setting", "profile", "faults", "tick_h",
             "horizon_d", "start_clock_h", "clinic_clock_h", "weights", "primary", "difficulty")  # fmt: skip
    return {
        **{name: now[name] for name in names},
        "solution": {k: now["solution"][k] for k in ("options_mg_per_ml", "max_interval_d", "refill_ml", "ratios")},
        "action": {name: now["action"][name] for name in ("max_up", "max_down", "deadband", "bolus_trigger")},
    }


def written_by_the_first_version(run: Trajectories, path: Path) -> Path:
    """The run as a table of format 1: the scenario's fields one by one, the policy by name, the old fields."""
    fields = [name for name in FIELDS if name not in NEW_FIELDS]
    now = pq.read_table(save_trajectories(run, path))
    gone = [name for name in now.column_names if name in NEW_FIELDS]
    said = {
        "policy": run.policy, "split": run.split, "difficulty": run.difficulty, "shield_mode": run.shield_mode,
        "profile": run.profile, "format": "1", "note": "simulated data", "seed": str(run.seed),
        "cohort_seed": str(run.cohort_seed), "task": json.dumps(first_task(run)), "fields": json.dumps(fields),
    }  # fmt: skip
    table = now.drop_columns(gone).replace_schema_metadata({f"thecal.{key}": value for key, value in said.items()})
    pq.write_table(table, path)
    return path


def test_a_table_of_the_first_version_is_read(fixed, tmp_path):
    old = load_trajectories(written_by_the_first_version(fixed, tmp_path / "old.parquet"))
    assert not set(NEW_FIELDS) & set(old.data)
    for name in old.data:
        np.testing.assert_array_equal(old[name], fixed[name], err_msg=name)
    assert (old.policy, old.split, old.difficulty, old.shield_mode) == ("fixed", "test", "real", "project")
    assert (old.seed, old.cohort_seed, old.profile, old.scenario_hash) == (3, 0, "seed_2025", "")
    assert old.task.monitored
    assert old.task.n_steps == 48
    assert old.info.text == "of a run of version 0.1"
    for key, values in outcomes(old).items():
        np.testing.assert_array_equal(values, outcomes(fixed)[key], err_msg=key)


@pytest.mark.parametrize("missing", ["policy", "task", "seed"])
def test_a_table_of_the_first_version_that_lacks_a_word(fixed, tmp_path, missing):
    path = written_by_the_first_version(fixed, tmp_path / "old.parquet")
    table = pq.read_table(path)
    said = {key: value for key, value in table.schema.metadata.items() if key != f"thecal.{missing}".encode()}
    pq.write_table(table.replace_schema_metadata(said), path)
    with pytest.raises(StoreError, match="cannot be read"):
        load_trajectories(path)
