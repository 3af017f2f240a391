"""Models of what people write: no guessing of types, no key that nothing reads, and each complaint one sentence."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from thecal.core.complaints import first_reason
from thecal.core.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def _plain_number(value: Any) -> Any:
    """NumPy's numbers as Python's; everything else as it is."""
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, numbers.Integral):
        return operator.index(value)
    return float(value) if isinstance(value, numbers.Real) else value


def _strict(schema: Any) -> Any:
    """A core schema whose numbers and flags take no text, no true or false for a number, and no fraction for a count."""
    if isinstance(schema, list):
        return [_strict(entry) for entry in schema]
    if isinstance(schema, tuple):
        return tuple(_strict(entry) for entry in schema)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if kind == "bool":
        return {**schema, "strict": True}
    if kind in ("int", "float") and not schema.get("strict"):
        return core_schema.no_info_before_validator_function(_plain_number, {**schema, "strict": True})
    return {key: entry if key in ("metadata", "serialization") else _strict(entry) for key, entry in schema.items()}


class Strict(BaseModel):
    """Base of what files and users give: frozen, nothing beyond its fields, numbers finite and not guessed from texts.

    Lists are taken for tuples and whole numbers for fractions, as TOML and JSON need it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        found: CoreSchema = _strict(handler(source))
        return found


def checked(kind: type[Model], data: Any, where: str = "", error: type[ConfigError] = ConfigError) -> Model:
    """A model of what a file or a user gives.

    Args:
        kind: the model.
        data: its values by field.
        where: how the text begins: the name of the file, or what was given; nothing when empty.
        error: what to raise.

    Raises:
        ConfigError: an entry is unknown, missing or wrong; the text names it and says why.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as problem:
        raise error(f"{where + ': ' if where else ''}{first_reason(problem, kind)}") from problem


def part(kind: type[Model], value: Any) -> Any:
    """A table as a model by itself, because a union of types would complain about the wrong one of them.

    Raises:
        ValueError: the table is not valid.
    """
    if not isinstance(value, (Mapping, kind)):
        return value
    try:
        return kind.model_validate(value)
    except ValidationError as problem:
        raise ValueError(first_reason(problem, kind)) from problem
