"""The reservoir: refills, the alarms computed from the estimated volume, and what happens to the drug at body temperature."""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import MAX_DRUGS
from thecal.devices.alarms import EMPTY_RESERVOIR, LOW_RESERVOIR, PumpEvent, clear_alarm, note, raise_alarm
from thecal.devices.catheter import fluid_mass
from thecal.devices.records import HOURLY_H, N_SLUGS

_REFILL = int(PumpEvent.REFILL)
_SATURATED = 0.999  # of the wall's capacity, beyond which no more uptake is counted


@kernel
def check_reservoir(state, par):
    """Set the alarms that follow from the *estimated* volume; only a refill clears them."""
    if state.estimated_ml <= par.low_reservoir_ml:
        raise_alarm(state, LOW_RESERVOIR)
        if state.estimated_ml <= par.residual_ml:
            raise_alarm(state, EMPTY_RESERVOIR)


@kernel
def precipitate(state, par):
    """Drug above its solubility falls out and stays in the reservoir."""
    for d in range(MAX_DRUGS):
        excess = state.conc[d] - par.soluble_ug_per_ml[d]
        if excess > 0.0:
            state.conc[d] -= excess
            state.precipitated_ug[d] += excess * state.true_ml


@kernel
def refill(state, par, volume_ml, conc):
    """Aspirate what can be aspirated, fill, and reset the pump's estimate; program and catheter stay as they are.

    The residual stays and mixes with the new drug, so a new concentration starts slightly off its label. What would
    exceed the capacity is not injected; what would exceed the solubility precipitates.

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
    for d in range(MAX_DRUGS):
        state.aspirated_ug[d] += aspirated_ml * state.conc[d]
        if injected > 0.0:
            state.filled_ug[d] += injected * conc[d]
            # In this form equal concentrations stay exactly equal, which keeps the catheter one slug.
            state.conc[d] = conc[d] + (state.conc[d] - conc[d]) * (kept / total)
            state.label_conc[d] = conc[d]
    state.true_ml = total
    state.estimated_ml = total
    state.fill_h = state.age_h
    precipitate(state, par)
    clear_alarm(state, LOW_RESERVOIR | EMPTY_RESERVOIR)
    state.refills += 1
    note(state, _REFILL, aspirated_ml, expected_ml)
    check_reservoir(state, par)
    return aspirated_ml, expected_ml


@kernel
def _decay(state, par, d):
    """An hour's first-order loss, in reservoir and catheter alike, so that a uniform catheter stays uniform."""
    left = math.exp(-par.decay_per_h[d] * HOURLY_H)
    mass = state.conc[d] * state.true_ml + fluid_mass(state, d)
    state.decayed_ug[d] += mass * (1.0 - left)
    state.conc[d] *= left
    for k in range(N_SLUGS):
        state.slug_conc[k, d] *= left


@kernel
def _wall(state, par, d):
    """An hour's uptake by the reservoir's walls: first order in the sites left, never more than half of what is there."""
    room = _SATURATED * par.wall_ug[d] - state.on_wall_ug[d]
    if room > 0.0 and state.true_ml > 0.0:
        share = -math.expm1(-par.wall_per_h[d] * HOURLY_H)
        taken = min(room * share, 0.5 * state.conc[d] * state.true_ml)
        state.conc[d] -= taken / state.true_ml
        state.on_wall_ug[d] += taken


@kernel
def age_solution(state, par):
    """One hour at body temperature: precipitation, degradation, then uptake by the walls."""
    precipitate(state, par)
    for d in range(MAX_DRUGS):
        if state.conc[d] > 0.0 or state.slug_conc[0, d] > 0.0:
            if par.decay_per_h[d] > 0.0:
                _decay(state, par, d)
            if par.wall_ug[d] > 0.0:
                _wall(state, par, d)


@kernel
def unaccounted(state, d):
    """Drug ``d`` put in less drug found anywhere, µg: 0 but for rounding (for tests and soaks)."""
    found = state.conc[d] * state.true_ml + fluid_mass(state, d)
    found += state.decayed_ug[d] + state.on_wall_ug[d] + state.on_catheter_ug[d] + state.precipitated_ug[d]
    found += state.aspirated_ug[d] + state.tip_ug[d] + state.tissue_ug[d] + state.absorbed_ug[d]
    return state.filled_ug[d] - found
