"""Attack the shield: hostile requests and spoofed signals over every task, pump and fault, judged by the auditor alone."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.devices.specs import pump_names
from thecal.envs.core import Batch
from thecal.envs.tasks import task_names
from thecal.envs.trails import trail_meta
from thecal.physiology.errors import ConfigError
from thecal.physiology.layout import SENSORS
from thecal.safety.certificate import kernel_hash
from thecal.safety.invariants import Invariant
from thecal.safety.oracle import Findings, audit
from thecal.safety.records import TRAIL_ROW

HUGE = 1 << 50
STRATEGIES = (
    "random", "maximum", "hugging", "midnight", "replay", "clock", "not a number", "units", "spoofed", "saw", "learned",
)  # fmt: skip
FAULTS = ("none", "reference", "stress")
_SPLIT = "train"
_HEALTHY = {"rr": 16.0, "spo2": 98.0, "sbp": 125.0, "map": 90.0, "hr": 72.0}
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Scenario:
    """One batch of attacks."""

    task: str
    pump: str
    faults: str
    patients: int
    seed: int
    adversary: str | None = None  # folder-less weights of the learned adversary, see experiments.adversary


def scenarios(patients: int, seed: int, tasks: Sequence[str] | None = None) -> list[Scenario]:
    """Every task on every pump under every preset of faults."""
    cases = itertools.product(tasks or task_names(), pump_names(), FAULTS)
    return [Scenario(task, pump, faults, patients, seed + i) for i, (task, pump, faults) in enumerate(cases)]


def _ask(name: str, k: int, batch: Batch, where: Ints, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """(rates, boluses, valid) of one strategy for the environments ``where`` at step ``k``."""
    prev = batch.world["shield"]["prev_rate"][where].astype(np.int64)
    n = len(where)
    one = np.ones(n, np.int64)
    if name == "maximum":
        return one * HUGE, one * HUGE, one
    if name == "hugging":
        par = batch.par["shield"][where]
        edges = np.stack([
            prev + prev * par["step_permille"] // 1000, prev + 10, prev, prev * par["keep_permille"] // 1000,
            par["cap_pg"][:, 0] // (97 * par["conc"][:, 0]), par["max_rate"], par["min_rate"],
        ])  # fmt: skip
        rates = edges[rng.integers(len(edges), size=n), np.arange(n)] + rng.choice([-10, -1, 0, 1, 10], n)
        return rates, par["bolus_abs"] + rng.choice([-100, -1, 0, 1, 100], n), one
    if name == "midnight":
        clock = (k * batch.spec.tick_h + batch.spec.start_clock_h) % 24.0
        near = clock < batch.spec.tick_h or clock >= 24.0 - batch.spec.tick_h
        return (one * HUGE if near else prev), (one * HUGE if near else 0 * one), one
    if name == "replay":
        return one * 2 * int(batch.par["task"]["start_rate_nl"][where[0]]), one * 5_000, rng.choice([1, -2], n)
    if name == "not a number":
        return prev * 2, one * HUGE, rng.choice([0, 1], n, p=[0.4, 0.6])
    if name == "units":
        return prev * rng.choice([10, 24, 1000], n), one * 25_000, rng.choice([-1, 1], n)
    if name == "saw":
        return (one * HUGE if k * batch.spec.tick_h % 72.0 < 36.0 else 0 * one), one * HUGE, one
    return rng.integers(-1_000, 40_000, n), rng.integers(-1_000, 40_000, n), one


def _tamper(name: str, batch: Batch, where: Ints, rng: np.random.Generator) -> None:
    """What a strategy falsifies besides its requests: the pump's clock, or the signals that reach the shield."""
    if name == "clock":
        batch.world["pump"]["clock_offset_h"][where] = rng.choice([0.0, 0.02, 0.026, -1.0, 24.0], len(where))
    if name == "spoofed":
        for sensor, value in _HEALTHY.items():
            i = SENSORS.index(sensor)
            shown = value + rng.choice([0.0, 0.3, np.nan, np.inf, -1e9], len(where), p=[0.4, 0.3, 0.1, 0.1, 0.1])
            batch.world["patient"]["s_value"][where, i] = shown
            batch.world["patient"]["s_valid"][where, i] = 1


def attack(scenario: Scenario) -> tuple[Findings, str]:
    """Run one scenario and audit it; returns the findings, and why it could not run when it could not."""
    try:
        batch = Batch(
            scenario.task, scenario.patients, split=_SPLIT, pump=scenario.pump, faults=scenario.faults, trail=True
        )
        patients = np.arange(scenario.patients) + scenario.patients * (scenario.seed % 50)
        batch.restart(np.arange(scenario.patients), patients, np.full(scenario.patients, scenario.seed, np.uint64))
    except ConfigError as error:
        return Findings(), str(error)
    meta = trail_meta(batch)
    rows = _drive(batch, scenario)
    return audit(meta, rows), ""


def _drive(batch: Batch, scenario: Scenario) -> NDArray[np.void]:
    rng = np.random.default_rng(scenario.seed)
    names = STRATEGIES[:-1] if scenario.adversary is None else STRATEGIES
    groups = {name: np.arange(i, batch.n, len(names)) for i, name in enumerate(names)}
    learned = _adversary(scenario.adversary)
    rows = np.zeros((batch.spec.n_steps, *batch.trail.shape), TRAIL_ROW)
    episode = batch.world["episode"]
    for k in range(batch.spec.n_steps):
        episode["command"] = 1
        for name, where in groups.items():
            if where.size == 0:
                continue
            _tamper(name, batch, where, rng)
            asked = learned(batch, where) if name == "learned" else _ask(name, k, batch, where, rng)
            for key, values in zip(("command_rate", "command_bolus", "command_valid"), asked, strict=True):
                episode[key][where] = values
        batch.advance(np.zeros((batch.n, 2)))
        rows[k] = batch.trail
    found = rows.transpose(1, 0, 2).reshape(-1)
    return np.asarray(found[found["tick"] >= 0])


def _adversary(weights: str | None) -> Callable[[Batch, Ints], tuple[Any, Any, Any]]:
    if weights is None:
        return lambda batch, where: (0, 0, 0)
    from thecal.experiments.adversary import load_adversary

    return load_adversary(weights)


def run_attack(
    cases: Sequence[Scenario],
    *,
    workers: int | None = None,
    progress: Callable[[int, int, Findings], None] = lambda _done, _total, _found: None,
) -> dict[str, Any]:
    """Run every scenario in parallel; returns ticks, breaches, margins and what could not run."""
    total, refused = Findings(), []
    begin = time.perf_counter()
    per_case = []
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers or os.cpu_count() or 1, initializer=_one_thread) as pool:
        for i, (case, (found, why)) in enumerate(pool.imap(_numbered, cases)):
            total.join(found)
            if why:
                refused.append({"task": case.task, "pump": case.pump, "faults": case.faults, "why": why})
            else:
                per_case.append({"task": case.task, "pump": case.pump, "faults": case.faults, "ticks": found.ticks,
                                 "breaches": len(found.breaches)})  # fmt: skip
            progress(i + 1, len(cases), total)
    return {
        "kernel": kernel_hash(),
        "strategies": list(STRATEGIES if any(case.adversary for case in cases) else STRATEGIES[:-1]),
        "ticks": total.ticks,
        "episodes": total.patients,
        "seconds": round(time.perf_counter() - begin, 1),
        "violations": len(total.breaches),
        "breaches": [list(breach) for breach in total.breaches[:100]],
        "margins": {Invariant(k).name.lower(): round(v, 6) for k, v in sorted(total.margins.items())},
        "scenarios": per_case,
        "refused": refused,
    }


def _one_thread() -> None:
    from thecal.physiology.jit import set_threads

    set_threads(1)


def _numbered(case: Scenario) -> tuple[Scenario, tuple[Findings, str]]:
    return case, attack(case)
