"""Run a pump's program without a patient: the compiled loop, and the result as arrays."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thecal.core.jit import entry_point, kernel, source_key
from thecal.core.layout import MAX_DRUGS, TICK_H, TICKS_PER_DAY
from thecal.devices.fault_delivery import absorb, clinician_reset
from thecal.devices.fault_presets import FaultSpec, fault_parameters, new_fault_state
from thecal.devices.faults import step_faults
from thecal.devices.program import (
    command,
    press,
    program_bridge,
    program_flex,
    program_prime,
    set_patient_bolus,
    single_bolus,
)
from thecal.devices.pump import begin_tick, deliver
from thecal.devices.records import ML_PER_NL, N_EVENTS
from thecal.devices.refills import clinic_refill
from thecal.devices.simulation_records import LOGGED, SAMPLE, Act

_CONTINUOUS, _FLEX, _BOLUS, _PATIENT, _PRESS = (int(act) for act in list(Act)[:5])
_BRIDGE, _PRIME, _STOP, _MINIMUM, _REFILL, _RESET = (int(act) for act in list(Act)[5:])


class PumpRun(NamedTuple):
    """A program run to its end."""

    samples: NDArray[np.void]  # [ticks] SAMPLE
    log: NDArray[np.void]  # [events] LOGGED, complete
    state: Any  # PUMP_STATE at the end
    par: Any  # PUMP_PAR
    fault: Any  # FAULT_STATE at the end: hidden truth


@kernel
def _act(state, par, fault, fault_par, action):
    """Carry out one line of the program."""
    act = action.act
    if act == _CONTINUOUS:
        command(state, par, action.a, 0)
    elif act == _FLEX:
        program_flex(state, par, action.part_tick, action.part_rate_nl, action.n)
    elif act == _BOLUS:
        single_bolus(state, par, action.a, int(action.b))
    elif act == _PATIENT:
        set_patient_bolus(state, par, action.a, action.b, action.n)
    elif act == _PRESS:
        press(state, par)
    elif act == _BRIDGE:
        program_bridge(state, par, action.c, action.a, action.b)
    elif act == _PRIME:
        program_prime(state, par, action.a)
    elif act == _STOP:
        command(state, par, 0.0, 0)
    elif act == _MINIMUM:
        command(state, par, float(par.min_mode_rate_nl), 0)
    elif act == _REFILL:
        clinic_refill(fault, fault_par, state, par, action.a, action.conc)
    elif act == _RESET:
        clinician_reset(state)


@kernel
def _sample(state, par, fault, volume_ml, out_ug, row):
    row.time_h = state.age_h
    row.programmed_ml_per_d = state.rate_nl * (TICKS_PER_DAY * ML_PER_NL)
    row.flow_ml_per_d = volume_ml * 24.0 / TICK_H
    for d in range(MAX_DRUGS):
        row.tip_ug_per_ml[d] = out_ug[d] / volume_ml if volume_ml > 0.0 else math.nan
        row.dose_ug_per_d[d] = out_ug[d] * 24.0 / TICK_H
        row.reservoir_ug_per_ml[d] = state.conc[d]
    row.true_ml = state.true_ml
    row.estimated_ml = state.estimated_ml
    row.battery_used = min(state.battery_used, 1.0)
    row.alarms = state.alarms
    row.faults = fault.active


@kernel
def _copy_log(state, log, logged):
    """Append the entries made since ``logged`` to the complete log; returns the new number."""
    for event in range(logged, state.events):
        if event < log.shape[0]:
            slot = event % N_EVENTS
            log[event].id = event
            log[event].time_h = state.event_h[slot]
            log[event].kind = state.event_kind[slot]
            log[event].a = state.event_a[slot]
            log[event].b = state.event_b[slot]
    return state.events


def _compile(key: int) -> Any:
    @entry_point()
    def run(states, pars, faults, fault_pars, actions, samples, log):
        """Run ``samples.shape[0]`` pump ticks of one pump; returns the number of log entries."""
        state, par, fault, fault_par = states[0], pars[0], faults[0], fault_pars[0]
        out_ug = np.zeros(MAX_DRUGS)
        scratch = np.zeros(MAX_DRUGS)
        following = 0
        logged = 0
        for tick in range(samples.shape[0]):
            if fault_par.enabled == 1:
                step_faults(fault, fault_par, state, par)
                absorb(state, fault_par.tissue_per_h, scratch)
            begin_tick(state, par)
            while following < actions.shape[0] and actions[following].tick <= tick:
                _act(state, par, fault, fault_par, actions[following])
                following += 1
            basal_ml, bolus_ml = deliver(state, par, TICK_H, out_ug)
            _sample(state, par, fault, basal_ml + bolus_ml, out_ug, samples[tick])
            logged = _copy_log(state, log, logged)
        return logged + 0 * key

    return run


_run = _compile(source_key())


def simulate(
    state: NDArray[np.void],
    par: NDArray[np.void],
    actions: NDArray[np.void],
    ticks: int,
    *,
    faults: FaultSpec | None = None,
    drugs: tuple[str, ...] = (),
    seed: int = 0,
) -> PumpRun:
    """Run one pump for a number of pump ticks.

    Args:
        state, par: ``[1]`` PUMP_STATE and PUMP_PAR records; the state is changed in place.
        actions: ``[n]`` ACTION records in order of their ticks.
        ticks: pump ticks of 15 min.
        faults: what may go wrong.
        drugs: names of the drugs in the reservoir.
        seed: of the faults.
    """
    fault = np.array([new_fault_state()])
    fault_par = np.array([fault_parameters(faults, drugs=drugs, seed=seed)])
    samples = np.zeros(ticks, SAMPLE)
    log = np.zeros(8 * ticks + 1024, LOGGED)
    count = _run(state, par, fault, fault_par, actions, samples, log)
    return PumpRun(samples, log[:count].copy(), state[0], par[0], fault[0])
