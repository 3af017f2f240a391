"""The most probable patient of a posterior, by CMA-ES over batches of virtual patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from thecal.experiments.fitting.settings import Settings

Floats = NDArray[np.float64]
_FIRST_STEP = 0.3
_FLAT = 0.02  # of the log posterior over a generation's better half: the end of the climb


def climb(
    log_likelihood: Callable[[Floats], Floats], points: Floats, logs: Floats, settings: Settings, seed: int
) -> Floats:
    """The point ``[P]`` of the largest posterior density found, along the effects that the data moved or narrowed most.

    Every other effect stays at its prior's peak, 0. The best member of the population is kept where the climb ends below it.

    Args:
        log_likelihood: of points ``[B, P]``.
        points, logs: the posterior ``[N, P]`` and its likelihoods.
        settings: of the fit.
        seed: of the search.
    """
    from cmaes import CMA

    told = points.mean(axis=0) ** 2 + np.clip(1.0 - points.var(axis=0), 0.0, 1.0)
    along = np.sort(np.argsort(told)[-settings.effects :])
    start = np.zeros(points.shape[1])
    start[along] = points.mean(axis=0)[along]
    search = CMA(mean=start[along], sigma=_FIRST_STEP, population_size=settings.population, seed=seed % 2**32)
    best, best_value = start, _posterior(log_likelihood, start[None, :])[0]
    for _ in range(settings.generations):
        asked = [search.ask() for _ in range(settings.population)]
        trial = np.zeros((len(asked), points.shape[1]))
        trial[:, along] = np.array(asked)
        values = _posterior(log_likelihood, trial)
        finite = np.where(np.isfinite(values), values, -1e9)
        search.tell([(point, -float(value)) for point, value in zip(asked, finite, strict=True)])
        top = int(finite.argmax())
        if finite[top] > best_value:
            best, best_value = trial[top], float(finite[top])
        half = np.sort(finite)[len(finite) // 2 :]
        if half[-1] - half[0] < _FLAT:
            break
    members = logs - 0.5 * (points**2).sum(axis=1)
    return np.asarray(best if best_value >= members.max() else points[int(members.argmax())])


def _posterior(log_likelihood: Callable[[Floats], Floats], points: Floats) -> Floats:
    return np.asarray(log_likelihood(points) - 0.5 * (points**2).sum(axis=1))
