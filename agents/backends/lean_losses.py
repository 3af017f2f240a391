"""Compiled loops of the lean PPO learner: what stands between the outputs of its networks, the losses and their gradients.

All is single precision in the order of Stable-baselines3's expressions, so that rounding is the same; whatever is summed over a
batch, or is an elementary function, stays with Torch for the same reason. Only sums that are logged are made here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from thecal.core.jit import entry_point

Rows = NDArray[np.float32]
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_LOG_ROOT = np.float32(math.log(math.sqrt(2 * math.pi)))


@entry_point()
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


@entry_point()
def log_shares(actions: Rows, mean: Rows, scale: Rows, log_scale: Rows, quotient: Rows, shares: Rows) -> None:
    """What each component adds to the log-probability under a Gaussian; ``quotient`` is kept for the gradient."""
    for i in range(mean.shape[0]):
        for j in range(mean.shape[1]):
            off = actions[i, j] - mean[i, j]
            quotient[i, j] = -(off * off) / (_TWO * (scale[j] * scale[j]))
            shares[i, j] = (quotient[i, j] - log_scale[j]) - _LOG_ROOT


@entry_point()
def gradients(
    advantages: Rows,
    returns: Rows,
    values: Rows,
    ratios: Rows,
    actions: Rows,
    mean: Rows,
    scale: Rows,
    quotient: Rows,
    limits: Rows,
    weights: Rows,
    of_value: Rows,
    of_mean: Rows,
    of_scale: Rows,
    sums: NDArray[np.float64],
) -> None:
    """Gradients of the loss at the networks' outputs and at the standard deviation, and sums of what is logged.

    Args:
        advantages, returns: of the rollout ``[n]``.
        values: of the critic ``[n, 1]``.
        ratios: logarithm of the ratio, and itself ``[2, n]``.
        actions, mean, scale, quotient: of the Gaussian ``[n, a]``, ``[a]`` for ``scale``.
        limits: least and greatest ratio, the clip range, and the mean of the advantages and what divides the rest of them.
        weights: of a row's gain, of its error (twice over the rows, and the loss's own), and of its entropy.
        of_value, of_mean, of_scale: ``[n, 1]``, ``[n, a]`` and ``[n, a]``, written.
        sums: of gain, squared error, ratios out of range, and divergence ``[4]``, written.
    """
    sums[:] = 0.0
    for i in range(advantages.shape[0]):
        log_ratio, ratio = ratios[0, i], ratios[1, i]
        gain = (advantages[i] - limits[3]) / limits[4]
        free = gain * ratio
        held = gain * min(max(ratio, limits[0]), limits[1])
        # Where both are equal the gradient passes in halves, which add up; where the clipped one is less there is none.
        each = _ZERO if free > held else gain * weights[0] * ratio
        error = values[i, 0] - returns[i]
        of_value[i, 0] = error * weights[1] * weights[2]
        sums[0] += min(free, held)
        sums[1] += error * error
        sums[2] += abs(ratio - _ONE) > limits[2]
        sums[3] += (ratio - _ONE) - log_ratio
        for j in range(mean.shape[1]):
            twice = _TWO * (scale[j] * scale[j])
            of_mean[i, j] = each / twice * (_TWO * (actions[i, j] - mean[i, j]))
            by_variance = -each * (quotient[i, j] / twice) * _TWO * (_TWO * scale[j])
            of_scale[i, j] = (weights[3] / scale[j] - each / scale[j]) + by_variance
