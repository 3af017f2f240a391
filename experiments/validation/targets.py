"""What the virtual patients are held to: published observations, each with an interval, and scores as plain rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, computed_field, model_validator

from thecal.core.complaints import in_words
from thecal.core.documents import file_name, is_toml, read_tables
from thecal.core.errors import ParameterError
from thecal.core.models import Strict, checked

GROUPS = {
    "kinetics": "Kinetics",
    "effect": "Effect",
    "harm": "Harms",
    "adaptation": "Adaptation over months",
    "trial": "Trials and series",
    "sensors": "Sensors",
}
ROLES = {
    "calibration": "a parameter was fitted to it",
    "informed": "a parameter rests on the same number or study",
    "test": "no parameter knew it",
}
# An upper end this many times beyond the observation stands for none (the published value was itself a lower bound).
_UNBOUNDED = 1e4
_PLAIN_NUMBERS = ("1", "ratio", "index", "AUC")


def digits(value: float) -> str:
    """Three significant digits, without powers of ten for large numbers."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:.0f}" if 1000.0 <= abs(rounded) < math.inf else f"{rounded:.3g}"


class Target(Strict):
    """One published observation with the interval a simulated value must lie in.

    ``scale`` says whether distances inside the interval are differences or ratios, ``structures`` in which structural models
    the observation has a meaning, and ``declared`` when source and tolerance were committed, before the first run.
    """

    key: str
    title: str
    unit: str
    observed: float
    low: float
    high: float
    spread: str
    population: str
    regimen: str
    source: str
    confidence: Literal["high", "medium", "low"]
    kind: Literal["source", "memory", "derived"]
    role: Literal["calibration", "informed", "test"]
    drug: str
    group: Literal["kinetics", "effect", "harm", "adaptation", "trial", "sensors"]
    scale: Literal["linear", "log"] = "linear"
    structures: Annotated[tuple[Literal["axial", "compartment"], ...], Field(min_length=1)] = ("axial", "compartment")
    declared: date | None = None

    @model_validator(mode="after")
    def _interval_is_ordered(self) -> Target:
        if not self.low < self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"a log scale needs a low above 0, not {self.low}")
        return self

    @property
    def interval(self) -> str:
        """The interval as text, three significant digits."""
        if self.high > _UNBOUNDED * abs(self.observed):
            return f"over {digits(self.low)}"
        return f"{digits(self.low)}–{digits(self.high)}"

    @property
    def suffix(self) -> str:
        """The unit as it stands after a number; empty for plain numbers."""
        return "" if self.unit in _PLAIN_NUMBERS else f" {self.unit}"

    def place(self, value: float) -> float:
        """Where ``value`` lies on a scale on which the interval is 0 to 1; infinite where it has no logarithm."""
        if self.scale == "linear":
            return (value - self.low) / (self.high - self.low)
        if value <= 0:
            return -math.inf
        return math.log(value / self.low) / math.log(self.high / self.low)


class Score(BaseModel):
    """A target and what the virtual patients did."""

    model_config = ConfigDict(frozen=True)

    target: Target
    simulated: float

    @property
    def passed(self) -> bool:
        """Whether the simulated value lies in the interval fixed beforehand."""
        return self.target.low <= self.simulated <= self.target.high


def load_targets() -> list[Target]:
    """The shipped targets: every file of ``data/targets`` by name, each in its own order.

    Raises:
        ParameterError: an entry is incomplete, contradicts itself, or has the name of another.
    """
    folder = files("thecal.experiments.validation") / "data" / "targets"
    found: dict[str, Target] = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if is_toml(path.name):
            for target in read_targets(path):
                if target.key in found:
                    raise ParameterError(f"{path.name}: {target.key}: another file has a target of this name")
                found[target.key] = target
    return list(found.values())


def read_targets(path: Any) -> list[Target]:
    """The targets of one file.

    Args:
        path: of the file, or an item of :mod:`importlib.resources`.

    Raises:
        ParameterError: an entry is incomplete or contradicts itself; the text names file, key and reason.
    """
    name = file_name(path)
    targets = []
    for key, entry in read_tables(path, ParameterError).items():
        if not isinstance(entry, dict) or "key" in entry:
            raise ParameterError(f"{name}: {key}: not a table of one target, whose key is the table's name")
        targets.append(checked(Target, {"key": key, **entry}, f"{name}: {key}", ParameterError))
    return targets


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
    """A score as it is stored: the target's fields, the simulated value (none when it is missing), and whether it passed."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=True)  # a reproduction may fail

    simulated: float | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        return self.score.passed

    @property
    def score(self) -> Score:
        target = Target(**self.model_dump(include=set(Target.model_fields)))
        return Score(target=target, simulated=math.nan if self.simulated is None else self.simulated)


_ROWS = TypeAdapter(list[_Row])


def records(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """The scorecard as plain rows, for reports and JSON."""
    rows = [_Row(**score.target.model_dump(), simulated=score.simulated) for score in scores]
    found: list[dict[str, Any]] = _ROWS.dump_python(rows)
    return found


def from_records(rows: Iterable[Mapping[str, Any]]) -> list[Score]:
    """The scores behind what :func:`records` gave; a missing value is read as NaN.

    Raises:
        ParameterError: a row is not a score.
    """
    given = list(rows)
    try:
        return [row.score for row in _ROWS.validate_python(given)]
    except ValidationError as error:
        first = error.errors()[0]
        place, *field = first["loc"]
        key = given[int(place)].get("key", "?")
        raise ParameterError(f"score {key!r} is incomplete: {'.'.join(map(str, field))}: {in_words(first)}") from error
