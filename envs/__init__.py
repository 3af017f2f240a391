"""Patient + pump + shield as one tick, and the three ways to it: Gymnasium Env, VectorEnv, Stable-Baselines3 VecEnv.

Read ``kernel.step.step_world`` first: it is the control loop. ``scenario`` says what patients meet, ``batch.Batch`` owns the
arrays, ``adapters`` dress it for their libraries; ``tasks`` reads the task files, ``visits`` holds what the clinic does.

What stands here is loaded when it is first asked for, so that a command line that only shows its help compiles nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thecal.envs.adapters.make import make_sb3
    from thecal.envs.adapters.single import ThecalEnv
    from thecal.envs.adapters.vector import ThecalVectorEnv
    from thecal.envs.scenario import Scenario
    from thecal.envs.tasks import TaskSpec, load_task, task_names

__all__ = ["Scenario", "TaskSpec", "ThecalEnv", "ThecalVectorEnv", "load_task", "make_sb3", "task_names"]
_PLACES = {
    "Scenario": "scenario", "TaskSpec": "tasks", "ThecalEnv": "adapters.single", "ThecalVectorEnv": "adapters.vector",
    "load_task": "tasks", "make_sb3": "adapters.make", "task_names": "tasks",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
