"""How policies read observations and write actions in a resolved scenario."""

from __future__ import annotations

from thecal.agents.view import ActionScale, ObservationView
from thecal.envs.scenario import Resolved


def observation_view(scene: Resolved) -> ObservationView:
    """How policies read observations and write actions in a scenario."""
    task, profile, lens = scene.task, scene.profile, scene.lens
    action = task.action
    step = profile.limit(f"{task.setting}.step")  # what a rule may ask for where the task's action names no step
    scale = ActionScale(
        max_up=action.max_up or step,
        max_down=action.max_down or step,
        deadband=action.deadband,
        largest_bolus_mg=profile.largest_bolus_ug(task.drugs[0]) / 1000.0,
        largest_bolus_share=profile.limit("bolus.share"),
        target_low=action.target_low,
        target_high=action.target_high,
    )
    return ObservationView(
        lens.names,
        lens.low,
        lens.high,
        actions=scale,
        tick_h=task.tick_h,
        monitored=task.monitored,
        decode=lens.decode,
        action_names=action.fields,
        drug=task.drugs[0],
        goal=task.goal,
        goal_relief=task.goal_relief,
    )
