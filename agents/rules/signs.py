"""What rules take for a sign of harm: sedation, breathing, saturation, and what the drug's titration watches beside them."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from thecal.agents.view import Fields, Flags
from thecal.envs.signs import Signs

LIMITS = Signs._fields
READS = ("poss", "rr", "spo2")
# Side effects (0-4) that some drugs' titrations have a limit for, each under the name of its settings.
SCORES = {"confusion": "confusion_limit", "weakness": "weakness_limit"}
_HALF_SCORE = 0.5  # halfway between two scores, so that rounding of the scaled observation cannot hide one


class SignLimits(Protocol):
    """Settings that hold the limits."""

    @property
    def poss_limit(self) -> float:
        """Sedation score from which on the patient counts as over-sedated."""

    @property
    def rr_limit(self) -> float:
        """Breathing rate (1/min) below which there is a sign."""

    @property
    def spo2_limit(self) -> float:
        """Saturation (%) below which there is a sign."""


def is_sedated(fields: Fields, limits: SignLimits) -> Flags:
    """Whether the sedation score is at its limit, ``[n]``; a missing score is no sign."""
    return fields["poss"] > limits.poss_limit - _HALF_SCORE


def is_harmed(fields: Fields, limits: SignLimits) -> Flags:
    """Whether any of them is beyond its limit, ``[n]``; what is missing is no sign."""
    harmed = is_sedated(fields, limits) | (fields["rr"] < limits.rr_limit) | (fields["spo2"] < limits.spo2_limit)
    for name, key in SCORES.items():
        limit = getattr(limits, key, None)
        if limit is not None:
            harmed = harmed | (np.nan_to_num(fields[name]) > limit)
    return harmed
