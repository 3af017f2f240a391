"""Patients under a prescribed regimen, without pump or shield: what validation, calibration and sensitivity studies run.

The equations are the environment's own (``patient.step_kinetics`` and ``patient.step_response``); only the source differs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from thecal.core.jit import entry_point, kernel, source_key
from thecal.core.layout import AXIAL, COARSE_PER_TICK, MAX_DRUGS, TICK_H
from thecal.physiology.breathing import co2_response, is_depressed, lowest_saturation, ventilation
from thecal.physiology.circulation import heart_rate, systolic
from thecal.physiology.effect import analgesic_shift
from thecal.physiology.pain import step_disturbance
from thecal.physiology.patient import is_quiet, prepare_patient, start_patient, step_kinetics, step_response
from thecal.physiology.records import PATIENT_STATE
from thecal.physiology.reports import step_report
from thecal.physiology.sensors import step_sensors

_f = np.float64
SIGNALS_DTYPE = np.dtype(
    [
        ("lumbar", _f),  # CSF at L3, µg/mL; this and the next six for drug 0
        ("cranial", _f),  # cranial CSF, µg/mL
        ("tip_node", _f),  # CSF at the tip's node, µg/mL
        ("tip_cell", _f),  # unmixed cell at the tip, µg/mL
        ("plasma", _f),  # µg/mL
        ("ce_dh", _f),  # µg/mL
        ("ce_bs", _f),  # µg/mL
        ("relief", _f),
        ("pain", _f),  # NRS
        ("pain_latent", _f),  # NRS
        ("rr", _f),  # 1/min
        ("spo2", _f),  # %
        ("spo2_low", _f),  # lowest half minute of the tick, %
        ("vent", _f),  # ventilation / baseline
        ("co2_response", _f),  # the same at a PaCO2 that is held
        ("depressed", _f),  # 1 while RR < 8 or SpO2 < 90
        ("sedation", _f),
        ("nausea", _f),  # 0-10
        ("withdrawal", _f),
        ("tolerance", _f),  # log EC50 shift
        ("oih", _f),
        ("episode", _f),  # 1 while a breakthrough episode runs
        ("ashworth", _f),  # 1-5
        ("spasm", _f),  # 0-4
        ("sbp", _f),  # true systolic pressure, mmHg
        ("hr", _f),  # true heart rate, 1/min
        ("motor_block", _f),
        ("itch", _f),
        ("retention", _f),
        ("gut", _f),
        ("cognition", _f),
        ("psychotic", _f),
        ("endocrine", _f),
        ("granuloma", _f),
        ("temperature", _f),  # degree C
        ("crisis_h", _f),  # h
        ("distress", _f),
        ("function", _f),  # 0-100
        ("bp_fall", _f),
        ("dead", _f),
    ]
)


@kernel
def _write_drug(par, state, out):
    drug = state.drug[0]
    out.lumbar = drug.csf[par.lumbar_node] / par.v_node[par.lumbar_node]
    out.cranial = drug.csf[0] / par.v_node[0]
    out.tip_node = drug.csf[par.tip_node] / par.v_node[par.tip_node]
    out.tip_cell = drug.tip / par.tip_ml if par.structure == AXIAL else out.tip_node
    out.plasma = drug.plasma / par.drug[0].v_plasma_ml
    out.ce_dh = drug.ce_dh
    out.ce_bs = drug.ce_bs


@kernel
def _write_signals(par, state, out):
    _write_drug(par, state, out)
    out.relief = state.relief
    out.pain = state.pain
    out.pain_latent = state.pain_latent
    out.rr = state.rr
    out.spo2 = state.spo2
    out.spo2_low = lowest_saturation(par, state)
    out.vent = ventilation(par, state)
    out.co2_response = co2_response(par, state)
    out.depressed = 1.0 if is_depressed(state) else 0.0
    out.sedation = state.sedation
    out.nausea = state.nausea
    out.withdrawal = state.withdrawal
    out.tolerance = analgesic_shift(par, state, 0)
    out.oih = state.oih
    out.episode = 1.0 if state.bt_age_h >= 0.0 else 0.0
    out.ashworth = state.ashworth
    out.spasm = state.spasm
    out.sbp = systolic(par, state, 0.0)
    out.hr = heart_rate(par, state, 0.0)
    out.motor_block = state.motor_block
    out.itch = state.itch
    out.retention = state.retention
    out.gut = state.gut
    out.cognition = state.cognition
    out.psychotic = state.psychotic
    out.endocrine = state.endocrine
    out.granuloma = state.granuloma
    out.temperature = state.temperature
    out.crisis_h = state.crisis_h
    out.distress = state.distress
    out.function = state.function
    out.bp_fall = state.bp_fall
    out.dead = state.dead


@kernel
def _run_one(par, state, rate_ug_per_h, basal_ml_per_h, bolus_ug, bolus_ml, out):
    """One patient over ``len(out)`` pump ticks; boluses enter in the first substep of the first tick."""
    tip_ug = np.zeros(MAX_DRUGS)
    given = 0.0
    for d in range(par.n_drugs):
        given += bolus_ug[d]
    for k in range(out.shape[0]):
        t_h = state.tick * TICK_H
        step_disturbance(par, state, t_h)
        bolus = k == 0 and given > 0.0
        n = 1 if is_quiet(state) and not bolus else COARSE_PER_TICK
        dt_h = TICK_H / n
        for s in range(n):
            first = bolus and s == 0
            for d in range(par.n_drugs):
                tip_ug[d] = rate_ug_per_h[d] * dt_h + (bolus_ug[d] if first else 0.0)
            step_kinetics(par, state, tip_ug, basal_ml_per_h * dt_h, bolus_ml if first else 0.0, dt_h)
        step_response(par, state, t_h, 0.5 * TICK_H)
        step_sensors(par, state, t_h + TICK_H)
        step_report(par, state)
        state.tick += 1
        _write_signals(par, state, out[k])


def _compile(key: int) -> Any:
    @entry_point(parallel=True)
    def run(par, state, rate_ug_per_h, basal_ml_per_h, bolus_ug, bolus_ml, out):
        for b in prange(par.shape[0]):
            _run_one(par[b], state[b], rate_ug_per_h[b], basal_ml_per_h[b], bolus_ug[b], bolus_ml, out[b])
        return key

    return run


_run = _compile(source_key())


def begin(par: NDArray[np.void], clock_h: float = 8.0) -> NDArray[np.void]:
    """Prepare patients in place and return their state on day 0, ``PATIENT_STATE[B]``."""
    state = np.zeros(len(par), PATIENT_STATE)
    for i in range(len(par)):
        prepare_patient(par[i])
        start_patient(par[i], state[i], clock_h)
    return state


def advance(
    par: NDArray[np.void],
    state: NDArray[np.void],
    hours: float,
    *,
    rate_ug_per_h: float | NDArray[np.float64] = 0.0,
    bolus_ug: float | NDArray[np.float64] = 0.0,
    bolus_ml: float = 1.0,
    basal_ml_per_h: float | NDArray[np.float64] = 0.02,
) -> dict[str, NDArray[np.float64]]:
    """Advance patients by ``hours`` under a constant infusion and one bolus at the start.

    Args:
        par, state: ``[B]`` records from :func:`begin`; ``state`` is advanced in place.
        hours: a multiple of 0.25 h.
        rate_ug_per_h, bolus_ug: of drug 0 (scalar or ``[B]``), or of every drug (``[B, MAX_DRUGS]``).
        bolus_ml, basal_ml_per_h: volumes, which set how much of a bolus leaves the tip as a jet.

    Returns:
        ``{signal: [ticks, B]}`` at the end of every pump tick, for each field of ``SIGNALS_DTYPE``.
    """
    out = np.zeros((len(par), round(hours / TICK_H)), SIGNALS_DTYPE)
    basal = np.broadcast_to(np.asarray(basal_ml_per_h, np.float64), len(par)).copy()
    _run(par, state, _per_drug(rate_ug_per_h, len(par)), basal, _per_drug(bolus_ug, len(par)), bolus_ml, out)
    return {name: out[name].T for name in SIGNALS_DTYPE.names or ()}


def _per_drug(value: float | NDArray[np.float64], n: int) -> NDArray[np.float64]:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 2:
        return np.ascontiguousarray(array)
    full = np.zeros((n, MAX_DRUGS))
    full[:, 0] = array
    return full
