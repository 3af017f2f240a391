"""The compiled question behind action masks: which actions the shield would run unchanged, asked of the shield on a copy."""

from __future__ import annotations

from typing import Any

from numba import prange

from thecal.core.jit import entry_point
from thecal.envs.clinician import confirms
from thecal.envs.kernel.actions import begin_step
from thecal.envs.kernel.shield_input import write_shield_input
from thecal.envs.kernel.step import SOURCE_KEY
from thecal.safety.records import CONFIRM_STAGE
from thecal.safety.shield import shield_tick


def _compile(parallel: bool, key: int) -> Any:
    span = prange if parallel else range

    @entry_point(parallel=parallel)
    def look_ahead(world, par, scratch, scratch_out, actions, allowed):
        """For every environment and action: 1 where the shield would change nothing in the first tick of the step."""
        for b in span(world.shape[0]):
            own = b if parallel else 0
            scratch[own] = world[b]
            trial = scratch[own]
            write_shield_input(trial, par[b])  # no action has a part in it
            for a in range(actions.shape[0]):
                trial.shield = world[b].shield
                trial.episode = world[b].episode
                rate, valid = begin_step(trial, par[b], actions[a], scratch_out[own])
                if par[b].shield.stage == CONFIRM_STAGE:
                    trial.received.confirms = confirms(trial, par[b], rate, trial.episode.armed_nl)
                shield_tick(trial.shield, par[b].shield, trial.received, rate, trial.episode.armed_nl, valid)
                allowed[b, a] = trial.shield.binding == 0
        return key

    return look_ahead


look_serial = _compile(False, SOURCE_KEY)
look_parallel = _compile(True, SOURCE_KEY)
