"""Mutation testing of the wiring between sensor and pump: each mutant runs, uncompiled, against the tests that reach its line.

``python benchmarks/wiring_mutation.py [--only MODULE+MODULE] [--sample N]`` writes ``safety/data/wiring.json`` as it goes and
takes up where it stopped: what was killed stays killed while its module's text is the same. ``--named`` runs the mutants of
``benchmarks/wiring_named.toml`` alone; ``--against FILE`` judges by that file of tests alone, at once. Neither records. A mutant
is killed by a test that fails; one that never ends, or that ends the program, is named as such. What is argued in
``safety/data/wiring_survivors.toml`` counts as a survivor and is not run.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib
import pickle
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "tests")]

import plain_kernels  # noqa: E402
from forked import Child, too_slow  # noqa: E402

plain_kernels.plain()

import pytest  # noqa: E402
import wiring_mutants as work  # noqa: E402
import wiring_named  # noqa: E402
import wiring_record  # noqa: E402

from thecal.core.files import write_whole  # noqa: E402

# The battery, and tests of the parts that need no compiler either.
TESTS = (
    "wiring", "safety/test_gateway.py", "safety/test_orders.py", "safety/test_shield_profiles.py", "devices/test_program.py",
    "devices/test_receiver.py", "envs/test_visits.py", "envs/test_clinician.py", "envs/test_scenario.py",
    "envs/test_snapshots.py", "envs/test_read_only.py", "envs/adapters/test_bad_input.py", "envs/adapters/test_arguments.py",
    "envs/adapters/test_constrained.py",
)  # fmt: skip
SLOWEST_S = 2.0  # a test that takes longer uncompiled has no part in it
MOST_CASES = 30
WAIT_S = 6.0  # processor time beyond what a mutant's tests take


class Runner:
    """A pytest plugin that, in place of running the tests, runs them against mutants in forked processes."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.failed = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """All of it; nothing is left for pytest."""
        if session.testsfailed:
            raise session.Interrupted(f"{session.testsfailed} files of tests cannot be read")
        for name in work.MODULES:
            importlib.import_module(f"thecal.{name}")
        for module in {item.module for item in session.items} | _support():  # type: ignore[attr-defined]
            plain_kernels.enterable(module)
        self._items = _chosen(session.items)
        begin = time.perf_counter()
        if self.options.named:
            self._reach, self._seconds = {}, dict.fromkeys(self._items, 0.0)
            return self._run_named() or True
        if self.options.against:
            self._reach, self._seconds = {}, dict.fromkeys(self._items, 0.2)
            return self._run_all() or True
        self._reach, self._seconds = self._measure()
        self._width = Counter(name for names in self._reach.values() for name in names)
        print(f"{len(self._seconds)} tests, {sum(self._seconds.values()):.0f} s, {time.perf_counter() - begin:.0f} s")
        self._run_all()
        return True

    def _passes(self, name: str, limit_s: float = 0.0) -> bool:
        from _pytest.runner import runtestprotocol

        work.forget()
        if limit_s:
            signal.setitimer(signal.ITIMER_PROF, limit_s)
        reports = runtestprotocol(self._items[name], log=False, nextitem=None)
        if limit_s:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
        return not any(report.failed for report in reports)

    def _measure(self) -> tuple[dict[tuple[str, str], dict[str, float]], dict[str, float]]:
        """Which tests reach which functions, and how long each test takes; those that fail uncompiled are left out."""

        def measure() -> Any:
            signal.signal(signal.SIGPROF, too_slow)
            files = {str(Path(str(sys.modules[f"thecal.{name}"].__file__))): name for name in work.MODULES}
            reach: dict[tuple[str, int], list[str]] = {}
            seconds: dict[str, float] = {}
            for name in self._items:
                lines: set[tuple[str, int]] = set()

                def trace(frame: Any, event: str, _: Any, lines: set[tuple[str, int]] = lines) -> Any:
                    where = files.get(frame.f_code.co_filename)
                    if where is None:
                        return None

                    def local(frame: Any, event: str, _: Any) -> Any:
                        if event == "line":
                            lines.add((where, frame.f_lineno))
                        return local

                    lines.add((where, frame.f_lineno))
                    return local

                begin = time.process_time()
                if not self._passes(name, SLOWEST_S):
                    print(f"left out, fails or is slow uncompiled: {name}", flush=True)
                    continue
                took = time.process_time() - begin
                if self.options.verbose:
                    print(f"{took:.2f} s {name}", flush=True)
                sys.settrace(trace)
                self._passes(name, 10.0 * SLOWEST_S)
                sys.settrace(None)
                seconds[name] = took
                for line in lines:
                    reach.setdefault(line, []).append(name)
            return reach, seconds

        kept = Path(tempfile.gettempdir()) / f"thecal-wiring-{_state()}.pickle"
        if kept.is_file():
            return pickle.loads(kept.read_bytes())  # type: ignore[no-any-return]
        found = Child(measure, 600.0).wait()
        if isinstance(found, str):
            raise SystemExit(f"the tests could not be measured: {found}")
        write_whole(kept, pickle.dumps(found))
        return found  # type: ignore[no-any-return]

    def _tests_for(self, module: str, lines: range) -> list[str]:
        names: set[str] = set()
        for line in lines:
            names.update(self._reach.get((module, line), ()))  # type: ignore[arg-type, call-overload]
        if len(lines) > 1:  # a constant is read by tests that run no line of its module: their neighbors do
            files = {name.partition("::")[0] for name in names}
            names.update(name for name in self._seconds if name.partition("::")[0] in files)
        # First those that reach little else: they are about these lines.
        return sorted(names, key=lambda name: (self._width[name], self._seconds[name]))

    def _verdict(self, put: Any, tests: list[str]) -> str:
        """In the child: what kills a mutant."""
        try:
            work.forget()
            put()
        except Exception as error:
            return f"does not run: {type(error).__name__}: {error}"
        for name in tests:
            if not self._passes(name):
                return f"test: {name.removeprefix('tests/')}"
        return "survived" if tests else "survived: no test reaches it"

    def _run_all(self) -> None:
        every = [mutant for name in work.MODULES for mutant in work.mutants(name)]
        record = wiring_record.recorded()
        done: dict[str, str] = record["killed"]
        only = self.options.only.split("+")
        todo = [one for one in every if any(part in one.name for part in only)]
        if self.options.sample:
            todo = sorted(todo, key=_draw)[: self.options.sample]
        todo = [one for one in todo if one.name not in done]
        lines = {name: _extents(name) for name in work.MODULES}
        work.forget()  # finds all functions here, once, and not in every child
        gc.collect()
        gc.disable()  # a collection in a child would copy all that it shares
        gc.freeze()
        control = Child(lambda: self._verdict(lambda: None, list(self._seconds)), 600.0).wait()
        if control != "survived":
            raise SystemExit(f"a mutant that changes nothing is killed: {control}")
        found = {one.name: "survived: argued" for one in todo if one.name in wiring_record.argued()}
        todo = [one for one in todo if one.name not in found]
        begin = last = time.perf_counter()
        for k, (mutant, by) in enumerate(self._judged(todo, lines)):
            found[mutant.name] = by
            if by.startswith("survived") or self.options.verbose:
                print(f"{k + 1}/{len(todo)} {mutant.name}: {by}", flush=True)
            if time.perf_counter() - last > 30.0:
                last = time.perf_counter()
                print(f"{k + 1}/{len(todo)}, {(k + 1) / (last - begin):.1f} a second", flush=True)
                self._keep(record, found, every, last - begin)
        self._keep(record, found, every, time.perf_counter() - begin)

    def _keep(self, record: dict[str, Any], found: dict[str, str], every: list[work.Mutant], seconds: float) -> None:
        if not self.options.against:
            wiring_record.write(record, found, every, seconds)

    def _judged(self, todo: list[work.Mutant], lines: Any) -> Iterator[tuple[work.Mutant, str]]:
        running: list[tuple[work.Mutant, Child]] = []
        left = iter(todo)
        while True:
            while len(running) < self.options.workers and (one := next(left, None)) is not None:
                where = range(one.line, one.line + 1) if one.function else range(0)
                tests = self._tests_for(one.module, where)
                if not tests:
                    tests = self._tests_for(one.module, lines[one.module].get(one.function, range(0)))
                tests = list(self._items) if self.options.against else tests
                limit = WAIT_S + 3.0 * sum(self._seconds[name] for name in tests)
                put = lambda one=one: work.put_in_place(one)  # noqa: E731
                running.append((one, Child(lambda put=put, tests=tests: self._verdict(put, tests), limit)))
            if not running:
                return
            ready = select.select([child.pipe for _, child in running], [], [], 0.5)[0]
            for entry in list(running):
                mutant, child = entry
                if child.pipe in ready or child.is_late():
                    running.remove(entry)
                    yield mutant, child.wait()

    def _run_named(self) -> None:
        for name, module, put, killer in wiring_named.patches():
            tests = sorted(self._seconds, key=lambda test: (killer not in test, _is_far(test, module)))
            by = Child(lambda put=put, tests=tests: self._verdict(put, tests), WAIT_S + 60.0).wait()
            print(f"{name}: {by}", flush=True)
            self.failed += not by.startswith("test: ")


def _draw(mutant: work.Mutant) -> str:
    """What orders mutants at random, the same in every run, so that a larger sample holds the smaller."""
    return hashlib.sha256(mutant.name.encode()).hexdigest()


def _is_far(test: str, module: str) -> bool:
    """False, which sorts first, for the file of the battery that looks at a module."""
    return _LIKELY.get(module.rpartition(".")[2], "test_ways_in.py") not in test


_LIKELY = {
    "shield_input": "test_facts.py", "step": "test_tick.py", "tick": "test_tick.py", "parameters": "test_limits.py",
    "assembly": "test_limits.py", "visits": "test_clinic.py", "program": "test_tick.py",
}  # fmt: skip


def _state() -> str:
    """A hash of the tests, their tools and the files that are changed: what was measured holds for these."""
    found = hashlib.sha256(repr([work.digest(name) for name in work.MODULES]).encode())
    for path in (*sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").glob("*.py"))):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _chosen(items: list[Any]) -> dict[str, Any]:
    """The tests by name: none that draws its examples, and of one with many cases some, evenly spread."""
    cases: dict[str, list[Any]] = {}
    for item in items:
        if not item.get_closest_marker("slow") and not getattr(item.obj, "is_hypothesis_test", False):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return {one.nodeid: one for some in cases.values() for one in some[:: 1 + len(some) // MOST_CASES]}


def _support() -> set[Any]:
    return {module for name, module in sys.modules.items() if name.startswith("support.")}


def _extents(module: str) -> dict[str, range]:
    import ast

    tree = ast.parse(Path(str(sys.modules[f"thecal.{module}"].__file__)).read_text(encoding="utf-8"))
    found = {"": range(1, 1000)}
    for site in work.sites(tree):
        if isinstance(site.node, ast.FunctionDef):
            found[site.function] = range(site.node.lineno, (site.node.end_lineno or site.node.lineno) + 1)
    return found


def main() -> int:
    """Run mutants; 1 when a named one survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name holds this, or this+that")
    parser.add_argument("--battery", action="store_true", help="only the tests of tests/wiring")
    parser.add_argument(
        "--sample", type=int, default=0, help="only the first so many mutants of a random order, the same every time"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--named", action="store_true")
    parser.add_argument("--against", nargs="+", default=[], metavar="FILE", help="files under tests/ that judge alone")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    runner = Runner(options)
    judges = options.against or (("wiring",) if options.named or options.battery else TESTS)
    tests = [str(ROOT / "tests" / name) for name in judges]
    itself = ROOT / "tests" / "wiring" / "test_mutants.py"  # starts this program
    quiet = ["-q", "-n0", "-p", "no:cacheprovider", "--capture=no", f"--rootdir={ROOT}", f"--ignore={itself}"]
    code = pytest.main([*tests, *quiet], plugins=[runner])
    return int(code) or int(runner.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
