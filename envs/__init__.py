"""Patient + pump + shield as one tick, and the three ways to it: Gymnasium Env, VectorEnv, Stable-Baselines3 VecEnv.

Read ``kernel.step.step_world`` first: it is the control loop. ``scenario`` says what patients meet, ``batch.Batch`` owns the
arrays, ``adapters`` dress it for their libraries; ``tasks`` reads the task files, ``visits`` holds what the clinic does.
"""

from typing import Any

from thecal.envs.adapters.single import ThecalEnv
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec, load_task, task_names

__all__ = ["Scenario", "TaskSpec", "ThecalEnv", "ThecalVectorEnv", "load_task", "make_sb3", "task_names"]


def make_sb3(*args: Any, **kwargs: Any) -> Any:
    """See :func:`thecal.envs.adapters.make.make_sb3` (Stable-Baselines3 is imported only when this is called)."""
    from thecal.envs.adapters.make import make_sb3 as build

    return build(*args, **kwargs)
