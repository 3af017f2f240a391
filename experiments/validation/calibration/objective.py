"""What a fit makes small: distance of simulated values to the targets' intervals, and distance of numbers to their priors.

Within the core of an interval a target costs nothing. From there the cost grows with the square of the distance, so that a
value on the edge of the interval costs half its weight (a prior costs as much one spread away), and far outside in proportion,
so that one target that cannot be met does not outweigh all others. The sum is a penalized least-squares loss; its smallest point
is the maximum of the posterior for as long as intervals are taken for likelihoods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.validation.calibration.study import Free
from thecal.experiments.validation.targets import Target

Floats = NDArray[np.float64]
WORST = 100.0  # half widths: what a value counts for that is missing or further away
_LINEAR_FROM = 3.0  # distances from the core at which the cost turns from square to straight
_UNBOUNDED = 1e4  # times the observation: an upper end there stands for none


def _coordinate(target: Target, value: float) -> float:
    if target.scale == "linear":
        return value
    return math.log(value) if value > 0.0 else -math.inf


@dataclass(frozen=True)
class Ends:
    """An interval on the scale of its target; an open side has no end that a value could come too near to."""

    low: float
    high: float
    half: float
    open_below: bool
    open_above: bool


def ends_of(target: Target) -> Ends:
    """The interval of a target.

    It is open above where the source gives a lower bound only, and below where it reaches down to 0 of what cannot be
    negative: nothing but the other end then says how near is near.
    """
    low, high = _coordinate(target, target.low), _coordinate(target, target.high)
    open_below = target.scale == "linear" and target.low == 0.0
    # An observed 0 says nothing of the scale: its upper end is the bound of a count of none.
    open_above = 0.0 < _UNBOUNDED * abs(target.observed) < target.high or (target.unit == "%" and target.high >= 100.0)
    half = 0.5 * (high - low)
    if open_above:
        half = max(abs(_coordinate(target, target.observed) - low), 0.25 * abs(low), 1e-9)
    return Ends(low, high, half, open_below, open_above)


def offset(target: Target, value: float) -> float:
    """Half widths from the middle of the interval, with sign; -1 and 1 are its ends, whichever side is open."""
    ends = ends_of(target)
    middle = ends.low + ends.half if not ends.open_above else ends.low + 2.0 * ends.half
    found = (_coordinate(target, value) - middle) / ends.half if math.isfinite(value) else math.nan
    return float(np.clip(found, -WORST, WORST)) if not math.isnan(found) else math.nan


def distance(target: Target, value: float, core: float) -> float:
    """How far a value lies outside the core: 0 within it, 1 on an end of the interval.

    Args:
        target: the observation.
        value: what was simulated.
        core: share of the half width, around the middle, that costs nothing.
    """
    if math.isnan(value):
        return WORST
    ends, here, inset = ends_of(target), _coordinate(target, value), 1.0 - core
    below = (ends.low - here) / ends.half + (0.0 if ends.open_below else inset)
    above = -math.inf if ends.open_above else (here - ends.high) / ends.half + inset
    return min(WORST, max(0.0, below, above) / inset)


def mean(target: Target, values: Sequence[float]) -> tuple[float, float]:
    """The mean over seeds on the target's scale, and its standard error in the target's unit; NaN where there is none."""
    ratio = target.scale == "log" and min(values) > 0.0
    own = np.log(values) if ratio else np.array(values)
    middle = float(np.exp(own.mean()) if ratio else own.mean())
    error = float(own.std(ddof=1)) / math.sqrt(len(own)) if len(own) > 1 else math.nan
    return middle, error * (middle if ratio else 1.0)


def cost(target: Target, value: float, weight: float, core: float) -> float:
    """What a target adds to the loss."""
    ratio = distance(target, value, core) / _LINEAR_FROM
    return weight * _LINEAR_FROM**2 * (math.sqrt(1.0 + ratio**2) - 1.0)


@dataclass(frozen=True)
class Coordinates:
    """The search in spreads of the priors around their medians: ``z`` of every free number, and back.

    Attributes:
        names: of the free numbers, in order.
        free: the numbers.
    """

    names: tuple[str, ...]
    free: tuple[Free, ...]

    @classmethod
    def of(cls, free: dict[str, Free]) -> Coordinates:
        """Those of a study."""
        return cls(tuple(free), tuple(free.values()))

    def bounds(self) -> Floats:
        """``[n, 2]`` in spreads."""
        return np.array([[self._z(one, edge) for edge in one.bounds] for one in self.free])

    def to_z(self, values: Floats) -> Floats:
        """Values ``[n]`` in spreads, kept within the bounds."""
        kept = [min(max(value, one.bounds[0]), one.bounds[1]) for one, value in zip(self.free, values, strict=True)]
        return np.array([self._z(one, value) for one, value in zip(self.free, kept, strict=True)])

    def to_values(self, z: Floats) -> Floats:
        """Values ``[n]`` in the units of the study, never beyond a bound by a rounding."""
        found = []
        for one, at in zip(self.free, z, strict=True):
            moved = _forward(one, one.prior.median) + float(at) * spread_of(one)
            value = math.exp(moved) if one.transform == "log" else moved
            found.append(min(max(value, one.bounds[0]), one.bounds[1]))
        return np.array(found)

    def penalty(self, values: Floats) -> float:
        """Negative logarithm of the priors' densities, 0 at their peaks."""
        return float(sum(_penalty(one, float(value)) for one, value in zip(self.free, values, strict=True)))

    @staticmethod
    def _z(one: Free, value: float) -> float:
        return (_forward(one, value) - _forward(one, one.prior.median)) / spread_of(one)


def _forward(one: Free, value: float) -> float:
    return math.log(value) if one.transform == "log" else value


def spread_of(one: Free) -> float:
    """One spread of the prior on the scale of the search; for a flat prior its SD."""
    prior = one.prior
    if prior.spread is None:
        return (_forward(one, one.bounds[1]) - _forward(one, one.bounds[0])) / math.sqrt(12.0)
    if one.transform == "log":
        return prior.spread if prior.distribution == "lognormal" else prior.spread / abs(prior.median)
    return prior.spread * abs(prior.median) if prior.distribution == "lognormal" else prior.spread


def _penalty(one: Free, value: float) -> float:
    prior = one.prior
    if prior.spread is None:
        return 0.0
    if prior.distribution == "normal":
        return 0.5 * ((value - prior.median) / prior.spread) ** 2
    return 0.5 * (math.log(value / prior.median) / prior.spread) ** 2 if value > 0.0 else 0.5 * WORST**2
