"""What a report is made from: outcomes for each policy and patient, events, the shield's account, a few trajectories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.results import Difference, Events, Interval, ShieldUse
from thecal.experiments.validation.validate import Band

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Story:
    """One patient under several policies: ``tracks[policy][field]`` is ``[T]``; boluses and drugs in the task's units."""

    title: str
    patient: int
    why: str
    tracks: Mapping[str, Mapping[str, Floats]]


@dataclass(frozen=True)
class Curve:
    """A training curve: frames, one mean with its spread, and the name and unit of what it shows."""

    label: str
    unit: str
    frames: Floats
    mean: Floats
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows; parts that were not run are empty, and the report says so.

    ``invariants`` maps the number of a limit to its short name and to the sentence it stands for.
    """

    title: str
    task: Mapping[str, Any]
    seed: int
    split: str
    difficulty: str
    shield_mode: str
    policies: list[str]
    trained: list[str]
    reference: str
    outcomes: list[Outcome]
    values: Mapping[str, Mapping[str, Floats]]
    estimates: Mapping[str, Mapping[str, Interval]]
    tails: Mapping[str, Mapping[str, Interval]]
    differences: Mapping[str, Mapping[str, Difference]]
    events: Mapping[str, Mapping[str, Events]]
    shield: Mapping[str, ShieldUse]
    invariants: Mapping[int, tuple[str, str]]
    stories: list[Story] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    training_seeds: int = 0
    validation: list[Mapping[str, Any]] = field(default_factory=list)
    checks: list[Band] = field(default_factory=list)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_patients(self) -> int:
        """Patients compared."""
        return len(self.values[self.reference][self.outcomes[0].key])

    @property
    def primary(self) -> Outcome:
        """The task's registered outcome."""
        return next(outcome for outcome in self.outcomes if outcome.role == "primary")

    @property
    def shielded(self) -> bool:
        """Whether the shield's limits bound what the policies asked for."""
        return self.shield_mode in ("project", "replace", "mask")

    @property
    def lead(self) -> str:
        """The policy a report looks at most closely: the first trained one, else the first beside the reference."""
        return [*self.trained, *self.others, self.reference][0]

    def percent(self, per_1000_h: float) -> float:
        """A count of decisions per 1000 patient-hours as the share of all decisions, %."""
        return per_1000_h * float(self.task["tick_h"]) / 10.0

    @property
    def others(self) -> list[str]:
        """All policies but the reference."""
        return [policy for policy in self.policies if policy != self.reference]
