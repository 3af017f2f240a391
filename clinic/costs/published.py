"""Published economic figures computed anew from the inputs that their papers state, with what could not be and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from pydantic import Field, model_validator

from thecal.clinic.costs.course import DAYS_PER_YEAR, break_even, course, solved_course
from thecal.clinic.costs.economics import increment
from thecal.core.documents import read_tables
from thecal.core.errors import ParameterError, did_you_mean
from thecal.core.models import Strict, checked

Status = Literal["reproduced", "consistent", "out of reach"]
Inputs = Mapping[str, float]


def _solved(of: Inputs) -> float:
    """Break-even of a course solved for its two unknowns, found by the same search as any other."""
    months = int(of["months"])
    monthly = of["other_total"] / months
    once, each = solved_course(of["total"], months, of["even_at"], monthly)
    return break_even(course(months, once=once, monthly=each), course(months, monthly=monthly))


_COMPUTED: dict[str, tuple[tuple[str, ...], Callable[[Inputs], float]]] = {
    "ratio": (("top", "bottom"), lambda of: of["top"] / of["bottom"]),
    "difference": (("top", "bottom"), lambda of: of["top"] - of["bottom"]),
    "daily": (("per_day", "years"), lambda of: of["per_day"] * of["years"] * DAYS_PER_YEAR),
    "icer": (
        ("cost", "other_cost", "effect"),
        lambda of: increment(of["cost"], of["effect"], of["other_cost"], 0.0).icer,
    ),
    "solved": (("total", "other_total", "months", "even_at"), _solved),
}


class Figure(Strict):
    """A published figure.

    Attributes:
        figure: what it is, with ``value`` in ``unit``.
        claimed_by: who states it; ``source``: the paper behind it.
        status: what came of the attempt, and ``why``.
        compute: how it is computed from ``inputs``; "" where it is not.
        tolerance: in the unit, fixed before the first computation.
    """

    figure: str = Field(min_length=1)
    value: float
    unit: str = Field(min_length=1)
    claimed_by: str = Field(min_length=4)
    source: str = Field(min_length=4)
    status: Status
    why: str = Field(min_length=4)
    compute: str = ""
    tolerance: float | None = Field(default=None, gt=0.0)
    inputs: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_whole(self) -> Figure:
        if (self.status == "out of reach") != (self.compute == ""):
            raise ValueError(f"compute: a figure that is {self.status} {'has one' if self.compute else 'needs one'}")
        if (self.compute == "") != (self.tolerance is None):
            raise ValueError("tolerance: it stands with compute, and only with it")
        if self.compute and self.compute not in _COMPUTED:
            raise ValueError(f"compute: unknown{did_you_mean(self.compute, _COMPUTED)}")
        wanted = _COMPUTED[self.compute][0] if self.compute else ()
        if set(wanted) != set(self.inputs):
            raise ValueError(f"inputs: must be {', '.join(wanted) or 'none'}")
        return self


class Attempt(NamedTuple):
    """A figure with what came out here: None where it could not be computed."""

    key: str
    figure: Figure
    here: float | None

    @property
    def met(self) -> bool:
        """Whether what came out lies within the tolerance."""
        tolerance = self.figure.tolerance
        return self.here is not None and tolerance is not None and abs(self.here - self.figure.value) <= tolerance


@cache
def figures() -> dict[str, Figure]:
    """All of them by key.

    Raises:
        ParameterError: the shipped file is corrupt.
    """
    source = files("thecal.clinic.costs") / "data" / "published.toml"
    tables = read_tables(source, ParameterError)
    return {key: checked(Figure, table, f"{source.name}: {key}", ParameterError) for key, table in tables.items()}


def attempts() -> list[Attempt]:
    """Every figure, computed where that can be."""
    return [
        Attempt(key, one, _COMPUTED[one.compute][1](one.inputs) if one.compute else None)
        for key, one in figures().items()
    ]
