"""The best dose known in hindsight: every multiple of a grid is tried on the same patients and days, and each keeps the best.

It knows what no policy knows, and says what limits and patient leave open, not what can be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import BatchPolicy
from thecal.agents.info import PolicyInfo
from thecal.agents.rules.pid import LOWEST_RATIO
from thecal.agents.view import RATE, Components, Fields

MULTIPLES = tuple(np.round(np.geomspace(0.25, 16.0, 13), 3).tolist())  # of the starting dose
Floats = NDArray[np.float64]
Outcomes = dict[str, Floats]  # by key, [patients]


class OneDose(BatchPolicy):
    """Asks for one multiple of the starting dose, as fast as the limits allow, and keeps it."""

    info = PolicyInfo(
        name="one_dose",
        label="One dose",
        kind="sanity",
        text="Asks for one multiple of the starting dose and keeps it.",
    )
    reads = ("rate_ratio_start",)

    def __init__(self, multiple: float = 1.0) -> None:
        self.multiple = multiple
        super().__init__(multiple=multiple)

    def _decide(self, fields: Fields) -> Components:
        ratio = np.maximum(np.nan_to_num(fields["rate_ratio_start"], nan=1.0), LOWEST_RATIO)
        return {RATE: self.view.actions.rate(self.multiple / ratio - 1.0)}


def best_of(runs: Sequence[Outcomes], by: Sequence[str] = ("return",)) -> Outcomes:
    """For each patient the run that is best by the first outcome, among equals by the next, and so on; then the first run."""
    columns = [np.array([run[key] for run in reversed(runs)]) for key in reversed(by)]
    chosen = len(runs) - 1 - np.lexsort(columns, axis=0)[-1]
    return {key: np.array([runs[k][key][i] for i, k in enumerate(chosen)]) for key in runs[0]}


def hindsight(run: Callable[[Any], Outcomes], by: Sequence[str], multiples: Sequence[float] = MULTIPLES) -> Outcomes:
    """Each patient's best multiple of the starting dose.

    Args:
        run: outcomes of a policy on the patients at hand.
        by: see :func:`best_of`.
        multiples: those that are tried.
    """
    return best_of([run(OneDose(multiple)) for multiple in multiples], by)
