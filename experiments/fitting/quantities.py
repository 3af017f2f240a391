"""Numbers of a patient that a fit speaks of, what of them is known, and composites of those that are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.fitting.smc import between

Floats = NDArray[np.float64]
Par = NDArray[np.void]
_COMBINATIONS = 3
_LOADING = 0.3  # of the largest, under which a number is left out of a composite's name


def _drug(field: str) -> Callable[[Par], Floats]:
    return lambda par: np.asarray(par["drug"][field][:, 0])


def _channel(field: str) -> Callable[[Par], Floats]:
    return lambda par: np.asarray(par["channel"][field][:, 0])


def _own(field: str) -> Callable[[Par], Floats]:
    return lambda par: np.asarray(par[field])


def _largest_relief(par: Par) -> Floats:
    channel = par["channel"][:, 0]
    return np.asarray(channel["emax_noci"] + par["neuropathic"] * (channel["emax_neuro"] - channel["emax_noci"]))


class Quantity:
    """A number: its name, unit, whether its logarithm is spoken of, and whether it is made of several parameters."""

    def __init__(
        self, name: str, unit: str, of: Callable[[Par], Floats], *, log: bool = True, composite: bool = False
    ) -> None:
        self.name, self.unit, self.log, self.composite = name, unit, log, composite
        self._of = of

    def __call__(self, par: Par) -> Floats:
        """Values ``[N]`` on the scale on which they are judged: the logarithm, or the number itself."""
        values = self._of(par)
        return np.log(np.maximum(values, 1e-12)) if self.log else values

    def shown(self, value: Any) -> Any:
        """A value of that scale as the number itself."""
        return np.exp(value) if self.log else value


QUANTITIES = (
    Quantity("EC50, analgesia", "ug/mL", _drug("ec50")),
    Quantity("EC50 with prior tolerance", "ug/mL",
             lambda par: par["drug"]["ec50"][:, 0] * np.exp(par["channel"]["tol_prior"][:, 0]), composite=True),
    Quantity("largest relief", "", _largest_relief, log=False),
    Quantity("slope", "", _channel("hill")),
    Quantity("tolerance, fast", "", _channel("tol_fast_max")),
    Quantity("tolerance before", "", _channel("tol_prior"), log=False),
    Quantity("pain without drug", "nrs", _own("pain_base"), log=False),
    Quantity("placebo", "", _own("placebo"), log=False),
    Quantity("pain after placebo", "nrs", lambda par: par["pain_base"] * (1.0 - par["placebo"]), log=False, composite=True),
    Quantity("progression", "nrs/month", lambda par: par["pain_trend_per_h"] * 730.5, log=False),
    Quantity("loss from CSF", "1/h", _drug("k_csf_loss")),
    Quantity("uptake by the cord", "1/h", _drug("k_uptake")),
    Quantity("effect-site lag", "1/h", _drug("ke0_dh")),
    Quantity("plasma clearance", "mL/h", lambda par: par["drug"]["k10"][:, 0] * par["drug"]["v_plasma_ml"][:, 0]),
    Quantity("plasma volume", "mL", _drug("v_plasma_ml")),
    Quantity("EC50, breathing", "ug/mL", _drug("ec50_bs")),
    Quantity("breathing rate", "breath/min", _own("rr0"), log=False),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What is known of one number.

    Attributes:
        name, unit: of the number.
        median, low, high: of the posterior, with its central 95 %.
        prior_low, prior_high: central 95 % of the prior.
        spread: SD of the posterior to that of the prior, on the scale on which it is judged.
        shrinkage: 1 - the square of that, how much of the population's variance the data took away.
        apart: potential scale reduction between the two populations.
        known: whether ``spread`` is small enough.
        composite: whether it is made of several parameters.
    """

    name: str
    unit: str
    median: float
    low: float
    high: float
    prior_low: float
    prior_high: float
    spread: float
    shrinkage: float
    apart: float
    known: bool
    composite: bool


def rows(prior: Par, posterior: Par, known_at: float) -> list[Row]:
    """A row for every number that differs between the patients of the prior; ``posterior`` is ``[2, N]``."""
    found = []
    flat = posterior.reshape(-1)
    for one in QUANTITIES:
        before, after = one(prior), one(flat)
        if before.std() <= 1e-9:
            continue
        low, median, high = (float(one.shown(edge)) for edge in np.quantile(after, [0.025, 0.5, 0.975]))
        usual = [float(one.shown(edge)) for edge in np.quantile(before, [0.025, 0.975])]
        spread = float(after.std() / before.std())
        found.append(
            Row(
                name=one.name,
                unit=one.unit,
                median=median,
                low=low,
                high=high,
                prior_low=usual[0],
                prior_high=usual[1],
                spread=spread,
                shrinkage=1.0 - spread**2,
                apart=between(after.reshape(posterior.shape)),
                known=spread <= known_at,
                composite=one.composite,
            )
        )
    return found


@dataclass(frozen=True)
class Combination:
    """A composite of numbers that are not known by themselves: weights per prior SD, and what is known of it."""

    weights: dict[str, float]
    spread: float
    low: float
    median: float
    high: float

    @property
    def name(self) -> str:
        """The composite in words."""
        return " ".join(f"{weight:+.2f} {name}" for name, weight in self.weights.items())


def standardized(prior: Par, par: Par, names: list[str]) -> Floats:
    """Numbers ``[N, Q]`` as distances from the prior's mean in its SD."""
    by_name = {one.name: one for one in QUANTITIES}
    columns = []
    for name in names:
        before = by_name[name](prior)
        columns.append((by_name[name](par) - before.mean()) / before.std())
    return np.stack(columns, axis=1)


def combinations(prior: Par, posterior: Par, found: list[Row], known_at: float) -> list[Combination]:
    """Directions among the numbers that are not known, in which the data nevertheless took away most of the variance.

    The smallest of many variances is small by chance. So the first population chooses the directions, and the second says how
    far each is known; what it does not confirm is left out.
    """
    names = [row.name for row in found if not row.known and not row.composite]
    if len(names) < 2:
        return []
    before = standardized(prior, prior, names)
    first, second = (standardized(prior, half, names) for half in posterior)
    lower = np.linalg.cholesky(np.cov(before.T) + 1e-6 * np.eye(len(names)))
    inverse = np.linalg.inv(lower)
    _, vectors = np.linalg.eigh(inverse @ np.cov(first.T) @ inverse.T)
    made = []
    for vector in vectors.T[:_COMBINATIONS]:
        weights = inverse.T @ vector
        weights = weights / np.abs(weights).max()
        weights = np.where(np.abs(weights) >= _LOADING, weights, 0.0)
        spread = float((second @ weights).std() / (before @ weights).std())
        if spread > known_at:
            continue
        low, median, high = np.quantile(second @ weights, [0.025, 0.5, 0.975])
        named = {name: float(weight) for name, weight in zip(names, weights, strict=True) if weight}
        made.append(Combination(named, spread, float(low), float(median), float(high)))
    return made
