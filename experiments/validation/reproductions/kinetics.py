"""Reproductions of kinetic studies of the drugs other than morphine."""

from __future__ import annotations

import numpy as np

from thecal.core.layout import TICK_H
from thecal.experiments.validation.reproductions.common import (
    DAY_H,
    Draw,
    Reproduction,
    bolus_course,
    clearance,
    half_life,
    patients,
    place_tip,
)
from thecal.physiology.regimen import advance, begin

_N = 40
_MIN_PER_H = 60.0


def bolus_half_life(who: Draw, drug: str, from_h: float, to_h: float) -> float:
    """Median half-life (h) in lumbar CSF after a bolus; kinetics are linear, so the dose does not matter."""
    _, course = bolus_course(who, 100.0, _N, to_h, drug)
    return half_life(course["lumbar"], from_h, to_h)


def bolus_clearance(who: Draw, drug: str) -> float:
    """Median dose / AUC in lumbar CSF, mL/h."""
    _, course = bolus_course(who, 100.0, _N, 48.0, drug)
    return clearance(100.0, course["lumbar"])


def residence_time(who: Draw, drug: str) -> float:
    """Median AUMC / AUC (h) in lumbar CSF over 24 h."""
    _, course = bolus_course(who, 100.0, _N, 24.0, drug)
    lumbar = course["lumbar"]
    time = (np.arange(len(lumbar)) + 0.5)[:, None] * TICK_H
    return float(np.median((time * lumbar).sum(axis=0) / lumbar.sum(axis=0)))


def baclofen_gradient(who: Draw) -> float:
    """Median lumbar : cranial CSF concentration in the second week of an infusion at T10."""
    par = patients(who, "spasticity", _N, "baclofen", naive=True)
    place_tip(par, "T10")
    course = advance(par, begin(par), 14 * DAY_H, rate_ug_per_h=400.0 / DAY_H)
    return float(np.median(course["lumbar"][-96:].mean(axis=0) / course["cranial"][-96:].mean(axis=0)))


def baclofen_tip(who: Draw) -> float:
    """Mean concentration in the cell at the tip (µg/mL) at 607 µg/d: what a catheter aspirates first."""
    par = patients(who, "spasticity", _N, "baclofen", naive=True)
    course = advance(par, begin(par), 14 * DAY_H, rate_ug_per_h=607.0 / DAY_H)
    return float(course["tip_cell"][-96:].mean())


KINETICS: dict[str, Reproduction] = {
    "baclofen_half_life": lambda who: bolus_half_life(who, "baclofen", 0.5, 4.0),
    "baclofen_clearance": lambda who: bolus_clearance(who, "baclofen"),
    "baclofen_gradient": baclofen_gradient,
    "baclofen_tip": baclofen_tip,
    "ziconotide_half_life": lambda who: bolus_half_life(who, "ziconotide", 4.0, 16.0),
    "ziconotide_clearance": lambda who: bolus_clearance(who, "ziconotide") / _MIN_PER_H,
    "clonidine_half_life": lambda who: bolus_half_life(who, "clonidine", 1.0, 5.0),
    "fentanyl_half_life": lambda who: bolus_half_life(who, "fentanyl", 0.5, 3.0),
    "sufentanil_mrt": lambda who: residence_time(who, "sufentanil"),
    "bupivacaine_half_life": lambda who: bolus_half_life(who, "bupivacaine", 1.0, 6.0),
    "dexmedetomidine_half_life": lambda who: bolus_half_life(who, "dexmedetomidine", 1.0, 4.0),
    "midazolam_half_life": lambda who: bolus_half_life(who, "midazolam", 1.0, 4.0),
}
