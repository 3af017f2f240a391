"""Tables whose rows are judged one by one: what is missing, contradictory or implausible is refused, and the good can be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from thecal.core.complaints import first_reason
from thecal.core.documents import file_name, read_tables
from thecal.core.errors import ParameterError
from thecal.core.models import Strict

Spread = Literal["none", "gamma", "lognormal", "beta", "uniform"]


class Evidence(Strict):
    """What every row says of its number beside the number.

    Attributes:
        source: where it comes from; "engineering choice" where from nowhere.
        confidence, kind: as in parameter files.
        spread: the distribution of what is not known about it, around the number as its mean; ``none`` for what is given.
        sd: its standard deviation, in the unit of the number; not of ``uniform``.
        low, high: the ends of a ``uniform`` spread.
        note: anything else.
    """

    source: str
    confidence: Literal["high", "medium", "low"]
    kind: Literal["source", "memory", "derived", "calibrated", "proposed"]
    spread: Spread = "none"
    sd: float | None = Field(default=None, gt=0.0)
    low: float | None = None
    high: float | None = None
    note: str = ""

    @field_validator("source")
    @classmethod
    def _source_is_given(cls, value: str) -> str:
        if not any(character.isalpha() for character in value):
            raise ValueError("source names nothing")
        return value

    @property
    def center(self) -> float:
        """The number."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _spread_fits(self) -> Evidence:
        need_sd, need_ends = self.spread in ("gamma", "lognormal", "beta"), self.spread == "uniform"
        if need_sd != (self.sd is not None):
            raise ValueError(f"sd: a spread {self.spread!r} {'needs it' if need_sd else 'has none'}")
        ends = (self.low, self.high)
        if (None in ends) if need_ends else (ends != (None, None)):
            raise ValueError(f"low, high: a spread {self.spread!r} {'needs both' if need_ends else 'has none'}")
        if self.low is not None and self.high is not None and not self.low < self.center < self.high:
            raise ValueError(f"low, high: {self.center:g} does not lie between {self.low:g} and {self.high:g}")
        if self.spread in ("gamma", "lognormal") and self.center <= 0.0:
            raise ValueError(f"spread: a {self.spread} spread needs a positive number, not {self.center:g}")
        if self.spread == "beta" and self.sd is not None and self.sd**2 >= self.center * (1.0 - self.center):
            raise ValueError(f"sd: {self.sd:g} is too wide for a share of {self.center:g}")
        return self


Row = TypeVar("Row", bound=Evidence)


class Refusal(NamedTuple):
    """A row that was refused: its number from 1 on, what it is called, and why."""

    row: int
    name: str
    reason: str


class Rows(NamedTuple):
    """A table after its rows were judged.

    Attributes:
        head: what stands beside the rows.
        kept: rows by key, in their order.
        refused: the others.
    """

    head: dict[str, Any]
    kept: dict[str, Any]
    refused: tuple[Refusal, ...]


def read_rows(
    source: Any,
    kind: type[Row],
    name_of: Callable[[Mapping[str, Any]], str],
    judge: Callable[[Row, dict[str, Row], Mapping[str, Any]], str],
    *,
    keep_good: bool = False,
    whole: Callable[[Mapping[str, Any]], object] = lambda _head: None,
) -> Rows:
    """Read ``[[row]]`` tables, judge each by its model and then by ``judge``, and keep the good ones.

    Args:
        source: a path, or an item of :mod:`importlib.resources`.
        kind: the model of a row.
        name_of: what a raw row is called, which is also its key.
        judge: of a row, those kept before it and the head, why it is refused; "" where it is not.
        keep_good: keep the good rows where others are refused.
        whole: checks the head; raises ParameterError without the name of the file, which is put before its text.

    Raises:
        ParameterError: the file cannot be read or its head is wrong; or a row is refused and ``keep_good`` is not set, the text
            then gives the reason of every refused row.
    """
    name = file_name(source)
    tables = read_tables(source, ParameterError, kind="TOML")
    raw = tables.pop("row", None)
    if not isinstance(raw, list) or not raw:
        raise ParameterError(f"{name}: row: no rows; write them as [[row]] tables")
    try:
        whole(tables)
    except ParameterError as problem:
        raise ParameterError(f"{name}: {problem}") from problem
    kept: dict[str, Row] = {}
    refused: list[Refusal] = []
    for number, entry in enumerate(raw, 1):
        called = name_of(entry) if isinstance(entry, dict) else "?"
        reason = _fault(entry, kind, kept, tables, called, judge)
        if isinstance(reason, str):
            refused.append(Refusal(number, called, reason))
        else:
            kept[called] = reason
    if refused and not keep_good:
        said = "; ".join(f"row.{number} ({called}): {reason}" for number, called, reason in refused)
        raise ParameterError(f"{name}: {said}")
    if not kept:
        raise ParameterError(f"{name}: row: none of its {len(raw)} rows is good")
    return Rows(tables, dict(kept), tuple(refused))


def _fault(
    entry: Any,
    kind: type[Row],
    kept: dict[str, Row],
    head: Mapping[str, Any],
    called: str,
    judge: Callable[[Row, dict[str, Row], Mapping[str, Any]], str],
) -> str | Row:
    """Why a raw row is refused, or the row."""
    if not isinstance(entry, dict):
        return "is no table"
    try:
        row = kind.model_validate(entry)
    except ValidationError as problem:
        return " ".join(first_reason(problem, kind).split())
    if called in kept:
        same = kept[called] == row
        return f"{called}: given twice{'' if same else ', and contradicts the row before'}"
    return judge(row, kept, head) or row
