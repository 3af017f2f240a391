"""What a SQLite store holds, read directly: how many runs, and which were left RUNNING by a process that is gone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from thecal.experiments.tracking.owner import BEGUN, HOST, PROCESS, is_gone
from thecal.experiments.tracking.schema import State, state_of

_RUNNING = """
SELECT runs.run_uuid, tags.key, tags.value FROM runs LEFT JOIN tags
ON tags.run_uuid = runs.run_uuid AND tags.key IN (?, ?, ?)
WHERE runs.status = 'RUNNING' AND runs.lifecycle_stage = 'active'
"""


@dataclass(frozen=True)
class Census:
    """A store at a glance.

    Attributes:
        state: what kind of store it is.
        revision: of its schema.
        runs: how many it holds, without deleted ones.
        left: ids of runs RUNNING whose process is gone.
        running: how many others are RUNNING, here or elsewhere.
    """

    state: State
    revision: str = ""
    runs: int = 0
    left: tuple[str, ...] = ()
    running: int = 0


def census(path: Path, timeout_s: float) -> Census:
    """Count the runs of a database, without writing to it.

    Raises:
        sqlite3.Error, OSError: it cannot be read.
    """
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=timeout_s)) as connection:
        state, revision = state_of(connection)
        if state in (State.NEW, State.FOREIGN):
            return Census(state, revision)
        (runs,) = connection.execute("SELECT count(*) FROM runs WHERE lifecycle_stage = 'active'").fetchone()
        owners: dict[str, dict[str, str]] = {}
        for run, key, value in connection.execute(_RUNNING, (HOST, PROCESS, BEGUN)):
            owners.setdefault(run, {})
            if key is not None:
                owners[run][key] = value
    left = tuple(run for run, tags in owners.items() if is_gone(tags))
    return Census(state, revision, runs, left, len(owners) - len(left))
