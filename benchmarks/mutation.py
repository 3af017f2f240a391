"""Mutation testing of the shield: every arithmetic, comparison and constant mutant of kernel, locks and tick against the proof.

Run ``python benchmarks/mutation.py``; it writes ``safety/data/mutation.json``, which the safety case shows. A mutant is killed
by a goal that is refuted, never by a time-out. What survives is listed and must be argued equivalent in
``safety/data/mutants.toml``, or killed by a better goal.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import z3
from mutation_operators import changes

from thecal.core.executor import local
from thecal.core.files import write_whole
from thecal.safety import kernel, locks, tick
from thecal.safety.certificate import kernel_hash
from thecal.safety.proofs import (
    decisions,
    lock_goals,
    overflow,
    searches,
    terms,
    tick_books,
    tick_signs,
    tick_terms,
    ticks,
)

SOURCES = {"kernel": kernel, "locks": locks, "tick": tick}
STRICT = {"step_permille": 200, "rise_permille": 500, "keep_permille": 800, "bolus_permille": 200}
FIRST_MS = 2_000
LAST_MS = 60_000  # what took too long at first is asked again alone
OUT = Path(__file__).parent.parent / "safety" / "data" / "mutation.json"
SEARCHES = ("excess", "largest_held", "sustainable", "bolus_room")


def mutants() -> list[tuple[str, str, int, int]]:
    """(module, description, index of the node, index of the change)."""
    found = []
    for name, module in SOURCES.items():
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        for i, (function, node) in enumerate(_nodes(tree)):
            for j, (what, _) in enumerate(changes(node)):
                found.append((name, f"{name}.{function}, line {node.lineno}: {what}", i, j))
    return found


def _nodes(tree: ast.Module) -> list[tuple[str, Any]]:
    return [
        (function.name, node)
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        for statement in function.body
        for node in ast.walk(statement)
        if hasattr(node, "lineno")
    ]


def build(module: str, i: int, j: int) -> ModuleType:
    """The mutated module."""
    original = SOURCES[module]
    tree = copy.deepcopy(ast.parse(Path(str(original.__file__)).read_text(encoding="utf-8")))
    _, node = _nodes(tree)[i]
    list(changes(node))[j][1](node)
    mutated = ModuleType(original.__name__)
    exec(compile(ast.fix_missing_locations(tree), f"<{module} mutant>", "exec"), vars(mutated))
    return mutated


def _goals(module: str, what: str) -> list[Any]:
    """The goals that read the mutated function; decisions see the searches only through their contracts."""
    if module == "locks":
        return lock_goals.goals()
    if module == "tick":
        return _tick_goals(what.partition(".")[2].partition(",")[0])
    if "next_highest" in what:
        return [goal for goal in ticks.goals() if "highest rate of a day" in goal.name]
    if "kernel.unshielded" in what:
        return [goal for goal in ticks.goals() if "unshielded" in goal.name]
    if any(f"kernel.{name}," in what for name in SEARCHES):
        reads = ("spared", "one by one", "exactly when every coming window holds it")  # the others do not read the code
        return [goal for word in reads for goal in searches.goals() if word in goal.name]
    return decisions.goals(STRICT)


def _tick_goals(function: str) -> list[Any]:
    """The goals that read a function of the tick; those that take long are asked only where they could tell."""
    t = tick_terms.Tick()
    books = tick_books.goals(t)
    if function == "read_back":
        return [
            goal
            for goal in [*books, *ticks.goals()]
            if any(word in goal.name for word in ("excess", "owed", "induction"))
        ]
    if function == "pace":
        return [
            goal
            for goal in [*books, *ticks.goals()]
            if any(word in goal.name for word in ("monitored", "what a decision"))
        ]
    if function.startswith("read_"):
        return [*tick_signs.goals(t), *(goal for goal in books if "own pressure" in goal.name)]
    if function == "book":
        who = [
            goal for goal in ticks.goals() if goal.name.startswith(("the clinician's rate", "induction", "what runs"))
        ]
        return [*(goal for goal in books if "ring" not in goal.name), *who, *books]
    known = {goal.name for goal in (*books, *tick_signs.goals(t))}
    return [
        goal
        for goal in ticks.goals()
        if not goal.possible and (goal.name not in known or "escalation" in goal.name or "quiet" in goal.name)
    ]


def _by_assumptions(goals: list[Any]) -> list[tuple[tuple[Any, ...], list[Any]]]:
    """Goals that share their assumptions together, so that these are read once."""
    found: dict[tuple[int, ...], tuple[tuple[Any, ...], list[Any]]] = {}
    for goal in goals:
        found.setdefault(tuple(part.get_id() for part in goal.known), (goal.known, []))[1].append(goal)
    return list(found.values())


def _answer(solver: Any, goal: Any) -> str:
    solver.add(goal.claim if goal.possible else z3.Not(goal.claim))
    return str(solver.check())


def judge(task: tuple[str, str, int, int]) -> str:
    """What killed a mutant, or "survived"."""
    module, what, i, j = task
    saved = {name: getattr(terms, name) for name in SOURCES}
    try:
        mutated = build(module, i, j)
        setattr(terms, module, mutated)
        setattr(overflow, module, mutated)
        late: list[Any] = []
        for known, some in _by_assumptions(_goals(module, what)):
            solver = z3.Solver()
            solver.add(*known)
            solver.set("timeout", FIRST_MS)
            for goal in some:
                solver.push()
                answer = _answer(solver, goal)
                solver.pop()
                if answer == ("unsat" if goal.possible else "sat"):
                    return f"proof: {goal.name}"
                late += [goal] if answer == "unknown" else []
        for goal in late:
            solver = z3.Solver()
            solver.set("timeout", LAST_MS)
            solver.add(*goal.known)
            if _answer(solver, goal) == ("unsat" if goal.possible else "sat"):
                return f"proof: {goal.name}"
        if overflow.largest_magnitude() > overflow.LIMIT:
            return "proof: no overflow"
    except Exception as error:
        return f"proof: {type(error).__name__}"
    finally:
        for name, value in saved.items():
            setattr(terms, name, value)
            setattr(overflow, name, value)
    return "survived"


def _recorded() -> dict[str, Any]:
    """The last result for the modules that have not changed: what it killed stays killed, its survivors are judged again.

    Goals about the kernel do not read the locks, nor the other way round.
    """
    found: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    same = [name for name, digest in _digests().items() if found.get("modules", {}).get(name) == digest]
    killed = {what: by for what, by in found.get("killed", {}).items() if what.partition(".")[0] in same}
    return {"killed": killed, "seconds": found["seconds"]} if killed else {}


def _digests() -> dict[str, str]:
    """SHA-256 of each mutated module."""
    return {name: hashlib.sha256(Path(str(m.__file__)).read_bytes()).hexdigest() for name, m in SOURCES.items()}


def main() -> int:
    """Judge every mutant in parallel and write the result."""
    before = _recorded()
    killed: dict[str, str] = before.get("killed", {})
    every = mutants()
    tasks = [task for task in every if _label(task, every) not in killed]
    begin = time.perf_counter()
    survived = []
    for k, (task, by) in enumerate(zip(tasks, local().map(judge, tasks), strict=True)):
        what = _label(task, every)
        if by == "survived":
            survived.append(what)
        else:
            killed[what] = by
        print(f"{k + 1}/{len(tasks)} {len(survived)} survived: {what}: {by}", flush=True)
    seconds = round(time.perf_counter() - begin + before.get("seconds", 0))
    found = {
        "kernel": kernel_hash(),
        "modules": _digests(),
        "mutants": len(every),
        "killed_by_proof": len(killed),
        "survived": survived,
        "seconds": seconds,
        "killed": killed,
    }
    write_whole(OUT, json.dumps(found, indent=1) + "\n")
    print(f"{len(killed)} of {len(every)} killed by the proof; {len(survived)} survived it")
    return 0


def _label(task: tuple[str, str, int, int], every: list[tuple[str, str, int, int]]) -> str:
    """The description of a mutant, numbered where a line holds several of one kind."""
    same = [other for other in every if other[1] == task[1]]
    return task[1] if len(same) == 1 else f"{task[1]} ({same.index(task) + 1})"


if __name__ == "__main__":
    sys.exit(main())
