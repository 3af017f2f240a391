"""Shipped hyperparameters of the learning algorithms, read from ``data/<algorithm>.toml`` with overrides on top."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from thecal.agents.backends.hyperparameters import RLSettings
from thecal.agents.backends.registry import backend
from thecal.agents.settings import DATA, validated
from thecal.core.complaints import first_reason
from thecal.core.documents import read_tables
from thecal.core.errors import ParameterError, did_you_mean
from thecal.core.models import checked


def wrong_setting(algorithm: str, settings: dict[str, Any]) -> str | None:
    """What is wrong with a setting by itself, as ``key: reason``; None where nothing is.

    Raises:
        UnknownNameError: no such algorithm.
        ParameterError: the shipped file is corrupt.
    """
    model = backend(algorithm).settings
    shipped = load_rl_settings(algorithm).model_dump()
    try:
        model.model_validate(shipped | settings)
    except ValidationError as error:
        return first_reason(error, model) if error.errors()[0]["loc"] else None
    return None


def load_rl_settings(algorithm: str, task: str | None = None, **overrides: Any) -> RLSettings:
    """Shipped settings of ``algorithm``: the file's ``[default]``, then ``[task.<name>]`` if given, then overrides.

    Raises:
        UnknownNameError: no such algorithm.
        ParameterError: the file is corrupt.
        ConfigError: a setting is unknown, missing or out of bounds.
    """
    model = backend(algorithm).settings
    name = f"{algorithm}.toml"
    table = read_tables(files(DATA) / "data" / name, ParameterError)
    for key, entry in table.items():
        if key not in ("default", "task") or not isinstance(entry, dict):
            raise ParameterError(
                f"{name}: {key}: not the table default or task{did_you_mean(key, ('default', 'task'))}"
            )
    if "default" not in table:
        raise ParameterError(f"{name}: default: missing")
    for one, own in table.get("task", {}).items():  # those of other tasks too: what is wrong there would show up late
        if not isinstance(own, dict):
            raise ParameterError(f"{name}: task.{one}: not a table")
        checked(model, table["default"] | own, f"{name}: task.{one}", ParameterError)
    checked(model, table["default"], f"{name}: default", ParameterError)
    return validated(model, table["default"] | table.get("task", {}).get(task, {}) | overrides, name)
