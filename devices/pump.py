"""The pump: what flows in a substep, what happens once a tick, a new pump for an old one, and the state at the start.

The true flow is the programmed flow, in whole strokes, times the pump's own ratio; the pump knows the programmed flow
only, so the volume it reports and both reservoir alarms rest on it. ``program`` holds the commands, ``reservoir`` the
refill and the chemistry, ``faulty`` the delivery through a system with a fault.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.core.errors import ConfigError
from thecal.core.jit import kernel
from thecal.core.layout import MAX_DRUGS, TICK_H
from thecal.devices.alarms import (
    EMPTY_RESERVOIR,
    END_OF_SERVICE,
    ERI,
    LOW_RESERVOIR,
    RESET,
    STOPPED_LONG,
    PumpEvent,
    clear_alarm,
    note,
    raise_alarm,
)
from thecal.devices.catheter import is_uniform, push, take_up
from thecal.devices.fault_delivery import deliver_with_fault, halt, resume, settle, watch
from thecal.devices.program import follow_schedule, program_mode, programmable_rate
from thecal.devices.records import (
    CONTINUOUS,
    HALT_BATTERY,
    HALT_MRI,
    HALT_STALL,
    HALT_VALVE,
    HOURLY_H,
    HOURLY_TICKS,
    MIN_RATE,
    ML_PER_NL,
    PUMP_STATE,
)
from thecal.devices.reservoir import age_solution, check_reservoir

NORMAL_C = 37.0
_RATE_LIMITS = ("rate_step_nl", "min_mode_rate_nl", "min_rate_nl", "max_rate_nl")  # in the order of programmable_rate
_REPLACED = int(PumpEvent.REPLACED)


@kernel
def _use_battery(state, par):
    """An hour's drain; at ERI the pump has its last days, and then it stops."""
    if math.isinf(par.battery_h):
        return
    flow = state.rate_nl / par.battery_reference_nl
    load = 1.0 - par.battery_flow_share + par.battery_flow_share * flow
    state.battery_used += HOURLY_H / par.battery_h * load
    if state.eri_h < 0.0:
        if state.battery_used >= 1.0 or state.age_h - state.implant_h >= par.battery_hard_h - par.eri_left_h:
            state.eri_h = state.age_h
            raise_alarm(state, ERI)
    elif state.age_h - state.eri_h >= par.eri_left_h and state.halt & HALT_BATTERY == 0:
        raise_alarm(state, END_OF_SERVICE)
        halt(state, HALT_BATTERY)


@kernel
def set_flow_ratio(state, par):
    """The true flow per programmed flow: the pump's own bias and drift, temperature, ambient pressure, over-infusion."""
    ratio = par.flow_bias + par.flow_drift_per_h * (state.age_h - state.implant_h)
    ratio *= 1.0 + par.temp_per_c * (state.body_c - NORMAL_C)
    ratio *= 1.0 + par.ambient_per_mmhg * state.ambient_drop_mmhg
    state.flow_ratio = max(ratio + state.excess, 0.0)


@kernel
def _hourly_update(state, par):
    """Once an hour: the solution ages, the battery drains, the flow ratio and the tube-set warning are brought up to date."""
    age_solution(state, par)
    _use_battery(state, par)
    set_flow_ratio(state, par)
    if state.no_flow_h >= par.stop_warning_h:
        raise_alarm(state, STOPPED_LONG)
    elif state.no_flow_h == 0.0:
        clear_alarm(state, STOPPED_LONG)


@kernel
def begin_tick(state, par):
    """What the pump does by itself at the start of a pump tick, before any command."""
    state.age_h = state.ticks * TICK_H  # exact, where substeps have added up rounding errors
    if state.mode > CONTINUOUS:
        follow_schedule(state)
    if state.faulty == 1:
        watch(state, par)
    if state.ticks % HOURLY_TICKS == 0:
        _hourly_update(state, par)
    state.ticks += 1


@kernel
def _extra_flow(state, par, ticks, basal_nl):
    """Volume of a running bolus or prime in this substep, under the flow that the basal rate leaves, nL."""
    top = max(par.max_flow_nl * ticks - basal_nl, 0.0)
    extra = 0.0
    if state.prime_left_nl > 0.0:
        extra = min(state.prime_left_nl, top)
        state.prime_left_nl -= extra
    if state.bolus_left_nl > 0.0:
        slower = state.bolus_flow_nl * ticks if state.bolus_flow_nl > 0 else top
        bolus = min(state.bolus_left_nl, min(top - extra, slower))
        state.bolus_left_nl -= bolus
        extra += bolus
    return extra


@kernel
def deliver(state, par, dt_h, out_ug):
    """Run the program for ``dt_h`` and move the fluid through the catheter.

    A bolus runs at the flow the basal rate leaves under the pump's largest flow. The motor moves whole strokes. The
    reservoir gives nothing below its residual, so an empty pump delivers nothing while the program, and the estimate, run
    on.

    Args:
        state: PUMP_STATE record, changed in place.
        par: PUMP_PAR record.
        dt_h: substep, h.
        out_ug: ``[MAX_DRUGS]`` overwritten with the drug that entered the CSF, µg.

    Returns:
        (basal_ml, bolus_ml): true volumes that entered the CSF for either purpose, mL.
    """
    ticks = dt_h * (1.0 / TICK_H)
    basal_nl = state.rate_nl * ticks
    extra_nl = 0.0
    if state.bolus_left_nl > 0.0 or state.prime_left_nl > 0.0:
        extra_nl = _extra_flow(state, par, ticks, basal_nl)
    planned_nl = basal_nl + extra_nl
    moved_nl = planned_nl
    if par.stroke_nl > 0.0:
        due = state.carry_nl + planned_nl
        moved_nl = math.floor(due / par.stroke_nl) * par.stroke_nl
        state.carry_nl = due - moved_nl
    left_ml = min(moved_nl * ML_PER_NL * state.flow_ratio, max(state.true_ml - par.residual_ml, 0.0))
    tip_ml = left_ml
    if state.faulty == 1:
        left_ml, tip_ml = deliver_with_fault(state, par, left_ml, dt_h, out_ug)
    elif is_uniform(state):  # the usual case, kept here because passing an array on costs as much as the rest
        for d in range(MAX_DRUGS):
            out_ug[d] = left_ml * state.conc[d]
    else:
        push(state, left_ml, left_ml, out_ug)
    take_up(state, par, out_ug)
    for d in range(MAX_DRUGS):
        state.tip_ug[d] += out_ug[d]
    state.true_ml -= left_ml
    state.estimated_ml = max(state.estimated_ml - planned_nl * ML_PER_NL, 0.0)
    state.delivered_ml += left_ml
    state.commanded_ml += planned_nl * ML_PER_NL
    if state.halt & (HALT_STALL | HALT_MRI | HALT_BATTERY) == 0:
        state.motor_ml += moved_nl * ML_PER_NL
    state.no_flow_h = 0.0 if left_ml > 0.0 else state.no_flow_h + dt_h
    state.age_h += dt_h
    check_reservoir(state, par)
    if planned_nl <= 0.0:
        return 0.0, tip_ml if tip_ml > 0.0 else 0.0
    basal_ml = tip_ml * (basal_nl / planned_nl)
    return basal_ml, tip_ml - basal_ml


@kernel
def battery_reset(state, par):
    """A low-battery reset or an electrical upset: the pump falls to its minimum rate and waits for a clinician."""
    state.rate_nl = par.min_mode_rate_nl
    state.mode = MIN_RATE
    state.bolus_left_nl = 0.0
    state.latched = 1
    raise_alarm(state, RESET)


@kernel
def replace_pump(state, par):
    """A new pump of the same model on the same catheter, filled from the old one's reservoir, with the old program."""
    resume(state, HALT_STALL)
    resume(state, HALT_MRI)
    resume(state, HALT_VALVE)
    resume(state, HALT_BATTERY)
    state.latched = 0
    state.implant_h = state.age_h
    state.battery_used = 0.0
    state.eri_h = -1.0
    state.excess = 0.0
    state.no_flow_h = 0.0
    clear_alarm(state, ERI | RESET | STOPPED_LONG)
    note(state, _REPLACED, 0.0, 0.0)
    settle(state)


def _per_pump(
    what: str, unit: str, value: ArrayLike, shape: tuple[int, ...], low: Any, high: Any
) -> NDArray[np.float64]:
    """Broadcast a user's numbers to all pumps and refuse any outside [low, high]."""
    try:
        numbers = np.broadcast_to(np.asarray(value, dtype=np.float64), shape)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{what} {value!r} does not fit the shape {list(shape)}") from error
    wrong = ~(np.isfinite(numbers) & (numbers >= low) & (numbers <= high))
    if wrong.any():
        raise ConfigError(f"{what} {numbers[wrong][0]} {unit} is not finite or is outside what the pump allows")
    return numbers


def new_pump_state(
    par: NDArray[np.void],
    conc: ArrayLike,
    fill_ml: ArrayLike,
    *,
    primed: bool = True,
    rate_nl: ArrayLike = 0,
    start_clock_h: ArrayLike = 0.0,
    out: NDArray[np.void] | None = None,
) -> NDArray[np.void]:
    """The state of pumps just implanted and filled.

    Args:
        par: ``[n]`` PUMP_PAR records, or one.
        conc: ``[MAX_DRUGS]`` or ``[n, MAX_DRUGS]`` concentrations in the reservoir, µg/mL.
        fill_ml: volume in the reservoir after priming, residual included, mL; one for all or ``[n]``.
        primed: whether the catheter is filled with drug; otherwise with CSF, which holds none.
        rate_nl: basal rate asked for, nL per pump tick; one for all or ``[n]``; follows :func:`programmable_rate`.
        start_clock_h: clock time of the start, h; one for all or ``[n]``.
        out: ``[n]`` PUMP_STATE records to fill in place; a new array when missing.

    Returns:
        ``[n]`` PUMP_STATE records (``out`` when given).

    Raises:
        ConfigError: a number is not finite, has the wrong shape, or is outside what the pump can hold or run.
    """
    par = np.atleast_1d(par)
    fill = _per_pump("fill volume", "mL", fill_ml, par.shape, par["residual_ml"], par["capacity_ml"])
    content = _per_pump("concentration", "µg/mL", conc, (*par.shape, MAX_DRUGS), 0.0, np.inf)
    asked = _per_pump("basal rate", "nL per pump tick", rate_nl, par.shape, 0.0, np.inf)
    state = np.zeros(par.shape, PUMP_STATE) if out is None else out
    state[...] = np.zeros((), PUMP_STATE)
    for one, row, rate in zip(par, state, asked, strict=True):
        asked_nl = rate if one["rate_adjustable"] else one["max_rate_nl"]  # a constant-flow pump has its one flow
        row["rate_nl"] = programmable_rate(asked_nl, *(int(one[limit]) for limit in _RATE_LIMITS))
        row["mode"] = program_mode(row["rate_nl"], one["min_rate_nl"])
    state["true_ml"] = state["estimated_ml"] = fill
    state["conc"] = state["label_conc"] = content
    state["n_slugs"] = 1
    state["slug_ml"][:, 0] = par["dead_ml"]
    state["slug_conc"][:, 0] = content if primed else 0.0
    state["filled_ug"] = content * (fill + np.where(primed, par["dead_ml"], 0.0))[:, np.newaxis]
    state["flow_ratio"] = np.maximum(par["flow_bias"], 0.0)
    state["body_c"] = NORMAL_C
    state["start_clock_h"] = start_clock_h
    state["eri_h"] = -1.0
    low = np.where(fill <= par["low_reservoir_ml"], LOW_RESERVOIR, 0)
    state["alarms"] = low | np.where(fill <= par["residual_ml"], EMPTY_RESERVOIR, 0)
    return state
