"""Weights of model patients: tempered so that enough of them count, and resampled by even steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.agents.view import Floats

_HALVINGS = 40


def normalized(log_weights: Floats) -> Floats:
    """Weights ``[n, K]`` that add up to 1 in each row, of logarithms of any size; a row without a finite one is even."""
    usable = np.isfinite(log_weights).any(axis=1, keepdims=True)
    logs = np.where(usable, log_weights, 0.0)
    weights: Floats = np.exp(logs - logs.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def effective(weights: Floats) -> Floats:
    """Effective sample size ``[n]`` of normalized weights ``[n, K]``, between 1 and K."""
    size: Floats = 1.0 / np.sum(weights**2, axis=1)
    return size


def tempered(log_weights: Floats, least: float) -> Floats:
    """Normalized weights ``[n, K]``, flattened as little as leaves an effective size of ``least`` in each row.

    Where fewer than ``least`` are possible at all, those are even.
    """
    low, high = np.zeros(len(log_weights)), np.ones(len(log_weights))
    possible = np.isfinite(log_weights)
    logs = np.where(possible, log_weights, 0.0)

    def at(power: Floats) -> Floats:
        return normalized(np.where(possible, power[:, None] * logs, -np.inf))

    whole = effective(at(high)) >= least
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        enough = effective(at(middle)) >= least
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return at(np.where(whole, 1.0, low))


def systematic(weights: Floats, count: int, offset: Floats) -> NDArray[np.int64]:
    """``count`` places of each row, as often as they weigh, ``[n, count]``.

    Args:
        weights: normalized, ``[n, K]``.
        count: how many.
        offset: in [0, 1), where the even steps of each row begin, ``[n]``.
    """
    steps = (np.arange(count) + offset[:, None]) / count
    reached = np.cumsum(weights, axis=1)
    reached[:, -1] = 1.0
    places: NDArray[np.int64] = (steps[:, :, None] >= reached[:, None, :]).sum(axis=2)
    last: NDArray[np.int64] = np.minimum(places, weights.shape[1] - 1)
    return last
