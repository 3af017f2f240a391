"""Reproductions of levels: morphine and bupivacaine in CSF and plasma after one injection, and along the canal."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import NODES, TICK_H
from thecal.experiments.validation.reproductions.common import (
    Draw,
    Reproduction,
    bolus_course,
    half_life,
    patients,
    place_tip,
)
from thecal.physiology.regimen import advance, begin

Floats = NDArray[np.float64]
_N = 60
_MIN_PER_H = 60.0
_NG_PER_UG = 1000.0
_NOTHING = 1e-9  # 1/h: a rate at which nothing is lost within days
_MARKER_H = 72.0
_NECK = "C2"


@lru_cache(maxsize=1)
def _after_one_mg(who: Draw) -> tuple[Floats, Floats]:
    """Lumbar CSF and plasma (µg/mL, ``[ticks, B]``) over six hours after 1 mg of morphine."""
    _, course = bolus_course(who, 1000.0, _N, 6.0)
    return course["lumbar"], course["plasma"]


def csf_minutes(who: Draw) -> float:
    """Median half-life (min) in lumbar CSF between the first and the sixth hour."""
    return _MIN_PER_H * half_life(_after_one_mg(who)[0], 1.0, 6.0)


def plasma_peak(who: Draw) -> float:
    """Mean of each patient's highest concentration in plasma, ng/mL."""
    return float(_NG_PER_UG * _after_one_mg(who)[1].max(axis=0).mean())


def plasma_minutes(who: Draw) -> float:
    """Mean minutes to each patient's highest concentration in plasma."""
    return float(_MIN_PER_H * TICK_H * (_after_one_mg(who)[1].argmax(axis=0) + 1).mean())


def mean_peak_hours(who: Draw, drug: str, dose_ug: float) -> float:
    """Hours to the highest mean concentration in plasma within a day of one injection of 1.6 mL."""
    par = patients(who, "noncancer", _N, drug, naive=True)
    plasma = advance(par, begin(par), 24.0, bolus_ug=dose_ug, bolus_ml=1.6)["plasma"]
    return float(TICK_H * (plasma.mean(axis=1).argmax() + 1))


def marker_left(who: Draw) -> float:
    """Median concentration (%) at T2 of that at T12, a marker that only leaves with absorbed CSF, infused at L3 for 72 h.

    The marker is morphine that neither enters the cord nor is lost over the epidural space.
    """
    par = patients(who, "noncancer", _N, naive=True)
    for name in ("k_uptake", "k_cord_loss", "k_csf_loss"):
        par["drug"][name] = _NOTHING
    state = begin(par)
    advance(par, state, _MARKER_H, rate_ug_per_h=20.0)
    high, low = (state["drug"]["csf"][:, 0, node] / par["v_node"][:, node] for node in map(NODES.index, ("T2", "T12")))
    return float(100.0 * np.median(high / low))


def lumbar_over_neck(who: Draw) -> float:
    """Median lumbar : cervical CSF half an hour after one injection of morphine at L3."""
    par = patients(who, "noncancer", _N, naive=True)
    neck = par.copy()
    place_tip(neck, _NECK)
    node = int(neck["tip_node"][0])
    state = begin(par)
    lumbar = advance(par, state, 0.5, bolus_ug=500.0, bolus_ml=1.0)["lumbar"][-1]
    cervical = state["drug"]["csf"][:, 0, node] / par["v_node"][:, node]
    return float(np.median(lumbar / np.maximum(cervical, 1e-24)))


CONCENTRATIONS: dict[str, Reproduction] = {
    "kotob_half_life": csf_minutes,
    "kotob_plasma_peak": plasma_peak,
    "kotob_plasma_time": plasma_minutes,
    "zakowski_morphine": lambda who: mean_peak_hours(who, "morphine", 600.0),
    "zakowski_bupivacaine": lambda who: mean_peak_hours(who, "bupivacaine", 12_000.0),
    "kroin_marker": marker_left,
    "siddall_gradient": lumbar_over_neck,
}
