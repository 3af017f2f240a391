"""``thecal trial`` as a function: a plan fixed by its hash, patients entered look by look, stopped at a bound, resumed."""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.find import find_policy
from thecal.core.errors import ConfigError, StoreError
from thecal.core.executor import Executor, Serial, kept
from thecal.core.files import as_json, write_whole
from thecal.experiments.analysis.statistics import bootstrap
from thecal.experiments.analysis.stored import written_by
from thecal.experiments.analysis.trial_analysis import (
    Values,
    bounds_of,
    compared,
    counted,
    decided,
    effect_of,
    entered_by,
)
from thecal.experiments.analysis.trial_plan import Plan
from thecal.experiments.analysis.trial_results import Flow, Look, TrialResult, save_trial
from thecal.experiments.rollouts.fit import check_fit
from thecal.experiments.studies.config import writable
from thecal.experiments.studies.hashes import code_hash, policy_hash
from thecal.experiments.studies.trial_looks import SCHEMA, Floats, Progress, read_document, stage
from thecal.experiments.studies.trial_patients import Entered, arm_scenario, enter
from thecal.experiments.tracking.provenance import config_hash

PLAN_FILE = "plan.json"
# Whose text decides a trial's result beside what every stored result hangs on.
_MODULES = (
    "analysis.sequential", "analysis.trial_allocation", "analysis.trial_analysis", "analysis.trial_statistics",
    "studies.trial", "studies.trial_arms", "studies.trial_looks", "studies.trial_patients", "studies.trial_switching",
)  # fmt: skip


def identity(plan: Plan) -> dict[str, str]:
    """What a trial's result hangs on, each as a hash: the plan, what patients of every arm meet, its policies, and the code.

    Raises:
        ConfigError: the plan names something unknown, or a policy does not fit its arm.
    """
    found = {"plan": config_hash(plan.model_dump(mode="json")), "code": _code()}
    ways = range(plan.clusters.number) if plan.clusters is not None else (None,)
    for name, arm in plan.arms.items():
        if arm.policy is None:
            continue
        policy = find_policy(arm.policy)
        found[f"policy of {name}"] = policy_hash(policy)
        scenes = [arm_scenario(plan, name, way).resolve() for way in ways]
        check_fit([policy], scenes[0])
        found[f"scenario of {name}"] = config_hash({"scenes": [scene.hash for scene in scenes]})
        days = scenes[0].task.horizon_d
        if plan.design == "crossover" and not plan.washout_d < days / 2.0:
            raise ConfigError(f"washout_d: {plan.washout_d:g} days leave nothing of a period of {days / 2.0:g} days")
    return found


def _code() -> str:
    texts = [Path(str(import_module(f"thecal.experiments.{name}").__file__)).read_bytes() for name in _MODULES]
    return sha256(b"".join([code_hash().encode(), *texts])).hexdigest()


def run_trial(
    plan: Plan, folder: str | Path, *, executor: Executor | None = None,
    progress: Progress = lambda _done, _total, _what: None,
) -> TrialResult:  # fmt: skip
    """Run a plan, or go on with it where its folder holds it already.

    Args:
        plan: the plan.
        folder: for the plan's hashes, each look's values, and the result; made if missing.
        executor: runs blocks of patients; this process by default.
        progress: told (blocks done, blocks in all, what).

    Raises:
        ConfigError: the folder holds another plan (a plan is fixed before its run), or the plan names something unknown.
        StoreError: the folder cannot be written, or what it holds is damaged.
    """
    parts = identity(plan)
    place = writable(Path(folder))
    _fix(plan, parts, place)
    entry = enter(plan)
    limits = bounds_of(plan)
    sizes = entered_by(plan)
    workers = Serial() if executor is None else executor
    looks: list[Look] = []
    values: Values | None = None
    with kept(workers):
        for k, size in enumerate(sizes):
            begin = sizes[k - 1] if k else 0
            columns = stage(plan, parts, entry, (begin, size), k, place, workers, progress)
            values = _joined(values, _values(plan, entry, (begin, size), columns))
            seen = effect_of(plan, values)
            stopped = abs(seen.statistic) >= limits.z[k]
            looks.append(
                Look(
                    share=plan.looks.at[k], entered=size, bound=limits.z[k], spent=limits.spent[k],
                    statistic=seen.statistic, stopped=stopped,
                )
            )  # fmt: skip
            if stopped and len(plan.arms) == 2:
                break
    if values is None:
        raise ConfigError("looks: there is none")
    found = _result(plan, parts, entry, values, looks)
    save_trial(found, place)
    return found


def _fix(plan: Plan, parts: dict[str, str], place: Path) -> None:
    """Write the plan with its hashes before anything runs, or see that it is the one that lies there."""
    file = place / PLAN_FILE
    if not file.exists():
        document = {
            "note": "simulation only",
            **written_by(SCHEMA),
            "hashes": parts,
            "plan": plan.model_dump(mode="json"),
        }
        write_whole(file, as_json(document))
        return
    there = read_document(file).get("hashes")
    if not isinstance(there, dict):
        raise StoreError(f"{file}: holds no plan of a trial")
    differs = sorted(key for key in {*there, *parts} if there.get(key) != parts.get(key))
    if differs:
        raise ConfigError(
            f"{file}: a trial's plan is fixed before its run, and what was fixed here differs in {', '.join(differs)}; "
            "take another folder"
        )


def _values(plan: Plan, entry: Entered, rows: tuple[int, int], columns: dict[str, Floats]) -> Values:
    part = slice(*rows)
    return Values(
        arm=entry.arm[part], value=columns["value"], lost=entry.lost[part], rescued=columns["rescued"] > 0.0,
        died=columns["died"] > 0.0, stratum=entry.stratum[part], cluster=entry.cluster[part],
        secondary={key: columns[key] for key in plan.endpoint.secondary},
    )  # fmt: skip


def _joined(before: Values | None, more: Values) -> Values:
    if before is None:
        return more

    def both(name: str) -> Any:
        return np.concatenate((getattr(before, name), getattr(more, name)))

    names = ("arm", "value", "lost", "rescued", "died", "stratum", "cluster")
    secondary = {key: np.concatenate((before.secondary[key], value)) for key, value in more.secondary.items()}
    return Values(**{name: both(name) for name in names}, secondary=secondary)


def _result(plan: Plan, parts: dict[str, str], entry: Entered, values: Values, looks: list[Look]) -> TrialResult:
    from thecal.envs.outcomes import CATALOG

    names, last = list(plan.arms), looks[-1]
    gaps = compared(plan, values, last.bound)
    of = counted(values, plan.endpoint, plan.rescue)
    flow, secondary = {}, {}
    for k, name in enumerate(names):
        rows, columns = _cells(plan, values, k)
        here = ~values.lost[rows]
        flow[name] = Flow(
            label=plan.arms[name].label, simulated=plan.arms[name].published is None, allocated=int(rows.size),
            lost=int((~here).sum()), died=int(values.died[rows, columns][here].sum()),
            rescued=int(values.rescued[rows, columns][here].sum()), analyzed=int((~np.isnan(of[rows, columns])).sum()),
        )  # fmt: skip
        if plan.arms[name].published is None:
            secondary[name] = {
                key: bootstrap(np.where(here, value[rows, columns], np.nan), seed=plan.seed)
                for key, value in values.secondary.items()
            }
    strata = {
        str(label): {name: int(((values.arm == k) & (values.stratum == label)).sum()) for k, name in enumerate(names)}
        for label in np.unique(values.stratum)
    }
    unshielded = any(
        not arm_scenario(plan, name).resolve().mode.shielded for name in names if plan.arms[name].published is None
    )
    binary = plan.endpoint.binary
    return TrialResult(
        plan=plan.model_dump(mode="json"), hash=config_hash(parts), title=plan.title, design=plan.design,
        endpoint=plan.endpoint.outcome, unit="% of patients" if binary else CATALOG[plan.endpoint.outcome].unit,
        better=plan.endpoint.better, alpha=plan.alpha, planned=plan.randomized, assessed=entry.assessed,
        excluded=entry.excluded, flow=flow, looks=tuple(looks), compared=gaps, secondary=secondary,
        strata=strata if plan.allocation.strata else {}, decision=decided(plan, gaps[0], last.bound),
        stopped_early=last.share < 1.0, unshielded=unshielded,
        not_simulated=tuple(arm.label for arm in plan.arms.values() if arm.published is not None), published=plan.published,
    )  # fmt: skip


def _cells(plan: Plan, values: Values, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the values that belong to an arm."""
    everybody = np.arange(len(values.arm))
    if plan.design == "paired":
        return everybody, np.full(len(everybody), k)
    if plan.design == "crossover":
        return everybody, np.where(values.arm == k, 0, 1)
    rows = np.flatnonzero(values.arm == k)
    return rows, np.zeros(rows.size, np.int64)
