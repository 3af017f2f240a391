"""What is found out about policies, as data: outcomes, intervals, paired differences, events and the shield's account."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from thecal.agents.info import Conditions, PolicyInfo
from thecal.envs.outcomes import CATALOG, Outcome
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec
from thecal.safety.invariants import ShieldMode

Verdict = Literal["superior", "inferior", "non-inferior", "inconclusive"]
# The unit of outcomes that are a yes or a no for each patient.
SHARE_OF_PATIENTS = "% of patients"
UNSHIELDED, UNPROVED, WIDE = "UNSHIELDED", "UNPROVED PROFILE", "WIDE LIMITS"


def marks(unshielded: bool, unproved: bool, wide: bool = False) -> str:
    """Loud words for results whose limits did not bind, were never proved, or are wider than any shipped; "" for others."""
    return ", ".join(word for word, due in ((UNSHIELDED, unshielded), (UNPROVED, unproved), (WIDE, wide)) if due)


def _number(value: Any) -> Any:
    """JSON knows no NaN: what is missing is null there and NaN here."""
    return float("nan") if value is None else value


def _column(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)


def _known(value: Any) -> Any:
    return None if value is None or (isinstance(value, float) and np.isnan(value)) else value


Number = Annotated[float, BeforeValidator(_number)]
MaybeNumber = Annotated[float | None, BeforeValidator(_known)]
Column = Annotated[NDArray[np.float64], BeforeValidator(_column), PlainSerializer(lambda values: values.tolist())]


class Frozen(BaseModel):
    """A result: fixed once made, and refused with a field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Interval(Frozen):
    """An estimate with its 95 % interval; NaN where it cannot be given."""

    mean: Number
    low: Number
    high: Number


class Difference(Interval):
    """A paired difference from the reference policy, and what it allows one to say.

    Attributes:
        verdict: on this outcome alone.
        p_adjusted: of the registered outcome, adjusted over the policies; None for any other.
        improved: share of patients who do better, ties counting half.
    """

    verdict: Verdict = "inconclusive"
    p_adjusted: MaybeNumber = None
    improved: MaybeNumber = None


class Events(Frozen):
    """How often something happened: onsets, patients concerned, time watched, and the upper 95 % bound.

    Attributes:
        upper_per_100d: bound of the rate, for what can happen to a patient again and again (Garwood).
        share, upper_share: % of patients and its bound, for what can happen to a patient once (Clopper and Pearson), whose
            rate would have a bound beyond what is possible; None for anything else.
    """

    onsets: float
    patients: int
    patient_days: float
    upper_per_100d: Number
    share: MaybeNumber = None
    upper_share: MaybeNumber = None

    @property
    def per_100d(self) -> float:
        """Onsets for each 100 patient-days."""
        return 100.0 * self.onsets / self.patient_days if self.patient_days > 0 else float("nan")


class ShieldUse(Frozen):
    """The shield's account of one policy, per 1000 patient-hours and per invariant number: means over patients.

    Attributes:
        intervened: decisions in which any limit changed the request.
        binding: the same for each limit by itself; several can bind in one decision, so they add up to more.
        violated: decisions in which the raw request broke any limit; None in what earlier versions wrote.
        violations: the same for each limit by itself.
    """

    intervened: Number
    violated: MaybeNumber = None
    binding: dict[int, Number]
    violations: dict[int, Number]


class PolicyResult(Frozen):
    """What was found of one policy.

    Attributes:
        info: what the policy is.
        training_seeds: runs behind it, one for each training seed (one for a rule).
        values: each outcome's ``[patients]``, the mean over training seeds where there are several.
        estimates, tails: mean, and mean of the worst tenth, with intervals over patients and training seeds.
        events: by kind of harm.
        shield: the shield's account; None where it was not kept.
    """

    info: PolicyInfo
    training_seeds: int
    values: dict[str, Column]
    estimates: dict[str, Interval]
    tails: dict[str, Interval] = {}
    events: dict[str, Events] = {}
    shield: ShieldUse | None = None


class ComparisonResult(Frozen):
    """Everything a comparison found but the trajectories: what reports, tables, tracking and a web page read.

    Attributes:
        task: id of the task.
        task_hash: of the task's content.
        spec: the task as plain data.
        seed: of the days, and of the bootstrap.
        scenario: what every policy met, as stated; ``scenario_hash`` covers the content of everything it names.
        split, difficulty, shield_mode, profile, cohort_seed: of the scenario, for readers of the file.
        reference: name of the policy that the others are compared with.
        patients: their numbers in the split.
        outcomes: what was measured, the task's registered outcome first and the only one with the role ``primary``.
        policies: results by policy name.
        differences: paired differences from the reference, ``differences[policy][outcome]``, for every other policy.
        unproved: whether the limit profile had no proof.
        wide: whether it is wider than every shipped one.
    """

    task: str
    task_hash: str
    spec: dict[str, Any]
    scenario: Scenario
    scenario_hash: str
    seed: int
    split: str
    difficulty: str
    shield_mode: str
    profile: str
    cohort_seed: int
    reference: str
    patients: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    policies: dict[str, PolicyResult]
    differences: dict[str, dict[str, Difference]]
    unproved: bool = False
    wide: bool = False

    @property
    def mark(self) -> str:
        """Loud words that belong beside every number of the result, or ""."""
        return marks(self.unshielded, self.unproved, self.wide)

    @property
    def transfers(self) -> dict[str, tuple[str, ...]]:
        """Learned policies that were trained under other conditions than they were judged under, with what differs."""
        known = {name: one.info.trained for name, one in self.policies.items() if one.info.trained is not None}
        if not known:
            return {}
        judged = Conditions.of(self.spec, self.task_hash, self.scenario)
        differs = {name: trained.unlike(judged) for name, trained in known.items()}
        return {name: found for name, found in differs.items() if found}

    @property
    def unshielded(self) -> bool:
        """Whether the shield's limits did not bind."""
        return not ShieldMode.of(self.shield_mode).shielded

    @property
    def primary(self) -> Outcome:
        """The task's registered outcome."""
        return self.outcomes[0]

    @property
    def harms(self) -> tuple[Outcome, ...]:
        """The outcomes that count harm."""
        return tuple(entry for entry in self.outcomes if entry.role == "cost")

    @property
    def limits(self) -> dict[str, float]:
        """By outcome, the largest mean with which a policy still counts as having met the task."""
        return dict(self.spec.get("primary", {}).get("limits", {}))

    @property
    def others(self) -> list[str]:
        """All policies but the reference."""
        return [name for name in self.policies if name != self.reference]


def task_outcomes(task: TaskSpec) -> tuple[Outcome, ...]:
    """What a task measures: its registered outcome first, as ``primary``, then the others in the catalog's order."""
    first, *rest = task.outcomes
    return (CATALOG[first].model_copy(update={"role": "primary"}), *(CATALOG[key] for key in rest))
