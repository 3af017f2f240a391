"""What arrives as an action, read as numbers or as NaN, which the shield holds; whatever it is, reading it never raises.

Only real numbers count: an array, list or tuple of integers and floats, or a thing that turns itself into such an array (a
tensor). Booleans, complex numbers, text, dates and masked values are no numbers here, because each of them could only be an
accident: what would be read from them was not asked for. Ctrl-C and a program's exit are not caught.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import InvalidActionWarning
from thecal.core.guarded import type_name

_REAL = "fiu"  # kinds of dtype that are real numbers
_DOUBLE = np.dtype(np.float64).itemsize
_ARRAY_LIKE = ("__array__", "__array_interface__", "__array_struct__")
_HELD = "the shield held the last safe rate"


def read_action(action: object, width: int) -> NDArray[np.float64]:
    """One action as float64 ``[width]``; NaN, with one warning, when it cannot be read as that."""
    if type(action) is np.ndarray and action.shape == (width,) and action.dtype.kind in _REAL:
        return _widened(action)
    row = _row(action, width)
    if row is None:
        _warn(f"action of type {type_name(action)} is not {width} real numbers")
        return np.full(width, np.nan)
    return np.array(row)


def is_copied(action: object, row: NDArray[np.float64]) -> bool:
    """Whether an action was an array of real numbers of the right length, and now stands in ``row``."""
    if type(action) is not np.ndarray or action.shape != row.shape or not _fits(action.dtype):
        return False
    row[:] = action
    return True


def read_actions(actions: object, n: int, width: int) -> NDArray[np.float64]:
    """Actions of ``n`` environments as float64 ``[n, width]``.

    A row that cannot be read is NaN, and so is every row when the whole has another shape; one warning in all.
    """
    if type(actions) is np.ndarray and actions.shape == (n, width) and actions.dtype.kind in _REAL:
        return _widened(actions)
    array = None if _is_sequence(actions) else _array(actions)
    if array is not None and array.shape == (n, width) and array.dtype.kind in _REAL:
        return _widened(array)
    rows = _items(actions) if array is None else _rows_of(array)
    if rows is None or len(rows) != n:
        _warn(f"actions of type {type_name(actions)} are not {n} rows of {width} real numbers")
        return np.full((n, width), np.nan)
    read = [_row(row, width) for row in rows]
    bad = sum(row is None for row in read)
    if bad:
        _warn(f"{bad} of {n} actions are not {width} real numbers")
    missing = (np.nan,) * width
    return np.array([missing if row is None else row for row in read], np.float64)


def read_choice(choice: object, n: int) -> int | None:
    """The number of a discrete action, ``None`` with one warning when it is not a whole number from 0 to ``n`` - 1."""
    found = _whole(choice)
    if found is None or not 0 <= found < n:
        _warn(f"choice of type {type_name(choice)} is not a whole number from 0 to {n - 1}")
        return None
    return found


def read_choices(choices: object, n: int, of: int) -> list[int | None]:
    """The discrete actions of ``n`` environments, each as by :func:`read_choice`; one warning in all."""
    array = None if _is_sequence(choices) else _array(choices)
    items = _items(choices) if array is None else list(array) if array.ndim == 1 else None
    if items is None or len(items) != n:
        _warn(f"choices of type {type_name(choices)} are not {n} whole numbers")
        return [None] * n
    read = [_whole(item) for item in items]
    found = [None if value is None or not 0 <= value < of else value for value in read]
    bad = found.count(None)
    if bad:
        _warn(f"{bad} of {n} choices are not whole numbers from 0 to {of - 1}")
    return found


def _fits(kind: np.dtype[Any]) -> bool:
    return kind.kind in _REAL and kind.itemsize <= _DOUBLE


def _widened(array: NDArray[Any]) -> NDArray[np.float64]:
    # Always a fresh array in C order: the kernel would be compiled anew for a read-only or a transposed one.
    if array.dtype.itemsize <= _DOUBLE:
        return np.array(array, np.float64, order="C")
    with np.errstate(over="ignore"):  # an extended float beyond the range becomes infinite, and is held as that
        return np.array(array, np.float64, order="C")


def _row(value: object, width: int) -> tuple[float, ...] | None:
    """``width`` real numbers (also NaN and infinite ones), or ``None``."""
    array = None if _is_sequence(value) else _array(value)
    if array is not None:
        if array.shape != (width,):
            return None
        if array.dtype.kind in _REAL:
            return tuple(_widened(array).tolist())
        items: list[Any] | None = array.tolist() if array.dtype.kind == "O" else None
    else:
        items = _items(value)
    if items is None or len(items) != width:
        return None
    numbers = [_number(item) for item in items]
    return None if None in numbers else tuple(float(number) for number in numbers if number is not None)


def _number(value: object) -> float | None:
    try:
        if type(value) in (float, int):
            return float(value)  # type: ignore[arg-type]
        array = None if _is_sequence(value) else _array(value)
        return float(_widened(array)) if array is not None and array.shape == () and array.dtype.kind in _REAL else None
    except Exception:  # 10**400 has no float
        return None


def _whole(value: object) -> int | None:
    if type(value) is int:
        return value
    array = None if _is_sequence(value) else _array(value)
    return int(array) if array is not None and array.shape == () and array.dtype.kind in "iu" else None


def _is_sequence(value: object) -> bool:
    # Of the type itself: an instance may claim any class, or raise when it is asked for it.
    return issubclass(type(value), (list, tuple))


def _items(value: object) -> list[Any] | None:
    """The items of a list or tuple, read past whatever methods a subclass puts in front of them."""
    thing: Any = value
    if issubclass(type(value), list):
        return list.__getitem__(thing, slice(None))
    return list(tuple.__getitem__(thing, slice(None))) if issubclass(type(value), tuple) else None


def _rows_of(array: NDArray[Any]) -> list[Any] | None:
    """Rows of an array of objects; nothing can be saved from any other kind."""
    return list(array) if array.ndim >= 1 and array.dtype.kind == "O" else None


def _array(value: object) -> NDArray[Any] | None:
    """``value`` as a plain array when it speaks NumPy's array protocol; masked elements are NaN."""
    try:
        if not any(hasattr(type(value), name) for name in _ARRAY_LIKE):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            thing: Any = value
            if issubclass(type(value), np.ma.MaskedArray) and np.ma.getmaskarray(thing).any():
                return np.ma.filled(thing.astype(np.float64), np.nan) if thing.dtype.kind in _REAL else None
            return np.asarray(value)
    except Exception:  # it may raise what it likes
        return None


def _warn(words: str) -> None:
    warnings.warn(f"{words}; {_HELD}", InvalidActionWarning, stacklevel=4)
