"""Posterior of one patient by tempered sequential Monte Carlo over a batch of virtual patients; no gradients.

A population that is drawn from the prior is led to the posterior by temperatures, each as low as leaves half of it in effect
(Del Moral, Doucet and Jasra's sequential samplers), and at each every member moves by preconditioned Crank-Nicolson steps
(Cotter, Roberts, Stuart and White), which keep the Gaussian prior whatever the number of dimensions. Both are recalled, not
looked up; what counts is the calibration that ``docs/fitting.md`` reports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.agents.bayes.weights import effective, normalized, systematic
from thecal.experiments.fitting.settings import Settings

Floats = NDArray[np.float64]
LogLikelihood = Callable[[Floats], Floats]
Progress = Callable[[float, str], None]
_HALVINGS = 50
_LEAST_STEP, _LARGEST_STEP = 0.02, 1.0
# A mean and a spread of some hundred draws differ from the prior's by as much without any data.
_CHANCE_MEAN, _CHANCE_SPREAD, _LEAST_SPREAD = 0.25, 0.85, 0.05


@dataclass(frozen=True)
class Population:
    """Two independent populations at the posterior.

    Attributes:
        points: whitened random effects, ``[2, N, P]``.
        log_likelihood: ``[2, N]``.
        temperatures: of the stages, the last being 1 where the posterior was reached.
        accepted: share of moves taken at the last temperature, of each population.
        simulated: virtual patients in all.
    """

    points: Floats
    log_likelihood: Floats
    temperatures: tuple[float, ...]
    accepted: tuple[float, float]
    simulated: int

    @property
    def arrived(self) -> bool:
        """Whether the last temperature was reached."""
        return self.temperatures[-1] >= 1.0


def sample(
    log_likelihood: LogLikelihood, dimensions: int, settings: Settings, seed: int, progress: Progress | None = None
) -> Population:
    """Two populations led from the prior, standard normals in ``dimensions``, to the posterior.

    Both are simulated as one batch but share nothing else, so that their difference says how far the result is one of chance.

    Args:
        log_likelihood: of points ``[B, P]``.
        dimensions: P.
        settings: of the fit.
        seed: of the moves.
        progress: told the temperature reached and what is going on.
    """
    rng = np.random.default_rng(seed)
    n = settings.particles
    points = rng.standard_normal((2, n, dimensions))
    logs = log_likelihood(points.reshape(2 * n, -1)).reshape(2, n)
    beta, step, count = 0.0, np.full(2, 0.5), 2 * n
    reached: list[float] = []
    taken = np.zeros(2)
    while beta < 1.0 and len(reached) < settings.temperatures:
        new = _next(logs, beta, settings.effective)
        weights = normalized((new - beta) * logs)
        chosen = systematic(weights, n, rng.random(2))
        points = np.take_along_axis(points, chosen[:, :, None], axis=1)
        logs = np.take_along_axis(logs, chosen, axis=1)
        beta = new
        reached.append(beta)
        moves = settings.last_moves if beta >= 1.0 else settings.moves
        shares = []
        for _ in range(moves):
            points, logs, share = _move(log_likelihood, points, logs, beta, step, rng)
            step = np.clip(step * np.exp(share - settings.accepted), _LEAST_STEP, _LARGEST_STEP)
            shares.append(share)
            count += 2 * n
        taken = np.mean(shares, axis=0)
        if progress is not None:
            progress(
                beta, f"{len(reached)} temperatures, {100 * taken.mean():.0f} % of moves of {step.mean():.2f} taken"
            )
    return Population(points, logs, tuple(reached), (float(taken[0]), float(taken[1])), count)


def _next(logs: Floats, beta: float, least: float) -> float:
    """The largest temperature at which both populations keep ``least`` of their size in effect."""
    enough = least * logs.shape[1]

    def keeps(new: float) -> bool:
        return bool((effective(normalized((new - beta) * logs)) >= enough).all())

    if keeps(1.0):
        return 1.0
    low, high = beta, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if keeps(middle) else (low, middle)
    return max(low, beta + 1e-9)


def _move(
    log_likelihood: LogLikelihood, points: Floats, logs: Floats, beta: float, step: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """One step of every member; returns the points, their likelihoods, and the share taken of each population.

    Directions in which the population has narrowed move less than those that the data left alone: the step keeps a Gaussian
    of the other population's own mean and spread, coordinate by coordinate, and the acceptance makes up for it.
    """
    center, spread = _told(points)
    size = step[:, None, None]
    noise = rng.standard_normal(points.shape)
    trial = center + np.sqrt(1.0 - size**2) * (points - center) + size * spread * noise
    new = log_likelihood(trial.reshape(-1, points.shape[2])).reshape(logs.shape)

    def weight(at: Floats, value: Floats) -> Floats:
        prior = -0.5 * (at**2).sum(axis=2)
        kept = -0.5 * (((at - center) / spread) ** 2).sum(axis=2)
        return np.asarray(beta * value + prior - kept)

    with np.errstate(invalid="ignore"):
        ratio = weight(trial, new) - weight(points, logs)
    yes = np.log(rng.random(logs.shape)) < np.where(np.isnan(ratio), -np.inf, ratio)
    return np.where(yes[:, :, None], trial, points), np.where(yes, new, logs), yes.mean(axis=1)


def _told(points: Floats) -> tuple[Floats, Floats]:
    """Mean and spread ``[2, 1, P]`` of the other population, and the prior's where they differ from it by chance alone."""
    mean, sd = points.mean(axis=1)[::-1, None, :], points.std(axis=1)[::-1, None, :]
    alone = (np.abs(mean) < _CHANCE_MEAN) & (sd > _CHANCE_SPREAD)
    return np.where(alone, 0.0, mean), np.where(alone, 1.0, np.clip(sd, _LEAST_SPREAD, 1.0))


def between(values: Floats) -> float:
    """Potential scale reduction of one number over the populations, ``[2, N]``: near 1 where both say the same."""
    n = values.shape[1]
    within = values.var(axis=1, ddof=1).mean()
    if within <= 0.0:
        return 1.0
    apart = n * values.mean(axis=1).var(ddof=1)
    return float(np.sqrt(((n - 1) / n * within + apart / n) / within))
