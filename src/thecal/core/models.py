"""Models of what people write: no guessing of types, no key that nothing reads, and each complaint one sentence."""

from __future__ import annotations

import numbers
import operator
import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from thecal.core.errors import ConfigError, did_you_mean

Model = TypeVar("Model", bound=BaseModel)
_LONGEST = 60


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


def first_reason(problem: ValidationError, kind: type[BaseModel] | None = None) -> str:
    """The first complaint of a validation in words: ``key: reason``; ``kind`` is the model, for the names it knows."""
    first = problem.errors()[0]
    key = ".".join(str(place) for place in first["loc"])
    return f"{key + ': ' if key else ''}{_reason(first, kind)}"


def _reason(first: Any, kind: type[BaseModel] | None) -> str:
    if first["type"] == "extra_forbidden":
        *place, name = first["loc"]
        known = None if kind is None else _fields_at(kind, place)
        return "unknown" if known is None else f"unknown{did_you_mean(str(name), known)}; known: {', '.join(known)}"
    words = str(first["msg"]).removeprefix("Value error, ")
    given = first.get("input")
    if first["type"] == "literal_error" and isinstance(given, str):
        near = did_you_mean(given, re.findall("'([^']+)'", words))
        return f"{words} (got {given!r}){near}"
    if first["type"] in ("missing", "value_error") or not isinstance(given, (str, int, float, type(None))):
        return words
    try:
        shown = repr(given)
    except ValueError:  # an integer with more digits than Python writes
        shown = "a number with thousands of digits"
    return f"{words} (got {shown if len(shown) <= _LONGEST else shown[:_LONGEST] + '...'})"


def _fields_at(kind: type[BaseModel], place: list[Any]) -> list[str] | None:
    """Names of the fields of the model at a place within ``kind``; None where there is none."""
    here: Any = kind
    for step in place:
        model = _model_in(here)
        if model is not None and isinstance(step, str) and step in model.model_fields:
            here = model.model_fields[step].annotation
    model = _model_in(here)
    return None if model is None else list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation holds: itself, or the one of a union or a collection."""
    if isinstance(annotation, type) and not get_origin(annotation) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, list, dict, Union, UnionType, Annotated):
        return next((found for entry in get_args(annotation) if (found := _model_in(entry)) is not None), None)
    return None
