"""Patient + pump + shield as one tick, and the three ways to it: Gymnasium Env, VectorEnv, Stable-Baselines3 VecEnv.

Read ``tick.step_world`` first: it is the control loop. ``core.Batch`` owns the arrays; ``single``, ``vector`` and ``sb3``
dress it for their libraries; ``tasks`` reads the task files.
"""

from typing import Any

from thecal.envs.adapters.single import ThecalEnv
from thecal.envs.adapters.vector import ThecalVectorEnv
from thecal.envs.tasks import TaskSpec, load_task, task_names

__all__ = ["TaskSpec", "ThecalEnv", "ThecalVectorEnv", "load_task", "make_sb3", "task_names"]


def make_sb3(*args: Any, **kwargs: Any) -> Any:
    """See :func:`thecal.envs.adapters.sb3.make_sb3` (Stable-Baselines3 is imported only when this is called)."""
    from thecal.envs.adapters.sb3 import make_sb3 as build

    return build(*args, **kwargs)
