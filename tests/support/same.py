"""Whether two results are the same to the last bit, by structure: arrays, scalars, dictionaries, lists, flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def same(a: Any, b: Any) -> bool:
    """Same types, shapes and bits, NaN included."""
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (np.ndarray, np.generic)):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and _bits(a) == _bits(b)
    return type(a) is type(b) and (a == b or a != a)


def _bits(a: Any) -> Any:
    return [_bits(a[name]) for name in a.dtype.names] if a.dtype.names else a.tobytes()
