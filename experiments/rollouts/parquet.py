"""Trajectories on disk: one long Parquet table, one row for each patient and step, written and read block by block."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from thecal.agents.info import PolicyInfo
from thecal.agents.registry import policy_info, policy_names
from thecal.core.errors import StoreError
from thecal.core.extras import importing
from thecal.core.files import Draft, writing
from thecal.core.layout import MAX_DRUGS
from thecal.envs.kernel.records import TICK_OUT
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec
from thecal.experiments.rollouts.trajectories import Trajectories, joined

FORMAT = "2"
FIRST_FORMAT = "1"  # of 0.1: one block, the scenario's fields one by one
NOTE = "simulated data"
_START = "start_"


class TrajectoryWriter:
    """Writes blocks of one run into one table as they come, each as a row group of its own.

    Args:
        path: the Parquet file; it appears when the writer is closed.

    Raises:
        StoreError: the file cannot be written.
        MissingExtraError: PyArrow is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._draft: Draft | None = None
        self._writer: Any = None
        self._pa, self._pq = pyarrow()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(keep=kind is None)

    def write(self, block: Trajectories) -> None:
        """Append a block."""
        table = self._pa.table(_columns(block)).replace_schema_metadata(_described(block))
        with write_failure(self.path):
            if self._draft is None:
                self._draft = Draft(self.path)
                self._writer = self._pq.ParquetWriter(str(self._draft.path), table.schema, compression="zstd")
            self._writer.write_table(table, row_group_size=len(table))

    def close(self, *, keep: bool = True) -> None:
        """End the file, or remove what there is of it when it is not kept."""
        if self._draft is not None:
            close_draft(self._draft, self._writer, keep=keep)


def close_draft(draft: Draft, writer: Any, *, keep: bool) -> None:
    """End a Parquet file and put it into its place; without ``keep``, or where that fails, nothing of it stays.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        if writer is not None:
            with write_failure(draft.target) if keep else suppress(Exception):
                writer.close()
        if keep:
            draft.keep()
    finally:
        if writer is not None:
            writer.is_open = False  # or it would try to close once more when it is forgotten, and say that that failed
        draft.drop()


def save_trajectories(run: Trajectories, path: str | Path) -> Path:
    """Write a long table: patient, step, every recorded field (a dose column for each drug), ``start_*`` of the patient.

    Raises:
        StoreError: the file cannot be written.
        MissingExtraError: PyArrow is not installed.
    """
    with TrajectoryWriter(path) as writer:
        writer.write(run)
    return Path(path)


def load_trajectories(path: str | Path) -> Trajectories:
    """Read what :func:`save_trajectories` or a :class:`TrajectoryWriter` wrote, also by version 0.1.

    Raises:
        StoreError: there is no such file, or it holds something else.
        MissingExtraError: PyArrow is not installed.
    """
    return joined(read_blocks(path))


def read_blocks(path: str | Path) -> Iterator[Trajectories]:
    """The blocks of a table one after the other, so that any number of patients can be read in bounded memory.

    Raises:
        StoreError: there is no such file, or it holds something else.
        MissingExtraError: PyArrow is not installed.
    """
    _, pq = pyarrow()
    with read_failure(path, "trajectories"):
        file = pq.ParquetFile(str(path))
        raw = file.schema_arrow.metadata or {}
        known = {key.decode().removeprefix("thecal."): value.decode() for key, value in raw.items()}
        if known.get("format") == FIRST_FORMAT:
            yield _block(file.read(), _second_of_first(known))
            return
        if known.get("format") != FORMAT:
            raise StoreError(f"{path}: not a trajectory table of format {FIRST_FORMAT} or {FORMAT}")
        for k in range(file.num_row_groups):
            yield _block(file.read_row_group(k), known)


def _columns(run: Trajectories) -> dict[str, NDArray[Any]]:
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
    return columns | {_START + name: np.tile(values, steps) for name, values in run.start.items()}


def noted(unshielded: bool, wide: bool) -> str:
    """The note of a table, with loud words where limits did not bind or were wider than any shipped."""
    return ", ".join([NOTE, *(word for word, due in (("UNSHIELDED", unshielded), ("WIDE LIMITS", wide)) if due)])


def _described(run: Trajectories) -> dict[str, str]:
    described = {
        "format": FORMAT,
        "note": noted(run.unshielded, run.scenario.allow_wide and run.scenario.resolve().wide),
        "info": run.info.model_dump_json(),
        "scenario": run.scenario.model_dump_json(),
        "scenario_hash": run.scenario_hash,
        "profile": run.profile,
        "task": run.task.model_dump_json(),
        "fields": json.dumps(list(run.data)),
    }
    return {f"thecal.{key}": value for key, value in described.items()}


def _second_of_first(known: dict[str, str]) -> dict[str, str]:
    """The description of a table of 0.1 in today's words; it held no scenario hash, and only the policy's name."""
    task = TaskSpec.model_validate_json(known["task"])
    scenario = Scenario(
        task=task,
        split=known["split"],  # type: ignore[arg-type]
        difficulty=known["difficulty"],
        shield_mode=known["shield_mode"],  # type: ignore[arg-type]
        profile=known["profile"] or None,
        cohort_seed=int(known["cohort_seed"]),
        seed=int(known["seed"]),
    )
    name = known["policy"]
    kind = policy_info(name).kind if name in policy_names() else "learned"  # all that 0.1 knew beside its own rules
    info = PolicyInfo(name=name, label=name, kind=kind, text="of a run of version 0.1")
    return {
        **known,
        "info": info.model_dump_json(),
        "scenario": scenario.model_dump_json(),
        "scenario_hash": "",
        "task": task.model_dump_json(),
    }


def _block(table: Any, known: dict[str, str]) -> Trajectories:
    task = TaskSpec.model_validate_json(known["task"])
    steps = int(table["step"][-1].as_py()) + 1
    return Trajectories(
        info=PolicyInfo.model_validate_json(known["info"]),
        scenario=Scenario.model_validate_json(known["scenario"]),
        scenario_hash=known["scenario_hash"],
        task=task,
        profile=known["profile"],
        patients=_numbers(table, "patient", steps)[0],
        data={name: _field(table, name, steps, task) for name in json.loads(known["fields"])},
        start={
            name.removeprefix(_START): _numbers(table, name, steps)[0]
            for name in table.column_names
            if name.startswith(_START)
        },
    )


def _field(table: Any, name: str, steps: int, task: TaskSpec) -> NDArray[Any]:
    if not TICK_OUT[name].shape:
        return _numbers(table, name, steps)
    filled = [_numbers(table, f"{name}_{drug}", steps) for drug in task.drugs]
    empty = np.zeros_like(filled[0])
    return np.stack(filled + [empty] * (MAX_DRUGS - len(filled)), axis=-1)


def _numbers(table: Any, name: str, steps: int) -> NDArray[Any]:
    return np.asarray(table[name].to_numpy()).reshape(steps, -1)


@contextmanager
def write_failure(path: Path) -> Iterator[None]:
    """Turn a failure to write into one sentence."""
    try:
        with writing(path):
            yield
    except pyarrow()[0].ArrowException as error:
        raise StoreError(f"{path}: cannot be written ({error})") from error


@contextmanager
def read_failure(path: str | Path, what: str) -> Iterator[None]:
    """Turn whatever reading a damaged or foreign file raises into one sentence."""
    pa, _ = pyarrow()
    try:
        yield
    except (OSError, pa.ArrowException, KeyError, IndexError, ValueError, ValidationError) as error:
        raise StoreError(f"{path}: {what} cannot be read ({type(error).__name__}: {error})") from error


def pyarrow() -> tuple[Any, Any]:
    """PyArrow and its Parquet module.

    Raises:
        MissingExtraError: it is not installed.
    """
    with importing("a Parquet table", "track"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    return pa, pq
