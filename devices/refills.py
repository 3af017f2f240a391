"""Refills as clinics do them: right, into the pocket, with the wrong drug, or at the wrong concentration."""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import MAX_DRUGS
from thecal.core.rng import STREAM_REFILL, uniforms
from thecal.devices.alarms import EMPTY_RESERVOIR, LOW_RESERVOIR, clear_alarm
from thecal.devices.fault_records import Fault
from thecal.devices.faults import begin_fault, end_fault, is_active
from thecal.devices.reservoir import refill

_POCKET, _DRUG, _CONC = int(Fault.POCKET_FILL), int(Fault.WRONG_DRUG), int(Fault.WRONG_CONCENTRATION)
_FACTORS = (0.1, 0.5, 2.0, 10.0)  # ratios of the mix-ups that double checks look for


@kernel
def _error_of_this_refill(fault, par, pump, pump_par):
    """Begin the refill error that is planned or drawn for this refill; returns its kind or -1."""
    for k in range(par.n_planned):
        kind = par.plan_kind[k]
        if _POCKET <= kind <= _CONC and fault.planned_done >> k & 1 == 0 and pump.age_h >= par.plan_h[k]:
            fault.planned_done |= 1 << k
            begin_fault(fault, par, pump, pump_par, kind, par.plan_size[k], par.plan_detail[k], math.inf)
            return kind
    draws = uniforms(par.seed, par.patient, STREAM_REFILL, pump.refills)
    chosen = -1
    for j in range(3):
        kind = _POCKET + j
        fault.refills[kind] += 1
        if chosen < 0 and draws[j] < par.chance[kind]:
            begin_fault(fault, par, pump, pump_par, kind, math.nan, -1, math.inf)
            chosen = kind
    return chosen


@kernel
def clinic_refill(fault, par, pump, pump_par, volume_ml, ordered):
    """One refill visit.

    A pocket fill aspirates the reservoir and injects beside it: the pump is told that it is full. A wrong drug or
    concentration goes in under the ordered label. A later, correct refill ends all three.

    Args:
        fault, par: FAULT_STATE and FAULT_PAR records.
        pump, pump_par: PUMP_STATE and PUMP_PAR records.
        volume_ml: volume in the syringe, mL.
        ordered: ``[MAX_DRUGS]`` concentrations ordered, µg/mL; must not be an array of ``pump``.

    Returns:
        (aspirated_ml, expected_ml), as :func:`thecal.devices.reservoir.refill`.
    """
    fault.refill_due = 0
    for kind in (_POCKET, _DRUG, _CONC):
        if is_active(fault, kind):
            end_fault(fault, pump, pump_par, kind, 1)
    kind = _error_of_this_refill(fault, par, pump, pump_par) if par.enabled == 1 else -1
    if kind == _POCKET:
        found, expected = refill(pump, pump_par, 0.0, ordered)
        volume = max(min(volume_ml, pump_par.capacity_ml - pump.true_ml), 0.0)
        pump.estimated_ml = pump.true_ml + volume
        if volume > 0.0:  # whoever tells the pump that it is full silences what it says of its reservoir
            clear_alarm(pump, LOW_RESERVOIR | EMPTY_RESERVOIR)
        for d in range(MAX_DRUGS):
            pump.tissue_ug[d] += volume * ordered[d]
            pump.filled_ug[d] += volume * ordered[d]
        return found, expected
    _fill_syringe(fault, par, kind, ordered)
    found, expected = refill(pump, pump_par, volume_ml, fault.syringe)
    if volume_ml > 0.0:
        for d in range(MAX_DRUGS):
            pump.label_conc[d] = ordered[d]
    return found, expected


@kernel
def _fill_syringe(fault, par, kind, ordered):
    """What is really in the syringe that bears the label of what was ordered."""
    factor = 1.0
    if kind == _CONC:
        factor = fault.size[kind] if fault.size[kind] > 0.0 else _FACTORS[fault.detail[kind] % 4]
    for d in range(MAX_DRUGS):
        fault.syringe[d] = factor * ordered[d]
    if kind == _DRUG:
        fault.syringe[0] = 0.0
        if par.wrong_slot > 0:
            fault.syringe[par.wrong_slot] += ordered[0]
