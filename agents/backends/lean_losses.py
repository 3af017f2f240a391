"""Compiled loops of the lean PPO learner: what stands between the outputs of its networks, the losses and their gradients.

All is single precision in the order of Stable-baselines3's expressions, so that rounding is the same; whatever is summed over a
batch, or is an elementary function, stays with Torch for the same reason. Only sums that are logged are made here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from thecal.core.cache import keep

Rows = NDArray[np.float32]
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_LOG_ROOT = np.float32(math.log(math.sqrt(2 * math.pi)))


def _loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile and cache a loop that calls no other: it is no kernel of the simulation, and Numba sees when this file changes."""
    compiled: Callable[..., Any] = numba.njit(error_model="numpy", nogil=True)(function)
    keep(compiled)
    return compiled


@_loop
def draw(mean: Rows, noise: Rows, scale: Rows, low: Rows, high: Rows, actions: Rows, clipped: Rows) -> None:
    """Actions ``[n, a]`` from means and standard normal ``noise``, and the same within the box."""
    for i in range(mean.shape[0]):
        for j in range(mean.shape[1]):
            value = mean[i, j] + noise[i, j] * scale[j]
            actions[i, j] = value
            within = value
            if value < low[j]:
                within = low[j]
            elif value > high[j]:
                within = high[j]
            clipped[i, j] = within


@_loop
def log_shares(actions: Rows, mean: Rows, scale: Rows, log_scale: Rows, quotient: Rows, shares: Rows) -> None:
    """What each component adds to the log-probability under a Gaussian; ``quotient`` is kept for the gradient."""
    for i in range(mean.shape[0]):
        for j in range(mean.shape[1]):
            off = actions[i, j] - mean[i, j]
            quotient[i, j] = -(off * off) / (_TWO * (scale[j] * scale[j]))
            shares[i, j] = (quotient[i, j] - log_scale[j]) - _LOG_ROOT


@_loop
def policy_gradients(
    advantages: Rows,
    ratios: Rows,
    actions: Rows,
    mean: Rows,
    scale: Rows,
    quotient: Rows,
    limits: Rows,
    weights: Rows,
    of_mean: Rows,
    of_scale: Rows,
    sums: NDArray[np.float64],
) -> None:
    """Gradients of gain and entropy at means and standard deviation, and sums of what is logged.

    Args:
        advantages: of the rollout ``[n]``.
        ratios: logarithm of the ratio, and itself ``[2, n]``.
        actions, mean, scale, quotient: of the Gaussian ``[n, a]``, ``[a]`` for ``scale``.
        limits: least and greatest ratio, the clip range, and the mean of the advantages and what divides the rest of them.
        weights: of a row's gain and of its entropy.
        of_mean, of_scale: ``[n, a]``, written.
        sums: of gain, ratios out of range, and divergence, written to its first three.
    """
    gains = outside = divergence = 0.0
    for i in range(advantages.shape[0]):
        log_ratio, ratio = ratios[0, i], ratios[1, i]
        gain = (advantages[i] - limits[3]) / limits[4]
        free = gain * ratio
        held = gain * min(max(ratio, limits[0]), limits[1])
        # Where both are equal the gradient passes in halves, which add up; where the clipped one is less there is none.
        each = _ZERO if free > held else gain * weights[0] * ratio
        gains += min(free, held)
        outside += abs(ratio - _ONE) > limits[2]
        divergence += (ratio - _ONE) - log_ratio
        for j in range(mean.shape[1]):
            twice = _TWO * (scale[j] * scale[j])
            of_mean[i, j] = each / twice * (_TWO * (actions[i, j] - mean[i, j]))
            by_variance = -each * (quotient[i, j] / twice) * _TWO * (_TWO * scale[j])
            of_scale[i, j] = (weights[1] / scale[j] - each / scale[j]) + by_variance
    sums[0], sums[1], sums[2] = gains, outside, divergence


@_loop
def value_gradients(values: Rows, returns: Rows, twice: Rows, weight: Rows, of_value: Rows) -> float:
    """Gradients ``[n, 1]`` of the squared error at the critic's output, with ``twice`` over the rows; gives their sum."""
    total = 0.0
    for i in range(returns.shape[0]):
        error = values[i, 0] - returns[i]
        of_value[i, 0] = error * twice[0] * weight[0]
        total += error * error
    return total


@_loop
def advantages_of(
    rewards: Rows, values: Rows, starts: Rows, last_values: Rows, last_ends: Rows, rates: Rows, found: Rows
) -> None:
    """Generalized advantages ``[t, n]`` (Schulman et al. 2016, arXiv 1506.02438) as Stable-baselines3 computes them.

    Args:
        rewards, values, starts: of the rollout ``[t, n]``.
        last_values, last_ends: of what follows it ``[n]``.
        rates: discount, and discount times lambda.
        found: ``[t, n]``, written.
    """
    last = rewards.shape[0] - 1
    for i in range(rewards.shape[1]):
        total = _ZERO
        for t in range(last, -1, -1):
            goes_on = _ONE - (last_ends[i] if t == last else starts[t + 1, i])
            then = last_values[i] if t == last else values[t + 1, i]
            total = (rewards[t, i] + rates[0] * then * goes_on - values[t, i]) + rates[1] * goes_on * total
            found[t, i] = total
