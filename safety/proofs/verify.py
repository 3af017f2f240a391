"""Run every goal of the proof in parallel and record the answers; what is not proved within its resource units is a failure."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import z3

from thecal.core.errors import ConfigError
from thecal.core.executor import Executor, local
from thecal.core.files import write_whole
from thecal.safety.certificate import PROVED, SCHEMA, kernel_hash, pinned_goals, pinned_names, wiring_hash
from thecal.safety.invariants import Invariant
from thecal.safety.parameters import every_decision
from thecal.safety.profiles import LimitProfile, content_hash
from thecal.safety.proofs import decisions, lock_goals, overflow, searches, ticks
from thecal.safety.proofs.goals import Goal

UNITS = 500_000_000
_MOST_UNITS = 2**32 - 1  # the solver counts no further
OUT_OF_UNITS = "out of units"
_SOME_FLOOR = 797  # per mille; any but 801, which has a goal of its own
SHARED = "every profile"


def shared_goals() -> list[Goal]:
    """Goals that hold for every profile at once."""
    return [*searches.goals(), *lock_goals.goals(), *ticks.goals(), *_overflow()]


def _overflow() -> list[Goal]:
    reached = overflow.largest_magnitude()
    name = f"no overflow: no step of the arithmetic reaches 2^63 (largest 2^{reached.bit_length() - 1})"
    return [Goal(name, (), z3.BoolVal(reached <= overflow.LIMIT), (Invariant.META,))]


def profile_goals(profile: LimitProfile) -> list[Goal]:
    """Goals under the numbers of one profile: every combination of shares that a patient can get."""
    return [
        Goal(f"{where}: {goal.name}", goal.known, goal.claim, goal.covers, goal.possible)
        for where, shares in every_decision(profile).items()
        for goal in decisions.goals(shares)
    ]


def goal_names() -> dict[str, list[str]]:
    """The names of everything that has to be proved, as :func:`thecal.safety.certificate.pinned_goals` holds them."""
    shares = {"step_permille": 200, "rise_permille": 500, "bolus_permille": 200}
    floored, free = (
        [goal.name for goal in decisions.goals({**shares, "keep_permille": keep})] for keep in (_SOME_FLOOR, 0)
    )
    return {"shared": [goal.name for goal in shared_goals()], **pinned_names(floored, free, _SOME_FLOOR)}


def write_goal_names(path: Path) -> Path:
    """Write the list that the certificate pins, after goals were added, renamed or taken away.

    Raises:
        StoreError: the file cannot be written.
    """
    return write_whole(path, json.dumps(goal_names(), indent=1) + "\n")


def _solve(task: tuple[str, str, int]) -> dict[str, Any]:
    question, wanted, units = task
    begin = time.perf_counter()
    context = z3.Context()  # of its own, so that units are counted from nothing and come out the same in any order
    solver = z3.Solver(ctx=context)
    solver.set("rlimit", units)
    solver.from_string(question)
    before = _spent(solver)
    answer = str(solver.check())
    why = solver.reason_unknown() if answer == "unknown" else ""
    if "keyboard" in why or "interrupted" in why:
        raise KeyboardInterrupt  # the solver takes Ctrl-C for itself while it works
    status = PROVED if answer == wanted else OUT_OF_UNITS if answer == "unknown" else "refuted"
    seconds = round(time.perf_counter() - begin, 3)
    return {"status": status, "units": _spent(solver) - before, "seconds": seconds}


def _spent(solver: z3.Solver) -> int:
    """Resource units that the solver's context has counted so far."""
    statistics = solver.statistics()
    counted = [name for name in statistics.keys() if name == "rlimit count"]  # noqa: SIM118 - no mapping
    return int(statistics.get_key_value(counted[0])) if counted else 0


def verify(
    profiles: Sequence[LimitProfile],
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    units: int = UNITS,
    known: Mapping[str, Any] | None = None,
    report: Callable[[int, int, dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Prove every goal for every profile.

    Args:
        profiles: whose limits to prove.
        workers: processes of this machine; one for each core when ``None``.
        executor: what solves the goals, in place of ``workers``.
        units: resource units of the solver that one goal may take; more is a failure. They count the solver's steps, so that the
            answer is the same on a busy machine.
        known: an earlier proof; goals that it holds as proved for the very files that the solver reads are not solved again.
        report: called with (done, all, result) after each question that was put to the solver.

    Raises:
        ConfigError: two profiles have one name, or the pinned list of goals is not the one that the code makes.

    Returns:
        The content of ``proof.json``: hashes of shield, wiring and profiles, solver and version, every goal with answer, units
        and time.
    """
    names = [profile.name for profile in profiles]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"several profiles have one name: {', '.join(sorted({n for n in names if names.count(n) > 1}))}"
        )
    _require_pinned()
    groups = {SHARED: shared_goals(), **{profile.name: profile_goals(profile) for profile in profiles}}
    # Profiles share most of their numbers, and one question needs one answer.
    asked: dict[tuple[str, str, int], tuple[str, Goal]] = {}
    keys: dict[str, list[tuple[str, str, int]]] = {}
    for group, found in groups.items():
        keys[group] = [(goal.smt2(), goal.wanted, units) for goal in found]
        for key, goal in zip(keys[group], found, strict=True):
            asked.setdefault(key, (group, goal))
    begin = time.perf_counter()
    answers = _known_answers(known, asked)
    left = [key for key in asked if key not in answers]
    for n, (key, answer) in enumerate(zip(left, (executor or local(workers)).map(_solve, left), strict=True), 1):
        answers[key] = answer
        if report is not None:
            group, goal = asked[key]
            report(n, len(left), {"group": group, "goal": goal.name, **answer})

    def recorded(group: str) -> list[dict[str, Any]]:
        return [
            {"goal": goal.name, **answers[key], "covers": [i.name.lower() for i in goal.covers]}
            for key, goal in zip(keys[group], groups[group], strict=True)
        ]

    return {
        "schema": SCHEMA,
        "kernel": kernel_hash(),
        "wiring": wiring_hash(),
        "solver": f"z3 {z3.get_version_string()}",
        "python": platform.python_version(),
        "units": units,
        "seconds": round(time.perf_counter() - begin, 1),
        "shared": recorded(SHARED),
        "profiles": {
            profile.name: {"hash": content_hash(profile), "goals": recorded(profile.name)} for profile in profiles
        },
    }


def _require_pinned() -> None:
    made, pinned = goal_names(), pinned_goals()
    if made != pinned:
        raise ConfigError(
            "safety/data/goals.json: the goals that it pins are not those of the code; look at what changed, then write it anew "
            "(thecal verify --pin)"
        )


def _known_answers(known: Mapping[str, Any] | None, asked: Mapping[Any, tuple[str, Goal]]) -> dict[Any, Any]:
    """Answers of an earlier proof that still stand: same files under the solver, same solver, proved."""
    if not known or (known.get("schema"), known.get("kernel")) != (SCHEMA, kernel_hash()):
        return {}
    if known.get("solver") != f"z3 {z3.get_version_string()}":
        return {}
    groups = {SHARED: known["shared"], **{name: entry["goals"] for name, entry in known["profiles"].items()}}
    # A goal of a decision says its numbers in its name, so that the name is enough within one kernel.
    by_name = {goal["goal"]: goal for found in groups.values() for goal in found if goal["status"] == PROVED}
    kept = ("status", "units", "seconds")
    return {
        key: {name: by_name[goal.name][name] for name in kept}
        for key, (_, goal) in asked.items()
        if goal.name in by_name
    }


def retry(units: int) -> int:
    """How many resource units to try next, where a goal ran out of ``units``."""
    return min(8 * units, _MOST_UNITS)


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
