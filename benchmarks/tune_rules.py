"""Searches the numbers of the PID rules on tune patients of a task, one setting after the other, and prints every trial.

    python benchmarks/tune_rules.py TASK pid_guarded -n 100 --seeds 1701,1702,1703

Numbers are tried on tune patients only and judged by the mean share of well-treated time; the same seeds find the same.
"""

from __future__ import annotations

import argparse

import numpy as np

from thecal.agents.registry import make_policy
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.rollouts.rollout import measured

GRID = {
    "target_nrs": (1.0, 1.5, 2.0, 2.5, 3.0),
    "target_spasms": (0.4, 0.6, 0.8),
    "under_goal": (0.0, 0.5, 1.0, 1.5, 2.0),
    "gain": (0.03, 0.05, 0.1, 0.2),
    "integral_time": (12.0, 24.0, 48.0, 96.0),
    "derivative_time": (0.0, 4.0, 12.0),
    "filter_time": (3.0, 6.0, 12.0, 24.0, 48.0),
    "tracking_time": (6.0, 12.0, 24.0, 48.0),
    "smallest_step": (0.02, 0.05, 0.1, 0.15),
}
GUARD = {
    "nausea_counts": (0.0, 0.5, 1.0),
    "recovery_per_day": (0.02, 0.05, 0.1, 0.2),
    "level": (0.3, 0.5, 0.7, 0.85),
    "average_time": (12.0, 24.0, 48.0),
    "cut": (0.05, 0.1, 0.2, 0.3),
    "cut_interval": (24.0, 48.0, 96.0),
}
KEYS = ("well_treated", "sed_hours", "lost_pain", "lost_nausea", "lost_withdrawal")


def scenes(task: str, seeds: list[int]) -> list[Resolved]:
    """The tune patients of every seed on days of their own; limits may be wide or unproved while a task is designed."""
    options = {"split": "tune", "allow_wide": True, "allow_unproved": True}
    return [Scenario.of(task, cohort_seed=seed, seed=seed, **options).resolve() for seed in seeds]


def tried(name: str, settings: dict[str, float], where: list[Resolved], n: int) -> float:
    """Mean well-treated time (%) under ``settings``, printed with its standard error and what the rest is lost to."""
    runs = [measured(make_policy(name, **settings), scene, np.arange(n), KEYS, size=256) for scene in where]
    found = {key: np.concatenate([run[key] for run in runs]) for key in KEYS}
    well = found["well_treated"]
    error = well.std(ddof=1) / np.sqrt(well.size)
    rest = "  ".join(f"{key} {found[key].mean():.2f}" for key in KEYS[1:])
    print(f"{name} {settings}: {well.mean():.2f} ± {error:.2f}  {rest}", flush=True)
    return float(well.mean())


def search(name: str, where: list[Resolved], n: int, rounds: int, settings: dict[str, float]) -> dict[str, float]:
    """The best settings of a search along one setting at a time, from the shipped numbers with ``settings`` on top."""
    grid = (GUARD if name == "pid_guarded" else {}) | GRID
    best = tried(name, settings, where, n)
    for _ in range(rounds):
        before = best
        for key, values in grid.items():
            shipped = make_policy(name, **settings).info.parameters[key]
            for value in values:
                if value == shipped:
                    continue
                score = tried(name, settings | {key: value}, where, n)
                if score > best:
                    best, settings = score, settings | {key: value}
        if best == before:
            break
    return settings


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("policy", choices=("pid", "pid_guarded"))
    parser.add_argument("-n", type=int, default=100)
    parser.add_argument("--seeds", default="1701,1702,1703")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[], help="where the search begins, as cut=0.1")
    given = parser.parse_args()
    patients = scenes(given.task, [int(seed) for seed in given.seeds.split(",")])
    begin = {key: float(value) for key, value in (word.split("=") for word in given.set)}
    print("best:", search(given.policy, patients, given.n, given.rounds, begin))
