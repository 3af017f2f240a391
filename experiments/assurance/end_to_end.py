"""The end-to-end oracle: every way into the simulation under random and hostile policies, judged at the pump alone.

A case is one task, pump, profile, stage, preset of faults and way in; patients are stepped pump tick by pump tick, and
``end_to_end_judge`` sees the pump, the raw signals and the texts of the files. Nothing of the shield is asked.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from thecal.core.errors import ConfigError
from thecal.core.executor import Executor, local
from thecal.devices.specs import pump_names
from thecal.envs.tasks import task_names
from thecal.experiments.assurance.end_to_end_case import DAYS, Case
from thecal.experiments.assurance.end_to_end_judge import Verdict
from thecal.experiments.assurance.end_to_end_ways import drive
from thecal.safety.certificate import kernel_hash
from thecal.safety.profiles import profile_names

WAYS = ("batch", "vector", "sb3", "hostile", "discrete", "single", "commands")
STAGES = ("auto", "confirm", "auto", "lower", "auto", "advise")
FAULTS = ("none", "reference", "stress")
ALONE = ("single", "commands")  # one patient at a time, so that they take more time and get fewer
CONTROL = "off"  # mode of the runs without a shield, in which the judge must find what a shield would have kept
SHORT_DAYS = 14


def end_to_end_cases(seed: int, ticks: int) -> list[Case]:
    """Every task on every pump under every profile and preset of faults, over about ``ticks`` ticks in all.

    Stages and ways in take turns, shifted from task to task, so that each meets each. What the profile does not allow on a pump
    is left out when it is run, and named.
    """
    grid = list(itertools.product(task_names(), pump_names(), profile_names(), FAULTS))
    pairs = itertools.cycle([(STAGES[k % len(STAGES)], WAYS[k % len(WAYS)]) for k in range(len(STAGES) * len(WAYS))])
    cases = [Case(*program, *next(pairs), seed + i) for i, program in enumerate(grid)]
    short = SHORT_DAYS * 96
    if ticks < 4 * short * len(
        cases
    ):  # fewer programs, spread over all of them, rather than episodes without a second rise
        step = max(1, round(len(cases) * 4 * short / ticks))
        while math.gcd(step, len(STAGES) * len(WAYS)) > 1:
            step += 1
        cases = cases[::step]
    length = short if ticks < 4 * DAYS * 96 * len(cases) else DAYS * 96
    alone = sum(case.way in ALONE for case in cases)
    few = max(1, round(ticks / length / len(cases) / 6))
    many = max(1, math.ceil((ticks / length - few * alone) / max(len(cases) - alone, 1)))
    return [replace(case, ticks=length, patients=few if case.way in ALONE else many) for case in cases]


def controls(seed: int) -> list[Case]:
    """The same judge before patients without a shield: he must find what the shield keeps."""
    task, pump, profile = task_names()[0], pump_names()[-1], profile_names()[-1]
    ways = [("batch", "none"), ("hostile", "stress"), ("vector", "reference")]
    return [
        Case(task, pump, profile, faults, "auto", way, seed, patients=6, ticks=SHORT_DAYS * 96, mode=CONTROL)
        for way, faults in ways
    ]


def run(case: Case) -> tuple[Case, Verdict, str]:
    """Run one case; returns what the judge found, and why it could not run when it could not."""
    try:
        return case, drive(case), ""
    except ConfigError as error:
        return case, Verdict(), str(error)


def run_end_to_end(
    cases: Sequence[Case],
    known: Sequence[dict[str, Any]] = (),
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    keep: Callable[[dict[str, Any]], None] = lambda _record: None,
    progress: Callable[[int, int, int], None] = lambda _done, _ticks, _violations: None,
) -> dict[str, Any]:
    """Run the cases that are not among ``known``; returns the record of all.

    Args:
        cases: in order.
        known: records of cases that were run before, under the same kernel.
        workers: processes of this machine; one for each core when ``None``.
        executor: what runs the cases, in place of ``workers``.
        keep: called with the whole record after each case, so that a run that ends early can be taken up again.
        progress: called with (cases done, ticks, violations) after each case.
    """
    done = {entry["case"]: entry for entry in known}
    left = [case for case in cases if case.name not in done]
    begin = time.perf_counter()
    for case, verdict, why in (executor or local(workers)).map(run, left):
        done[case.name] = {"case": case.name, **case.label, **_entry(verdict), **({"why": why} if why else {})}
        record = _record(cases, done, time.perf_counter() - begin)
        keep(record)
        progress(len(done), record["ticks"], record["violations"])
    return _record(cases, done, time.perf_counter() - begin)


def _entry(verdict: Verdict) -> dict[str, Any]:
    return {
        "ticks": verdict.ticks, "rises": verdict.rises, "boluses": verdict.boluses, "excused": verdict.excused,
        "violations": verdict.violations, "found": dict(verdict.found), "first": verdict.first,
        "tested": {name: count for name, count in sorted(verdict.tested.items()) if count},
    }  # fmt: skip


def _record(cases: Sequence[Case], done: dict[str, dict[str, Any]], seconds: float) -> dict[str, Any]:
    entries = [done[case.name] for case in cases if case.name in done]
    tested: dict[str, int] = {}
    for entry in entries:
        for name, count in entry["tested"].items():
            tested[name] = tested.get(name, 0) + count
    sums = {
        name: sum(entry[name] for entry in entries) for name in ("ticks", "rises", "boluses", "excused", "violations")
    }
    return {
        "kernel": kernel_hash(), "cases_run": len(entries), "cases_in_all": len(cases), "seconds": round(seconds, 1), **sums,
        "refused": sum("why" in entry for entry in entries), "tested": dict(sorted(tested.items())), "cases": entries,
    }  # fmt: skip
