"""What the virtual patients did where something was published: a value with its error, and what that allows to say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, computed_field, model_validator
from scipy.special import stdtr

from thecal.core.complaints import in_words
from thecal.core.errors import ParameterError
from thecal.core.layout import AXIAL, COMPARTMENT
from thecal.experiments.validation.targets import GROUPS, ROLES, Structure, Target, digits

Verdict = Literal["pass", "miss", "undecided"]
STRUCTURES: dict[Structure, int] = {"axial": AXIAL, "compartment": COMPARTMENT}
DECIDED = 0.9  # probability at which a verdict stands
#: Largest Monte-Carlo error, as a share of the interval, with which a value is told.
PRECISE = 0.25


class Score(BaseModel):
    """A target and what the virtual patients of one structural model did, in one value a cohort.

    Attributes:
        target: what was published.
        values: what each cohort gave; NaN or infinite where it has no value.
        seeds: of the cohorts, where they are known.
        structure: of the patients.
        scale: factor on the number of patients of the reproduction.
    """

    model_config = ConfigDict(frozen=True)

    target: Target
    values: tuple[float, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = ()
    structure: Structure = "axial"
    scale: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _seeds_fit(self) -> Score:
        if self.seeds and len(self.seeds) != len(self.values):
            raise ValueError(f"{len(self.seeds)} seeds do not fit {len(self.values)} values")
        return self

    @property
    def _logarithmic(self) -> bool:
        return self.target.scale == "log" and min(self.values) > 0.0

    @property
    def _own(self) -> NDArray[np.float64]:
        """The values on the target's scale."""
        return np.log(self.values) if self._logarithmic else np.array(self.values)

    @property
    def _own_error(self) -> float:
        own = self._own
        if not np.isfinite(own).all() or len(own) < 2:
            return math.nan
        return float(own.std(ddof=1)) / math.sqrt(len(own))

    @property
    def simulated(self) -> float:
        """The model's value: the mean over cohorts, on the target's scale."""
        own = self._own
        if not np.isfinite(own).all():
            return math.nan
        return math.exp(own.mean()) if self._logarithmic else float(own.mean())

    @property
    def error(self) -> float:
        """Standard error of :attr:`simulated` over cohorts, in the target's unit; NaN for a single cohort."""
        return self._own_error * (self.simulated if self._logarithmic else 1.0)

    @property
    def error_share(self) -> float:
        """The error as a share of the interval, on the target's scale; NaN for a single cohort."""
        width = self.target.width if self._logarithmic or self.target.scale == "linear" else self.target.linear_width
        return self._own_error / width

    @property
    def inside(self) -> int:
        """In how many cohorts the value lies in the interval."""
        return sum(self.target.low <= value <= self.target.high for value in self.values)

    @property
    def _sides(self) -> tuple[float, float]:
        """Probabilities that the model's value lies below and above the interval: Student's posterior of the mean.

        A single cohort, or cohorts that agree to the last bit, leave nothing to chance.
        """
        error, mean = self._own_error, self.simulated
        low, high = self.target.low, self.target.high
        if not error > 0.0:
            return float(mean < low), float(mean > high)
        if self._logarithmic:
            mean, low, high = math.log(mean), math.log(low), math.log(high)
        free = len(self.values) - 1
        return float(stdtr(free, (low - mean) / error)), float(stdtr(free, (mean - high) / error))

    @property
    def probability(self) -> float:
        """That the model's value lies in the interval; 0 where a cohort has no value."""
        return max(0.0, 1.0 - sum(self._sides)) if math.isfinite(self.simulated) else 0.0

    @property
    def verdict(self) -> Verdict:
        """What is likely enough to be said: that the value lies inside, that it lies on one side, or neither."""
        if not math.isfinite(self.simulated) or max(self._sides) >= DECIDED:
            return "miss"
        return "pass" if self.probability >= DECIDED else "undecided"

    @property
    def passed(self) -> bool:
        """Whether the observation is reproduced; one that flips with the seed is not."""
        return self.verdict == "pass"

    @property
    def shown(self) -> str:
        """The value with its error, three and two significant digits."""
        return digits(self.simulated) + ("" if math.isnan(self.error) else f" ± {float(f'{self.error:.2g}'):g}")


def of_structure(scores: Iterable[Score], structure: Structure) -> list[Score]:
    """The scores of one structural model."""
    return [score for score in scores if score.structure == structure]


def by_structure(scores: Iterable[Score]) -> dict[Structure, list[Score]]:
    """Scores by structural model; structures without a score are left out."""
    given = list(scores)
    found = {structure: of_structure(given, structure) for structure in STRUCTURES}
    return {structure: members for structure, members in found.items() if members}


def grouped(scores: Sequence[Score]) -> dict[str, list[Score]]:
    """Scores by the title of their group, in the order of :data:`GROUPS`; groups without a score are left out."""
    found = {title: [score for score in scores if score.target.group == group] for group, title in GROUPS.items()}
    return {title: members for title, members in found.items() if members}


def tally(scores: Sequence[Score]) -> dict[str, tuple[int, int]]:
    """(met, of how many) for each role that occurs."""
    counts = {}
    for role in ROLES:
        passed = [score.passed for score in scores if score.target.role == role]
        if passed:
            counts[role] = (sum(passed), len(passed))
    return counts


class _Row(Target):
    """A score as it is stored: the target's fields, what was simulated (none where it is missing), and what follows from it."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=True)  # a reproduction may have no value

    values: tuple[float | None, ...] = ()
    seeds: tuple[int, ...] = ()
    patients: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)
    structure: Structure = "axial"
    simulated: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_a_value(cls, row: Any) -> Any:
        if isinstance(row, Mapping) and "values" not in row and "simulated" not in row:
            raise ValueError("values: missing")
        return row

    @computed_field  # type: ignore[prop-decorator]
    @property
    def error(self) -> float:
        return self.score.error

    @computed_field  # type: ignore[prop-decorator]
    @property
    def inside(self) -> int:
        return self.score.inside

    @computed_field  # type: ignore[prop-decorator]
    @property
    def probability(self) -> float:
        return self.score.probability

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> str:
        return self.score.verdict

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        return self.score.passed

    @property
    def score(self) -> Score:
        values = self.values or (self.simulated,)  # before errors were told, a row held one cohort's value alone
        return Score(
            target=Target(**self.model_dump(include=set(Target.model_fields))),
            values=tuple(math.nan if value is None else value for value in values),
            seeds=self.seeds,
            structure=self.structure,
            scale=self.patients,
        )


_ROWS = TypeAdapter(list[_Row])


def records(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """The scorecard as plain rows, for reports and JSON."""
    rows = [
        _Row(
            **score.target.model_dump(),
            values=score.values,
            seeds=score.seeds,
            patients=score.scale,
            structure=score.structure,
            simulated=score.simulated,
        )
        for score in scores
    ]
    found: list[dict[str, Any]] = _ROWS.dump_python(rows)
    return found


def from_records(rows: Iterable[Mapping[str, Any]]) -> list[Score]:
    """The scores behind what :func:`records` gave; a missing value is read as NaN.

    Raises:
        ParameterError: a row is not a score; the text names it, the field and the reason.
    """
    return [_score(row) for row in rows]


def _score(row: Any) -> Score:
    try:
        return _Row.model_validate(row).score
    except ValidationError as error:
        first = error.errors()[0]
        key = row.get("key", "?") if isinstance(row, Mapping) else "?"
        where = "".join(f"{part}." for part in first["loc"]).rstrip(".")
        raise ParameterError(
            f"score {key!r} is incomplete: {where + ': ' if where else ''}{in_words(first)}"
        ) from error
