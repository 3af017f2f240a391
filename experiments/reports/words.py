"""Numbers as a reader sees them: true minus signs, intervals in words, headings that wrap where they should."""

from __future__ import annotations

import re

import numpy as np

from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.results import Interval
from thecal.experiments.analysis.shown import EQUAL, NONE, shown, shown_difference


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A number for a sentence: true minus, thin gap for thousands, a dash where it is missing."""
    if not np.isfinite(value):
        return "–"
    rounded = round(value, digits) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:{'+' if sign and rounded else ''},.{digits}f}".replace(",", "\u2009").replace("-", "−")


def typeset(text: str) -> str:
    """Numbers of a table as a page sets them: with true minus signs, a dash where one is missing."""
    return "–" if text == "-" else re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def with_interval(found: Interval, outcome: Outcome, patients: int, *, sign: bool = False, brief: bool = False) -> str:
    """``12.3 % (95 % interval 11.0 to 13.6)``; ``brief`` leaves out the words once they were said."""
    seen = shown_difference(found, outcome) if sign else shown(found, outcome, patients)
    if seen.value in (NONE, EQUAL):
        return f"{seen.value} {seen.spread}"
    unit = "percentage points" if sign and outcome.unit.startswith("%") else outcome.unit
    if not seen.spread:
        return typeset(f"{seen.value} {unit}")
    return typeset(f"{seen.value} {unit} ({'' if brief else '95 % interval '}{seen.spread})")


def share_of_all(percent: float) -> str:
    """A share of decisions, so that what is rare is not taken for what never was."""
    return "never" if percent == 0 else "< 0.1 %" if percent < 0.1 else f"{number(percent, 1)} %"


def short(value: float) -> str:
    """Three significant digits, whole where the number is large."""
    if not np.isfinite(value) or abs(value) >= 100.0:
        return number(value, 0)
    return f"{value:.3g}".replace("-", "−")


def tight(text: str) -> str:
    """Text whose signs stay with their numbers when a heading wraps."""
    return text.replace("≤ ", "≤\u00a0").replace("≥ ", "≥\u00a0").replace(" %", "\u00a0%").replace("24 h", "24\u00a0h")
