"""The validation scorecard: published observations against virtual patients, tolerance fixed beforehand, misses shown."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from rich.table import Table

from thecal.physiology.errors import ParameterError, UnknownNameError


class Target(BaseModel):
    """One published observation with the interval a simulated value must lie in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    @model_validator(mode="after")
    def _interval_is_ordered(self) -> Target:
        if not self.low < self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        return self


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
    """The shipped targets, in file order.

    Raises:
        ParameterError: an entry is incomplete or contradicts itself.
    """
    text = (files("thecal.experiments") / "data" / "validation.toml").read_text(encoding="utf-8")
    targets = []
    for key, entry in tomllib.loads(text).items():
        try:
            targets.append(Target(key=key, **entry))
        except ValidationError as error:
            first = error.errors()[0]
            raise ParameterError(f"validation.toml: {key}: {first['loc']}: {first['msg']}") from error
    return targets


def validate(names: Iterable[str] | None = None, progress: Callable[[str], None] = lambda _title: None) -> list[Score]:
    """Reproduce the named observations (all by default).

    Args:
        names: keys of targets.
        progress: called with each title before its simulation.

    Raises:
        UnknownNameError: a key is not a target.
    """
    from thecal.experiments.reproductions import REPRODUCTIONS

    targets = {target.key: target for target in load_targets()}
    chosen = list(targets) if names is None else list(names)
    for name in chosen:
        if name not in targets:
            raise UnknownNameError("validation target", name, list(targets))
    scores = []
    for name in chosen:
        progress(targets[name].title)
        scores.append(Score(target=targets[name], simulated=REPRODUCTIONS[name]()))
    return scores


def table(scores: list[Score]) -> Table:
    """The scorecard as a terminal table."""
    shown = Table(title="Validation scorecard (simulation only)")
    for name in ("observation", "unit", "observed", "interval", "simulated", "verdict", "role", "source"):
        shown.add_column(name, overflow="fold")
    for score in scores:
        target = score.target
        shown.add_row(
            target.title,
            target.unit,
            f"{target.observed:.3g}",
            f"{target.low:.3g} to {target.high:.3g}",
            f"{score.simulated:.3g}",
            "[green]pass[/]" if score.passed else "[red]miss[/]",
            target.role,
            f"{target.source} ({target.confidence})",
        )
    passed = sum(score.passed for score in scores)
    tested = [score for score in scores if score.target.role == "test"]
    shown.caption = (
        f"{passed} of {len(scores)} within tolerance; of the {len(tested)} not fitted (eight share a number "
        "with a parameter, see docs/limits.md), "
        f"{sum(score.passed for score in tested)}"
    )
    return shown


def records(scores: list[Score]) -> list[dict[str, str | float | bool]]:
    """The scorecard as plain rows, for reports and JSON."""
    return [{**score.target.model_dump(), "simulated": score.simulated, "passed": score.passed} for score in scores]
