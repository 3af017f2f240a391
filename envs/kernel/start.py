"""Compiled entry points beside the step: prepare parameters, begin episodes, and report what stands."""

from __future__ import annotations

from typing import Any

from thecal.core.jit import entry_point, kernel
from thecal.envs.kernel.metrics import report_standing
from thecal.envs.kernel.observation import write_observation
from thecal.envs.kernel.recall import begin_memory
from thecal.envs.kernel.step import SOURCE_KEY
from thecal.physiology.patient import prepare_patient, start_patient


@kernel
def _begin_memory(world, par):
    begin_memory(world.memory, world.patient, world.pump.rate_nl, par.task.start_rate_nl, par.task.signs)


def _compile(key: int) -> tuple[Any, Any, Any]:
    @entry_point()
    def prepare(par):
        for i in range(par.shape[0]):
            prepare_patient(par[i].patient)
        return key

    @entry_point()
    def start(world, par, outs, seen, values, lens, observations, where):
        for i in where:
            start_patient(par[i].patient, world[i].patient, par[i].task.start_clock_h)
            if par[i].task.remembers == 1:
                _begin_memory(world[i], par[i])
            report_standing(world[i], par[i], outs[i])
            write_observation(world[i], par[i], seen[i], values[i], lens[0], observations[i])
        return key

    @entry_point()
    def observe(world, par, outs, seen, values, lens, observations, where):
        for i in where:
            report_standing(world[i], par[i], outs[i])
            write_observation(world[i], par[i], seen[i], values[i], lens[0], observations[i])
        return key

    return prepare, start, observe


prepare_rows, start_rows, observe_rows = _compile(SOURCE_KEY)
