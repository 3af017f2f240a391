"""Numbers as a reader sees them: true minus signs, intervals in words, headings that wrap where they should."""

from __future__ import annotations

import numpy as np

from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.results import Interval


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A number for a sentence: true minus, thin gap for thousands, a dash where it is missing."""
    if not np.isfinite(value):
        return "–"
    rounded = round(value, digits) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:{'+' if sign and rounded else ''},.{digits}f}".replace(",", "\u2009").replace("-", "−")


def with_interval(found: Interval, outcome: Outcome, *, sign: bool = False, brief: bool = False) -> str:
    """``12.3 % (95 % interval 11.0 to 13.6)``; ``brief`` leaves out the words once they were said."""
    mean, low, high = (number(value, outcome.digits, sign=sign) for value in (found.mean, found.low, found.high))
    unit = "percentage points" if sign and outcome.unit.startswith("%") else outcome.unit
    return f"{mean} {unit} ({'' if brief else '95 % interval '}{low} to {high})"


def short(value: float) -> str:
    """Three significant digits, whole where the number is large."""
    if not np.isfinite(value) or abs(value) >= 100.0:
        return number(value, 0)
    return f"{value:.3g}".replace("-", "−")


def tight(text: str) -> str:
    """Text whose signs stay with their numbers when a heading wraps."""
    return text.replace("≤ ", "≤\u00a0").replace("≥ ", "≥\u00a0").replace(" %", "\u00a0%").replace("24 h", "24\u00a0h")
