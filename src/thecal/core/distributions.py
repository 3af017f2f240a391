"""Distributions that are drawn from a standard normal number by their inverse, without rejection, so that one draw stays one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.core.jit import kernel

_MOST_STEPS = 60  # as many halvings of the range reach the last bit of a double; Newton needs about five
_CLOSE = 1e-14
# Beyond this edge the distribution function is too coarse, and within this width numbers are too close, to keep their order
# by Newton's method.
_NEWTON_TO = 5.0
_NEWTON_FROM_WIDTH = 0.01


@kernel
def _truncate(z: Any, low: float, high: float, out: Any) -> None:
    root = math.sqrt(2.0)
    p_low = 0.5 * math.erfc(-low / root)
    width = 0.5 * math.erfc(-high / root) - p_low
    newton = high <= _NEWTON_TO and high - low >= _NEWTON_FROM_WIDTH
    for i in range(z.shape[0]):
        target = p_low + width * 0.5 * math.erfc(-z[i] / root)
        a, b = low, high
        x = min(high, max(low, z[i])) if newton else 0.5 * (a + b)
        for _ in range(_MOST_STEPS):
            gap = 0.5 * math.erfc(-x / root) - target
            if gap < 0.0:
                a = x
            else:
                b = x
            new = 0.5 * (a + b)
            density = math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
            if newton and density > 0.0 and a < x - gap / density < b:
                new = x - gap / density
            moved = abs(new - x)
            x = new
            if moved <= _CLOSE * (1.0 + abs(x)):
                break
        out[i] = x


def truncated_normal(z: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    """Standard normal numbers mapped to the normal truncated to [low, high], point by point.

    Each keeps its quantile: the distribution function is inverted by Newton's method, kept between bounds by halving. Beyond
    about 8.2 the distribution function is 1 to the last bit, so an upper edge further out is as good as none.

    Args:
        z: standard normal numbers ``[n]``.
        low, high: edges in standard deviations from the mean; ``low <= high``.
    """
    numbers = np.ascontiguousarray(z, np.float64)
    out = np.empty_like(numbers)
    _truncate(numbers, low, high, out)
    return out
