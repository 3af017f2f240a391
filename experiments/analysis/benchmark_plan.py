"""What a benchmark runs, as data: cells, policies and patients, and the name of every part that their results lie in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from thecal.agents.info import PolicyInfo
from thecal.core.complaints import first_reason
from thecal.core.documents import read_tables
from thecal.core.errors import ConfigError, StoreError
from thecal.core.files import as_json, plain, write_whole
from thecal.core.names import safe_name
from thecal.envs.scenario import Scenario
from thecal.experiments.analysis.results import Frozen
from thecal.experiments.analysis.stored import require_schema, written_by

SCHEMA = 1
KIND, FILE, PARTS = "benchmark", "benchmark.json", "parts"
_DERIVED = ("note", "kind", "schema", "thecal")


class Cell(Frozen):
    """One scenario that every policy meets.

    Attributes:
        task, difficulty, shield_mode, cohort_seed: what tells it from the others.
        scenario, scenario_hash: what patients meet, and the hash of its content.
        task_hash, spec: the task's hash, and the task as plain data, with the scenario's changes.
        outcomes: what the task measures, its registered outcome first.
        profile: name of the limits; proved, wide and unshielded mark results.
    """

    task: str
    difficulty: str
    shield_mode: str
    cohort_seed: int
    scenario: Scenario
    scenario_hash: str
    task_hash: str
    spec: dict[str, Any]
    outcomes: tuple[str, ...]
    profile: str
    proved: bool
    wide: bool
    unshielded: bool

    @property
    def limits(self) -> dict[str, float]:
        """Of the task beside its registered outcome: by outcome, the largest mean over patients."""
        return {key: float(most) for key, most in self.spec["primary"].get("limits", {}).items()}


class Runner(Frozen):
    """One policy that is rolled out: what it is, and the hash of everything it acts by."""

    info: PolicyInfo
    hash: str


class Entry(Frozen):
    """One line of the leaderboard.

    Attributes:
        name: of the policy or method.
        info: what it is, with all its training seeds.
        runners: its training seeds, or what hindsight chooses from.
        hindsight: whether each patient keeps the best of the runners, in place of all of them.
    """

    name: str
    info: PolicyInfo
    runners: tuple[Runner, ...]
    hindsight: bool = False


class Part(NamedTuple):
    """The results of one runner on one block of patients of one cell.

    Attributes:
        key: hash of everything that decides them.
        file: its name.
        patients: from the first to before the second.
    """

    cell: Cell
    entry: Entry
    runner: Runner
    patients: tuple[int, int]
    key: str
    file: str


class Plan(Frozen):
    """Everything that a benchmark runs.

    Attributes:
        cells: scenarios, those of one task, difficulty and shield mode side by side.
        entries: policies.
        first, patients: whom of the split, of each cohort seed.
        block: patients that run side by side, and lie in one part.
        reference: the policy that others are compared with; ``hold`` and ``top`` are 0 and 1 of the score, ``top`` None
            where there is no score.
        keys: outcomes that are kept, by key.
        code: hash of the code that runs patients and reads them.
        seed: of the resampling.
    """

    cells: tuple[Cell, ...]
    entries: tuple[Entry, ...]
    first: int
    patients: int
    block: int
    reference: str
    hold: str | None
    top: str | None
    keys: tuple[str, ...]
    code: str
    seed: int = 0

    def parts(self) -> Iterator[Part]:
        """Every part, cell by cell."""
        last = self.first + self.patients
        for cell in self.cells:
            for entry in self.entries:
                for runner in entry.runners:
                    for begin in range(self.first, last, self.block):
                        yield self._part(cell, entry, runner, (begin, min(begin + self.block, last)))

    def of(self, cell: Cell, entry: Entry) -> list[list[Part]]:
        """The parts of an entry in a cell, for each runner its blocks."""
        found = list(self._only(cell, entry).parts())
        return [[part for part in found if part.runner == runner] for runner in entry.runners]

    def _only(self, cell: Cell, entry: Entry) -> Plan:
        return self.model_copy(update={"cells": (cell,), "entries": (entry,)})

    def _part(self, cell: Cell, entry: Entry, runner: Runner, patients: tuple[int, int]) -> Part:
        decides = [cell.scenario_hash, runner.hash, *patients, list(self.keys), self.code, SCHEMA]
        key = hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:24]
        words = (cell.task, cell.difficulty, cell.shield_mode, f"s{cell.cohort_seed}", runner.info.name)
        return Part(cell, entry, runner, patients, key, f"{safe_name('-'.join(words), 60)}-{patients[0]}-{key}.parquet")


def save_plan(plan: Plan, folder: Path) -> Path:
    """Write the plan into ``folder``.

    Raises:
        StoreError: it cannot be written.
    """
    head = {"note": "simulation only", "kind": KIND, **written_by(SCHEMA)}
    return write_whole(folder / FILE, as_json({**head, **plain(plan)}))


def load_plan(folder: str | Path) -> Plan:
    """Read what :func:`save_plan` wrote.

    Raises:
        StoreError: there is none, it is damaged, or another version wrote it.
    """
    file = Path(folder) / FILE
    if not file.exists():
        raise StoreError(f"{folder}: holds no benchmark (run one with `thecal benchmark --out {folder}`)")
    try:
        values = read_tables(file, kind="JSON")
    except ConfigError as error:
        raise StoreError(str(error)) from error
    if values.get("kind") != KIND:
        raise StoreError(f"{file}: not the plan of a benchmark")
    require_schema(values, SCHEMA, file)
    try:
        return Plan.model_validate({key: value for key, value in values.items() if key not in _DERIVED})
    except (ValidationError, ConfigError) as error:
        reason = first_reason(error) if isinstance(error, ValidationError) else error
        raise StoreError(f"{file}: not the plan of a benchmark ({reason})") from error
