"""Virtual patients of a cohort with random effects that somebody chose: the cohort's own draw with another source of numbers.

A patient is a point in the space of the cohort's random effects: independent standard normals (whitened by the correlations
that ``correlations.toml`` states). The prior of a fit is that space's own distribution, and what turns a point into parameters
is :func:`thecal.physiology.cohort.draw` itself, so there is no second copy of the population.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from thecal.core.parameters import Quantity
from thecal.physiology import cohort as cohorts
from thecal.physiology.cohort import Cohort, identities
from thecal.physiology.cohort_spec import CohortSpec, TableRows
from thecal.physiology.cohort_table import CohortTable
from thecal.physiology.population import shipped
from thecal.physiology.random_effects import EFFECTS
from thecal.physiology.sampling import Sampler, correlation_matrix

Floats = NDArray[np.float64]
Chart = Mapping[str, Any]
SPLIT = "test"  # charts without a split belong to it
_UNIFORM = "uniform:"  # an effect that a cohort draws evenly


@dataclass(frozen=True)
class Drawn:
    """A number as a draw asked for it: whose key, and the values ``[B]`` in ``unit``."""

    quantity: Quantity
    unit: str
    values: Floats


class Chosen(Sampler):
    """Draws that were chosen beforehand.

    Args:
        patients: identities ``[B]``.
        values: by name of the effect, standard normals ``[B]``; one that is missing is drawn by identity, and noted.
    """

    def __init__(self, seed: int, patients: NDArray[np.uint64], values: Mapping[str, Floats]) -> None:
        super().__init__(seed, patients)
        self._values = values
        self.asked: dict[str, None] = {}
        self.numbers: dict[str, Drawn] = {}

    def normal(self, name: str) -> Floats:
        """See :class:`Sampler`."""
        self.asked.setdefault(name)
        return self._values[name] if name in self._values else super().normal(name)

    def uniform(self, name: str) -> Floats:
        """See :class:`Sampler`."""
        self.asked.setdefault(_UNIFORM + name)
        key = _UNIFORM + name
        if key not in self._values:
            return super().uniform(name)
        return np.asarray(np.clip(ndtr(self._values[key]), 1e-12, 1.0 - 1e-12))

    def quantity(self, quantity: Quantity, name: str, unit: str) -> Floats:
        """See :class:`Sampler`."""
        found = super().quantity(quantity, name, unit)
        if quantity.distribution is not None:
            self.numbers[name] = Drawn(quantity, unit, found)
        return found


@dataclass(frozen=True)
class Space:
    """The random effects of a cohort's patients on a mixture of drugs, given what their chart says.

    Attributes:
        spec: the cohort.
        drugs: of the pump.
        chart: covariates that are known, by name of ``covariates.COVARIATES``.
    """

    spec: CohortSpec
    drugs: tuple[str, ...]
    chart: Chart

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The effects that a draw asks for, correlated ones first in the order of their matrix."""
        _, asked = self._draw(1, {})
        found = list(asked.asked)
        return (*(name for name in EFFECTS if name in found), *(name for name in found if name not in EFFECTS))

    @cached_property
    def _lower(self) -> Floats:
        """Cholesky factor of the correlations of all effects, ``[P, P]``."""
        matrix = correlation_matrix(shipped("correlations"), list(EFFECTS))
        shared = [list(EFFECTS).index(name) for name in self.names if name in EFFECTS]
        whole = np.eye(len(self.names))
        whole[: len(shared), : len(shared)] = matrix[np.ix_(shared, shared)]
        return np.asarray(np.linalg.cholesky(whole))

    def draw(self, points: Floats) -> tuple[Cohort, Chosen]:
        """Patients at whitened ``points`` ``[B, P]``, and the draws behind them.

        Raises:
            ParameterError: a parameter file is corrupt.
        """
        effects = points @ self._lower.T
        return self._draw(len(points), {name: effects[:, i] for i, name in enumerate(self.names)})

    def _draw(self, count: int, values: Mapping[str, Floats]) -> tuple[Cohort, Chosen]:
        source = Chosen(0, identities(np.arange(count), SPLIT), values)
        spec = replace(self.spec, table=_table(self.chart, count)) if self.chart else self.spec
        return _drawn_with(source)(spec, self.drugs, np.arange(count), SPLIT, 0), source


def _drawn_with(source: Sampler) -> Any:
    """The cohort's own draw, reading its random numbers from ``source``.

    ``draw`` takes no source of its own, and the files of the patient are frozen with the score that was recorded of them; so
    its code runs here over a copy of its module's names, in which one is another.
    """
    names = {**vars(cohorts), "sampler": lambda _seed, _patients: source}
    found = FunctionType(cohorts.draw.__code__, names, "draw")
    found.__kwdefaults__ = cohorts.draw.__kwdefaults__
    return found


def _table(chart: Chart, count: int) -> TableRows:
    columns = {name: np.array([value] * count) for name, value in chart.items()}
    return TableRows(CohortTable(Path("chart"), columns, [str(i) for i in range(count)], None))
