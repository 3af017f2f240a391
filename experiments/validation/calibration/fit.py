"""A calibration from its study to its result: search, posterior, and every target before and after. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.core.executor import Executor, Serial, kept
from thecal.experiments.validation.calibration.objective import ends_of, offset
from thecal.experiments.validation.calibration.posterior import Posterior, around, posterior
from thecal.experiments.validation.calibration.problem import Problem, problem_of
from thecal.experiments.validation.calibration.search import Found, Generation, search
from thecal.experiments.validation.calibration.simulate import Item, Simulated, simulate
from thecal.experiments.validation.calibration.study import Study

Floats = NDArray[np.float64]
Run = Callable[[Item], Simulated]
_LUCK = 1.0  # of the loss: a difference in posterior density of less than e says nothing of two points


@dataclass(frozen=True)
class Point:
    """One candidate: where it is on the scale of the search, its loss, and the mean of every target."""

    z: tuple[float, ...]
    loss: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Fit:
    """What a calibration found.

    Attributes:
        problem: the study and what it names.
        values: of the free numbers, as they are to be written.
        before: the targets with the numbers as they were shipped.
        after: the targets with ``values``.
        losses: of the targets and with the priors, before and after.
        search: how it went.
        posterior: what stays uncertain.
        failures: by target, how often it could not be simulated, of how many candidates.
    """

    problem: Problem
    values: Floats
    before: Simulated
    after: Simulated
    losses: dict[str, dict[str, float]]
    search: Found
    posterior: Posterior
    failures: dict[str, int]


class _Evaluator:
    """Candidates simulated side by side; what was simulated before a break is not simulated again."""

    def __init__(self, problem: Problem, executor: Executor, run: Run, known: Sequence[Point]) -> None:
        self._problem, self._executor, self._run = problem, executor, run
        self._known = {point.z: point for point in known}
        self.points: list[Point] = []
        self.failures: dict[str, int] = {}

    def __call__(self, asked: Sequence[Floats]) -> list[float]:
        fresh = [z for z in asked if _key(z) not in self._known]
        values = [self._problem.coordinates.to_values(z) for z in fresh]
        simulated = self._executor.map(self._run, [self._problem.item(one) for one in values])
        for z, one, found in zip(fresh, values, simulated, strict=True):
            for key, _ in found.failures:
                self.failures[key] = self.failures.get(key, 0) + 1
            loss = self._problem.fit(found) + self._problem.coordinates.penalty(one)
            self._known[_key(z)] = Point(_key(z), loss, tuple(self._problem.middles(found)))
        points = [self._known[_key(z)] for z in asked]
        self.points += points
        return [point.loss for point in points]


def _key(z: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in z)


def calibrate(
    study: Study | Problem,
    *,
    executor: Executor | None = None,
    run: Run = simulate,
    progress: Callable[[Generation], None] = lambda _generation: None,
    known: Sequence[Point] = (),
    checkpoint: Callable[[Sequence[Point]], Any] = lambda _points: None,
) -> Fit:
    """Fit the free numbers of a study to its targets.

    Args:
        study: what is free and what it is fitted to, held to the model already or not.
        executor: what runs the candidates; one after the other in this process when missing.
        run: what simulates a candidate; the targets' reproductions by default.
        progress: called after each generation.
        known: candidates of an earlier run of this study that was broken off, which are not simulated again.
        checkpoint: called with all candidates so far after each generation.

    Raises:
        NotConvergedError: the budget is used up before.
        ParameterError: the study names what is not there, or a bound that is refused.
        ConfigError: a target cannot be simulated with the numbers as they are shipped.
    """
    problem = study if isinstance(study, Problem) else problem_of(study)
    study, work = problem.study, executor or Serial()
    with kept(work):
        (before,) = work.map(run, [problem.item(None)])
        _see_that_all_run(problem, before)
        evaluate = _Evaluator(problem, work, run, known)
        bounds = problem.coordinates.bounds()
        start = problem.coordinates.to_z(problem.shipped) if study.start == "shipped" else np.zeros(len(bounds))

        def told(generation: Generation) -> None:
            checkpoint(evaluate.points)
            progress(generation)

        found = search(evaluate, start, bounds, study.search, study.enough, study.seed, told)
        best = _chosen(evaluate, found)
        evaluate(around(best, bounds, study.seed))
        values = problem.rounded(problem.coordinates.to_values(best))
        (after,) = work.map(run, [problem.item(values)])
    return Fit(
        problem, values, before, after, _losses(problem, before, after, values), found,
        _posterior(problem, best, evaluate.points, problem.middles(after)), evaluate.failures,
    )  # fmt: skip


def _see_that_all_run(problem: Problem, before: Simulated) -> None:
    for (key, structure), why in before.failures.items():
        raise ConfigError(f"{problem.study.name}: target {key} cannot be simulated as it is ({structure}: {why})")


def _chosen(evaluate: _Evaluator, found: Found) -> Floats:
    """The center of the last generation, or the best candidate where that is better by more than luck would make it."""
    (loss,) = evaluate([found.center])
    lucky = int(found.losses.argmin())
    chosen: Floats = found.center if loss <= found.losses[lucky] + _LUCK else found.points[lucky]
    return chosen


def _losses(problem: Problem, before: Simulated, after: Simulated, values: Floats) -> dict[str, dict[str, float]]:
    rows: Mapping[str, tuple[Simulated, Floats]] = {"before": (before, problem.shipped), "after": (after, values)}
    return {
        name: {"targets": problem.fit(simulated), "priors": problem.coordinates.penalty(at)}
        for name, (simulated, at) in rows.items()
    }


def _posterior(problem: Problem, best: Floats, points: Sequence[Point], after: Sequence[float]) -> Posterior:
    targets = list(problem.targets.values())
    offsets = np.array([[offset(one, value) for one, value in zip(targets, p.values, strict=True)] for p in points])
    measures = []
    for target, value in zip(targets, after, strict=True):
        ends, here = ends_of(target), offset(target, value)
        # On its open side a target is met wherever the value lies, so it measures nothing there.
        measures.append(not ((ends.open_below and here < 0.0) or (ends.open_above and here > 0.0)))
    weights = problem.weights * np.array(measures)
    places = np.array([point.z for point in points])
    return posterior(best, places, offsets, np.array([point.loss for point in points]), weights)
