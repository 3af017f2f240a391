"""Group-sequential bounds of a two-sided test: alpha-spending functions of Lan and DeMets, solved by recursive integration.

Spending: Lan and DeMets 1983 (Biometrika 70:659), approximating O'Brien and Fleming 1979 or Pocock 1977. Recursion: Armitage,
McPherson and Rowe 1969 (J R Stat Soc A 132:235), on the score scale, where increments are independent. All recalled; the
bounds are held to published tables by tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from thecal.core.errors import ConfigError

Floats = NDArray[np.float64]
Spending = Literal["obrien_fleming", "pocock"]
MOST_LOOKS = 20
_NODES = 160
_FARTHEST = 12.0  # standard deviations beyond which nothing is integrated


def _obrien_fleming(alpha: float, t: float) -> float:
    """Spent by information ``t``: next to nothing at first, most of it at the end; on both sides together."""
    return float(4.0 * stats.norm.sf(stats.norm.isf(alpha / 4.0) / np.sqrt(t)))


def _pocock(alpha: float, t: float) -> float:
    """Spent by information ``t``: about evenly."""
    return float(alpha * np.log1p((np.e - 1.0) * t))


_SPENDING: dict[str, Callable[[float, float], float]] = {"obrien_fleming": _obrien_fleming, "pocock": _pocock}


class Bounds(NamedTuple):
    """Bounds of a sequential test.

    Attributes:
        information: share of the whole at every look, the last of which is 1.
        z: largest absolute statistic with which the trial goes on, for every look.
        spent: probability under no effect of having stopped by every look.
    """

    information: tuple[float, ...]
    z: tuple[float, ...]
    spent: tuple[float, ...]


def spent_by(spending: Spending, alpha: float, information: float) -> float:
    """The two-sided error spent by a share of the information.

    Raises:
        ConfigError: the error or the share is no share.
    """
    if not 0.0 < alpha < 1.0 or not 0.0 < information <= 1.0:
        raise ConfigError(f"alpha {alpha:g} and information {information:g} must lie between 0 and 1")
    return _SPENDING[spending](alpha, information)


def bounds(information: Sequence[float], alpha: float = 0.05, spending: Spending = "obrien_fleming") -> Bounds:
    """Symmetric two-sided bounds that spend ``alpha`` as the spending function says.

    Args:
        information: share of the whole at every look, rising, the last 1.
        alpha: two-sided error.
        spending: the function.

    Raises:
        ConfigError: the shares do not rise to 1, or there are too many.
    """
    shares = tuple(float(one) for one in information)
    if (
        not 1 <= len(shares) <= MOST_LOOKS
        or shares[-1] != 1.0
        or any(b <= a for a, b in zip((0.0, *shares), shares, strict=False))
    ):
        raise ConfigError(
            f"looks: shares must rise to 1 in at most {MOST_LOOKS} looks, not {', '.join(map(str, shares))}"
        )
    wanted = [spent_by(spending, alpha, one) for one in shares]
    found: list[float] = []
    before = 0.0
    state = _Walk()
    for t, upto in zip(shares, wanted, strict=True):
        cost = max(upto - before, 1e-300)
        found.append(_solve(state, t, cost))
        before = upto
        state = state.past(t, found[-1])
    return Bounds(shares, tuple(found), tuple(wanted))


def fixed_bounds(information: Sequence[float], z: Sequence[float]) -> Bounds:
    """Given bounds with the error that they spend under no effect, as of the exact constants of Pocock or O'Brien and Fleming."""
    spent: list[float] = []
    state = _Walk()
    for t, bound in zip(information, z, strict=True):
        spent.append((spent[-1] if spent else 0.0) + state.exit(t, bound))
        state = state.past(t, bound)
    return Bounds(tuple(information), tuple(z), tuple(spent))


def crossing(found: Bounds, drift: float) -> Floats:
    """Probability of stopping at every look ``[looks]`` on either side, for a statistic whose mean at the end is ``drift``."""
    stops, state = [], _Walk(drift=drift)
    for t, bound in zip(found.information, found.z, strict=True):
        stops.append(state.exit(t, bound))
        state = state.past(t, bound)
    return np.array(stops)


class _Walk:
    """The score of a trial that goes on: its density at nodes after the last look, or a point at 0 before the first."""

    def __init__(
        self, t: float = 0.0, nodes: Floats | None = None, mass: Floats | None = None, drift: float = 0.0
    ) -> None:
        self.t, self.drift = t, drift
        self.nodes = np.zeros(1) if nodes is None else nodes
        self.mass = np.ones(1) if mass is None else mass  # density times the weight of its node

    def exit(self, t: float, bound: float) -> float:
        """Probability of going on until now and being beyond ``bound`` at ``t``."""
        scale, middle, edge = np.sqrt(t - self.t), self.nodes + self.drift * (t - self.t), bound * np.sqrt(t)
        tails = stats.norm.sf((edge - middle) / scale) + stats.norm.cdf((-edge - middle) / scale)
        return float(self.mass @ tails)

    def past(self, t: float, bound: float) -> _Walk:
        """The walk after a look at ``t`` within ``bound``."""
        edge = min(bound, _FARTHEST + abs(self.drift)) * np.sqrt(t)
        points, weights = np.polynomial.legendre.leggauss(_NODES)
        nodes = edge * points
        scale, middle = np.sqrt(t - self.t), self.nodes + self.drift * (t - self.t)
        density = stats.norm.pdf((nodes[:, None] - middle) / scale) @ self.mass / scale
        return _Walk(t, nodes, density * weights * edge, self.drift)


def _solve(state: _Walk, t: float, cost: float) -> float:
    def gap(bound: float) -> float:
        return float(np.log(max(state.exit(t, bound), 1e-300)) - np.log(cost))

    return float(optimize.brentq(gap, 1e-6, 40.0, xtol=1e-10)) if gap(40.0) < 0.0 else 40.0
