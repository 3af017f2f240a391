"""Run every goal of the proof in parallel and record the answers; what is not proved within its time is a failure."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import z3

from thecal.core.errors import ConfigError
from thecal.core.executor import Executor, local
from thecal.core.files import write_whole
from thecal.safety.certificate import PROVED, SCHEMA, kernel_hash
from thecal.safety.invariants import Invariant
from thecal.safety.profile_schema import SETTINGS
from thecal.safety.profiles import LimitProfile
from thecal.safety.proofs import decisions, lock_goals, overflow, searches, ticks
from thecal.safety.proofs.goals import Goal

TIMEOUT_S = 60.0
SHARED = "every profile"


def shared_goals() -> list[Goal]:
    """Goals that hold for every profile at once."""
    return [*searches.goals(), *lock_goals.goals(), *ticks.goals(), *_overflow()]


def _overflow() -> list[Goal]:
    reached = overflow.largest_magnitude()
    name = f"no overflow: no step of the arithmetic reaches 2^63 (largest 2^{reached.bit_length() - 1})"
    return [Goal(name, (), z3.BoolVal(reached <= overflow.LIMIT), (Invariant.META,))]


def profile_goals(profile: LimitProfile) -> list[Goal]:
    """Goals under the numbers of one profile: both settings, and every withdrawal floor its drugs may need."""
    falls = sorted({profile.daily_fall([drug]) for drug in profile.drugs})
    found = []
    for setting in SETTINGS:
        for fall in falls:
            limits = {
                "step_permille": int(1000 * profile.limit(f"{setting}.step") + 1e-9),
                "rise_permille": int(1000 * profile.limit(f"{setting}.rise_28d") + 1e-9),
                "keep_permille": 1000 - int(1000 * fall + 1e-9),
                "bolus_permille": int(1000 * profile.limit("bolus.share") + 1e-9),
            }
            where = f"{setting}, fall of {fall:g} a day"
            found += [
                Goal(f"{where}: {goal.name}", goal.known, goal.claim, goal.covers, goal.possible)
                for goal in decisions.goals(limits)
            ]
    return found


def _solve(task: tuple[str, str, str, str, list[str], float]) -> dict[str, Any]:
    group, name, question, wanted, covers, timeout_s = task
    begin = time.perf_counter()
    solver = z3.Solver()
    solver.set("timeout", int(1000 * timeout_s))
    solver.from_string(question)
    answer = str(solver.check())
    if answer == "unknown" and "keyboard" in solver.reason_unknown():
        raise KeyboardInterrupt  # the solver takes Ctrl-C for itself while it works
    status = PROVED if answer == wanted else "unknown" if answer == "unknown" else "refuted"
    seconds = round(time.perf_counter() - begin, 3)
    return {"group": group, "goal": name, "status": status, "seconds": seconds, "covers": covers}


def verify(
    profiles: Sequence[LimitProfile],
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    timeout_s: float = TIMEOUT_S,
    report: Callable[[int, int, dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Prove every goal for every profile.

    Args:
        profiles: whose limits to prove.
        workers: processes of this machine; one for each core when ``None``.
        executor: what solves the goals, in place of ``workers``.
        timeout_s: time one goal may take; more is a failure.
        report: called with (done, all, result) after each goal.

    Raises:
        ConfigError: two profiles have one name.

    Returns:
        The content of ``proof.json``: hashes of kernel and profiles, solver and version, every goal with answer and time.
    """
    names = [profile.name for profile in profiles]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"several profiles have one name: {', '.join(sorted({n for n in names if names.count(n) > 1}))}"
        )
    groups = {SHARED: shared_goals(), **{profile.name: profile_goals(profile) for profile in profiles}}
    tasks = [
        (group, goal.name, goal.smt2(), goal.wanted, [i.name.lower() for i in goal.covers], timeout_s)
        for group, found in groups.items()
        for goal in found
    ]
    results = []
    begin = time.perf_counter()
    for result in (executor or local(workers)).map(_solve, tasks):
        results.append(result)
        if report is not None:
            report(len(results), len(tasks), result)
    return {
        "schema": SCHEMA,
        "kernel": kernel_hash(),
        "solver": f"z3 {z3.get_version_string()}",
        "python": platform.python_version(),
        "seconds": round(time.perf_counter() - begin, 1),
        "shared": _of(results, SHARED),
        "profiles": {profile.name: {"hash": profile.hash, "goals": _of(results, profile.name)} for profile in profiles},
    }


def _of(results: list[dict[str, Any]], group: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in r.items() if key != "group"} for r in results if r["group"] == group]


def failures(proof: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(group, goal, status) of everything that is not proved."""
    groups = {SHARED: proof["shared"], **{name: entry["goals"] for name, entry in proof["profiles"].items()}}
    return [
        (group, goal["goal"], goal["status"])
        for group, found in groups.items()
        for goal in found
        if goal["status"] != PROVED
    ]


def write_proof(proof: dict[str, Any], path: Path) -> Path:
    """Write ``proof.json``.

    Raises:
        StoreError: the file cannot be written.
    """
    return write_whole(path, json.dumps(proof, indent=1) + "\n")
