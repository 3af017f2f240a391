"""Trajectories on disk: one long Parquet table, one row for each patient and step, everything needed to read it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from thecal.core.errors import ConfigError, StoreError
from thecal.core.layout import MAX_DRUGS
from thecal.envs.kernel.records import TICK_OUT
from thecal.envs.tasks import TaskSpec
from thecal.experiments.rollouts.rollout import Trajectories

FORMAT = "1"
NOTE = "simulated data"
_TEXTS = ("policy", "split", "difficulty", "shield_mode", "profile")
_START = "start_"


def save_trajectories(run: Trajectories, path: str | Path) -> Path:
    """Write a long table: patient, step, every recorded field (a dose column for each drug), ``start_*`` of the patient.

    Raises:
        StoreError: the file cannot be written.
        ConfigError: PyArrow is not installed.
    """
    pa, pq = _pyarrow()
    steps, n = run["time_h"].shape
    columns: dict[str, NDArray[Any]] = {
        "patient": np.tile(run.patients, steps),
        "step": np.repeat(np.arange(steps, dtype=np.int32), n),
    }
    for name, values in run.data.items():
        if values.ndim == 2:
            columns[name] = values.ravel()
        else:
            for d, drug in enumerate(run.task.drugs):
                columns[f"{name}_{drug}"] = np.ascontiguousarray(values[:, :, d]).ravel()
    columns |= {_START + name: np.tile(values, steps) for name, values in run.start.items()}
    described = {
        **{name: getattr(run, name) for name in _TEXTS},
        "format": FORMAT,
        "note": NOTE if not run.unshielded else f"{NOTE}, UNSHIELDED",
        "seed": str(run.seed),
        "cohort_seed": str(run.cohort_seed),
        "task": run.task.model_dump_json(),
        "fields": json.dumps(list(run.data)),
    }
    table = pa.table(columns).replace_schema_metadata({f"thecal.{key}": value for key, value in described.items()})
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, str(path), compression="zstd")
    except OSError as error:
        raise StoreError(f"trajectories cannot be written to {path} ({error})") from error
    return Path(path)


def load_trajectories(path: str | Path) -> Trajectories:
    """Read what :func:`save_trajectories` wrote.

    Raises:
        StoreError: there is no such file, or it holds something else.
        ConfigError: PyArrow is not installed.
    """
    pa, pq = _pyarrow()
    try:
        table = pq.read_table(str(path))
        known = {
            key.decode().removeprefix("thecal."): value.decode() for key, value in (table.schema.metadata or {}).items()
        }
        if known.get("format") != FORMAT:
            raise StoreError(f"{path}: not a trajectory table of format {FORMAT}")
        task = TaskSpec.model_validate_json(known["task"])
        steps = int(table["step"][-1].as_py()) + 1
        return Trajectories(
            **{name: known[name] for name in _TEXTS},
            task=task,
            seed=int(known["seed"]),
            cohort_seed=int(known["cohort_seed"]),
            patients=_numbers(table, "patient", steps)[0],
            data={name: _field(table, name, steps, task) for name in json.loads(known["fields"])},
            start={
                name.removeprefix(_START): _numbers(table, name, steps)[0]
                for name in table.column_names
                if name.startswith(_START)
            },
        )
    except (OSError, pa.ArrowException, KeyError, IndexError, ValueError, ValidationError) as error:
        raise StoreError(f"{path}: trajectories cannot be read ({type(error).__name__}: {error})") from error


def _field(table: Any, name: str, steps: int, task: TaskSpec) -> NDArray[Any]:
    if not TICK_OUT[name].shape:
        return _numbers(table, name, steps)
    filled = [_numbers(table, f"{name}_{drug}", steps) for drug in task.drugs]
    empty = np.zeros_like(filled[0])
    return np.stack(filled + [empty] * (MAX_DRUGS - len(filled)), axis=-1)


def _numbers(table: Any, name: str, steps: int) -> NDArray[Any]:
    return np.asarray(table[name].to_numpy()).reshape(steps, -1)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ConfigError(f"Parquet needs PyArrow: install thecal[track] ({error})") from error
    return pa, pq
