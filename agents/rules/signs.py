"""What rules take for a sign of harm: sedation, breathing rate or saturation beyond a limit (``envs.signs``)."""

from __future__ import annotations

from typing import Protocol

from thecal.agents.view import Fields, Flags
from thecal.envs.signs import Signs

LIMITS = Signs._fields
READS = ("poss", "rr", "spo2")
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
    """Whether any of the three is beyond its limit, ``[n]``; what is missing is no sign."""
    low = (fields["rr"] < limits.rr_limit) | (fields["spo2"] < limits.spo2_limit)
    return is_sedated(fields, limits) | low
