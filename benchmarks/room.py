"""How much room the limits leave a closed loop: rules and the best dose known in hindsight, under each limit profile.

Run ``python benchmarks/room.py --out room.json`` (minutes). Hindsight asks for one dose from the first day on, under the
profile's limits (everything they allow is one of its tries), and takes for each patient the try with the best return; it knows
what no policy knows and says what the limits leave open, not what can be reached.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.find import find_policy
from thecal.core.files import write_whole
from thecal.envs.scenario import Scenario
from thecal.experiments.rollouts.rollout import measured
from thecal.experiments.studies.hindsight import MULTIPLES, OneDose, best_of
from thecal.safety.certificate import kernel_hash, wiring_hash
from thecal.safety.profiles import load_profile

TASKS = ("CancerMorphine", "NonCancerMorphine")
PROFILES = ("seed_2025", "monitored_closed_loop", "research_wide")
RULES = ("fixed", "guideline", "pid", "max_request")
HINDSIGHT = "hindsight"
OUTCOMES = ("time_controlled", "return", "sed_hours", "resp_hours", "died", "dose_mg_per_day")
Floats = NDArray[np.float64]


def run(task: str, profile: str, policy: Any, patients: int, seed: int) -> dict[str, Floats]:
    """Every outcome of every patient, by its key."""
    scene = Scenario.of(task, profile=profile, split="tune", cohort_seed=seed, seed=seed).resolve()
    return measured(policy, scene, np.arange(patients), OUTCOMES)


def summary(per_seed: list[dict[str, Floats]]) -> dict[str, dict[str, float]]:
    """Mean, standard error over patients of all seeds, and median, of every outcome."""
    found = {}
    for key in OUTCOMES:
        values = np.concatenate([one[key] for one in per_seed])
        spread = float(values.std(ddof=1) / np.sqrt(len(values)))
        found[key] = {"mean": float(values.mean()), "se": spread, "median": float(np.median(values))}
    return found


def main() -> int:
    """Run everything and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[6201, 6202, 6203])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--profiles", nargs="+", default=list(PROFILES))
    chosen = parser.parse_args()
    rows = []
    for task in chosen.tasks:
        for profile in chosen.profiles:
            for rule in (*RULES, HINDSIGHT):
                per_seed = []
                for seed in chosen.seeds:
                    doses = [*(OneDose(multiple) for multiple in MULTIPLES), find_policy("max_request")]
                    tries = doses if rule == HINDSIGHT else [find_policy(rule)]
                    per_seed.append(best_of([run(task, profile, one, chosen.patients, seed) for one in tries]))
                row = {"task": task, "profile": profile, "policy": rule, "outcomes": summary(per_seed)}
                rows.append(row)
                shown = row["outcomes"]
                print(task, profile, rule, *(f"{key} {shown[key]['mean']:.2f}" for key in OUTCOMES), flush=True)
    found = {
        "date": date.today().isoformat(),
        "kernel": kernel_hash(),
        "wiring": wiring_hash(),
        "profiles": {name: load_profile(name).hash for name in chosen.profiles},
        "patients": chosen.patients,
        "seeds": chosen.seeds,
        "multiples": MULTIPLES,
        "rows": rows,
    }
    write_whole(chosen.out, json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
