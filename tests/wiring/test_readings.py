"""The reading without a compiler, in which mutants run, is the compiled one: the same ticks give the same verdicts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from support.wiring import Bench, ticking

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TICKS = 300


def ticks() -> list[list[int]]:
    """What was asked, known and allowed in some hundred ticks of a patient under a policy that wants a lot."""
    bench = Bench(ticking(days=10.0), faults="stress")
    rng = np.random.default_rng(5)
    rows = []
    for _ in range(TICKS):
        row = bench.act(rng.uniform(-1.0, 1.0, 2))
        known = row["received"]
        rows.append(
            [
                int(row[name])
                for name in ("request", "bolus_request", "rate", "bolus", "binding", "violations", "fallback")
            ]
            + [int(known[name]) for name in known.dtype.names]
        )
    return rows


def test_both_readings_give_the_same_verdicts() -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(BENCHMARKS)!r}, {str(Path(__file__).parent)!r}]\n"
        "import plain_kernels; plain_kernels.plain()\n"
        "import test_readings; print(test_readings.ticks())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == str(ticks())
