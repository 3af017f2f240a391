"""Helpers for faults in the whole environment: plans of one fault, a batch under them, and what its reports show."""

from __future__ import annotations

from functools import cache

import numpy as np

from thecal.devices.monitor_records import Monitor
from thecal.envs.batch import Batch

N = 12
ONSET_D = 7
DAY = 24  # steps of the task in a day


def batch(faults=None, *, task="CancerMorphine", pump=None, n=N, seed=3) -> Batch:
    built = Batch(task, n, split="test", faults=faults, pump=pump)
    built.restart(np.arange(n), np.arange(n), np.full(n, seed, np.uint64))
    return built


def advance(built: Batch, days: float, action=(0.0, 1.0)) -> dict[str, np.ndarray]:
    """Run for some days; ``[steps, n]`` of every field of the step's report."""
    actions = np.tile(np.array(action), (built.n, 1))
    rows = []
    for _ in range(round(days * 24 / built.spec.tick_h)):
        built.advance(actions)
        rows.append(built.out.copy())
    log = np.stack(rows)
    return {name: log[name] for name in log.dtype.names}


def planned(fault: str, **entry) -> dict:
    entry.setdefault("at_h", ONSET_D * 24.0)
    serviced = entry.pop("serviced", False)
    wrong = entry.pop("wrong_drug", None)
    return {
        "hazards": False, "serviced": serviced, "wrong_drug": wrong, "planned": [{"fault": fault, **entry}],
    }  # fmt: skip


@cache
def sound() -> dict[str, np.ndarray]:
    return advance(batch(), 21)


def after(log, name, start_d=ONSET_D + 2.0, stop_d=21.0):
    """Mean of a field over patients and the days after the onset."""
    part = log[name][round(start_d * DAY) : round(stop_d * DAY)]
    return float(np.nanmean(part.astype(float)))


def seen(log, monitor: Monitor) -> int:
    """Patients in whom a monitor rose."""
    return int(((log["suspicions"] >> monitor & 1) == 1).any(axis=0).sum())
