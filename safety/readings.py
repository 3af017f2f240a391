"""Other readings of the kernel: the same bytecode bound to other meanings of its helper operations."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from thecal.safety import ops

HELPERS = ("lo", "hi", "ite", "both", "either", "union", "fdiv", "span")


def bind(
    source: ModuleType,
    helpers: Mapping[str, Any],
    *,
    wrap: Callable[[types.FunctionType], Any] = lambda function: function,
    replace: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The functions of ``source`` by name, each calling ``helpers`` instead of ``ops`` and each other in the same reading.

    Args:
        source: a module written in the restricted arithmetic.
        helpers: the meaning of each operation of ``ops``; may also hold ``range``.
        wrap: applied to every function (for example a compiler).
        replace: functions that stand in for those of the source (contracts in a modular proof).
    """
    constants = {name: value for name, value in vars(source).items() if type(value) is int}
    names: dict[str, Any] = {"range": range, **constants, **helpers}
    bound: dict[str, Any] = {}
    for name, function in functions(source).items():
        stand_in = (replace or {}).get(name)
        bound[name] = wrap(types.FunctionType(function.__code__, names, name)) if stand_in is None else stand_in
        names[name] = bound[name]
    return bound


def functions(source: ModuleType) -> dict[str, types.FunctionType]:
    """The functions defined in a kernel module, in order of definition."""
    return {
        name: value
        for name, value in vars(source).items()
        if isinstance(value, types.FunctionType) and value.__module__ == source.__name__
    }


def read(
    sources: Iterable[ModuleType],
    helpers: Mapping[str, Any],
    *,
    wrap: Callable[[types.FunctionType], Any] = lambda function: function,
    replace: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The functions of several modules in one reading, each module calling those before it; arguments as of :func:`bind`."""
    found: dict[str, Any] = {}
    for source in sources:
        found |= bind(source, {**found, **helpers}, wrap=wrap, replace=replace)
    return found


def plain(*sources: ModuleType) -> dict[str, Any]:
    """The plain-Python reading."""
    return read(sources, {name: getattr(ops, name) for name in HELPERS})
