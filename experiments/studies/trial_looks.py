"""The looks of a trial: the patients who entered since the last one are simulated, or read where they lie on disk already."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import StoreError
from thecal.core.executor import Executor
from thecal.core.files import as_json, write_whole
from thecal.experiments.analysis.trial_plan import Plan
from thecal.experiments.studies.trial_arms import Job, drawn, jobs_of, run_jobs
from thecal.experiments.studies.trial_patients import Entered, arm_scenario

SCHEMA = 1
Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]


def read_document(file: Path) -> dict[str, Any]:
    """A JSON document of a trial; StoreError where it is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise StoreError(f"{file}: not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise StoreError(f"{file}: not a document of a trial")
    return found


def stage(
    plan: Plan, parts: dict[str, str], entry: Entered, rows: tuple[int, int], look: int, place: Path, executor: Executor,
    progress: Progress,
) -> dict[str, Floats]:  # fmt: skip
    """The columns ``[n, k]`` of the patients who entered since the last look: simulated, or read where they lie already."""
    file = place / f"look_{look + 1}.json"
    if file.exists():
        return _stored(file, parts, rows)
    work = _work(plan, entry, rows)
    flat: list[Job] = [job for group in work for job in group[1]]
    done = run_jobs(flat, executor, lambda n: progress(n, len(flat), f"look {look + 1} of {len(plan.looks.at)}"))
    columns: dict[str, Floats] = {}
    width = len(plan.arms) if plan.design == "paired" else 2 if plan.design == "crossover" else 1
    n = rows[1] - rows[0]
    for where, jobs, column in work:
        taken, done = done[: len(jobs)], done[len(jobs) :]
        for key in taken[0]:
            target = columns.setdefault(key, np.full((n, width), np.nan))
            cells = np.concatenate([one[key] for one in taken])
            target[where] = cells if column is None else target[where]
            if column is not None:
                target[where, column] = cells[:, 0]
    for k, arm in enumerate(plan.arms.values()):
        if arm.published is not None:
            _draw(plan, entry, rows, k, columns)
    document = {"schema": SCHEMA, "hashes": parts, "rows": list(rows), "columns": columns}
    write_whole(file, as_json(document, indent=None))
    return columns


def _stored(file: Path, parts: dict[str, str], rows: tuple[int, int]) -> dict[str, Floats]:
    found = read_document(file)
    try:
        if found["hashes"] != parts or found["rows"] != list(rows) or found["schema"] != SCHEMA:
            raise StoreError(f"{file}: belongs to another trial; take another folder")
        columns = {str(key): np.asarray(value, np.float64) for key, value in found["columns"].items()}
        if "value" not in columns or any(one.ndim != 2 or len(one) != rows[1] - rows[0] for one in columns.values()):
            raise ValueError("its columns are not whole")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{file}: not the values of a look ({type(error).__name__}: {error})") from error
    return columns


Work = list[tuple[NDArray[np.int64], list[Job], int | None]]


def _work(plan: Plan, entry: Entered, rows: tuple[int, int]) -> Work:
    """Rows of the look, the jobs that fill them, and the column (None: as many as the job has)."""
    arm, patients, cluster = (one[slice(*rows)] for one in (entry.arm, entry.patients, entry.cluster))
    names = list(plan.arms)
    found: Work = []
    if plan.design == "crossover":
        policies = [str(plan.arms[name].policy) for name in names]
        for k, order in enumerate(((0, 1), (1, 0))):
            own = np.flatnonzero(arm == k)
            found.append(
                (
                    own,
                    jobs_of(tuple(policies[i] for i in order), arm_scenario(plan, names[0]), patients[own], plan),
                    None,
                )
            )
        return found
    for k, name in enumerate(names):
        policy = plan.arms[name].policy
        if policy is None:
            continue
        if plan.design == "paired":
            found.append((np.arange(len(patients)), jobs_of((policy,), arm_scenario(plan, name), patients, plan), k))
            continue
        for one in np.unique(cluster):
            own = np.flatnonzero((arm == k) & (cluster == one))
            way = int(one) if plan.clusters is not None else None
            found.append((own, jobs_of((policy,), arm_scenario(plan, name, way), patients[own], plan), None))
    return [group for group in found if group[1]]


def _draw(plan: Plan, entry: Entered, rows: tuple[int, int], k: int, columns: dict[str, Floats]) -> None:
    """Fill in the values of an arm that is not simulated."""
    published = list(plan.arms.values())[k].published
    if published is None:
        return
    mine = np.flatnonzero(entry.arm == k)
    inside = (mine >= rows[0]) & (mine < rows[1])
    values = drawn(published, mine.size, plan.seed, k)[inside]
    where = mine[inside] - rows[0]
    columns["value"][where, 0] = values
    for key in ("died", "rescued"):
        columns[key][where, 0] = 0.0
