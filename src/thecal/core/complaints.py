"""What is wrong with a value, in plain words: the one place where complaints of the checking library become sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from thecal.core.errors import did_you_mean

_LONGEST = 40  # characters of a wrong value that are shown
_WORDS: dict[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is unknown",
    "unexpected_keyword_argument": "is unknown",
    "none_required": "must be left out",
    "finite_number": "must be a finite number",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dataclass_type": "must be a table",
    "json_invalid": "is not valid JSON",
    "json_type": "is not valid JSON",
}
_KINDS = (
    (re.compile("^int_"), "must be a whole number"),
    (re.compile("^(float|decimal)_"), "must be a number"),
    (re.compile("^bool_"), "must be true or false"),
    (re.compile("^string_(type|sub_type|unicode)"), "must be text"),
    (re.compile("^path_"), "must be a path"),
    (re.compile("^(is_instance_of|is_subclass_of|callable_type|union_tag)"), "is of the wrong kind"),
)
_LIMITS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda of: f"must be above {of['gt']:g}",
    "greater_than_equal": lambda of: f"must be at least {of['ge']:g}",
    "less_than": lambda of: f"must be below {_whole(of['lt'])}",
    "less_than_equal": lambda of: f"must be at most {_whole(of['le'])}",
    "multiple_of": lambda of: f"must be a multiple of {of['multiple_of']:g}",
    "string_too_short": lambda of: f"must have at least {of['min_length']} characters",
    "string_too_long": lambda of: f"must have at most {of['max_length']} characters",
    "too_short": lambda of: f"must have at least {of['min_length']} entries",
    "too_long": lambda of: f"must have at most {of['max_length']} entries",
    "string_pattern_mismatch": lambda of: f"must be of the form {of['pattern']}",
}
# Of these the value says nothing that the place does not.
_SILENT = (
    "missing",
    "extra_forbidden",
    "json_invalid",
    "value_error",
    "assertion_error",
    "unexpected_keyword_argument",
)


def first_reason(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """The first complaint of a validation in words: ``key: reason, not 'value'``; ``model`` is asked for the names it knows."""
    key, why = first_complaint(error, model)
    return f"{key + ': ' if key else ''}{why}"


def first_complaint(error: ValidationError, model: type[BaseModel] | None = None) -> tuple[str, str]:
    """Where the first complaint of a validation stands (dotted, perhaps empty), and what it is."""
    first = error.errors()[0]
    return ".".join(str(part) for part in first["loc"]), in_words(first, model)


def in_words(complaint: Mapping[str, Any], model: type[BaseModel] | None = None) -> str:
    """One entry of ``ValidationError.errors()`` as the end of a sentence that begins with what was checked."""
    kind, context = str(complaint["type"]), complaint.get("ctx", {})
    if kind == "extra_forbidden" and model is not None:
        *place, name = complaint["loc"]
        known = _fields_at(model, place)
        return f"unknown{did_you_mean(str(name), known)}; known: {', '.join(known)}"
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", complaint["msg"]))
    if kind in ("literal_error", "enum"):
        return f"must be {context['expected']}, not {_shown(complaint['input'])}{_near(complaint)}"
    ending = "" if kind in _SILENT else f", not {_shown(complaint['input'])}"
    return _plain(kind, context, str(complaint["msg"])) + ending


def _plain(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind in _LIMITS:
        return _LIMITS[kind](context)
    known = _WORDS.get(kind) or next((words for form, words in _KINDS if form.match(kind)), None)
    return known or message.replace("Input should be", "must be")


def _near(complaint: Mapping[str, Any]) -> str:
    return did_you_mean(str(complaint["input"]), re.findall("'([^']*)'", str(complaint["ctx"]["expected"])))


def _whole(limit: Any) -> str:
    return f"{limit:g}" if isinstance(limit, float) else f"{limit}"


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer with more digits than Python writes
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _fields_at(kind: type[BaseModel], place: list[Any]) -> list[str]:
    """Names of the fields of the model at a place within ``kind``; none where there is no model."""
    here: Any = kind
    for step in place:
        model = _model_in(here)
        if model is not None and isinstance(step, str) and step in model.model_fields:
            here = model.model_fields[step].annotation
    model = _model_in(here)
    return [] if model is None else list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation holds: itself, or the one of a union or a collection."""
    if isinstance(annotation, type) and not get_origin(annotation) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, list, dict, Union, UnionType, Annotated):
        return next((found for entry in get_args(annotation) if (found := _model_in(entry)) is not None), None)
    return None
