"""The pump: what it does with a command, what flows in a substep, what a refill changes, and its state at the start.

The program is kept in whole nL per pump tick and only ever rounded down. The true flow is the programmed flow times the
pump's own bias; the pump knows the programmed flow only, so the volume it reports and both reservoir alarms rest on it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.devices.alarms import EMPTY_RESERVOIR, LOW_RESERVOIR
from thecal.devices.catheter import is_uniform, push
from thecal.devices.records import CONTINUOUS, MIN_RATE, ML_PER_NL, PUMP_STATE, PUMP_TICK_H, STOPPED
from thecal.physiology.errors import ConfigError
from thecal.physiology.jit import kernel
from thecal.physiology.layout import MAX_DRUGS

_RATE_LIMITS = ("rate_step_nl", "min_mode_rate_nl", "min_rate_nl", "max_rate_nl")  # in the order of programmable_rate


def programmable_rate(rate_nl: Any, step_nl: Any, min_mode_nl: Any, min_nl: Any, max_nl: Any) -> Any:
    """The basal rate a pump runs when asked for ``rate_nl``; all in nL per pump tick, never above what was asked.

    Above the range: the highest rate. Within it: rounded down to the step. Below it, but not below the rate of the
    minimum-rate mode: that mode. Lower still: stopped, because anything else would round up.
    """
    if rate_nl >= max_nl:
        return max_nl
    if rate_nl >= min_nl:
        return int(rate_nl) // step_nl * step_nl
    return min_mode_nl if rate_nl >= min_mode_nl else 0


def program_mode(rate_nl: Any, min_nl: Any) -> Any:
    """The mode in which a pump runs an accepted basal rate (nL per pump tick)."""
    if rate_nl >= min_nl:
        return CONTINUOUS
    return MIN_RATE if rate_nl > 0 else STOPPED


_programmable_rate = kernel(programmable_rate)
_program_mode = kernel(program_mode)


@kernel
def _check_reservoir(state, par):
    """Set the alarms that follow from the *estimated* volume; only a refill clears them."""
    if state.estimated_ml <= par.low_reservoir_ml:
        state.alarms |= LOW_RESERVOIR
        if state.estimated_ml <= par.residual_ml:
            state.alarms |= EMPTY_RESERVOIR


@kernel
def cancel_bolus(state):
    """Stop a running bolus; returns the programmed volume that will not be infused, nL."""
    cancelled = state.bolus_left_nl
    state.bolus_left_nl = 0.0
    return cancelled


@kernel
def command(state, par, rate_nl, bolus_nl):
    """Program the coming pump tick with what the shield allowed.

    The rate follows :func:`programmable_rate`; the bolus is rounded down to the pump's step and joins one that still
    runs. A stopped pump and the minimum-rate mode run no bolus: entering either cancels a running one. A command with a
    number that is not finite or is negative is refused whole, as is every command to a constant-flow pump: the program
    stays as it was.

    Args:
        state: PUMP_STATE record, changed in place.
        par: PUMP_PAR record.
        rate_nl: basal rate, nL per pump tick.
        bolus_nl: bolus to start now, nL (0 for none).

    Returns:
        (rate_nl, bolus_nl) as programmed: the basal rate that runs from now on and the bolus accepted now.
    """
    valid = 0 <= rate_nl < math.inf and 0 <= bolus_nl < math.inf
    if not valid or par.rate_adjustable == 0:
        return state.rate_nl, 0
    rate = _programmable_rate(rate_nl, par.rate_step_nl, par.min_mode_rate_nl, par.min_rate_nl, par.max_rate_nl)
    state.rate_nl = rate
    state.mode = _program_mode(rate, par.min_rate_nl)
    if state.mode != CONTINUOUS:
        state.bolus_left_nl = 0.0
        return rate, 0
    # No bolus is larger than a reservoir; the cap also keeps the integer conversion defined.
    bolus = int(min(bolus_nl, par.capacity_ml / ML_PER_NL)) // par.bolus_step_nl * par.bolus_step_nl
    state.bolus_left_nl += bolus
    return rate, bolus


@kernel
def deliver(state, par, dt_h, out_ug):
    """Run the program for ``dt_h`` and move the fluid through the catheter.

    A bolus runs at the flow the basal rate leaves under the pump's largest flow. The reservoir gives nothing below its
    residual, so an empty pump delivers nothing while the program, and the estimate, run on.

    Args:
        state: PUMP_STATE record, changed in place.
        par: PUMP_PAR record.
        dt_h: substep, h.
        out_ug: ``[MAX_DRUGS]`` overwritten with the drug that left the catheter tip, µg.

    Returns:
        (basal_ml, bolus_ml): true volumes that left the tip for either purpose, mL.
    """
    ticks = dt_h * (1.0 / PUMP_TICK_H)
    basal_nl = state.rate_nl * ticks
    bolus_nl = 0.0
    if state.bolus_left_nl > 0.0:
        bolus_nl = min(state.bolus_left_nl, max(par.max_flow_nl * ticks - basal_nl, 0.0))
        state.bolus_left_nl -= bolus_nl
    planned_ml = (basal_nl + bolus_nl) * ML_PER_NL
    ratio = max(par.flow_bias + par.flow_drift_per_h * state.age_h, 0.0)
    flow_ml = planned_ml * ratio
    available_ml = max(state.true_ml - par.residual_ml, 0.0)
    if flow_ml > available_ml:
        ratio *= available_ml / flow_ml
        flow_ml = available_ml
    if is_uniform(state):  # the usual case, kept here because passing an array on costs as much as the rest
        for d in range(MAX_DRUGS):
            out_ug[d] = flow_ml * state.conc[d]
    else:
        push(state, flow_ml, out_ug)
    state.true_ml -= flow_ml
    state.estimated_ml = max(state.estimated_ml - planned_ml, 0.0)
    state.delivered_ml += flow_ml
    state.commanded_ml += planned_ml
    state.age_h += dt_h
    _check_reservoir(state, par)
    return basal_nl * ML_PER_NL * ratio, bolus_nl * ML_PER_NL * ratio


@kernel
def refill(state, par, volume_ml, conc):
    """Aspirate what can be aspirated, fill, and reset the pump's estimate; program and catheter stay as they are.

    The residual stays and mixes with the new drug, so a new concentration starts slightly off its label. What would
    exceed the capacity is not injected.

    Args:
        state: PUMP_STATE record, changed in place.
        par: PUMP_PAR record.
        volume_ml: volume in the syringe, mL (nothing is injected for a negative or missing number).
        conc: ``[MAX_DRUGS]`` concentrations in the syringe, µg/mL.

    Returns:
        (aspirated_ml, expected_ml): volume found and volume the pump's estimate promised, for the volume balance.
    """
    kept = min(state.true_ml, par.residual_ml)
    aspirated_ml = state.true_ml - kept
    expected_ml = max(state.estimated_ml - par.residual_ml, 0.0)
    injected = min(volume_ml, par.capacity_ml - kept) if volume_ml > 0.0 else 0.0
    total = kept + injected
    if injected > 0.0:
        for d in range(MAX_DRUGS):
            # In this form equal concentrations stay exactly equal, which keeps the catheter one slug.
            state.conc[d] = conc[d] + (state.conc[d] - conc[d]) * (kept / total)
            state.label_conc[d] = conc[d]
    state.true_ml = total
    state.estimated_ml = total
    state.alarms &= ~(LOW_RESERVOIR | EMPTY_RESERVOIR)
    state.refills += 1
    _check_reservoir(state, par)
    return aspirated_ml, expected_ml


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
    out: NDArray[np.void] | None = None,
) -> NDArray[np.void]:
    """The state of pumps just implanted and filled.

    Args:
        par: ``[n]`` PUMP_PAR records, or one.
        conc: ``[MAX_DRUGS]`` or ``[n, MAX_DRUGS]`` concentrations in the reservoir, µg/mL.
        fill_ml: volume in the reservoir after priming, residual included, mL; one for all or ``[n]``.
        primed: whether the catheter is filled with drug; otherwise with CSF, which holds none.
        rate_nl: basal rate asked for, nL per pump tick; one for all or ``[n]``; follows :func:`programmable_rate`.
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
        row["rate_nl"] = programmable_rate(rate, *(int(one[limit]) for limit in _RATE_LIMITS))
        row["mode"] = program_mode(row["rate_nl"], one["min_rate_nl"])
    state["true_ml"] = state["estimated_ml"] = fill
    state["conc"] = state["label_conc"] = content
    state["n_slugs"] = 1
    state["slug_ml"][:, 0] = par["dead_ml"]
    state["slug_conc"][:, 0] = content if primed else 0.0
    low = np.where(fill <= par["low_reservoir_ml"], LOW_RESERVOIR, 0)
    state["alarms"] = low | np.where(fill <= par["residual_ml"], EMPTY_RESERVOIR, 0)
    return state
