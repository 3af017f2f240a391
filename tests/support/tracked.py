"""Programs that track one run each, to be started side by side in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# The experiment, then what to do in the run.
PROGRAM = """
import json, os, sys, time
from thecal.experiments.tracking.tracker import Tracker
with Tracker(sys.argv[1], "run") as tracker:
    print(json.dumps({"run": tracker.run_id}), flush=True)
    if sys.argv[2] == "hang":
        time.sleep(600)
    tracker.metrics({f"m{k}": float(k) for k in range(50)})
    tracker.params({"pid": os.getpid()})
    tracker.document({"pid": os.getpid()}, "a.json")
"""


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str

    @property
    def run_id(self) -> str:
        """Of the run that it tracked."""
        return str(json.loads(self.out)["run"])


def start(folder: Path, experiment: str = "thecal", what: str = "finish", **environment: str) -> subprocess.Popen[str]:
    """Start a program that tracks a run in the store of ``folder``."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, experiment, what],
        cwd=folder,
        env=clean | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def at_once(folder: Path, count: int, experiment: str = "thecal") -> list[Ended]:
    """Start ``count`` programs together and wait for all."""
    running = [start(folder, experiment) for _ in range(count)]
    return [Ended(one.wait(), *texts) for one, texts in [(one, one.communicate(timeout=500)) for one in running]]
