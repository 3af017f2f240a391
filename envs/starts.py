"""The dose at the implant: the task's rule for it, the most that the limits allow, and a program that was inherited."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.rng import STREAM_DEVICE, uniforms
from thecal.envs.scenario import Resolved
from thecal.physiology.cohort import Cohort
from thecal.safety.records import WINDOW

_START_DRAW = 1  # of the device stream, beside the pump's own draw 0


def start_doses(scene: Resolved, cohort: Cohort) -> NDArray[np.float64]:
    """Dose of the first drug at the implant, µg/d, ``[B]``, by the task's rule."""
    start = scene.task.start
    doses = np.asarray(cohort.covariates["start_dose_ug_per_d"], np.float64)
    if start.rule == "fixed":
        doses = np.full(len(cohort), start.dose_ug_per_d, np.float64)
    if start.low == start.high:
        return doses * start.low
    seed = scene.scenario.cohort_seed
    share = np.array([uniforms(seed, patient, STREAM_DEVICE, _START_DRAW)[0] for patient in cohort.ids])
    low, high = math.log(start.low), math.log(start.high)
    return np.asarray(doses * np.exp(low + share * (high - low)))


def highest_starts(scene: Resolved, cohort: Cohort) -> NDArray[np.float64]:
    """The most of the first drug at the implant, µg/d, ``[B]``, that the limits allow of every drug of the solution.

    An inherited program was written by somebody else, so limits on the start do not judge it; the caps do.
    """
    shares = dict(zip(scene.task.drugs, (1.0, *scene.task.solution.ratios), strict=True))
    if scene.task.start.inherited:
        return np.full(len(cohort), min(scene.profile.cap_ug(drug) / share for drug, share in shares.items()))
    oral = np.asarray(cohort.covariates["medd_mg_per_d"], np.float64).tolist()
    return np.array(
        [min(scene.profile.highest_start(drug, dose) / share for drug, share in shares.items()) for dose in oral]
    )


def sustained_rate(limits: Any, rate_nl: int) -> int:
    """The most of ``rate_nl`` (nL per pump tick) that every cap of a SHIELD_PAR record holds for good, on the pump's grid."""
    caps = (int(limits["cap_pg"][d]) // (WINDOW * int(limits["conc"][d])) for d in range(int(limits["n_caps"])))
    step = int(limits["rate_step"])
    return max(min(rate_nl, *caps) // step * step, int(limits["min_rate"]))


def seed_ledger(state: Any, limits: Any) -> None:
    """Write the rate in force into the ledger as though it had run for a day, so that the caps count an inherited program."""
    for d in range(int(limits["n_caps"])):
        each = int(state["prev_rate"]) * int(limits["conc"][d])
        state["ledger"][d] = each
        state["dose24"][d] = each * (WINDOW - 1)
