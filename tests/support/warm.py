"""Compiles the kernels that the tests share, before parallel workers start, so that all of them find it cached.

Every entry point is called the way the simulator calls it. What is compiled stays in Numba's cache, where the workers, and the
programs that tests start, look for it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np

import thecal
from thecal.core.jit import kernel_files

ENV = "thecal:thecal/CancerMorphine-v0"


def entry_files() -> list[Path]:
    """Every file of the package that holds an entry point."""
    folders = (Path(found).resolve() for found in Path(thecal.__file__).parent.iterdir() if found.is_dir())
    files = (path for folder in folders for path in sorted(folder.rglob("*.py")))
    return [path for path in files if "    @entry_point(" in path.read_text(encoding="utf-8")]


def one_at_a_time() -> None:
    """The serial tick and look ahead; the shield alone; patients under a fixed regimen; relief in a reproduction;
    days of a fit.
    """
    import gymnasium as gym

    from thecal.envs.adapters.masks import DiscreteActions
    from thecal.experiments.assurance.harness import HarnessCase, run_case
    from thecal.experiments.fitting.predict import activities
    from thecal.experiments.validation.reproductions.common import Draw
    from thecal.experiments.validation.reproductions.effects import interaction_index
    from thecal.physiology.cohort import draw
    from thecal.physiology.cohort_spec import load_cohort_spec
    from thecal.physiology.regimen import advance, begin

    env = DiscreteActions(gym.make(ENV))
    env.reset(seed=0)
    env.step(int(env.action_masks().argmax()))
    env.unwrapped.restore(env.unwrapped.snapshot())
    run_case(HarnessCase("seed_2025", ("morphine",), patients=1))
    par = draw(load_cohort_spec("cancer"), ("morphine",), range(2), "test", 0).par
    advance(par, begin(par), 0.25)
    activities(par, np.zeros(1))
    interaction_index(Draw(), "morphine", "clonidine")


def many_at_once() -> None:
    """The parallel tick and look ahead, the start of an episode, and a pump by itself."""
    import gymnasium as gym

    from thecal.devices.fault_presets import load_faults
    from thecal.devices.pump import new_pump_state
    from thecal.devices.simulate import simulate
    from thecal.devices.simulation_records import ACTION
    from thecal.devices.specs import load_pump, pump_parameters
    from thecal.envs.adapters.masks import action_masks, action_table
    from thecal.envs.batch import PARALLEL_FROM

    envs = gym.make_vec(ENV, num_envs=PARALLEL_FROM, vectorization_mode="vector_entry_point")
    envs.reset(seed=0)
    envs.step(np.zeros(envs.action_space.shape, np.float32))
    action_masks(envs.unwrapped.batch, action_table()[0])
    pump = pump_parameters(load_pump("synchromed_ii_40"))
    state = new_pump_state(pump, (1e4, 0.0, 0.0), 40.0, rate_nl=2600)
    simulate(state, pump, np.zeros(0, ACTION), 1, faults=load_faults("none"))


JOBS: dict[str, Callable[[], None]] = {job.__name__: job for job in (one_at_a_time, many_at_once)}


def warm_up() -> str:
    """Run the jobs side by side, each in a process of its own, unless that was done for these sources; what went wrong."""
    done = _mark()
    if done.exists():
        return ""
    running = [
        subprocess.Popen([sys.executable, __file__, job], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for job in JOBS
    ]
    ends = [process.communicate()[1].strip().splitlines() for process in running]
    if any(process.returncode for process in running):
        return "; ".join(lines[-1] for lines in ends if lines)
    done.parent.mkdir(parents=True, exist_ok=True)
    done.touch()
    return ""


def _mark() -> Path:
    """The file beside the cache that says that these sources are compiled."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for path in (*kernel_files(), *entry_files()):
        digest.update(path.read_bytes())
    cache = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(cache) if cache else Path(thecal.__file__).parent / "__pycache__"
    return folder / f"compiled-for-tests-{digest.hexdigest()[:16]}"


if __name__ == "__main__":
    JOBS[sys.argv[1]]()
