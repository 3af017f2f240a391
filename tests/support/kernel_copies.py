"""A kernel's Python text on objects whose fields are attributes, and what it changed in them: tests without a compiler."""

from __future__ import annotations

import builtins
import types
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np


def plainly(kernel: Any, **instead: Any) -> Callable[..., Any]:
    """The kernel as it stands now, and all that it calls, as plain Python; what is named in ``instead`` is put in its place."""
    copy: Callable[..., Any] = _copy(kernel.py_func, instead, {})
    return copy


def _copy(function: Any, instead: dict[str, Any], made: dict[int, Any]) -> Any:
    if id(function) not in made:
        names: dict[str, Any] = {"__builtins__": builtins}
        code = function.__code__
        copy = types.FunctionType(code, names, code.co_name, function.__defaults__, function.__closure__)
        made[id(function)] = copy
        for name in code.co_names:
            if name in instead:
                names[name] = instead[name]
            elif name in function.__globals__:
                value = function.__globals__[name]
                names[name] = _copy(value.py_func, instead, made) if hasattr(value, "py_func") else value
    return made[id(function)]


def blank(kind: Any) -> Any:
    """A record of a dtype as an object, all zero; records within it are objects, arrays are arrays."""
    if kind.subdtype is not None:
        base, shape = kind.subdtype
        return np.zeros(shape, base) if base.names is None else [blank(base) for _ in range(shape[0])]
    if kind.names is not None:
        return SimpleNamespace(**{name: blank(kind.fields[name][0]) for name in kind.names})
    return 0.0 if kind.kind == "f" else 0


def flat(record: Any, path: str = "") -> dict[str, Any]:
    """Every number of a record by its path."""
    found: dict[str, Any] = {}
    if isinstance(record, SimpleNamespace):
        for name, value in vars(record).items():
            found |= flat(value, f"{path}.{name}" if path else name)
    elif isinstance(record, list):
        for k, value in enumerate(record):
            found |= flat(value, f"{path}[{k}]")
    elif isinstance(record, np.ndarray):
        found[path] = record.tolist()
    else:
        found[path] = record
    return found


class Changed:
    """Look at records now; called later, it tells what differs by then, by path."""

    def __init__(self, **records: Any) -> None:
        self._records = SimpleNamespace(**records)
        self._before = flat(self._records)

    def __call__(self) -> dict[str, Any]:
        return {path: value for path, value in flat(self._records).items() if value != self._before[path]}


class Spy:
    """Stands in for a function: keeps what it was called with and gives back ``result``, or the result of calling it."""

    def __init__(self, result: Any = None) -> None:
        self._result = result
        self.made: list[tuple[Any, ...]] = []

    def __call__(self, *arguments: Any) -> Any:
        self.made.append(arguments)
        return self._result(*arguments) if callable(self._result) else self._result
