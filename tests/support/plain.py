"""Kernels as plain Python over records of a test's own, and what they call as a list; nothing is compiled for it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest


def plain_record(dtype: Any, **values: Any) -> Any:
    """A record of zeros and of what is given, with fields as attributes."""
    made: Any = np.zeros(1, dtype).view(np.recarray)[0]
    for name, value in values.items():
        setattr(made, name, value)
    return made


def numbered(dtype: Any, first: int = 1000) -> Any:
    """A record in which no two fields hold the same: whole numbers from ``first`` on, in their order."""
    made: Any = np.zeros(1, dtype).view(np.recarray)[0]
    for k, name in enumerate(dtype.names):
        if dtype.fields[name][0].names is None:
            setattr(made, name, first + k)
    return made


def uncompiled(patch: pytest.MonkeyPatch, *modules: Any) -> None:
    """Have the kernels of a module call others as plain Python."""
    for module in modules:
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                patch.setattr(module, name, value.py_func)


class Rows(list[Any]):
    """An array of so many rows, each a record or a name."""

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)


class Calls:
    """What a kernel called, in order, each argument by its name where it has one."""

    def __init__(self, patch: pytest.MonkeyPatch, module: Any) -> None:
        self.made: list[tuple[Any, ...]] = []
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []
        self._patch, self._module = patch, module

    def know(self, **things: Any) -> None:
        """Names of what is handed on; of a namespace its parts as well."""
        for name, thing in things.items():
            self._kept.append(thing)
            self._names[id(thing)] = name
            if isinstance(thing, SimpleNamespace):
                for part, value in vars(thing).items():
                    self._kept.append(value)
                    self._names[id(value)] = f"{name}.{part}"

    def _name(self, thing: Any) -> Any:
        if id(thing) in self._names:
            return self._names[id(thing)]
        return tuple(thing.tolist()) if isinstance(thing, np.ndarray) else thing

    def called(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of one function."""
        return [one[1:] for one in self.made if one[0] == name]

    def watch(self, name: str, answer: Callable[..., Any] | None = None) -> None:
        """Put a function in a kernel's place that notes its arguments and answers as asked."""

        def instead(*arguments: Any) -> Any:
            self.made.append((name, *map(self._name, arguments)))
            return None if answer is None else answer(*arguments)

        self._patch.setattr(self._module, name, instead)
