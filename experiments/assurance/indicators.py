"""Safety indicators that runs measure: what the shield does, what is left, and their errors. Simulation only."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError
from thecal.core.layout import NL_PER_ML, TICK_H, TICKS_PER_DAY
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.scenario import Scenario
from thecal.experiments.analysis.stored import written_by
from thecal.experiments.rollouts.view import context_for
from thecal.safety.certificate import kernel_hash
from thecal.safety.records import ASKED, CONFIRM

SCHEMA = 1
TASKS = ("CancerMorphine", "NonCancerMorphine")
POLICIES = ("guideline", "max_request")
FAULTS = ("reference", "stress")
MONTH_H = 24.0 * 30.0
LATE_H = 24.0  # harm that is still confirmed so long after a lock closed is late
_PUMPED = TICKS_PER_DAY - 1  # counts of the pump that lie within the ledger's day: its last tick is counted in the next
# The signs that close a lock: reading, limit of SHIELD_PAR, and the side on which harm lies.
_SIGNS = (("rr", "rr_lock", -1), ("spo2", "spo2_lock", -1), ("co2", "co2_lock", 1))
_KEPT = ("tick", "valid", "binding", "rr", "spo2", "co2", "unverified", "pumped_nl")

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass
class Seen:
    """What one run showed, per patient: ticks ``[T, B]`` by name, and steps ``[K, B]``."""

    ticks: dict[str, NDArray[np.int64]]
    locked: Bools
    lock_age: NDArray[np.int64]  # ticks, where locked
    harm_h: Floats  # hours of depressed breathing in the step, hidden truth
    day_ug: Floats  # what the ledger holds of the last 24 h, first drug
    alive: Bools
    conc: Floats  # of the first drug, µg/mL
    cap_ug: Floats
    limits: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def per_step(self) -> int:
        """Ticks of a step."""
        return len(self.ticks["tick"]) // len(self.locked)


def watch(task: str, policy: str, patients: int, seed: int, **options: Any) -> Seen:
    """Run a policy over whole episodes and keep what the indicators are made of.

    Raises:
        ConfigError: the task, policy or an option is unknown.
    """
    scene = Scenario.of(task, **{"split": "test", "faults": FAULTS[0], **options}, seed=seed).resolve()
    who = np.arange(patients, dtype=np.int64)
    env = ThecalVectorEnv(scene, patients, trail=True, truth=True, autoreset=False)
    observation, _ = env.reset(seed=seed, options={"patients": who})
    rule = make_policy(policy)
    rule.reset(context_for(rule, env, who))
    batch, steps = env.batch, scene.task.n_steps
    rows: list[NDArray[np.void]] = []
    found: dict[str, list[Any]] = {name: [] for name in ("locked", "age", "harm", "day", "alive")}
    dead = np.zeros(patients, np.bool_)
    for _ in range(steps):
        actions = np.where(dead[:, None], np.float32(0.0), rule.act(observation))
        observation, _, terminated, _, info = env.step(actions)
        out, shield = info["out"], batch.world["shield"]
        found["alive"].append(~dead)
        found["locked"].append((shield["lock_resp"] > 0) & ~dead)
        found["age"].append(shield["lock_age"].copy())
        found["harm"].append(np.where(dead, 0.0, out["resp_h"]))
        found["day"].append(out["dose24_ug"][:, 0].astype(np.float64))
        rows.append(_kept(batch.trail, dead))
        dead |= terminated
    ticks = {name: np.concatenate([row[name] for row in rows]) for name in _KEPT}
    par = batch.par["shield"]
    return Seen(
        ticks, np.array(found["locked"]), np.array(found["age"]), np.array(found["harm"], np.float64),
        np.array(found["day"]), np.array(found["alive"]), par["conc"][:, 0].astype(np.float64),
        par["cap_pg"][:, 0] * 1e-6, {name: par[name].copy() for _, name, _ in _SIGNS},
    )  # fmt: skip


def _kept(trail: NDArray[np.void], dead: Bools) -> Any:
    """The fields of a step's rows, ``[ticks, B]`` each; the rows of the dead have tick -1."""
    received = trail["received"]
    one = {name: (trail if name in (trail.dtype.names or ()) else received)[name].T.astype(np.int64) for name in _KEPT}
    one["tick"] = np.where(dead[None, :], -1, one["tick"])
    return one


def confirmed(seen: Seen) -> Bools:
    """Ticks ``[T, B]`` in which two of the last three readings of a sign lay beyond its limit for a lock."""
    found = np.zeros(seen.ticks["rr"].shape, np.bool_)
    for sign, limit, side in _SIGNS:
        values = seen.ticks[sign]
        for b in range(values.shape[1]):
            at = np.flatnonzero(values[:, b] >= 0)
            bad = side * (values[at, b] - seen.limits[limit][b]) > 0
            sums = np.convolve(bad, np.ones(CONFIRM, np.int64))[: bad.size]
            since = np.searchsorted(at, np.arange(len(values)), side="right") - 1
            known = since >= 0
            found[known, b] |= (sums >= 2)[since[known]]
    return found


def closings(seen: Seen) -> list[tuple[int, int, int]]:
    """(patient, first tick, tick after the last) of every lock that closed."""
    found = []
    for b in range(seen.locked.shape[1]):
        begin = -1
        for k in range(len(seen.locked)):
            end = (k + 1) * seen.per_step
            first = end - 1 - int(seen.lock_age[k, b])
            if seen.locked[k, b] and begin < 0:
                begin = max(first, 0)
            elif seen.locked[k, b] and first > begin + seen.per_step:  # it opened and closed again within a step
                found.append((b, begin, first))
                begin = first
            elif not seen.locked[k, b] and begin >= 0:
                found.append((b, begin, end - seen.per_step))
                begin = -1
        if begin >= 0:
            found.append((b, begin, len(seen.locked) * seen.per_step))
    return found


def onsets(seen: Seen) -> list[tuple[int, float]]:
    """(patient, hour) of every beginning of depressed breathing after a day without, hidden truth, to within a step."""
    step_h = seen.per_step * TICK_H
    found = []
    for b in range(seen.harm_h.shape[1]):
        last = -math.inf
        for k in np.flatnonzero(seen.harm_h[:, b] > 0.0).tolist():
            begin = (k + 1) * step_h - float(seen.harm_h[k, b])
            if k * step_h - last >= LATE_H:
                found.append((b, begin))
            last = (k + 1) * step_h
    return found


def per_patient(seen: Seen) -> dict[str, tuple[Floats, Floats]]:
    """(numerator, denominator) of every indicator that is a ratio, ``[B]`` each."""
    alive = seen.ticks["tick"] >= 0
    asked = alive & (seen.ticks["valid"] == ASKED)
    n = alive.shape[1]
    hours = alive.sum(axis=0) * TICK_H
    harm, locks, after, late = confirmed(seen) & alive, np.zeros(n), np.zeros(n), np.zeros(n)
    true_h = np.where(seen.locked, seen.harm_h, 0.0).sum(axis=0)
    for b, begin, end in closings(seen):
        locks[b] += 1
        after[b] += harm[begin + 1 : end, b].sum() * TICK_H
        late[b] += bool(harm[begin + round(LATE_H / TICK_H) : end, b].any())
    return {
        "intervention_share": ((asked & (seen.ticks["binding"] != 0)).sum(axis=0) * 1.0, asked.sum(axis=0) * 1.0),
        "locks_per_month": (locks, hours / MONTH_H),
        "confirmed_h_per_lock": (after, locks),
        "late_share": (late, locks),
        "harm_h_per_lock": (true_h, locks),
        "harm_h_per_month": (seen.harm_h.sum(axis=0), hours / MONTH_H),
        "unverified_share": ((alive & (seen.ticks["unverified"] > 0)).sum(axis=0) * 1.0, alive.sum(axis=0) * 1.0),
    }


def worst_day(seen: Seen) -> tuple[float, float]:
    """(largest day at the pump, largest excess of the pump's count over the ledger), as shares of the cap."""
    counted = np.concatenate(([np.zeros(len(seen.conc))], np.cumsum(np.maximum(seen.ticks["pumped_nl"], 0), axis=0)))
    ug = counted * seen.conc / NL_PER_ML
    day = ug[_PUMPED + 1 :] - ug[: -_PUMPED - 1]
    ends = (np.arange(len(seen.day_ug)) + 1) * seen.per_step
    full = ends >= _PUMPED
    of_ledger = ug[ends[full]] - ug[ends[full] - _PUMPED] - seen.day_ug[full]
    excess = np.where(seen.alive[full], of_ledger, 0.0)
    return float((day / seen.cap_ug).max(initial=0.0)), float((excess / seen.cap_ug).max(initial=0.0))


def lock_delays(seen: Seen) -> tuple[list[float], int]:
    """Hours from the beginning of harm to the lock, where one closed within a day, and how many beginnings had none."""
    found, none = [], 0
    spans = closings(seen)
    for b, hour in onsets(seen):
        own = [(first * TICK_H, end * TICK_H) for who, first, end in spans if who == b]
        if any(first <= hour < end for first, end in own):
            continue  # it was closed already
        after = [first - hour for first, _ in own if 0.0 <= first - hour <= LATE_H]
        none += not after
        found += after[:1]
    return found, none


def ratio(top: Floats, bottom: Floats) -> dict[str, float | None]:
    """A ratio of sums over patients and its standard error (of the ratio estimator); None where nothing was counted."""
    n, total = len(top), float(bottom.sum())
    if total <= 0.0:
        return {"value": None, "se": None, "of": 0.0}
    value = float(top.sum()) / total
    spread = float(((top - value * bottom) ** 2).sum())
    return {"value": value, "se": math.sqrt(n / max(n - 1, 1) * spread) / total if n > 1 else None, "of": total}


def summary(runs: Sequence[Seen]) -> dict[str, dict[str, float | None]]:
    """Every indicator of runs of one task and policy with several seeds: value, standard error, and out of how much."""
    parts = [per_patient(seen) for seen in runs]
    found = {name: ratio(*(np.concatenate([part[name][k] for part in parts]) for k in (0, 1))) for name in parts[0]}
    days, gaps = zip(*(worst_day(seen) for seen in runs), strict=True)
    found["pump_day_share"] = {"value": max(days), "se": None, "of": float(len(runs))}
    found["ledger_gap_share"] = {"value": max(gaps), "se": None, "of": float(len(runs))}
    delays = [lock_delays(seen) for seen in runs]
    hours = np.array([hour for own, _ in delays for hour in own])
    none = sum(count for _, count in delays)
    center = float(np.median(hours)) if hours.size else None
    found["hours_to_lock"] = {"value": center, "se": _median_error(hours), "of": float(hours.size)}
    met = np.concatenate((np.ones(hours.size), np.zeros(none)))
    found["harm_without_lock_share"] = ratio(1.0 - met, np.ones(met.size))
    return found


def _median_error(values: Floats) -> float | None:
    """Half the width of the order statistics one standard deviation around the median."""
    if values.size < 3:
        return None
    low, high = np.quantile(values, [0.5 - 0.5 / math.sqrt(values.size), 0.5 + 0.5 / math.sqrt(values.size)])
    return float(high - low) / 2.0


def measure(
    patients: int = 40,
    seeds: Sequence[int] = (0, 1),
    tasks: Sequence[str] = TASKS,
    policies: Sequence[str] = POLICIES,
    faults: Sequence[str] = FAULTS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Run every policy over every task, preset of faults and seed; the record ``indicators.json`` of the safety case.

    Raises:
        ConfigError: nothing to run, or an argument is unknown.
    """
    cases = list(itertools.product(tasks, policies, faults))
    if not cases or not seeds or patients < 1:
        raise ConfigError("the indicators need at least one task, policy, preset, seed and patient")
    begin = time.perf_counter()
    runs, done = [], 0
    for task, policy, preset in cases:
        seen = []
        for seed in seeds:
            seen.append(watch(task, policy, patients, seed, faults=preset))
            done += 1
            progress(done, len(cases) * len(seeds))
        hours = sum(float((one.ticks["tick"] >= 0).sum()) * TICK_H for one in seen)
        case = {"task": task, "policy": policy, "faults": preset, "patient_months": hours / MONTH_H}
        runs.append({**case, "values": summary(seen)})
    return {
        "note": "simulation only", **written_by(SCHEMA), "kernel": kernel_hash(), "patients": patients,
        "seeds": list(seeds), "seconds": round(time.perf_counter() - begin, 1), "runs": runs,
    }  # fmt: skip
