"""``thecal benchmark`` as functions: any slice of tasks, policies, seeds and patients, stored part by part, never run twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from thecal.agents.base import Policy
from thecal.agents.find import find_policies, name_of
from thecal.agents.info import PolicyInfo
from thecal.core.errors import ConfigError, StoreError
from thecal.core.extras import require
from thecal.core.models import Strict, checked
from thecal.core.seeds import MOST_PATIENTS, PATIENT_LIMIT, SEED_LIMIT
from thecal.envs.outcomes import outcome, outcomes
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.analysis.benchmark_parts import read_part, write_part
from thecal.experiments.analysis.benchmark_plan import PARTS, Cell, Entry, Part, Plan, Runner, save_plan
from thecal.experiments.analysis.compare import grouped
from thecal.experiments.analysis.failures import FIELDS, statistics
from thecal.experiments.analysis.headroom import HINDSIGHT, HOLD
from thecal.experiments.analysis.utility import PARTS as TIME
from thecal.experiments.rollouts.charts import charts
from thecal.experiments.rollouts.fit import check_fit
from thecal.experiments.rollouts.rollout import blocks
from thecal.experiments.studies.config import writable
from thecal.experiments.studies.hashes import code_hash, policy_hash
from thecal.experiments.studies.hindsight import MULTIPLES, OneDose

BLOCK = 128  # patients that run side by side; memory grows with it, never with all patients
MOST_TOGETHER = 20_000  # patients of all cohort seeds of one task, whose resamples must fit into memory
# Kept of every task, whatever it reports: what utilities, rare events and detectors of failures read.
ALWAYS = (
    *TIME.values(), "return", "died", "resp_events", "resp_hours", "sed_events", "sed_hours", "would_be_violations",
    "interventions",
)  # fmt: skip
Progress = Callable[[int, int, str], None]  # parts done, parts in all, what runs


class Slice(Strict):
    """What to run: every task under every difficulty and shield mode with every seed, for every policy.

    Attributes:
        tasks, difficulties, shield_modes: as a scenario takes them.
        seeds: of the cohorts and their days.
        policies: by name or folder; ``hindsight`` is each patient's best of several doses.
        patients, first: how many of the split, from which index on.
        reference: whom others are compared with.
        top: the policy that is 1 of the score; none by default but hindsight where it runs.
        options: further fields of the scenario, the same everywhere.
    """

    tasks: tuple[str, ...] = Field(min_length=1)
    policies: tuple[str, ...] = Field(min_length=1)
    difficulties: tuple[str, ...] = Field(default=("real",), min_length=1)
    shield_modes: tuple[str, ...] = Field(default=("project",), min_length=1)
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    patients: int = Field(default=200, ge=1, le=MOST_PATIENTS)
    first: int = Field(default=0, ge=0, lt=PATIENT_LIMIT)
    reference: str = "guideline"
    top: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class Done(NamedTuple):
    """What a run of a benchmark did.

    Attributes:
        plan: what was to run.
        ran, kept: parts that ran now, and those that lay there already.
        discarded: parts that could not be read and ran anew, with the reason.
    """

    plan: Plan
    ran: int
    kept: int
    discarded: dict[str, str]


class _Ready(NamedTuple):
    """A plan with what runs it."""

    plan: Plan
    scenes: dict[str, Resolved]
    policies: dict[str, Policy]


def benchmark(
    chosen: Slice,
    folder: str | Path,
    *,
    policies: Sequence[Policy] | None = None,
    block: int = BLOCK,
    progress: Progress = lambda _done, _total, _what: None,
) -> Done:
    """Run what is not stored yet; everything that the slice names is loaded and checked before any patient is simulated.

    Args:
        chosen: the slice.
        folder: for the plan and its parts; made if missing.
        policies: ready policies in place of the names of ``chosen``, hindsight named beside them as always.
        block: patients that run side by side.
        progress: told at the beginning of every part and at the end.

    Raises:
        ConfigError: the slice names something unknown, or a policy does not fit a task.
        StoreError: the folder cannot be written.
        MissingExtraError: PyArrow is not installed.
    """
    require("a benchmark", "track", only=["pyarrow"])
    ready = _ready(chosen, policies, block)
    place = writable(Path(folder))
    for home in (place, place / PARTS):
        _drop_drafts(home)
    save_plan(ready.plan, place)
    # The same part may stand in several lines (a dose that hindsight tries and a policy of its own); it runs once.
    parts = {part.key: part for part in ready.plan.parts()}
    ran, discarded = 0, {}
    for k, part in enumerate(parts.values()):
        progress(k, len(parts), f"{part.cell.task} {part.runner.info.name}")
        why = _missing(ready.plan, part, place)
        if why is None:
            continue
        if why:
            discarded[part.file] = why
        scene, policy = ready.scenes[part.cell.scenario_hash], ready.policies[part.runner.hash]
        write_part(ready.plan, part, _measured(ready.plan, part, scene, policy), place)
        ran += 1
    progress(len(parts), len(parts), "done")
    return Done(ready.plan, ran, len(parts) - ran, discarded)


def _missing(plan: Plan, part: Part, folder: Path) -> str | None:
    """None where a part is stored whole, "" where there is none, and else why what there is cannot be read."""
    if not (folder / PARTS / part.file).exists():
        return ""
    try:
        read_part(plan, part, folder)
    except StoreError as error:
        return str(error)
    return None


def _measured(plan: Plan, part: Part, scene: Resolved, policy: Policy) -> dict[str, Any]:
    """Outcomes, charts and the statistics of failures of one block of patients."""
    who = np.arange(*part.patients)
    (run,) = blocks(policy, scene, who, size=len(who), record="summary", keys=plan.keys, more=FIELDS)
    return {**outcomes(run, plan.keys), **charts(scene, who), **statistics(run)}


def _ready(chosen: Slice, policies: Sequence[Policy] | None, block: int) -> _Ready:
    """Load and check everything."""
    for name in ("tasks", "difficulties", "shield_modes", "seeds", "policies"):
        values = getattr(chosen, name)
        twice = [value for k, value in enumerate(values) if value in values[:k]]
        if twice:
            raise ConfigError(f"{name}: {twice[0]!r} is given twice, and would count twice")
    if chosen.patients * len(chosen.seeds) > MOST_TOGETHER:
        raise ConfigError(
            f"{chosen.patients} patients of {len(chosen.seeds)} seeds are more than {MOST_TOGETHER} together"
        )
    names = tuple(name for name in chosen.policies if name != HINDSIGHT)
    found = find_policies(names) if policies is None else list(policies)
    reference = name_of(names, found, chosen.reference) if policies is None else chosen.reference
    top = chosen.top if chosen.top is None or policies is not None else name_of(names, found, chosen.top)
    groups = grouped(found, reference)
    doses: list[Policy] = [OneDose(multiple) for multiple in MULTIPLES] if HINDSIGHT in chosen.policies else []
    if doses and HINDSIGHT in groups:
        raise ConfigError(f"a policy is named {HINDSIGHT!r}, which is each patient's best of several doses here")
    if top is not None and top not in {*groups, *((HINDSIGHT,) if doses else ())}:
        raise ConfigError(f"the top of the score {top!r} is not among the policies {', '.join(chosen.policies)}")
    cells, scenes = _cells(chosen)
    for scene in scenes.values():
        check_fit([*found, *doses], scene)
    keys = tuple(dict.fromkeys((*ALWAYS, *(key for cell in cells for key in cell.outcomes))))
    for key in keys:
        outcome(key)
    entries = [_entry(name, members) for name, members in groups.items()]
    if doses:
        entries.append(Entry(name=HINDSIGHT, info=_KNOWS, runners=tuple(map(_runner, doses)), hindsight=True))
    plan = Plan(
        cells=tuple(cells),
        entries=tuple(entries),
        first=chosen.first,
        patients=chosen.patients,
        block=block,
        reference=reference,
        hold=HOLD if HOLD in groups else None,
        top=top or (HINDSIGHT if doses else None),
        keys=keys,
        code=code_hash(),
    )
    return _Ready(plan, scenes, {policy_hash(policy): policy for policy in (*found, *doses)})


_KNOWS = PolicyInfo(
    name=HINDSIGHT,
    label="Best dose in hindsight",
    kind="model-based",
    text="Keeps for each patient the best of several constant doses, tried on the days to come.",
    parameters={"multiples": MULTIPLES},
    privileged=True,
)


def _runner(policy: Policy) -> Runner:
    return Runner(info=policy.info, hash=policy_hash(policy))


def _entry(name: str, members: Sequence[Policy]) -> Entry:
    seeds = tuple(seed for policy in members for seed in policy.info.training_seeds)
    info = members[0].info.model_copy(update={"name": name, "training_seeds": seeds})
    return Entry(name=name, info=info, runners=tuple(map(_runner, members)))


def _cells(chosen: Slice) -> tuple[list[Cell], dict[str, Resolved]]:
    cells, scenes = [], {}
    grid = product(chosen.tasks, chosen.difficulties, chosen.shield_modes, chosen.seeds)
    for task, difficulty, mode, seed in grid:
        given = {"difficulty": difficulty, "shield_mode": mode, "cohort_seed": seed, "seed": seed}
        scene = Scenario.of(task, **chosen.options, **given).resolve()
        if scene.hash in scenes:
            raise ConfigError(f"tasks: {task!r} is another name of a task that is given already")
        scenes[scene.hash] = scene
        cells.append(
            Cell(
                task=scene.task.name,
                difficulty=difficulty,
                shield_mode=scene.mode.name.lower(),
                cohort_seed=seed,
                scenario=scene.scenario,
                scenario_hash=scene.hash,
                task_hash=scene.task.hash,
                spec=scene.task.model_dump(mode="json"),
                outcomes=scene.task.outcomes,
                profile=scene.profile.name,
                proved=scene.proved,
                wide=scene.wide,
                unshielded=not scene.mode.shielded,
            )
        )
    return cells, scenes


def checked_slice(values: dict[str, Any]) -> Slice:
    """A slice of what a user gives.

    Raises:
        ConfigError: an entry is unknown or wrong.
    """
    for seed in values.get("seeds", ()):
        if not 0 <= seed < SEED_LIMIT:
            raise ConfigError(f"a seed must lie below 2**63 - 1, not {seed}")
    return checked(Slice, values)


def _drop_drafts(folder: Path) -> None:
    """Remove what a run that was killed had half written; a run that still lives keeps its own."""
    for draft in sorted(folder.glob(".*.part")):
        with suppress(OSError, ValueError):
            if not _lives(int(draft.name[1:].partition("-")[0])):
                draft.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()
