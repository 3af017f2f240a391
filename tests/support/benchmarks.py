"""Benchmarks whose stored numbers are made up, so that a leaderboard is tested without a simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from thecal.agents.info import PolicyInfo
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.analysis.benchmark_parts import columns_of, write_part
from thecal.experiments.analysis.benchmark_plan import Cell, Entry, Part, Plan, Runner, save_plan
from thecal.experiments.analysis.utility import PARTS
from thecal.experiments.studies.benchmark import ALWAYS

Numbers = Mapping[str, Any]  # columns of one part; what is left out is 0, and time that is not well is lost to pain


@cache
def _scene(task: str, difficulty: str, mode: str, seed: int) -> Resolved:
    options = {"difficulty": difficulty, "shield_mode": mode, "cohort_seed": seed, "seed": seed, "split": "test"}
    return Scenario.of(task, **options).resolve()


def cell(task: str = "CancerMorphine", difficulty: str = "real", mode: str = "project", seed: int = 1) -> Cell:
    scene = _scene(task, difficulty, mode, seed)
    return Cell(
        task=task, difficulty=difficulty, shield_mode=mode, cohort_seed=seed, scenario=scene.scenario,
        scenario_hash=scene.hash, task_hash=scene.task.hash, spec=scene.task.model_dump(mode="json"),
        outcomes=scene.task.outcomes, profile=scene.profile.name, proved=True, wide=False, unshielded=mode == "off",
    )  # fmt: skip


def entry(name: str, kind: Any = "rule", seeds: int = 0, *, privileged: bool = False, hindsight: int = 0) -> Entry:
    info = PolicyInfo(
        name=name, label=name.title(), kind=kind, privileged=privileged or hindsight > 0, training_seeds=range(seeds)
    )
    runs = [info.model_copy(update={"training_seeds": (seed,)}) for seed in range(seeds)] or [info]
    runs *= hindsight or 1
    runners = tuple(Runner(info=one, hash=f"{name}{k}") for k, one in enumerate(runs))
    return Entry(name=name, info=info, runners=runners, hindsight=hindsight > 0)


def stored(
    folder: Path, entries: list[Entry], numbers: Callable[[Part], Numbers], cells: Any = None, **fields: Any
) -> Plan:
    """A plan with its parts in ``folder``; ``numbers`` gives each part's columns."""
    chosen = tuple(cells or (cell(),))
    keys = tuple(dict.fromkeys((*ALWAYS, *(key for one in chosen for key in one.outcomes))))
    options = {"first": 0, "patients": 20, "block": 8, "reference": entries[0].name, "hold": None, "top": None} | fields
    plan = Plan(cells=chosen, entries=tuple(entries), keys=keys, code="code", **options)
    save_plan(plan, folder)
    for part in plan.parts():
        write_part(plan, part, _filled(plan, part, numbers(part)), folder)
    return plan


def _filled(plan: Plan, part: Part, given: Numbers) -> dict[str, Any]:
    n = part.patients[1] - part.patients[0]
    found = {name: np.broadcast_to(np.asarray(given.get(name, 0.0), float), n) for name in columns_of(plan)}
    if "lost_pain" not in given:
        lost = sum(found[key] for key in PARTS.values())
        found["lost_pain"] = 100.0 - lost
    return found


def level(values: Mapping[str, float], spread: float = 1.0) -> Callable[[Part], Numbers]:
    """Every policy well treated about so much of the time, patients differing by ``spread``."""

    def numbers(part: Part) -> Numbers:
        who = np.arange(*part.patients)
        well = values[part.entry.name] + spread * np.sin(7.0 * who + part.cell.cohort_seed)
        return {"well_treated": well, "time_controlled": well, "return": well, "age_y": 50.0 + who}

    return numbers
