"""Shipped hyperparameters of the learning algorithms, read from ``data/<algorithm>.toml`` with overrides on top."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from thecal.agents.backends.hyperparameters import RLSettings
from thecal.agents.backends.registry import backend
from thecal.agents.settings import DATA, validated
from thecal.core.errors import ParameterError


def load_rl_settings(algorithm: str, task: str | None = None, **overrides: Any) -> RLSettings:
    """Shipped settings of ``algorithm``: the file's ``[default]``, then ``[task.<name>]`` if given, then overrides.

    Raises:
        UnknownNameError: no such algorithm.
        ParameterError: the file is corrupt.
        ConfigError: a setting is unknown, missing or out of bounds.
    """
    model = backend(algorithm).settings
    name = f"{algorithm}.toml"
    try:
        table = tomllib.loads((files(DATA) / "data" / name).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ParameterError(f"{name}: cannot be read ({error})") from error
    if not isinstance(table.get("default"), dict):
        raise ParameterError(f"{name}: default: missing")
    values = table["default"] | table.get("task", {}).get(task, {}) | overrides
    return validated(model, values, name)
