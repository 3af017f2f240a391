"""The stored numbers of a benchmark, laid out for statistics: every column of every policy as ``[training seeds, patients]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thecal.agents.info import Conditions
from thecal.experiments.analysis.benchmark_parts import columns_of, read_part
from thecal.experiments.analysis.benchmark_plan import Cell, Entry, Plan
from thecal.experiments.analysis.headroom import BY, PRIMARY, best_of, normalized
from thecal.experiments.analysis.utility import WEIGHTINGS, utility

Floats = NDArray[np.float64]
Columns = dict[str, Floats]  # by name, [training seeds, patients]
Key = tuple[str, str, str]  # task, difficulty, shield mode


@dataclass(frozen=True)
class Group:
    """All results under one condition.

    Attributes:
        cells: one for each cohort seed.
        strata: cohort seed of each patient, ``[patients]``.
        columns: by policy; utilities are ``u_<weighting>``, and ``score`` is NaN for who has none.
    """

    cells: tuple[Cell, ...]
    strata: NDArray[np.int64]
    columns: dict[str, Columns]

    def transfers(self, entry: Entry) -> tuple[str, ...]:
        """How the conditions of a policy's training differ from these."""
        cell, trained = self.cells[0], entry.info.trained
        if trained is None:
            return ()
        return trained.unlike(Conditions.of(cell.spec, cell.task_hash, cell.scenario))


def groups(plan: Plan, folder: Path) -> dict[Key, Group]:
    """Everything that a plan's parts hold.

    Raises:
        StoreError: a part is missing or damaged; the text names it.
    """
    by_key: dict[Key, list[Cell]] = {}
    for cell in plan.cells:
        by_key.setdefault((cell.task, cell.difficulty, cell.shield_mode), []).append(cell)
    return {key: _group(plan, tuple(cells), folder) for key, cells in by_key.items()}


def _group(plan: Plan, cells: tuple[Cell, ...], folder: Path) -> Group:
    columns = {entry.name: _columns(plan, cells, entry, folder) for entry in plan.entries}
    for own in columns.values():
        for weighting in WEIGHTINGS:
            own[f"u_{weighting}"] = utility(own, weighting)
    _score(plan, columns)
    return Group(cells, np.repeat([cell.cohort_seed for cell in cells], plan.patients), columns)


def _columns(plan: Plan, cells: tuple[Cell, ...], entry: Entry, folder: Path) -> Columns:
    """The patients of all cohort seeds one after the other, for each training seed."""
    runners: list[dict[str, Floats]] = []
    stored = [plan.of(cell, entry) for cell in cells]
    for k in range(len(entry.runners)):
        parts = [read_part(plan, part, folder) for cell in stored for part in cell[k]]
        runners.append({name: np.concatenate([part[name] for part in parts]) for name in columns_of(plan)})
    if entry.hindsight:
        runners = [best_of(runners, BY)]
    return {name: np.stack([one[name] for one in runners]) for name in columns_of(plan)}


def _score(plan: Plan, columns: Mapping[str, Columns]) -> None:
    """Give every policy its ``score``."""
    well = {name: own[PRIMARY] for name, own in columns.items()}
    if plan.hold is None or plan.top is None:
        for own in columns.values():
            own["score"] = np.full_like(own[PRIMARY], np.nan)
        return
    ends = {"0": well[plan.hold].mean(axis=0, keepdims=True), "1": well[plan.top].mean(axis=0, keepdims=True)}
    # Two names that no policy has, so that a method of several training seeds can be the top by its mean.
    scores = normalized({**{f"of {name}": rows for name, rows in well.items()}, **ends}, hold="0", top="1")
    for name, own in columns.items():
        own["score"] = scores[f"of {name}"]
