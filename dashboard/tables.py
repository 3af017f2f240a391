"""Stored trajectories by patient: the few columns a view needs of one patient, read from its block of the Parquet table.

A table is written block by block, each a row group of at most a few hundred patients side by side, step after step, so one
patient is every n-th row of one group. Decoded columns are kept while there is room, so that the next patient is there at once.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.info import PolicyInfo
from thecal.core.errors import StoreError
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec
from thecal.experiments.rollouts.parquet import FORMAT, pyarrow, read_failure

ROOM_BYTES = 400 * 1024 * 1024  # of decoded columns kept
_FIRST_ROWS = 1024
Column = NDArray[Any]


@dataclass(frozen=True)
class Group:
    """One block of patients.

    Attributes:
        number: of the row group.
        patients: indices in the split, in the order of the rows.
        steps: rows of each patient.
    """

    number: int
    patients: tuple[int, ...]
    steps: int


@dataclass(frozen=True)
class Table:
    """One policy's table: what its head says.

    Attributes:
        path: the file; ``version`` is its time of writing and size.
        info: of the policy.
        scenario, scenario_hash, task: under which it ran.
        columns: names of all columns.
        groups: blocks of patients.
    """

    path: Path
    version: tuple[int, int]
    info: PolicyInfo
    scenario: Scenario
    scenario_hash: str
    task: TaskSpec
    columns: frozenset[str]
    groups: tuple[Group, ...]

    @property
    def patients(self) -> list[int]:
        """Indices of all patients."""
        return [patient for group in self.groups for patient in group.patients]


@dataclass
class Shelf:
    """Decoded columns and heads of tables, the least used ones dropped first."""

    room: int = ROOM_BYTES
    _columns: OrderedDict[tuple[Any, ...], Column] = field(default_factory=OrderedDict)
    _tables: dict[Path, Table] = field(default_factory=dict)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def table(self, path: Path) -> Table:
        """The head of a table.

        Raises:
            StoreError: it is not there, or holds something else.
        """
        version = _version(path)
        known = self._tables.get(path)
        if known is None or known.version != version:
            known = self._tables[path] = _head(path, version)
        return known

    def of_patient(self, table: Table, patient: int, names: Iterable[str]) -> dict[str, Column]:
        """Columns ``[T]`` of one patient, of those ``names`` that the table has.

        Raises:
            StoreError: the table cannot be read, or has no such patient.
        """
        group = next((one for one in table.groups if patient in one.patients), None)
        if group is None:
            raise StoreError(f"patient {patient} is not in {table.path.name}")
        found = self._of_group(table, group, [name for name in names if name in table.columns])
        at, width = group.patients.index(patient), len(group.patients)
        return {name: column[at::width] for name, column in found.items()}

    def _of_group(self, table: Table, group: Group, names: list[str]) -> Mapping[str, Column]:
        with self._lock:
            keys = {name: (table.path, table.version, group.number, name) for name in names}
            missing = [name for name, key in keys.items() if key not in self._columns]
            if missing:
                _, pq = pyarrow()
                with read_failure(table.path, "trajectories"):
                    read = pq.ParquetFile(str(table.path)).read_row_group(group.number, columns=missing)
                    for name in missing:
                        self._keep(keys[name], np.asarray(read[name].to_numpy()))
            for key in keys.values():
                self._columns.move_to_end(key)
            found = {name: self._columns[key] for name, key in keys.items()}
            while self._size > self.room and len(self._columns) > len(keys):
                self._size -= self._columns.popitem(last=False)[1].nbytes
            return found

    def _keep(self, key: tuple[Any, ...], column: Column) -> None:
        self._columns[key] = column
        self._size += column.nbytes


def _version(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise StoreError(f"{path.name}: cannot be read ({error.strerror or error})") from error
    return state.st_mtime_ns, state.st_size


def _head(path: Path, version: tuple[int, int]) -> Table:
    _, pq = pyarrow()
    with read_failure(path.name, "trajectories"):
        file = pq.ParquetFile(str(path))
        raw = file.schema_arrow.metadata or {}
        known = {key.decode().removeprefix("thecal."): value.decode() for key, value in raw.items()}
        if known.get("format") != FORMAT:
            raise StoreError(f"{path.name}: not a trajectory table of format {FORMAT}; run the comparison again")
        names = {*json.loads(known["fields"]), *file.schema_arrow.names}
        return Table(
            path=path,
            version=version,
            info=PolicyInfo.model_validate_json(known["info"]),
            scenario=Scenario.model_validate_json(known["scenario"]),
            scenario_hash=known["scenario_hash"],
            task=TaskSpec.model_validate_json(known["task"]),
            columns=frozenset(names & set(file.schema_arrow.names)),
            groups=tuple(_group(file, number) for number in range(file.num_row_groups)),
        )


def _group(file: Any, number: int) -> Group:
    """A block, of which only the first step is read: all patients stand in it."""
    rows = file.metadata.row_group(number).num_rows
    patients: list[int] = []
    for batch in file.iter_batches(_FIRST_ROWS, row_groups=[number], columns=["patient", "step"]):
        steps = np.asarray(batch["step"])
        patients += np.asarray(batch["patient"])[steps == 0].tolist()
        if (steps != 0).any():
            break
    if not patients or rows % len(patients):
        raise ValueError(f"row group {number} is no whole block of patients")
    return Group(number, tuple(patients), rows // len(patients))
