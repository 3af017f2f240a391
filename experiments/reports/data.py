"""What a report is made from: a comparison's result, a few trajectories, training, validation and where it all came from."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, PlainSerializer

from thecal.agents.info import PolicyInfo
from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.decision import Decision, decide
from thecal.experiments.analysis.results import Column, ComparisonResult, Difference, Frozen, PolicyResult
from thecal.experiments.analysis.shown import shown
from thecal.experiments.reports.words import typeset
from thecal.experiments.validation.bands import Band

LEARNED, SANITY = "learned", "sanity"
RULES = ("rule", "model-based")
EVENT_LABELS = {"respiratory": "Respiratory depression", "sedation": "Over-sedation", "death": "Death"}
_DIGITS = 7


def _short(values: NDArray[np.float64]) -> list[float]:
    """Tracks are drawn in 32 bits, so no more digits than those hold are kept on disk."""
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]


Track = Annotated[
    NDArray[np.float64], BeforeValidator(lambda values: np.asarray(values, np.float64)), PlainSerializer(_short)
]


class Story(Frozen):
    """One patient under several policies: ``tracks[policy][field]`` is ``[T]``; boluses and drugs in the task's units."""

    title: str
    patient: int
    why: str
    tracks: dict[str, dict[str, Track]]


class Curve(Frozen):
    """A training curve: frames, one mean with its spread, and the name and unit of what it shows."""

    label: str
    unit: str
    frames: Column
    mean: Column
    low: Column | None = None
    high: Column | None = None


class ReportData(Frozen):
    """Everything a report shows; parts that were not run are empty, and the report says so.

    Attributes:
        title: heading of the page.
        result: what the comparison found.
        stories: single patients, looked at closely.
        curves: of the training behind the learned policies.
        validation: rows of :func:`thecal.experiments.validation.targets.records`.
        checks: courses over time against published ones.
        invariants: number of each limit with its short name and the sentence it stands for.
        provenance: one fact a key; ``config`` is the whole configuration.
    """

    title: str
    result: ComparisonResult
    stories: list[Story] = []
    curves: list[Curve] = []
    validation: list[dict[str, Any]] = []
    checks: list[Band] = []
    invariants: dict[int, tuple[str, str]] = {}
    provenance: dict[str, Any] = {}

    @property
    def task(self) -> dict[str, Any]:
        """The task as plain data."""
        return self.result.spec

    @property
    def policies(self) -> list[str]:
        """Names of all policies, learned ones first."""
        return [*self.learned, *(name for name in self.result.policies if name not in self.learned)]

    @property
    def infos(self) -> list[PolicyInfo]:
        """What the policies are, in the order of :attr:`policies`."""
        return [self.of(name).info for name in self.policies]

    @property
    def learned(self) -> list[str]:
        """Names of the trained policies."""
        return self._of_kind(LEARNED)

    @property
    def sanity(self) -> list[str]:
        """Names of the sanity baselines."""
        return self._of_kind(SANITY)

    def _of_kind(self, *kinds: str) -> list[str]:
        return [name for name, one in self.result.policies.items() if one.info.kind in kinds]

    @property
    def reference(self) -> str:
        """The policy that the others are compared with."""
        return self.result.reference

    @property
    def others(self) -> list[str]:
        """All policies but the reference, learned ones first."""
        return [name for name in self.policies if name != self.reference]

    @property
    def lead(self) -> str:
        """The policy a report looks at most closely: the first learned one, else the first beside the reference."""
        return [*self.learned, *self.others, self.reference][0]

    def best_rules(self, *without: str) -> list[str]:
        """Policies by rule, the best by the primary outcome first; none that reads what no observation shows."""
        rules = [
            name for name in self._of_kind(*RULES) if name not in without and not self.of(name).info.privileged
        ]  # fmt: skip
        sign, key = self.primary.better or 1, self.primary.key
        return sorted(rules, key=lambda name: -sign * float(np.nan_to_num(self.of(name).estimates[key].mean)))

    def of(self, policy: str) -> PolicyResult:
        """What was found of a policy."""
        return self.result.policies[policy]

    def gaps(self, policy: str) -> dict[str, Difference]:
        """The paired differences of a policy from the reference, by outcome."""
        return self.result.differences[policy]

    def said(self, policy: str, key: str) -> str:
        """The mean of an outcome as the tables show it; empty where the task does not measure it."""
        entry = next((entry for entry in self.outcomes if entry.key == key), None)
        return "" if entry is None else typeset(shown(self.of(policy).estimates[key], entry, self.n_patients).value)

    def decision(self, policy: str) -> Decision:
        """What may be claimed of a policy."""
        return decide(self.result, policy)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What was measured, the primary outcome first."""
        return self.result.outcomes

    @property
    def primary(self) -> Outcome:
        """The task's registered outcome."""
        return self.result.primary

    @property
    def n_patients(self) -> int:
        """Patients compared."""
        return len(self.result.patients)

    @property
    def training_seeds(self) -> int:
        """Most training seeds behind any learned policy; 0 where there is none."""
        return max((self.of(name).training_seeds for name in self.learned), default=0)

    @property
    def shielded(self) -> bool:
        """Whether the shield's limits bound what the policies asked for."""
        return not self.result.unshielded

    @property
    def profile(self) -> str:
        """Name of the limit profile that held."""
        return self.result.profile or str(self.task["profile"])

    def percent(self, per_1000_h: float) -> float:
        """A count of decisions per 1000 patient-hours as the share of all decisions, %."""
        return per_1000_h * float(self.task["tick_h"]) / 10.0
