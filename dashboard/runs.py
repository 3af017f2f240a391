"""One run, opened: its result, its tables by policy, and its scenario where that still says the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.info import PolicyInfo
from thecal.core.errors import ConfigError, StoreError, ThecalError
from thecal.dashboard.index import Entry, Index, UnknownRunError
from thecal.dashboard.tables import Shelf, Table
from thecal.envs.outcomes import CATALOG, Outcome, outcomes
from thecal.envs.scenario import Resolved
from thecal.experiments.analysis.results import ComparisonResult
from thecal.experiments.analysis.stored import load_result
from thecal.experiments.rollouts.charts import charts
from thecal.experiments.rollouts.parquet import load_trajectories

_MOST_BYTES = 400 * 1024 * 1024  # of an evaluation's table whose outcomes are computed
_KEPT = 24  # opened runs
Floats = NDArray[np.float64]


@dataclass
class Run:
    """A comparison or an evaluation.

    Attributes:
        entry: of the index.
        result: of a comparison; None for an evaluation.
        tables: by policy, of those whose trajectories are stored.
        troubles: one sentence for each table that cannot be read.
    """

    entry: Entry
    result: ComparisonResult | None
    tables: dict[str, Table]
    troubles: tuple[str, ...] = ()
    _kept: dict[str, Any] = field(default_factory=dict)

    @property
    def infos(self) -> dict[str, PolicyInfo]:
        """What the policies are."""
        if self.result is not None:
            return {name: one.info for name, one in self.result.policies.items()}
        return {name: table.info for name, table in self.tables.items()}

    @property
    def any_table(self) -> Table:
        """A table of the run.

        Raises:
            StoreError: none is stored.
        """
        if not self.tables:
            why = self.troubles[0] if self.troubles else "thecal compare and evaluate store them with --out"
            raise StoreError(f"no trajectories are stored beside this result ({why})")
        return next(iter(self.tables.values()))

    def table(self, policy: str) -> Table:
        """The table of a policy.

        Raises:
            ConfigError: the run has no such policy.
            StoreError: its trajectories are not stored.
        """
        if policy not in self.infos:
            raise ConfigError(f"this run has no policy {policy!r}")
        if policy not in self.tables:
            others = self.any_table.path.parent.name
            raise StoreError(f"the trajectories of {policy} are not stored in {others}")
        return self.tables[policy]

    @property
    def patients(self) -> list[int]:
        """Indices of the patients in the split."""
        return list(self.result.patients) if self.result is not None else self.any_table.patients

    def kept(self, key: str, make: Callable[[], Any]) -> Any:
        """What was made before for this run under a key, or is made now."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What was measured, the registered outcome first."""
        if self.result is not None:
            return self.result.outcomes
        first, *rest = self.any_table.task.outcomes
        return (CATALOG[first].model_copy(update={"role": "primary"}), *(CATALOG[key] for key in rest))

    def values(self, policy: str, key: str) -> Floats:
        """An outcome of every patient, ``[patients]``.

        Raises:
            StoreError: it is an evaluation whose table is too large to be read whole.
        """
        if self.result is not None:
            return np.asarray(self.result.policies[policy].values[key], np.float64)
        found: Mapping[str, Floats] = self.kept(f"values {policy}", lambda: _measured(self.tables[policy]))
        return found[key]

    def scene(self) -> tuple[Resolved | None, str]:
        """The scenario as loaded now, or None and why it says nothing about this run any more."""

        def load() -> tuple[Resolved | None, str]:
            stated = self.result.scenario if self.result is not None else self.any_table.scenario
            known = self.result.scenario_hash if self.result is not None else self.any_table.scenario_hash
            try:
                scene = stated.resolve()
            except ThecalError as error:
                return None, f"its scenario cannot be loaded any more ({error})"
            if scene.hash != known:
                return None, "its task, cohort, pump or limits have changed since it ran"
            return scene, ""

        found: tuple[Resolved | None, str] = self.kept("scene", load)
        return found

    def charts(self) -> tuple[dict[str, Floats], str]:
        """What the patients' charts say, ``[patients]`` each, or nothing and why."""

        def load() -> tuple[dict[str, Floats], str]:
            scene, why = self.scene()
            return ({}, why) if scene is None else (charts(scene, np.asarray(self.patients, np.int64)), "")

        found: tuple[dict[str, Floats], str] = self.kept("charts", load)
        return found


class Runs:
    """Opened runs, each opened once for each state of its files."""

    def __init__(self, index: Index, shelf: Shelf) -> None:
        self._index, self._shelf = index, shelf
        self._opened: OrderedDict[tuple[Any, ...], Run] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, id_: str) -> Run:
        """The run with an id of the index.

        Raises:
            UnknownRunError: it is gone.
            StoreError: it is damaged, or of another version.
        """
        entry = self._index.entry(id_, "comparison", "evaluation")
        with self._lock:
            try:
                files = sorted(entry.file.parent.glob("trajectories*.parquet"))
                states = tuple((path, path.stat().st_mtime_ns) for path in files if not path.is_symlink())
                key = (id_, entry.changed, states)
                if key not in self._opened:
                    self._opened[key] = self._open(entry, [path for path, _ in states])
            except FileNotFoundError as error:
                raise UnknownRunError("this run is not there any more: it was deleted while it was read") from error
            self._opened.move_to_end(key)
            while len(self._opened) > _KEPT:
                self._opened.popitem(last=False)
            return self._opened[key]

    def _open(self, entry: Entry, files: list[Path]) -> Run:
        result = load_result(entry.file) if entry.kind == "comparison" else None
        tables: dict[str, Table] = {}
        troubles = []
        for path in files:
            try:
                table = self._shelf.table(path)
            except ThecalError as error:
                troubles.append(str(error))
                continue
            name = table.info.name
            if result is not None and (name not in result.policies or table.scenario_hash != result.scenario_hash):
                continue  # of another comparison that wrote into the same folder before
            if name not in tables or len(table.columns) > len(
                tables[name].columns
            ):  # of several seeds, the full record
                tables[name] = table
        return Run(entry, result, tables, tuple(troubles))


def _measured(table: Table) -> dict[str, Floats]:
    if table.version[1] > _MOST_BYTES:
        size = f"{table.version[1] / 1e6:.0f} MB"
        raise StoreError(f"{table.path.name} has {size}, too much to order its patients by an outcome")
    run = load_trajectories(table.path)
    return {key: np.asarray(column, np.float64) for key, column in outcomes(run, table.task.outcomes).items()}
