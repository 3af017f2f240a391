"""The best dose known in hindsight: every multiple of a grid is tried on the same patients and days, and each keeps the best.

It knows what no policy knows, and says what limits and patient leave open, not what can be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thecal.agents.base import BatchPolicy
from thecal.agents.info import PolicyInfo
from thecal.agents.rules.pid import LOWEST_RATIO
from thecal.agents.view import RATE, Components, Fields
from thecal.envs.outcomes import outcome
from thecal.experiments.analysis.headroom import Outcomes as Outcomes
from thecal.experiments.analysis.headroom import best_of as best_of

MULTIPLES = tuple(np.round(np.geomspace(0.25, 16.0, 13), 3).tolist())  # of the starting dose


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


def hindsight(run: Callable[[Any], Outcomes], by: Sequence[str], multiples: Sequence[float] = MULTIPLES) -> Outcomes:
    """Each patient's best multiple of the starting dose.

    Args:
        run: outcomes of a policy on the patients at hand.
        by: see :func:`best_of`.
        multiples: those that are tried.

    Raises:
        UnknownNameError: ``by`` names no outcome, which is told before anything runs.
    """
    for key in by:
        outcome(key)
    return best_of([run(OneDose(multiple)) for multiple in multiples], by)
