"""Parameter files: TOML tables whose every number carries value, unit, source and confidence, checked once at load.

A number is a table such as::

    [csf.production]
    value = 0.35
    unit = "mL/min"
    source = "auth, tay"
    confidence = "high"
    cv = 0.2                    # between patients; optional
    distribution = "lognormal"  # needed with cv
    range = [0.2, 0.5]          # truncation, in the same unit; optional
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import ValidationError, field_validator, model_validator

from thecal.core.complaints import first_reason
from thecal.core.documents import file_name, read_tables
from thecal.core.errors import ParameterError, did_you_mean
from thecal.core.models import Strict
from thecal.core.units import factor


class Quantity(Strict):
    """One number with its evidence.

    ``kind`` says where it comes from: ``source`` (read in the named source), ``memory`` (recalled from it), ``derived``
    (arithmetic on sourced numbers), ``calibrated`` (fitted to the named targets), ``proposed`` (an engineering choice).
    """

    value: float
    unit: str
    source: str
    confidence: Literal["high", "medium", "low"]
    kind: Literal["source", "memory", "derived", "calibrated", "proposed"] = "source"
    cv: float | None = None
    sd: float | None = None
    distribution: Literal["lognormal", "normal", "uniform"] | None = None
    range: tuple[float, float] | None = None
    note: str = ""

    @field_validator("source")
    @classmethod
    def _source_is_given(cls, value: str) -> str:
        # A blank, a dash or a mark that is not even seen names nothing.
        if not any(character.isalpha() for character in value):
            raise ValueError("source is empty" if not value.strip() else "source names nothing")
        return value

    @model_validator(mode="after")
    def _spread_is_consistent(self) -> Quantity:
        if self.cv is not None and self.sd is not None:
            raise ValueError("give cv or sd, not both")
        if (self.cv is not None or self.sd is not None) and self.distribution is None:
            raise ValueError("a spread (cv or sd) needs a distribution")
        if self.distribution == "lognormal" and self.value <= 0:
            raise ValueError("a log-normal value must be positive")
        if any(spread is not None and spread < 0 for spread in (self.cv, self.sd)):
            raise ValueError("a spread cannot be negative")
        if self.range is not None and not self.range[0] <= self.value <= self.range[1]:
            raise ValueError(f"value {self.value} is outside its range {list(self.range)}")
        return self

    def to(self, unit: str) -> float:
        """The value in ``unit``; raises :class:`ParameterError` where the dimensions differ."""
        return self.value * factor(self.unit, unit)


class ParameterFile(Mapping[str, Quantity]):
    """A parsed file: quantities by dotted key (``"csf.production"``), other entries (empty tables too) in ``texts``.

    Nothing of it can be set or added to: what was checked is what is read.
    """

    __slots__ = ("_quantities", "path", "texts")
    path: str
    texts: Mapping[str, Any]
    _quantities: Mapping[str, Quantity]

    def __init__(self, path: str, quantities: Mapping[str, Quantity], texts: Mapping[str, Any]) -> None:
        fill = {"path": path, "texts": MappingProxyType(dict(texts)), "_quantities": MappingProxyType(dict(quantities))}
        for name, value in fill.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self.path}: {name}: a parameter file cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{self.path}: {name}: a parameter file cannot be changed")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, dict(self._quantities), dict(self.texts))

    def __getitem__(self, key: str) -> Quantity:
        if key not in self._quantities:
            raise ParameterError(f"{self.path}: {key}: missing")
        return self._quantities[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._quantities)

    def __len__(self) -> int:
        return len(self._quantities)

    def __contains__(self, key: object) -> bool:
        return key in self._quantities

    def get_in(self, key: str, unit: str, *, minimum: float = -math.inf, maximum: float = math.inf) -> float:
        """The value of ``key`` in ``unit``.

        Raises:
            ParameterError: the key is missing, its unit measures something else, or it is outside [minimum, maximum].
        """
        quantity = self[key]
        try:
            value = quantity.to(unit)
        except ParameterError as error:
            raise ParameterError(f"{self.path}: {key}: {error}") from error
        if not minimum <= value <= maximum:
            raise ParameterError(f"{self.path}: {key}: {value} {unit} is outside [{minimum}, {maximum}]")
        return value

    def only(self, quantities: Collection[str], what: str, texts: Collection[str] = ()) -> None:
        """Refuse what nobody would read.

        Args:
            quantities: keys of the numbers that are read.
            what: whose they are, for the message (``"a drug"``).
            texts: keys of the texts that are read.

        Raises:
            ParameterError: there is another key, or a text is none.
        """
        for key in self:
            if key not in quantities:
                raise ParameterError(f"{self.path}: {key}: no such parameter of {what}{did_you_mean(key, quantities)}")
        for key, text in self.texts.items():
            if key not in texts:
                known = [*texts, *quantities]
                raise ParameterError(f"{self.path}: {key}: no such entry of {what}{did_you_mean(key, known)}")
            if not isinstance(text, str) or not text.strip():
                raise ParameterError(f"{self.path}: {key}: not a text")

    def fixed(self, except_for: Collection[str] = ()) -> None:
        """Refuse a spread that nobody would draw.

        Raises:
            ParameterError: a number other than ``except_for`` states one.
        """
        for key, quantity in self.items():
            if quantity.distribution is not None and key not in except_for:
                raise ParameterError(f"{self.path}: {key}: the same in every case, so it cannot have a distribution")


def read_parameters(path: Path | Any) -> ParameterFile:
    """Read one parameter file (a path or an ``importlib.resources`` item).

    Raises:
        ParameterError: the file cannot be read, is not TOML, or holds a number without unit, source or confidence. The
            text names the file, the key and the reason.
    """
    name = file_name(path)
    quantities: dict[str, Quantity] = {}
    texts: dict[str, Any] = {}
    _collect(name, "", read_tables(path, ParameterError, kind="TOML"), quantities, texts)
    return ParameterFile(name, quantities, texts)


def _collect(
    name: str, prefix: str, table: dict[str, Any], quantities: dict[str, Quantity], texts: dict[str, Any]
) -> None:
    for key, entry in table.items():
        dotted = f"{prefix}{key}"
        if dotted in quantities or dotted in texts:  # TOML takes "a.b" and b of the table a for two keys
            raise ParameterError(f"{name}: {dotted}: given twice")
        if isinstance(entry, dict) and ("value" in entry or "unit" in entry):
            quantities[dotted] = _quantity(name, dotted, entry)
        elif isinstance(entry, dict) and entry:
            _collect(name, f"{dotted}.", entry, quantities, texts)
        elif isinstance(entry, (int, float)) and not isinstance(entry, bool):
            raise ParameterError(f"{name}: {dotted}: a bare number; give value, unit, source and confidence")
        else:
            texts[dotted] = entry


def _quantity(name: str, key: str, entry: dict[str, Any]) -> Quantity:
    try:
        return Quantity.model_validate(entry)
    except ValidationError as error:
        reason = first_reason(error, Quantity)
        named = error.errors()[0]["loc"]
        raise ParameterError(f"{name}: {key}{'.' if named else ': '}{reason}") from error
