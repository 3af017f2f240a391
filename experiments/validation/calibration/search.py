"""The search for the smallest loss: CMA-ES by ask and tell, the same patients in every generation, an end by a stated rule."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ThecalError
from thecal.core.extras import importing
from thecal.experiments.validation.calibration.study import Enough, Search

Floats = NDArray[np.float64]
Evaluate = Callable[[Sequence[Floats]], Sequence[float]]


class NotConvergedError(ThecalError):
    """The budget is used up and the search has not converged; the text says what remained."""


@dataclass(frozen=True)
class Generation:
    """One step of the search: the best and the median loss of its points, the best so far, and the step's size in spreads."""

    number: int
    best: float
    median: float
    so_far: float
    step: float


@dataclass(frozen=True)
class Found:
    """Where a search ended: every point ``[n, d]`` with its loss ``[n]``, the generations, which rule was met, the center.

    The center ``[d]`` is where the optimizer would go on from: less a matter of luck than the best of many points, where the loss
    is rough because shares of a few hundred patients move in steps.
    """

    points: Floats
    losses: Floats
    history: tuple[Generation, ...]
    why: str
    center: Floats


def search(
    evaluate: Evaluate,
    start: Floats,
    bounds: Floats,
    how: Search,
    enough: Enough,
    seed: int,
    progress: Callable[[Generation], None] = lambda _generation: None,
) -> Found:
    """Make a loss small.

    Args:
        evaluate: losses of the points of a generation, finite numbers.
        start: where the first generation is centered, ``[d]``.
        bounds: ``[d, 2]``; no point lies outside.
        how: first step, size of a generation, budget.
        enough: when it has converged.
        seed: of the optimizer; the same seed and losses give the same points.
        progress: called after each generation.

    Raises:
        NotConvergedError: the budget is used up before.
        MissingExtraError: the optimizer's package is not installed.
    """
    with importing("a calibration", "calibrate"):
        from cmaes import CMA
    optimizer = CMA(
        mean=start.astype(np.float64), sigma=how.sigma, bounds=bounds, seed=seed, population_size=how.population
    )
    points: list[Floats] = []
    losses: list[float] = []
    history: list[Generation] = []
    for number in range(1, how.generations + 1):
        asked = [optimizer.ask() for _ in range(optimizer.population_size)]
        told = [float(loss) for loss in evaluate(asked)]
        optimizer.tell(list(zip(asked, told, strict=True)))
        points += asked
        losses += told
        step = _step(points, len(asked), enough.over)
        history.append(Generation(number, min(told), statistics.median(told), min(losses), step))
        progress(history[-1])
        if why := _converged(history, enough):
            center = np.clip(optimizer.mean, bounds[:, 0], bounds[:, 1])
            return Found(np.array(points), np.array(losses), tuple(history), why, center)
    raise NotConvergedError(_remained(history, enough))


def _step(points: Sequence[Floats], size: int, over: int) -> float:
    """The largest SD of a number within the last generations: what the optimizer still tries out."""
    last = np.array(points[-size * over :]).reshape(-1, size, len(points[0]))
    return float(np.sqrt(last.var(axis=1, ddof=1).mean(axis=0)).max())


def _moved(history: Sequence[Generation], over: int) -> tuple[float, float]:
    """By how much the best loss fell in the last generations, and by how much their best and median losses moved."""
    last = history[-over:]
    series = ([g.best for g in last], [g.median for g in last])
    return last[0].so_far - last[-1].so_far, max(max(one) - min(one) for one in series)


def _converged(history: Sequence[Generation], enough: Enough) -> str:
    if len(history) < enough.over:
        return ""
    fell, moved = _moved(history, enough.over)
    rule = f"in {enough.over} generations (rule: at most {enough.loss:g})"
    if history[-1].step <= enough.step and fell <= enough.loss:
        step = f"the step is {history[-1].step:.3g} of a prior's spread (rule: at most {enough.step:g})"
        return f"{step} and the best loss fell by {fell:.3g} {rule}"
    if moved <= enough.loss:
        return f"best and median loss moved by {moved:.3g} {rule}"
    return ""


def _remained(history: Sequence[Generation], enough: Enough) -> str:
    last = history[-1]
    fell, _ = _moved(history, enough.over)
    moved = f"the best loss fell by {fell:.3g} in the last {min(enough.over, len(history))}"
    return (
        f"no convergence within {len(history)} generations: the step is still {last.step:.3g} of a prior's spread (rule: at most "
        f"{enough.step:g}), {moved} (rule: at most {enough.loss:g} over {enough.over}), and is {last.so_far:.4g}; "
        "no parameter was written"
    )
