"""One patient fitted to a table of doses, reports, levels and signs: the posterior, the most probable patient, what is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from thecal.clinic.events.schedule import Schedule, schedule_of, tick
from thecal.clinic.events.table import EventTable
from thecal.core.errors import ConfigError, ThecalError
from thecal.experiments.fitting.chosen import Space
from thecal.experiments.fitting.likelihood import (
    Observations,
    check,
    log_likelihood,
    reports,
    whitened,
)
from thecal.experiments.fitting.peak import climb
from thecal.experiments.fitting.predict import TICK_H, course, without_chance
from thecal.experiments.fitting.quantities import Combination, Row, combinations, rows
from thecal.experiments.fitting.settings import Settings, load_settings
from thecal.experiments.fitting.smc import Population, sample

Floats = NDArray[np.float64]
_PRIOR = 2000  # patients whose spread stands for the prior's


class NotConvergedError(ThecalError):
    """A fit that did not arrive; the text says at what, and nothing of it is kept."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """Whose data, under which doses, from which population.

    Attributes:
        patient: identity in the table.
        space: random effects of the cohort, given the chart.
        schedule: doses.
        data: observations.
        clock_h: clock time at the patient's zero.
        settings: of the fit.
    """

    patient: str
    space: Space
    schedule: Schedule
    data: Observations
    clock_h: float
    settings: Settings

    @cached_property
    def ticks(self) -> NDArray[np.int64]:
        """Ticks at which something was observed, ``[T]``, each once."""
        return np.unique(self.data.ticks)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        return np.searchsorted(self.ticks, self.data.ticks)

    def log_likelihood(self, points: Floats) -> Floats:
        """Of whitened random effects ``[B, P]``."""
        par = self.space.draw(points)[0].par
        return log_likelihood(par, self.course(par), self.data, self.settings.errors, self.clock_h)

    def course(self, par: NDArray[np.void]) -> Any:
        """Expected signals ``[B, J]`` at the observations."""
        from thecal.experiments.fitting.predict import Course

        found = course(without_chance(par), self.schedule, self.ticks, self.clock_h)
        return Course({name: values[:, self._places] for name, values in found.signals.items()})

    def misfit(self, points: Floats) -> float:
        """Chance of reports as far from the expected as these, at one point ``[P]``; 1 without reports."""
        places = self.data.of("nrs")
        if not len(places):
            return 1.0
        par = self.space.draw(points[None, :])[0].par
        hours: Floats = (self.data.ticks[places] * TICK_H).astype(np.float64)
        expected = reports(par, self.course(par), places, hours, self.clock_h)
        away = whitened(expected, self.data.value[places])[0]
        return float(chi2.sf((away**2).sum(), len(places)))


@dataclass(frozen=True)
class Fit:
    """A fit that arrived.

    Attributes:
        problem: what was fitted.
        population: the posterior.
        peak: the most probable patient's whitened random effects, ``[P]``.
        rows: what is known of each number.
        combinations: composites of what is not.
        misfit: chance of reports as far from the expected, at the peak.
    """

    problem: Problem
    population: Population
    peak: Floats
    rows: list[Row]
    combinations: list[Combination]
    misfit: float


def problem_of(
    table: EventTable, spec: Any, *, chart: dict[str, Any], clock_h: float = 8.0, settings: Settings | None = None
) -> Problem:
    """The problem that a table of one patient poses.

    Raises:
        ConfigError: too few observations, several patients, no dose, or drugs that one pump does not hold.
    """
    settings = settings or load_settings()
    observed = sorted((row for row in table.rows if row.what), key=lambda row: row.time_h)
    if not any(row.is_dose for row in table.rows):
        raise ConfigError("the table has no dose, so nothing can be said of what a drug does")
    data = Observations(
        np.array([max(1, tick(row.time_h)) for row in observed], np.int64),
        np.array([row.what for row in observed]),
        np.array([row.value for row in observed], np.float64),
        np.array([bool(row.censored) for row in observed]),
    )
    check(data, settings.fewest)
    schedule = schedule_of(table, until_h=float(data.ticks[-1]) * TICK_H)
    return Problem(table.patients[0], Space(spec, schedule.drugs, chart), schedule, data, clock_h, settings)


def fit(problem: Problem, seed: int = 0, progress: Callable[[float, str], None] | None = None) -> Fit:
    """Fit a patient.

    Raises:
        NotConvergedError: the posterior was not reached, moves were hardly taken, the two populations disagree on a number that
            would be declared known, or the data lie too far from anything that the model does.
    """
    space, settings = problem.space, problem.settings
    population = sample(problem.log_likelihood, len(space.names), settings, seed, progress)
    _arrived(population, settings)
    flat = population.points.reshape(-1, len(space.names))
    posterior = space.draw(flat)[0].par.reshape(population.log_likelihood.shape)
    prior = space.draw(np.random.default_rng([seed, 1]).standard_normal((_PRIOR, len(space.names))))[0].par
    known = rows(prior, posterior, settings.spread)
    apart = [row.name for row in known if row.known and row.apart > settings.apart]
    if apart:
        raise NotConvergedError(
            f"the two populations disagree on {', '.join(apart)} (scale reduction above {settings.apart:g}); nothing is saved"
        )
    peak = climb(problem.log_likelihood, flat, population.log_likelihood.reshape(-1), settings, seed)
    misfit = problem.misfit(peak)
    if misfit < settings.misfit:
        raise NotConvergedError(
            f"the reports contradict each other or the model: as far from the best patient's by chance in {misfit:.1g} of "
            f"cases (limit {settings.misfit:g}); look for wrong times, doses or units; nothing is saved"
        )
    return Fit(problem, population, peak, known, combinations(prior, posterior, known, settings.spread), misfit)


_HARDLY = 0.02


def _arrived(population: Population, settings: Settings) -> None:
    if not population.arrived:
        reached = population.temperatures[-1]
        raise NotConvergedError(
            f"the posterior was not reached in {settings.temperatures} temperatures (at {reached:.2g} of 1); nothing is saved"
        )
    if min(population.accepted) < _HARDLY:
        raise NotConvergedError(
            f"hardly any move was taken at the end ({100 * min(population.accepted):.1f} %); nothing is saved"
        )
