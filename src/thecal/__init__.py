"""Thecal: a research platform for adaptive closed-loop intrathecal dosing. Simulation only, never a clinical tool."""

from gymnasium.envs.registration import register

from thecal.envs.variants import entries

__version__ = "0.3.0"

for _entry in entries():
    register(
        id=_entry.id,
        entry_point=_entry.variant.single,
        vector_entry_point=_entry.variant.vector,
        kwargs={"task": _entry.task, **_entry.variant.options},
        disable_env_checker=True,
    )
