"""What a report is made from: a comparison's result, a few trajectories, training, validation and where it all came from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, PlainSerializer

from thecal.agents.info import PolicyInfo
from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.decision import Decision, decide
from thecal.experiments.analysis.failures_judged import Failure
from thecal.experiments.analysis.results import Column, ComparisonResult, Difference, Frozen, PolicyResult
from thecal.experiments.analysis.shown import shown
from thecal.experiments.analysis.subgroups import Effect
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


class Lane(Frozen):
    """When something stood: a limit that changed requests, a fault, an alarm, or a suspicion of the monitors.

    Attributes:
        kind: which of the four.
        name, text: for people.
        spans: begin and end of each time, days since the start.
    """

    kind: Literal["limit", "fault", "alarm", "suspicion"]
    name: str
    text: str = ""
    spans: tuple[tuple[float, float], ...]


class Note(Frozen):
    """One moment of a patient, explained: what was asked and given and why, or what happened.

    Attributes:
        time_h: hours since the start.
        kind: ``given``, ``refused``, ``harm``, ``fault`` or ``alarm``.
        text: one sentence.
    """

    time_h: float
    kind: str
    text: str


class Story(Frozen):
    """One patient under several policies.

    Attributes:
        title: by what rank the patient was chosen; ``why`` says what that means.
        patient: number in the split.
        tracks: ``tracks[policy][field]`` is ``[T]``; boluses and drugs in the task's units.
        lanes, notes: by policy; empty in what earlier versions wrote.
    """

    title: str
    patient: int
    why: str
    tracks: dict[str, dict[str, Track]]
    lanes: dict[str, list[Lane]] = {}
    notes: dict[str, list[Note]] = {}


class Course(Frozen):
    """One measure of one policy over time and over the patients who lived: levels of the patients, time by time.

    Attributes:
        key, label, unit: of the measure.
        levels: which percentiles, in percent, rising.
        day: end of each stretch of time, days, ``[T]``.
        values: ``[levels][T]``.
        alive: patients at the end of each stretch, ``[T]``.
    """

    key: str
    label: str
    unit: str
    levels: tuple[float, ...]
    day: Column
    values: tuple[Column, ...]
    alive: Column


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
        courses: by policy, measures over time as percentiles over patients.
        groups: by policy other than the reference, its effect on the primary outcome in subgroups of patients.
        signs: by policy, what the detectors of gaming say.
        curves: of the training behind the learned policies.
        validation: rows of :func:`thecal.experiments.validation.targets.records`.
        checks: courses over time against published ones.
        invariants: number of each limit with its short name and the sentence it stands for.
        provenance: one fact a key; ``config`` is the whole configuration.
    """

    title: str
    result: ComparisonResult
    stories: list[Story] = []
    courses: dict[str, list[Course]] = {}
    groups: dict[str, tuple[Effect, ...]] = {}
    signs: dict[str, tuple[Failure, ...]] = {}
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
        """The policy a report looks at most closely: the first learned one, else the best of those that may win."""
        return [*self.learned, *self.ranked, *self.others, self.reference][0]

    @property
    def ranked(self) -> list[str]:
        """The others that may be called better (neither sanity baselines nor privileged), the best first.

        Those that were shown to be better lead, the rest follow, each part by the mean of the primary outcome.
        """
        sign, key = self.primary.better or 1, self.primary.key
        fair = [name for name in self.others if name not in self.sanity and not self.of(name).info.privileged]

        def place(name: str) -> tuple[bool, float]:
            mean = self.of(name).estimates[key].mean
            return not self.decision(name).better, -sign * mean if np.isfinite(mean) else np.inf

        return sorted(fair, key=place)

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
