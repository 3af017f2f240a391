"""What the virtual patients are held to: published observations, each with an interval fixed beforehand."""

from __future__ import annotations

import math
from datetime import date
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from thecal.core.documents import file_name, is_toml, read_tables
from thecal.core.errors import ParameterError
from thecal.core.models import Strict, checked
from thecal.core.units import factor

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
    "informed": "a parameter rests on the same number or study, or its result was seen before the last fit",
    "test": "no parameter knew it",
}
# An upper end this many times beyond the observation stands for none (the published value was itself a lower bound).
_UNBOUNDED = 1e4
_PLAIN_NUMBERS = ("1", "ratio", "index", "AUC")
_SCALES = ("NRS", "score")  # points of a scale, which no registry of units knows
Structure = Literal["axial", "compartment"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def digits(value: float) -> str:
    """Three significant digits, without powers of ten for large numbers."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:.0f}" if 1000.0 <= abs(rounded) < math.inf else f"{rounded:.3g}"


class Target(Strict):
    """One published observation with the interval a simulated value must lie in.

    ``scale`` says whether distances inside the interval are differences or ratios, ``structures`` in which structural models
    the observation has a meaning, and ``declared`` when source and tolerance were committed, before the first run.
    """

    key: Text
    title: Text
    unit: Text
    observed: float
    low: float
    high: float
    spread: Text
    population: Text
    regimen: Text
    source: Text
    confidence: Literal["high", "medium", "low"]
    kind: Literal["source", "memory", "derived"]
    role: Literal["calibration", "informed", "test"]
    drug: Text
    group: Literal["kinetics", "effect", "harm", "adaptation", "trial", "sensors"]
    scale: Literal["linear", "log"] = "linear"
    structures: Annotated[tuple[Structure, ...], Field(min_length=1)] = ("axial", "compartment")
    declared: date | None = None

    @field_validator("unit")
    @classmethod
    def _unit_is_known(cls, unit: str) -> str:
        if unit not in (*_PLAIN_NUMBERS, *_SCALES):
            try:
                factor(unit, unit)
            except ParameterError as error:
                known = ", ".join((*_PLAIN_NUMBERS, *_SCALES))
                raise ValueError(f"{unit!r} is neither a unit that can be read nor one of {known}") from error
        return unit

    @model_validator(mode="after")
    def _interval_is_possible(self) -> Target:
        low, high, observed = self.low, self.high, self.observed
        if not low < high:
            raise ValueError(f"low {low} is not below high {high}")
        if self.scale == "log" and low <= 0:
            raise ValueError(f"a log scale needs a low above 0, not {low}")
        if not low <= observed <= high and "bound" not in self.spread:
            raise ValueError(f"observed {observed} lies outside of {low} to {high}, and spread names no bound")
        if self.unit == "%" and not (min(low, observed) >= 0.0 and max(observed, high) <= 100.0):
            raise ValueError(f"a share of {low} to {high} % (observed {observed}) is not within 0 to 100 %")
        return self

    @property
    def interval(self) -> str:
        """The interval as text, three significant digits."""
        if self._no_high:
            return f"over {digits(self.low)}"
        if self._no_low:
            return f"under {digits(self.high)}"
        return f"{digits(self.low)}–{digits(self.high)}"

    @property
    def _no_high(self) -> bool:
        return self.high > _UNBOUNDED * abs(self.observed or self.low or 1.0)

    @property
    def _no_low(self) -> bool:
        return self.low < -_UNBOUNDED * abs(self.observed or self.high or 1.0)

    @property
    def linear_width(self) -> float:
        """Width of the interval; of one with a single end, how far that end lies from what was observed."""
        if self._no_high or self._no_low:
            end = self.low if self._no_high else self.high
            return abs(self.observed - end) or abs(end) or 1.0
        return self.high - self.low

    @property
    def width(self) -> float:
        """Width of the interval on the target's scale, as :attr:`linear_width`."""
        if self.scale == "linear":
            return self.linear_width
        if self._no_high:
            return abs(math.log(self.observed / self.low)) or 1.0
        return math.log(self.high / self.low)

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
