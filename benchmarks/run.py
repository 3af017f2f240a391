"""Runs the benchmarks: ``python benchmarks/run.py [names] [--json FILE]``; no names runs all."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from common import facts, report

NAMES = ("startup", "single", "integrator", "batch", "shield", "adapters", "ppo", "learner")


def main() -> None:
    """Run, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"any of {', '.join(NAMES)}")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="also write the results as JSON")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.names) - set(NAMES))
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; known: {', '.join(NAMES)}")
    machine, results = facts(), {}
    for name in chosen.names or NAMES:
        print(f"running {name} ...", flush=True)
        results[name] = importlib.import_module(name).run()
    report(results, machine, chosen.json)


if __name__ == "__main__":
    main()
