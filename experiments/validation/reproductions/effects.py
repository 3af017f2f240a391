"""Reproductions of how long, how soon and how strongly the drugs act, alone and together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from thecal.core.jit import entry_point, source_key
from thecal.core.layout import TICK_H
from thecal.experiments.validation.reproductions.common import (
    CLONIDINE_DEMAND,
    DAY_H,
    Draw,
    Par,
    Reproduction,
    bolus_course,
    hold,
    hours_at_half_effect,
    hours_to_demand,
    patients,
    reachable,
    tolerant_start,
    toward_relief,
)
from thecal.physiology.effect import relief_of, step_channels
from thecal.physiology.patient import prepare_patient
from thecal.physiology.regimen import advance, begin

_N = 60
_MIN_PER_H = 60.0


def duration(who: Draw, dose_ug: float, drug: str) -> float:
    """Median hours with at least half of the patient's largest relief after a bolus."""
    return float(np.median(hours_at_half_effect(who, dose_ug, drug, _N, 30.0)))


def demand_minutes(who: Draw, dose_ug: float) -> float:
    """Median minutes from clonidine in labor to the request for more."""
    return float(_MIN_PER_H * np.median(hours_to_demand(who, dose_ug, "clonidine", CLONIDINE_DEMAND, 200)))


def clonidine_threshold(who: Draw) -> float:
    """Median lumbar CSF concentration (ng/mL) at a steady relief of a fifth of the patient's largest."""
    par = patients(who, "noncancer", _N, "clonidine", naive=True)
    channel = par["channel"]
    noci, neuro = channel["emax_noci"][:, 0], channel["emax_neuro"][:, 0]
    target = 0.2 * (noci + par["neuropathic"] * (neuro - noci))
    dose = np.full(len(par), 60.0)
    for _ in range(12):
        course = advance(par, begin(par), 24.0, rate_ug_per_h=dose / DAY_H)
        relief = np.maximum(1e-6, course["relief"][-8:].mean(axis=0))
        dose = dose * np.clip((target / relief) ** 0.5, 0.5, 2.0)
    return float(1000.0 * np.median(course["lumbar"][-8:].mean(axis=0)))


def motor_block_hours(who: Draw) -> float:
    """Median hours with a motor block of at least a half after 10 mg of bupivacaine."""
    _, course = bolus_course(who, 10_000.0, _N, 12.0, "bupivacaine")
    return float(np.median((course["motor_block"] >= 0.5).sum(axis=0) * TICK_H))


def _spasticity_bolus(
    who: Draw, dose_ug: float, hours: float, baseline: float | None = None
) -> dict[str, NDArray[np.float64]]:
    par = patients(who, "spasticity", _N, "baclofen", naive=True)
    if baseline is not None:
        par["ashworth0"] = 1.0 + (par["ashworth0"] - 1.0) * (baseline - 1.0) / (par["ashworth0"].mean() - 1.0)
    return advance(par, begin(par), hours, bolus_ug=dose_ug, bolus_ml=1.0)


def baclofen_peak(who: Draw) -> float:
    """Median time (h) of the lowest Ashworth score after 75 µg, the circadian swing taken out."""
    par = patients(who, "spasticity", _N, "baclofen", naive=True)
    par["spasm_circ"] = 0.0
    course = advance(par, begin(par), 12.0, bolus_ug=75.0, bolus_ml=1.0)
    return float(np.median((course["ashworth"].argmin(axis=0) + 1) * TICK_H))


def interaction_index(who: Draw, first: str, second: str) -> float:
    """Median interaction index at half of the first drug's largest relief: 1 is additive, less is synergy.

    Concentrations are set at the effect sites, so the index is the receptors' own and no kinetics enter.
    """
    par = patients(who, "noncancer", _N, first, second, naive=True)
    reach = par["channel"]["emax_noci"]
    target = 0.5 * np.minimum(reach[:, 0], reach[:, 1])
    alone = [_dose_for(par, target, np.array(weights)) for weights in ((1.0, 0.0), (0.0, 1.0))]
    mixed = _dose_for(par, target, np.stack(alone, axis=1) / 2.0)
    return float(np.median(mixed))


def _dose_for(par: Par, target: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale ``[B]`` of effect-site concentrations (in naive EC50 x weights) at which nociceptive relief is ``target``."""
    low, high = np.full(len(par), 1e-4), np.full(len(par), 1e4)
    state = begin(par)
    for _ in range(50):
        middle = np.sqrt(low * high)
        scaled = np.broadcast_to(weights, (len(par), 2)) * middle[:, None]
        state["drug"]["ce_dh"][:, :2] = scaled * par["drug"]["ec50"][:, :2]
        enough = _relief(par, state) >= target
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    found: NDArray[np.float64] = np.sqrt(low * high)
    return found


def _compile_relief(key: int) -> Callable[[Par, NDArray[np.void], NDArray[np.float64]], int]:
    @entry_point()
    def run(par, state, out):
        for b in range(par.shape[0]):
            prepare_patient(par[b])
            step_channels(par[b], state[b])
            out[b] = relief_of(par[b], state[b])[0]
        return key

    compiled: Callable[[Par, NDArray[np.void], NDArray[np.float64]], int] = run
    return compiled


_run_relief = _compile_relief(source_key())


def _relief(par: Par, state: NDArray[np.void]) -> NDArray[np.float64]:
    out = np.zeros(len(par))
    _run_relief(par, state, out)
    return out


def bupivacaine_sparing(who: Draw) -> float:
    """Median opioid dose with 4 mg/d of bupivacaine / without, after three months at 50 % relief."""
    doses = []
    for second in (0.0, 4000.0):
        par = reachable(patients(who, "noncancer", 40, "morphine", "bupivacaine"), 0.5)
        doses.append(hold(par, tolerant_start(par) / 5.0, 3, toward_relief(0.5), second_ug_per_d=second)[-1])
    return float(np.median(doses[1] / doses[0]))


EFFECTS: dict[str, Reproduction] = {
    "fentanyl_duration": lambda who: duration(who, 25.0, "fentanyl"),
    "sufentanil_duration": lambda who: duration(who, 7.5, "sufentanil"),
    "hydromorphone_duration": lambda who: duration(who, 100.0, "hydromorphone"),
    "clonidine_duration": lambda who: demand_minutes(who, 100.0),
    "clonidine_duration_ratio": lambda who: demand_minutes(who, 200.0) / max(1.0, demand_minutes(who, 50.0)),
    "clonidine_threshold": clonidine_threshold,
    "dexmedetomidine_duration": lambda who: duration(who, 7.5, "dexmedetomidine"),
    "midazolam_duration": lambda who: duration(who, 2000.0, "midazolam"),
    "bupivacaine_duration": motor_block_hours,
    "baclofen_peak": baclofen_peak,
    "baclofen_bolus_ashworth": lambda who: float(_spasticity_bolus(who, 75.0, 4.0, 3.8)["ashworth"][-1].mean()),
    "baclofen_bolus_stroke": lambda who: float(_spasticity_bolus(who, 50.0, 6.0, 3.3)["ashworth"][-1].mean()),
    "clonidine_synergy": lambda who: interaction_index(who, "morphine", "clonidine"),
    "bupivacaine_sparing": bupivacaine_sparing,
}
