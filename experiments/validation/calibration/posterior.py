"""What a fit leaves uncertain: spreads and correlations of the free numbers around the smallest loss.

Method (Gauss-Newton, Laplace): around the smallest loss every target's place in its interval is taken for a straight line in the
free numbers. The lines are fitted by least squares to points drawn around it for this purpose and to those of the search that lie
near; points count less the larger their loss. Each target then counts as a measurement whose SD is half the width of its
interval over the square root of its weight, each prior as one whose SD is its spread, and the precisions add up. A target that is
met on the open side of its interval measures nothing. What the targets do not measure keeps the spread of its prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
METHOD = (
    "Gauss-Newton Laplace approximation, straight lines by weighted least squares over points around the smallest loss"
)
NOT_IDENTIFIED = 0.9  # of the prior's spread: with as much left, the targets say nothing of a number
_RADIUS = 0.5  # spreads of the priors: how far around the smallest loss points are drawn
_NEAR = 1.5  # spreads: within which points of the search count too
_SOFT = 5.0  # loss above the smallest at which a point counts by 1/e
_RIDGE = 1e-3


@dataclass(frozen=True)
class Posterior:
    """Spreads ``[d]`` in those of the priors, correlations ``[d, d]``, slopes ``[targets, d]`` in half widths per spread."""

    spreads: Floats
    correlations: Floats
    slopes: Floats

    @property
    def not_identified(self) -> NDArray[np.bool_]:
        """Which numbers the targets leave as uncertain as they were."""
        found: NDArray[np.bool_] = self.spreads > NOT_IDENTIFIED
        return found


def around(best: Floats, bounds: Floats, seed: int) -> list[Floats]:
    """Points around the smallest loss, from which the lines are fitted: three for each number, in pairs of opposites."""
    draws = np.random.default_rng(seed).standard_normal((max(4, (3 * len(best) + 1) // 2), len(best)))
    moved = best + _RADIUS * np.concatenate((draws, -draws))
    return list(np.clip(moved, bounds[:, 0], bounds[:, 1]))


def posterior(best: Floats, points: Floats, offsets: Floats, losses: Floats, weights: Floats) -> Posterior:
    """The posterior of the free numbers.

    Args:
        best: the point of the smallest loss, ``[d]``, in spreads of the priors.
        points: ``[n, d]``.
        offsets: ``[n, targets]`` places in the intervals, in half widths; NaN where a simulation failed.
        losses: ``[n]``.
        weights: ``[targets]`` of the study; 0 for a target that measures nothing here.
    """
    away = points - best
    near = np.linalg.norm(away, axis=1) <= _NEAR * np.sqrt(len(best))
    importance = np.where(near, np.exp(-np.maximum(0.0, losses - losses.min()) / _SOFT), 0.0)
    slopes = np.array([_slope(away, column, importance) for column in offsets.T]).reshape(-1, len(best))
    precision = np.eye(len(best)) + (slopes * weights[:, None]).T @ slopes
    covariance = np.linalg.inv(precision)
    spreads = np.sqrt(np.diag(covariance))
    return Posterior(spreads, covariance / np.outer(spreads, spreads), slopes)


def _slope(away: Floats, column: Floats, importance: Floats) -> Floats:
    """The straight line of one target: its change per spread of each number."""
    used = np.isfinite(column) & (importance > 0.0)
    if used.sum() < 2:
        return np.zeros(away.shape[1])
    root = np.sqrt(importance[used])
    design = np.column_stack((np.ones(used.sum()), away[used])) * root[:, None]
    ridge = _RIDGE * importance[used].sum() * np.eye(design.shape[1])
    ridge[0, 0] = 0.0
    found: Floats = np.linalg.solve(design.T @ design + ridge, design.T @ (root * column[used]))[1:]
    return found


def pairs(found: Posterior, names: Sequence[str], least: float = 0.5) -> list[tuple[str, str, float]]:
    """Correlations of at least ``least`` in size, the strongest first."""
    rows = [
        (names[i], names[j], float(found.correlations[i, j]))
        for i in range(len(names))
        for j in range(i)
        if abs(found.correlations[i, j]) >= least
    ]
    return sorted(rows, key=lambda row: -abs(row[2]))
