"""What a model says beside what is heard: pain (or spasms) and nausea, and what a step is worth under both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from thecal.agents.rules.pid import NRS_PER_SPASM
from thecal.agents.simulator import Simulator
from thecal.agents.view import Fields, Flags, Floats
from thecal.core.layout import TICK_H
from thecal.envs.kernel.well import GOAL_SPASM, NAUSEA_BOUND

READS = ("nrs_report", "nrs_age_h", "nausea", "poss", "rr", "spo2", "rate_ratio_start", "dose_mg_per_d")
_SEVERE = ("lost_breathing", "lost_sedation", "lost_withdrawal", "lost_confusion", "lost_weakness")


class Heard(NamedTuple):
    """What a patient said in the last step, each ``[n]``; NaN where nothing new came."""

    pain: Floats
    nausea: Floats


class Said(NamedTuple):
    """What a model's rows say of the same, each ``[rows]``."""

    pain: Floats
    nausea: Floats


def heard(fields: Fields, tick_h: float, *, spasms: bool) -> Heard:
    """Reports of the last step; spasms stand for pain, stretched to its scale, where spasticity is treated."""
    new = np.isfinite(fields["nrs_report"]) & (fields["nrs_age_h"] < tick_h - 0.5 * TICK_H)
    report = NRS_PER_SPASM * fields["spasms"] if spasms else fields["nrs_report"]
    return Heard(np.where(new, report, np.nan), fields["nausea"])


def said(simulator: Simulator, out: NDArray[np.void]) -> Said:
    """The same of a model's step."""
    if simulator.view.goal == "spasticity":
        return Said(NRS_PER_SPASM * simulator.batch.world["patient"]["spasm"], out["nausea"].copy())
    return Said(out["pain_mean"].copy(), out["nausea"].copy())


def goal(simulator: Simulator) -> Floats:
    """The most pain (NRS, spasms stretched to it) at which each row's goal is met, ``[rows]``."""
    if simulator.view.goal == "spasticity":
        return np.full(simulator.rows, NRS_PER_SPASM * GOAL_SPASM)
    met: Floats = simulator.batch.par["task"]["goal_nrs"].copy()
    return met


class Utility(NamedTuple):
    """What a step is worth.

    Attributes:
        width: standard deviation of what pain and nausea will be beside the corrected model, points of 0-10.
        harm: hours well treated that an hour of over-sedation or depressed breathing costs.
        tie: hours that a point of pain above the goal costs in an hour, so that less pain is better where the goal is far.
    """

    width: float
    harm: float
    tie: float

    def of(self, found: Said, most: Floats, out: NDArray[np.void], tick_h: float) -> Floats:
        """Expected well-treated hours less harm, ``[rows]``, of corrected pain and nausea in a step of a model.

        Args:
            found: pain and nausea, corrected, ``[rows]``.
            most: pain at which the goal is met, ``[rows]``.
            out: TICK_OUT of the step, ``[rows]``.
            tick_h: its length, h.
        """
        severe = np.sum([out[name] for name in _SEVERE], axis=0)
        met = ndtr((most - found.pain) / self.width) * ndtr((NAUSEA_BOUND - found.nausea) / self.width)
        grave = out["lost_breathing"] + out["lost_sedation"]
        missed = np.maximum(found.pain - most, 0.0)
        worth: Floats = np.maximum(tick_h - severe, 0.0) * met - self.harm * grave - self.tie * tick_h * missed
        return worth


def calm(sedated: Flags, wanted: Floats, now: Floats) -> Floats:
    """The plan, which never raises the dose of a patient who shows signs of harm."""
    return np.where(sedated, np.minimum(wanted, now), wanted)
