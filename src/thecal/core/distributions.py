"""Distributions that are drawn from a standard normal number by their inverse, without rejection, so that one draw stays one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.core.jit import kernel

_HALVINGS = 60  # of the range: the last bit of a double for any range that occurs


@kernel
def _truncate(z: Any, low: float, high: float, out: Any) -> None:
    root = math.sqrt(2.0)
    p_low = 0.5 * math.erfc(-low / root)
    width = 0.5 * math.erfc(-high / root) - p_low
    for i in range(z.shape[0]):
        target = p_low + width * 0.5 * math.erfc(-z[i] / root)
        a, b = low, high
        for _ in range(_HALVINGS):
            middle = 0.5 * (a + b)
            if 0.5 * math.erfc(-middle / root) < target:
                a = middle
            else:
                b = middle
        out[i] = 0.5 * (a + b)


def truncated_normal(z: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    """Standard normal numbers mapped to the normal truncated to [low, high], point by point.

    Each keeps its quantile: the distribution function is inverted by bisection. Beyond about 8.2 the distribution function is
    1 to the last bit, so an upper edge further out is as good as none.

    Args:
        z: standard normal numbers ``[n]``.
        low, high: edges in standard deviations from the mean; ``low <= high``.
    """
    numbers = np.ascontiguousarray(z, np.float64)
    out = np.empty_like(numbers)
    _truncate(numbers, low, high, out)
    return out
