"""Reads the numbers of the rule-based policies from ``data/*.toml`` into checked, frozen settings."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Self, TypeVar

from pydantic import BaseModel, Field

from thecal.core.models import Strict, checked
from thecal.core.parameters import read_parameters

DATA = "thecal.agents"

Model = TypeVar("Model", bound=BaseModel)


def number(unit: str, **bounds: Any) -> Any:
    """A settings field whose value is read in ``unit`` (pint) and kept within pydantic ``bounds``."""
    return Field(json_schema_extra={"unit": unit}, **bounds)


class PolicySettings(Strict):
    """Base of the settings: one field a key of the file, nothing else accepted."""

    @classmethod
    def shared(cls) -> dict[str, float]:
        """Fields whose numbers stand elsewhere, because others read them too."""
        return {}

    @classmethod
    def load(cls, file: str, **overrides: float) -> Self:
        """Settings from ``data/<file>.toml`` with ``overrides`` (same names, internal units) on top.

        Raises:
            ParameterError: the file is corrupt.
            ConfigError: an override is unknown or out of bounds.
        """
        table = read_parameters(files(DATA) / "data" / f"{file}.toml")
        values = cls.shared()
        own = {name: field for name, field in cls.model_fields.items() if name not in values}
        table.only(own, f"policy {file!r}")
        for name, field in own.items():
            extra = field.json_schema_extra
            unit = extra["unit"] if isinstance(extra, dict) else "dimensionless"
            values[name] = table.get_in(name, str(unit))
        return validated(cls, values | overrides, f"policy settings {file!r}")


def validated(model: type[Model], values: dict[str, Any], what: str) -> Model:
    """``model`` from ``values``; a :class:`ConfigError` that names ``what``, the key and the reason otherwise."""
    return checked(model, values, what)
