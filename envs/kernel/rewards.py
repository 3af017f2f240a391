"""Reward and costs of one step, each term on its own; the weights come from the task and never change between its versions."""

from __future__ import annotations

from thecal.core.jit import kernel

NRS_MAX = 10.0


@kernel
def write_reward(world, par, out, step_h, rate_change, refused, steps_left):
    """Fill the reward terms, costs and reward of ``out`` from what the step did.

    Relief counts only while the patient can be roused and lives: half of it is time with NRS <= 3, half the distance from
    the worst pain. Every term lies in [-w, w] of its weight. ``refused`` is the share of the largest rate change that the
    shield withheld; its penalty teaches a policy not to lean on the shield and is no part of reported returns. A terminal
    failure is charged for every step that was left.
    """
    task = par.task
    alive = out.alive_h / step_h
    rousable = max(0.0, 1.0 - out.unrousable_h / step_h)
    comfort = 0.5 * out.controlled_h / step_h + 0.5 * (1.0 - out.pain_mean / NRS_MAX) * min(alive, rousable)
    out.r_relief = task.w_relief * comfort
    out.r_sedation = -task.w_sedation * (out.sed_h / step_h)
    out.r_adverse = -task.w_adverse * 0.5 * (out.nausea / NRS_MAX + out.withdrawal)
    out.r_resp = -task.w_resp * (out.resp_h / step_h)
    out.r_dose = -task.w_dose * min(1.0, out.dose24_ug[0] / task.cap_ug)
    out.r_oih = -task.w_oih * out.oih
    out.r_change = -task.w_change * rate_change
    out.r_shield = -task.w_shield * refused
    out.r_terminal = -task.w_terminal * steps_left if world.episode.terminated else 0.0
    out.cost_resp = out.resp_h / step_h
    out.cost_sedation = out.sed_h / step_h
    out.cost_withdrawal = out.withdrawal_h / step_h
    out.cost = out.cost_resp + out.cost_sedation + out.cost_withdrawal
    out.reward = (
        out.r_relief
        + out.r_sedation
        + out.r_adverse
        + out.r_resp
        + out.r_dose
        + out.r_oih
        + out.r_change
        + out.r_shield
        + out.r_terminal
    )
