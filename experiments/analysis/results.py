"""What is found out about policies: outcomes, intervals, paired differences, events and the shield's account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["superior", "inferior", "non-inferior", "inconclusive"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; NaN where it cannot be given."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference(Interval):
    """A paired difference from the reference policy, and what it allows one to say."""

    verdict: Verdict = "inconclusive"
    p_adjusted: float | None = None
    improved: float | None = None


@dataclass(frozen=True)
class Events:
    """How often something happened: onsets, patients concerned, time watched, and the rate's upper 95 % bound."""

    onsets: float
    patients: int
    patient_days: float
    upper_per_100d: float

    @property
    def per_100d(self) -> float:
        """Onsets for each 100 patient-days."""
        return 100.0 * self.onsets / self.patient_days if self.patient_days > 0 else float("nan")


@dataclass(frozen=True)
class ShieldUse:
    """The shield's account of one policy, per 1000 patient-hours and per invariant number."""

    intervened: float
    binding: Mapping[int, float]
    violations: Mapping[int, float]
