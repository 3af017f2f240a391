"""Draws of uncertain numbers, each from a stream of its own name, so that adding a row changes no other row's draws."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thecal.clinic.costs.rows import Evidence
from thecal.core.errors import ConfigError

Floats = NDArray[np.float64]
MOST_DRAWS = 1_000_000


def draw(row: Evidence, n: int, seed: int, name: str) -> Floats:
    """``n`` draws of a number around its mean; a number without spread is the same in all.

    Args:
        row: the number.
        n: how many.
        seed: of all rows.
        name: of this one.

    Raises:
        ConfigError: ``n`` is below 1 or too large.
    """
    if not 1 <= n <= MOST_DRAWS:
        raise ConfigError(f"a sensitivity analysis takes from 1 to {MOST_DRAWS} draws, not {n}")
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    mean, sd = row.center, row.sd or 0.0
    if row.spread == "gamma":
        return np.asarray(rng.gamma((mean / sd) ** 2, sd**2 / mean, n))
    if row.spread == "lognormal":
        width = math.sqrt(math.log1p((sd / mean) ** 2))
        return np.asarray(rng.lognormal(math.log(mean) - 0.5 * width**2, width, n))
    if row.spread == "beta":
        weight = mean * (1.0 - mean) / sd**2 - 1.0
        return np.asarray(rng.beta(mean * weight, (1.0 - mean) * weight, n))
    if row.spread == "uniform" and row.low is not None and row.high is not None:
        return np.asarray(rng.uniform(row.low, row.high, n))
    return np.full(n, mean)


def draw_all(rows: Mapping[str, Evidence], n: int, seed: int) -> dict[str, Floats]:
    """Draws of every row, ``[n]`` each, independent of each other; see :func:`draw`."""
    return {name: draw(row, n, seed, name) for name, row in rows.items()}


def quantiles(row: Evidence, shares: tuple[float, float] = (0.025, 0.975)) -> tuple[float, float]:
    """Two quantiles of what is not known about a number; the number itself where it has no spread."""
    from scipy import stats

    mean, sd = row.center, row.sd or 0.0
    if row.spread == "gamma":
        law = stats.gamma((mean / sd) ** 2, scale=sd**2 / mean)
    elif row.spread == "lognormal":
        width = math.sqrt(math.log1p((sd / mean) ** 2))
        law = stats.lognorm(width, scale=mean * math.exp(-0.5 * width**2))
    elif row.spread == "beta":
        weight = mean * (1.0 - mean) / sd**2 - 1.0
        law = stats.beta(mean * weight, (1.0 - mean) * weight)
    elif row.spread == "uniform" and row.low is not None and row.high is not None:
        law = stats.uniform(row.low, row.high - row.low)
    else:
        return mean, mean
    low, high = law.ppf(shares)
    return float(low), float(high)
