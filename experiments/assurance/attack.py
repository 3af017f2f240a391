"""Attack the shield: hostile requests and spoofed signals over every task, pump and fault, judged by the auditor alone.

Beside the patients stands the shield harness (``harness.py``), and beside both a trial of their strength (``strength.py``).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.executor import Executor, local
from thecal.core.layout import SENSORS, TICK_S
from thecal.devices.specs import pump_names
from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import load_task, task_names
from thecal.envs.trails import trail_meta
from thecal.experiments.assurance.harness import HarnessCase, run_case
from thecal.experiments.assurance.hostile_commands import Sender
from thecal.experiments.tracking.provenance import config_hash
from thecal.safety.certificate import kernel_hash
from thecal.safety.gateway import Gateway
from thecal.safety.invariants import Invariant
from thecal.safety.oracle import Findings, audit
from thecal.safety.records import ASKED as USABLE
from thecal.safety.records import MALFORMED, TRAIL_ROW

HUGE = 1 << 50
STRATEGIES = (
    "random", "maximum", "boundary-seeking", "midnight", "replay", "clock", "not a number", "units", "spoofed",
    "square wave", "silence", "spoofed scores", "learned",
)  # fmt: skip
STAGES = ("confirm", "lower", "advise")

FAULTS = ("none", "reference", "stress")
_HEALTHY = {"rr": 16.0, "spo2": 98.0, "sbp": 125.0, "map": 90.0, "hr": 72.0}
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class AttackCase:
    """One batch of attacks: what the patients meet, how many there are, and the learned adversary's weights, if any."""

    scenario: Scenario
    patients: int
    adversary: str | None = None  # file with the weights of the learned adversary, see adversary.py

    @property
    def task(self) -> str:
        """Name of the task."""
        return str(self.scenario.task)

    @property
    def label(self) -> dict[str, str]:
        """What tells this case from the others."""
        return {name: str(getattr(self.scenario, name)) for name in ("task", "pump", "faults", "stage")}


def attack_cases(
    patients: int, seed: int, tasks: Sequence[str] | None = None, options: Mapping[str, Any] | None = None
) -> list[AttackCase]:
    """Every task on every pump under every preset of faults, and at every stage short of full authority on its own pump.

    ``options`` are fields of the scenario; a pump, faults or a stage among them is the only one that is attacked.

    Raises:
        ConfigError: a scenario names something unknown, or its parts do not fit together.
    """
    given = dict(options or {})
    # A trail knows one mixture, so a task that chooses among several is not attacked unless it is asked for.
    chosen = tasks or [name for name in task_names() if not load_task(name).solution.mixtures]
    pumps, faults = _one_of(given, "pump", pump_names()), _one_of(given, "faults", FAULTS)
    stage = given.pop("stage", None)
    cases = list(itertools.product(chosen, pumps, faults, [stage or "auto"]))
    if stage is None:
        own = {task: load_task(task).pump if len(pumps) > 1 else pumps[0] for task in chosen}
        cases += [(task, own[task], faults[-1], less) for task in chosen for less in STAGES]
    names = ("task", "pump", "faults", "stage")
    scenarios = [
        Scenario.of(**given, **dict(zip(names, case, strict=True)), seed=seed + i) for i, case in enumerate(cases)
    ]
    for scenario in scenarios:
        scenario.resolve()  # a mistake is an error before the run, not a case that is left out of it
    return [AttackCase(scenario, patients) for scenario in scenarios]


def scenarios_hash(cases: Sequence[AttackCase]) -> str:
    """SHA-256 over the hashes of the cases' scenarios, in order."""
    return config_hash([case.scenario.resolve().hash for case in cases])


def _one_of(given: dict[str, Any], name: str, all_of_them: Sequence[str]) -> list[str]:
    return [given.pop(name)] if name in given else list(all_of_them)


def _ask(name: str, k: int, batch: Batch, where: Ints, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """(rates, boluses, valid) of one strategy for the environments ``where`` at step ``k``."""
    prev = batch.world["shield"]["prev_rate"][where].astype(np.int64)
    n = len(where)
    one = np.ones(n, np.int64)
    if name == "maximum":
        return one * HUGE, one * HUGE, one
    if name == "boundary-seeking":
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
    if name == "silence":
        return one * HUGE, one * HUGE, one * (MALFORMED if k * batch.spec.tick_h % 36.0 < 30.0 else USABLE)
    if name == "square wave":
        return (one * HUGE if k * batch.spec.tick_h % 72.0 < 36.0 else 0 * one), one * HUGE, one
    return rng.integers(-1_000, 40_000, n), rng.integers(-1_000, 40_000, n), one


def _tamper(name: str, batch: Batch, where: Ints, rng: np.random.Generator) -> None:
    """What a strategy falsifies besides its requests: the pump's clock, or the signals that reach the shield."""
    if name == "clock":
        batch.laid_open()["pump"]["clock_offset_h"][where] = rng.choice([0.0, 0.02, 0.026, -1.0, 24.0], len(where))
    if name == "silence":
        blind = where[: len(where) // 2 + 1][rng.random(len(where) // 2 + 1) < 0.9]
        for sensor in ("rr", "spo2"):
            batch.laid_open()["patient"]["s_valid"][blind, SENSORS.index(sensor)] = 0
    if name == "spoofed scores":
        _spoof_scores(batch, where[rng.random(len(where)) < 0.3], rng)
    if name == "spoofed":
        for sensor, value in _HEALTHY.items():
            i = SENSORS.index(sensor)
            shown = value + rng.choice([0.0, 0.3, np.nan, np.inf, -1e9], len(where), p=[0.4, 0.3, 0.1, 0.1, 0.1])
            batch.laid_open()["patient"]["s_value"][where, i] = shown
            batch.laid_open()["patient"]["s_valid"][where, i] = 1


def _spoof_scores(batch: Batch, where: Ints, rng: np.random.Generator) -> None:
    """What a nurse or a refill might have said, falsely, where it has no part in the physics."""
    patient, n = batch.laid_open()["patient"], len(where)
    for name, values in (("poss_seen", [1, 1, 3, 4]), ("weakness_seen", [0, 0, 4]), ("confusion_seen", [0, 0, 4])):
        patient[name][where] = rng.choice(values, n)
    batch.laid_open()["monitor"]["residual"][where] = rng.choice([0.0, 0.0, 0.2, -0.2], n)
    for sensor, shown in (("etco2", [38.0, 70.0]), ("sbp", [120.0, 70.0]), ("rr", [14.0, 6.0])):
        patient["s_value"][where, SENSORS.index(sensor)] = rng.choice(shown, n)
        patient["s_valid"][where, SENSORS.index(sensor)] = 1


def _command(senders: Mapping[int, Sender], batch: Batch, where: Ints) -> tuple[Any, Any, Any]:
    """(rates, boluses, valid) that the gateways made of what was sent to the environments ``where``."""
    read = [
        senders[i].send(
            now_s=float(batch.world["patient"]["tick"][i]) * TICK_S, head=int(batch.world["pump"]["events"][i]),
            rate_nl=int(batch.world["shield"]["prev_rate"][i]),
        )
        for i in where.tolist()
    ]  # fmt: skip
    return tuple(np.array([getattr(r, name) for r in read], np.int64) for name in ("rate_nl", "bolus_nl", "valid"))  # type: ignore[return-value]


def attack(case: AttackCase | HarnessCase) -> tuple[Findings, str]:
    """Run one case and audit it; returns the findings, and why it could not run when it could not."""
    if isinstance(case, HarnessCase):
        return run_case(case), ""
    try:
        batch = Batch(case.scenario, case.patients, trail=True)
        patients = np.arange(case.patients) + case.patients * (case.scenario.seed % 50)
        batch.restart(np.arange(case.patients), patients, np.full(case.patients, case.scenario.seed, np.uint64))
    except ConfigError as error:
        return Findings(), str(error)
    meta = trail_meta(batch)
    rows, senders = _drive(batch, case)
    found = audit(meta, rows)
    for i, sender in senders.items():
        found.breaches += [(invariant, int(batch.patients[i]), -1, words) for invariant, words in sender.wrong]
        found.commands.update(sender.sent)
    return found, ""


def _drive(batch: Batch, case: AttackCase) -> tuple[NDArray[np.void], dict[int, Sender]]:
    rng = np.random.default_rng(case.scenario.seed)
    names = STRATEGIES[:-1] if case.adversary is None else STRATEGIES
    groups = {name: np.arange(i, batch.n, len(names)) for i, name in enumerate(names)}
    learned = _adversary(case.adversary)
    age_s = 60.0 * batch.scene.profile.limit("command.age")
    senders = {
        int(i): Sender(name, Gateway(float(batch.par["ordered_conc"][i, 0]), age_s), rng)
        for name in ("replay", "units", "not a number")
        for i in groups[name]
    }
    raw = groups["not a number"][::2]  # these get numbers that are none as actions, not as commands
    actions = np.zeros((batch.n, batch.spec.n_actions))
    rows = np.zeros((batch.spec.n_steps, *batch.trail.shape), TRAIL_ROW)
    episode = batch.laid_open()["episode"]
    for k in range(batch.spec.n_steps):
        episode["command"] = 1
        for name, where in groups.items():
            if where.size == 0:
                continue
            _tamper(name, batch, where, rng)
            if name == "learned":
                asked = learned(batch, where)
            elif name in ("replay", "units", "not a number"):
                asked = _command(senders, batch, where)
            else:
                asked = _ask(name, k, batch, where, rng)
            for key, values in zip(("command_rate", "command_bolus", "command_valid"), asked, strict=True):
                episode[key][where] = values
        episode["command"][raw] = 0
        actions[raw] = rng.choice([1.0, np.nan, np.inf, -np.inf], (len(raw), batch.spec.n_actions))
        batch.advance(actions)
        rows[k] = batch.trail
    found = rows.transpose(1, 0, 2).reshape(-1)
    return np.asarray(found[found["tick"] >= 0]), senders


def _adversary(weights: str | None) -> Callable[[Batch, Ints], tuple[Any, Any, Any]]:
    if weights is None:
        return lambda batch, where: (0, 0, 0)
    from thecal.experiments.assurance.adversary import load_adversary

    return load_adversary(weights)


def run_attack(
    cases: Sequence[AttackCase | HarnessCase],
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int, Findings], None] = lambda _done, _total, _found: None,
) -> dict[str, Any]:
    """Run every case in parallel; returns ticks, breaches, margins and what could not run.

    Args:
        cases: in patients, or of the shield harness.
        workers: processes of this machine; one for each core when ``None``.
        executor: what runs the cases, in place of ``workers``.
        progress: called with (done, all, findings so far) after each case.
    """
    total, refused = Findings(), []
    begin = time.perf_counter()
    per_case = []
    results = (executor or local(workers)).map(attack, cases)
    for i, (case, (found, why)) in enumerate(zip(cases, results, strict=True)):
        total.join(found)
        if why:
            refused.append({**case.label, "why": why})
        else:
            per_case.append({**case.label, "ticks": found.ticks, "breaches": len(found.breaches)})
        progress(i + 1, len(cases), total)
    learned = any(isinstance(case, AttackCase) and case.adversary for case in cases)
    return {
        "kernel": kernel_hash(),
        "strategies": list(STRATEGIES if learned else STRATEGIES[:-1]),
        "ticks": total.ticks,
        "episodes": total.patients,
        "seconds": round(time.perf_counter() - begin, 1),
        "violations": len(total.breaches),
        "breaches": [list(breach) for breach in total.breaches[:100]],
        "margins": {Invariant(k).name.lower(): round(v, 6) for k, v in sorted(total.margins.items())},
        "tested": {i.name.lower(): total.tested.get(int(i), 0) for i in Invariant},
        "commands": dict(total.commands),
        "scenarios": per_case,
        "refused": refused,
    }
