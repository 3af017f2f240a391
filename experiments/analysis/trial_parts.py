"""The parts of a trial's plan: arms, criteria, allocation, endpoint, rescue, looks and what power is computed under."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from thecal.core.errors import did_you_mean
from thecal.core.models import Strict
from thecal.envs.options import Options
from thecal.envs.outcomes import CATALOG
from thecal.experiments.analysis.sequential import MOST_LOOKS, Spending
from thecal.experiments.rollouts.charts import CHART

PAIN = "pain_base"
FIELDS = (*CHART, PAIN)  # what patients are chosen and stratified by
_OWN = ("task", "split", "seed", "cohort_seed")  # of a scenario, what the plan says itself


class Published(Strict):
    """An arm that is not simulated: values are drawn from a published result, and the trial is marked so.

    Attributes:
        share: % with success, for an endpoint of yes and no; else ``mean`` and ``sd``.
        source: where it is published.
    """

    share: float | None = Field(default=None, ge=0.0, le=100.0)
    mean: float | None = None
    sd: float | None = Field(default=None, gt=0.0)
    source: str = Field(min_length=4)

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Published:
        continuous = (self.mean is not None, self.sd is not None)
        if (self.share is None) == (continuous == (False, False)) or (self.share is None and not all(continuous)):
            raise ValueError("share: give share, or both mean and sd")
        return self


class Arm(Strict):
    """An arm: a policy with options of the scenario on top of the plan's, or a published result.

    Attributes:
        label: for people.
        policy: by name or folder.
        scenario: options such as ``drugs``, ``pump``, ``profile``, ``faults``.
        published: in place of a policy.
        weight: patients allocated to the arm for each of the others' weights.
        lost: share of the arm's patients lost to follow-up by the end, at an even hazard.
    """

    label: str = Field(min_length=1)
    policy: str | None = None
    scenario: dict[str, Any] = Field(default_factory=dict)
    published: Published | None = None
    weight: int = Field(default=1, ge=1, le=10)
    lost: float = Field(default=0.0, ge=0.0, lt=1.0)

    @field_validator("scenario")
    @classmethod
    def _options_are_known(cls, value: dict[str, Any]) -> dict[str, Any]:
        return known_options(value)

    @model_validator(mode="after")
    def _is_one_kind(self) -> Arm:
        if (self.policy is None) == (self.published is None):
            raise ValueError("policy: give policy or published, and not both")
        if self.published is not None and self.scenario:
            raise ValueError("scenario: a published arm meets none")
        return self


class Criterion(Strict):
    """Who may enter: a field of the chart within bounds."""

    field: str
    least: float | None = None
    most: float | None = None
    reason: str = Field(min_length=1)

    @field_validator("field")
    @classmethod
    def _is_known(cls, value: str) -> str:
        return known_field(value)

    @model_validator(mode="after")
    def _bounds_something(self) -> Criterion:
        if self.least is None and self.most is None:
            raise ValueError("least, most: give one at least")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"least: {self.least:g} is above most, {self.most:g}")
        return self


class Stratum(Strict):
    """A field of the chart by which patients are randomized, cut at some values."""

    field: str
    cuts: tuple[float, ...] = Field(min_length=1, max_length=5)

    @field_validator("field")
    @classmethod
    def _is_known(cls, value: str) -> str:
        return known_field(value)


class Allocation(Strict):
    """How patients come into arms.

    Attributes:
        block: size of permuted blocks, a multiple of the arms' weights; 0 for simple randomization.
        strata: within which blocks are permuted.
    """

    block: int = Field(default=4, ge=0, le=100)
    strata: tuple[Stratum, ...] = ()


class Endpoint(Strict):
    """What is compared.

    Attributes:
        outcome: of the catalog, or ``pain_fall``: whether mean felt pain of the last days is so much below
            that at the implant.
        fall, window_d: of ``pain_fall``: the share, and how many days.
        better: 1 where more is better, -1 where less is, for the words.
        missing: what a patient without a value counts as: left out, or (yes and no alone) a failure.
        secondary: outcomes that are only estimated.
    """

    outcome: str
    fall: float | None = Field(default=None, gt=0.0, lt=1.0)
    window_d: float = Field(default=7.0, gt=0.0, le=366.0)
    better: Literal[-1, 1] = 1
    missing: Literal["left_out", "failure"] = "left_out"
    secondary: tuple[str, ...] = ()

    @property
    def binary(self) -> bool:
        """Whether it is yes or no for each patient."""
        return self.outcome == "pain_fall" or CATALOG[self.outcome].unit == "% of patients"

    @model_validator(mode="after")
    def _is_whole(self) -> Endpoint:
        for key in (self.outcome, *self.secondary):
            if key not in CATALOG and not (key == "pain_fall" and key == self.outcome):
                raise ValueError(f"outcome: {key!r} is unknown{did_you_mean(key, [*CATALOG, 'pain_fall'])}")
        if (self.outcome == "pain_fall") != (self.fall is not None):
            raise ValueError("fall: it stands with the outcome pain_fall, and only with it")
        if self.missing == "failure" and not self.binary:
            raise ValueError("missing: failure is for an endpoint of yes and no")
        return self


class Rescue(Strict):
    """Who needs rescue medication: mean felt pain of so many days in a row at or above a level; and what they count as."""

    pain: float = Field(ge=0.0, le=10.0)
    days: int = Field(ge=1, le=366)
    counts_as: Literal["recorded", "failure", "missing"] = "recorded"


class Clusters(Strict):
    """Clusters that are randomized whole: how many, of how many patients, and of which cohorts in turn."""

    number: int = Field(ge=4, le=200)
    size: int = Field(ge=2, le=10_000)
    cohorts: tuple[str, ...] = ()


class Looks(Strict):
    """When the trial is looked at (shares of its patients, the last 1), and how the error is spent."""

    at: tuple[float, ...] = Field(default=(1.0,), min_length=1, max_length=MOST_LOOKS)
    spending: Spending = "obrien_fleming"

    @field_validator("at")
    @classmethod
    def _rise_to_one(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if value[-1] != 1.0 or any(b <= a for a, b in zip((0.0, *value), value, strict=False)):
            raise ValueError("shares must rise, and the last must be 1")
        return value


class Assumption(Strict):
    """What power is computed under: values of the arms, in the endpoint's unit (% for yes and no), and their spread.

    Attributes:
        first, second: means, or % with success, in the order of the arms.
        sd: between patients, of an endpoint that is a number; of a patient's differences in a paired trial.
        icc: share of variance between clusters.
        trials: simulated.
    """

    first: float
    second: float
    sd: float | None = Field(default=None, gt=0.0)
    icc: float = Field(default=0.0, ge=0.0, lt=1.0)
    trials: int = Field(default=2000, ge=100, le=1_000_000)


class Result(Strict):
    """What a published trial of this design found, to be shown beside: % or means of the arms in their order."""

    first: float
    second: float
    p: float | None = Field(default=None, ge=0.0, le=1.0)
    n: tuple[int, int] | None = None
    source: str = Field(min_length=4)
    note: str = ""


def known_field(name: str) -> str:
    """A field of the chart; raises ValueError where it is none."""
    if name not in FIELDS:
        raise ValueError(f"{name!r} is unknown{did_you_mean(name, FIELDS)}; known: {', '.join(FIELDS)}")
    return name


def known_options(value: dict[str, Any]) -> dict[str, Any]:
    """Options of a scenario that a plan may set; raises ValueError for any other."""
    for name in value:
        if name in _OWN:
            raise ValueError(f"{name}: the plan itself says it")
        if name not in Options.model_fields:
            raise ValueError(f"{name}: unknown option{did_you_mean(name, Options.model_fields)}")
    return value
