"""Helpers for the tests of the whole device: a shipped pump with a solution, stepped tick by tick in compiled code."""

from __future__ import annotations

import numpy as np

from thecal.core.jit import kernel
from thecal.core.layout import TICK_H
from thecal.devices.fault_delivery import absorb
from thecal.devices.fault_presets import fault_parameters, load_faults, new_fault_state
from thecal.devices.faults import step_faults
from thecal.devices.pump import begin_tick, deliver, new_pump_state
from thecal.devices.refills import clinic_refill
from thecal.devices.solutions import assess, kernel_chemistry
from thecal.devices.specs import load_pump, pump_parameters

MORPHINE = {"morphine": 10_000.0}


def shipped(name="synchromed_ii_40", solution=None, rate_nl=2600, bias=1.0, **changes):
    """(state, parameters, fault state, fault parameters) of one shipped pump as single records, and its model."""
    solution = MORPHINE if solution is None else solution
    spec = load_pump(name)
    faults = changes.pop("faults", None)
    chemistry = kernel_chemistry(assess(tuple(solution), tuple(solution.values()))) if solution else None
    par = pump_parameters(spec, flow_bias=bias, chemistry=chemistry)
    for field, value in changes.items():
        par[field] = value
    content = [*solution.values(), 0.0, 0.0, 0.0][:3]
    state = new_pump_state(par, content, spec.capacity_ml, rate_nl=rate_nl)
    fault_par = np.array([fault_parameters(load_faults(faults), drugs=tuple(solution))])
    return state[0], par[0], np.array([new_fault_state()])[0], fault_par[0], np.array(content)


@kernel
def run(state, par, fault, fault_par, ordered, ticks, refill_ml, refill_h, out):
    """Run pump ticks with faults and refills; ``out`` ``[ticks, 4]`` gets true flow (mL), drug (µg), stored and true mL."""
    ug = np.zeros(3)
    blood = np.zeros(3)
    for k in range(ticks):
        if fault_par.enabled == 1:
            step_faults(fault, fault_par, state, par)
            absorb(state, fault_par.tissue_per_h, blood)
        begin_tick(state, par)
        basal_ml, bolus_ml = deliver(state, par, TICK_H, ug)
        out[k, 0] = basal_ml + bolus_ml
        out[k, 1] = ug[0]
        out[k, 2] = state.stored_ml
        out[k, 3] = state.true_ml
        if state.estimated_ml <= refill_ml or state.age_h - state.fill_h >= refill_h:
            clinic_refill(fault, fault_par, state, par, par.capacity_ml, ordered)


def days(system, number, *, refill_ml=3.0, refill_h=np.inf):
    """Run a system for a number of days; ``[ticks, 4]`` as :func:`run`."""
    out = np.zeros((round(number * 96), 4))
    run(*system, len(out), refill_ml, refill_h, out)
    return out


def plan(fault, **entry):
    """A fault specification with one planned fault and nothing drawn."""
    entry.setdefault("at_h", 48.0)
    return {"hazards": False, "serviced": False, "planned": [{"fault": fault, **entry}]}
