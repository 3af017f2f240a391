"""Thecal: a research platform for adaptive closed-loop intrathecal dosing. Simulation only, never a clinical tool."""

from gymnasium.envs.registration import register

__version__ = "0.1.0"

for _task in ("CancerMorphine", "NonCancerMorphine", "NonCancerMix"):
    register(
        id=f"thecal/{_task}-v0",
        entry_point="thecal.envs.adapters.single:ThecalEnv",
        vector_entry_point="thecal.envs.adapters.vector:ThecalVectorEnv",
        kwargs={"task": _task},
        disable_env_checker=True,
    )
