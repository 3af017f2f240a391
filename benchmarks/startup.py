"""Import time, and the first step on a machine with and without cached kernels, each in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from common import Row

IMPORT = "import time; t = time.perf_counter(); import thecal; print(time.perf_counter() - t)"
STEP = """
import time
t = time.perf_counter()
import gymnasium as gym
env = gym.make("thecal:thecal/CancerMorphine-v0")
env.reset(seed=0)
env.step(env.action_space.sample())
print(time.perf_counter() - t)
"""


def timed(code: str, cache: str | None = None) -> float:
    """Seconds that ``code`` prints, run in a new process with its own kernel cache when one is given."""
    environment = {**os.environ, **({"NUMBA_CACHE_DIR": cache} if cache else {})}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout.strip().splitlines()[-1])


def run() -> list[Row]:
    """Seconds, best of three where a repeat makes sense."""
    with tempfile.TemporaryDirectory() as cache:
        cold = timed(STEP, cache)
        warm = min(timed(STEP, cache) for _ in range(3))
    return [
        Row("import thecal", min(timed(IMPORT) for _ in range(5)), "s", 0.5, at_most=True),
        Row("first step, nothing cached", cold, "s", 30.0, at_most=True),
        Row("first step, kernels cached", warm, "s", 2.0, at_most=True),
    ]
