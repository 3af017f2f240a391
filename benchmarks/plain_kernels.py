"""Kernels without a compiler: records as Python objects over the same memory, so that a changed kernel runs at once.

:func:`plain` must be called before anything of Thecal is imported. From then on ``numba.njit`` gives back the function it was
given, and an entry point hands its kernels records with attributes, read from and written to the arrays it was called with.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

_WORDS = {"f": "d", "i": "q", "u": "Q"}  # 64-bit numbers alone, as every record of a kernel holds them


class _Rows:
    """An array of records; its elements are made once each."""

    def __init__(self, array: Any) -> None:
        self._array, self._made = array, {}
        self.shape, self.dtype, self.size = array.shape, array.dtype, array.size

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, k: Any) -> Any:
        try:
            return self._made[k]
        except KeyError:
            if not -len(self) <= k < len(self):
                raise IndexError(k) from None
            part = self._array[k]
            made = _Rows(part) if part.ndim else record(self._array[k : k + 1 or None])
            return self._made.setdefault(k, made)

    def __setitem__(self, k: Any, value: Any) -> None:
        self._array[k] = value._array[0] if isinstance(value, Record) else value


class Record:
    """One record; fields are attributes of the subclass that :func:`_kind` makes for its dtype."""

    __slots__ = ("_Q", "_array", "_d", "_parts", "_q")

    def __init__(self, array: Any) -> None:
        self._array, self._parts = array, {}
        raw = array.view(np.uint8).data
        self._d, self._q, self._Q = raw.cast("d"), raw.cast("q"), raw.cast("Q")

    @property
    def dtype(self) -> Any:
        return self._array.dtype

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)


_kinds: dict[Any, type[Record]] = {}


def _scalar(code: str, place: int) -> property:
    if code == "d":
        return property(lambda self: self._d[place], lambda self, v: self._d.__setitem__(place, float(v)))
    if code == "Q":
        return property(lambda self: self._Q[place], lambda self, v: self._Q.__setitem__(place, int(v)))
    return property(lambda self: self._q[place], lambda self, v: self._q.__setitem__(place, _whole(v)))


def _whole(value: Any) -> int:
    """As a compiled kernel stores a number in an integer field: toward zero, within 64 bits."""
    if isinstance(value, float):
        value = int(value) if math.isfinite(value) else -(2**63)
    return (int(value) + 2**63) % 2**64 - 2**63


def _wide(name: str) -> property:
    """A field that is a record or an array."""

    def read(self: Record) -> Any:
        try:
            return self._parts[name]
        except KeyError:
            part = self._array[name]
            names = part.dtype.names
            made = (record(part) if part.ndim == 1 else _Rows(part[0])) if names else part[0]
            return self._parts.setdefault(name, made)

    def write(self: Record, value: Any) -> None:
        self._array[name][0] = value._array[0] if isinstance(value, Record) else value

    return property(read, write)


def _kind(dtype: Any) -> type[Record]:
    if dtype not in _kinds:
        fields: dict[str, Any] = {"__slots__": ()}
        for name in dtype.names:
            part, offset = dtype.fields[name][:2]
            plain_number = part.names is None and part.subdtype is None
            fields[name] = _scalar(_WORDS[part.kind], offset // 8) if plain_number else _wide(name)
        _kinds[dtype] = type("Record", (Record,), fields)
    return _kinds[dtype]


def record(array: Any) -> Record:
    """The one record in an array ``[1]``, as kernels see it."""
    return _kind(array.dtype)(array)


def shown(value: Any) -> Any:
    """What a compiled entry point makes of an argument."""
    if isinstance(value, np.ndarray) and value.dtype.names:
        return _Rows(value)
    if isinstance(value, np.void) and value.dtype.names:
        return record(np.asarray(value).reshape(1))
    return value


def _njit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    if function is None:
        return lambda one: _njit(one, **options)
    function.get_call_template = None  # type: ignore[attr-defined]  # asked for by core.jit
    function.py_func = function  # type: ignore[attr-defined]
    called_by_python = "parallel" in options or not (function.__module__ or "thecal.").startswith("thecal.")
    return _enter(function) if called_by_python else function


def _enter(function: Callable[..., Any]) -> Any:
    """The function, for a caller that holds arrays."""

    def enter(*arguments: Any) -> Any:
        return function(*map(shown, arguments))

    enter.py_func, enter.get_call_template = function, None  # type: ignore[attr-defined]
    return enter


def enterable(module: Any) -> None:
    """Let a module of tests call kernels with the arrays it holds, as it can call compiled ones."""
    for name, value in list(vars(module).items()):
        if hasattr(value, "get_call_template"):
            setattr(module, name, _enter(value))


def plain() -> None:
    """Have every kernel that is imported from here on run as Python."""
    assert not [name for name in sys.modules if name.startswith("thecal.")], "Thecal is imported already"
    import numba
    import numba.extending

    numba.njit = _njit
    numba.extending.intrinsic = lambda _: lambda a, b, c: a * b + c  # the one intrinsic is a fused multiply-add
    import thecal.core.cache as cache

    cache.keep = lambda _: None
    from thecal.core import rng

    for name, value in list(vars(rng).items()):
        if isinstance(value, np.uint64):
            setattr(rng, name, int(value))
    rng.np = SimpleNamespace(uint64=lambda value: int(value) % 2**64)  # type: ignore[attr-defined]  # wraps as C does
    from thecal.devices import fault_presets

    begin = fault_presets.new_faults  # the one kernel that Python calls with a record of its own
    fault_presets.new_faults = lambda state: begin(shown(state))
    np.seterr(all="ignore")
