"""Hand-made trajectories, so that outcomes and comparisons are tested on numbers one can add up in the head."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.agents.info import PolicyInfo
from thecal.envs.kernel.records import TICK_OUT
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec, load_task
from thecal.experiments.rollouts.rollout import FIELDS
from thecal.experiments.rollouts.trajectories import Trajectories
from thecal.safety.invariants import ShieldMode


def short_task(days: float = 2.0, **changes: Any) -> TaskSpec:
    """The cancer task with a shorter horizon."""
    return load_task("CancerMorphine").model_copy(update={"horizon_d": days, **changes})


def helpless_task(days: float = 2.0) -> TaskSpec:
    """The same without a rescue, so that an overdose ends in death."""
    task = short_task(days)
    return task.model_copy(update={"visits": task.visits.model_copy(update={"rescue_delay_h": 1000.0})})


def hand_run(
    steps: int = 48, n: int = 2, *, tick_h: float = 1.0, cap_ug: float = 1000.0, **columns: Any
) -> Trajectories:
    """Patients in constant untreated pain 8, felt pain 4, never sedated.

    ``columns`` replace fields, the policy's name, or options of the scenario.
    """
    data = {name: np.zeros((steps, n, *TICK_OUT[name].shape), _kind(name)) for name in FIELDS}
    data["time_h"][:] = tick_h * np.arange(1, steps + 1)[:, None]
    data["alive_h"][:] = tick_h
    data["pain0"][:] = 8.0
    data["pain_latent"][:] = 8.0
    data["pain_mean"][:] = 4.0
    options: dict[str, Any] = {"split": "test"}
    policy = "hand"
    for name, values in columns.items():
        if name in data and name != "shield_mode":
            data[name][:] = values
        elif name == "policy":
            policy = values
        else:
            options[name] = values
    data["shield_mode"][:] = ShieldMode.of(options.get("shield_mode", "project"))
    task = short_task(steps * tick_h / 24.0, tick_h=tick_h)
    return Trajectories(
        info=PolicyInfo(name=policy, label=policy, kind="rule"),
        scenario=Scenario.of(task, **options),
        scenario_hash="",
        task=task,
        profile=task.profile,
        patients=np.arange(n),
        data=data,
        start={"cap_ug": np.full(n, cap_ug), "conc_ug_per_ml": np.full(n, 1000.0)},
    )


def die(run: Trajectories, patient: int, step: int) -> Trajectories:
    """Let a patient die in the middle of ``step``, with the rows after it as a rollout leaves them."""
    for name, column in run.data.items():
        if name not in ("time_h", "shield_mode"):
            column[step + 1 :, patient] = {"pain_mean": 10.0, "nrs_report": np.nan}.get(name, 0)
    run["terminated"][step:, patient] = 1
    run["alive_h"][step, patient] = 0.5 * run.step_h
    return run


def _kind(name: str) -> type[Any]:
    return np.int64 if TICK_OUT[name].base.kind == "i" else np.float32
