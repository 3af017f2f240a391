"""The parts of a benchmark on disk: Parquet tables of one row for each patient, written whole and read back checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import StoreError
from thecal.core.files import drafted
from thecal.experiments.analysis.benchmark_plan import PARTS, Part, Plan
from thecal.experiments.analysis.failures import COLUMNS
from thecal.experiments.rollouts.charts import CHART
from thecal.experiments.rollouts.parquet import noted, pyarrow, read_failure, write_failure

FORMAT = "benchmark-1"
Columns = dict[str, NDArray[np.float64]]  # by name, [patients]


def columns_of(plan: Plan) -> tuple[str, ...]:
    """The columns of numbers that a part holds: outcomes, charts, and what detectors of failures read."""
    return (*plan.keys, *CHART, *COLUMNS)


def place_of(part: Part, folder: Path) -> Path:
    """Where a part lies in the folder of its benchmark."""
    return folder / PARTS / part.file


def write_part(plan: Plan, part: Part, columns: Mapping[str, NDArray[Any]], folder: Path) -> Path:
    """Write a part in one move; the same numbers give the same bytes.

    Raises:
        StoreError: it cannot be written.
    """
    pa, pq = pyarrow()
    n = part.patients[1] - part.patients[0]
    who = {
        "task": part.cell.task, "difficulty": part.cell.difficulty, "shield_mode": part.cell.shield_mode,
        "split": part.cell.scenario.split, "cohort_seed": part.cell.cohort_seed, "policy": part.runner.info.name,
        "training_seed": next(iter(part.runner.info.training_seeds), None),
    }  # fmt: skip
    arrays = {name: pa.array([value] * n, _type(pa, value)) for name, value in who.items()}
    arrays["patient"] = pa.array(np.arange(*part.patients), pa.int64())
    arrays |= {name: pa.array(np.asarray(columns[name], np.float64)) for name in columns_of(plan)}
    described = {
        "format": FORMAT, "note": noted(part.cell.unshielded, part.cell.wide), "key": part.key,
        "info": part.runner.info.model_dump_json(), "scenario_hash": part.cell.scenario_hash, "policy_hash": part.runner.hash,
    }  # fmt: skip
    table = pa.table(arrays).replace_schema_metadata({f"thecal.{key}": value for key, value in described.items()})
    path = place_of(part, folder)
    with drafted(path) as draft, write_failure(path):
        pq.write_table(table, str(draft), compression="zstd")
    return path


def _type(pa: Any, value: Any) -> Any:
    return pa.string() if isinstance(value, str) else pa.uint64()


def read_part(plan: Plan, part: Part, folder: Path) -> Columns:
    """The numbers of a part, after seeing that it is whole and the one that the plan means.

    Raises:
        StoreError: it is missing, damaged, or of something else; the text says so.
    """
    _, pq = pyarrow()
    path = place_of(part, folder)
    with read_failure(path, "a part of a benchmark"):
        table = pq.ParquetFile(str(path)).read()
        raw = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        patients = table["patient"].to_numpy()
        found = {name: np.asarray(table[name].to_numpy(), np.float64) for name in columns_of(plan)}
    if raw.get("thecal.format") != FORMAT or raw.get("thecal.key") != part.key:
        raise StoreError(f"{path}: a part of a benchmark cannot be read (it is of something else than its name says)")
    if not np.array_equal(patients, np.arange(*part.patients)):
        raise StoreError(f"{path}: a part of a benchmark cannot be read (it does not hold the patients of its name)")
    return found
