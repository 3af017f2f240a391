"""Numbers as tables and sentences show them: as many decimals as their interval warrants, and words for harm that never was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thecal.envs.outcomes import Outcome
from thecal.experiments.analysis.results import Interval

_MORE = 1  # decimals beyond an outcome's own that a narrow interval may earn
NONE, EQUAL = "none", "equal"


@dataclass(frozen=True)
class Shown:
    """An estimate in words: its mean, and its interval or what stands for it.

    Attributes:
        value: the mean, ``none`` for a harm that was never seen, or ``equal`` for a difference that no patient had.
        spread: ``low to high``; for a harm never seen, in how many patients and up to which bound; empty where no patient
            differs from another, so that an interval would claim a certainty that nobody has.
    """

    value: str
    spread: str


def decimals(found: Interval, outcome: Outcome) -> int:
    """Decimals that show two digits of the interval's width, and no finer than one more than the outcome's own."""
    width = found.high - found.low
    if not np.isfinite(width) or width <= 0.0:
        return outcome.digits
    return _two_digits(width, outcome)


def fixed(value: float, digits: int, *, sign: bool = False) -> str:
    """A number with so many decimals, never ``-0.0``; a dash where it is missing."""
    if not np.isfinite(value):
        return "-"
    rounded = round(value, digits) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:{'+' if sign and rounded else ''}.{digits}f}"


def never_seen(found: Interval, outcome: Outcome) -> bool:
    """Whether a harm occurred in no patient."""
    return outcome.role == "cost" and found.mean == 0.0 and found.low == 0.0


def at_most(found: Interval, outcome: Outcome) -> str:
    """The upper bound of a harm that was never seen; empty where none can be given."""
    return fixed(found.high, _two_digits(found.high, outcome)) if found.high > 0.0 else ""


def shown(found: Interval, outcome: Outcome, patients: int) -> Shown:
    """An estimate of an outcome over so many patients."""
    if never_seen(found, outcome):
        most = at_most(found, outcome)
        bound = f" (at most {most})" if most else ""
        return Shown(NONE, f"in {patients} patient{'s' if patients != 1 else ''}{bound}")
    return _as_numbers(found, outcome, sign=False)


def shown_difference(found: Interval, outcome: Outcome) -> Shown:
    """A difference from the reference, with its sign."""
    if found.mean == found.low == found.high == 0.0:
        return Shown(EQUAL, "in every patient")
    return _as_numbers(found, outcome, sign=True)


def _as_numbers(found: Interval, outcome: Outcome, *, sign: bool) -> Shown:
    digits = decimals(found, outcome)
    mean, low, high = (fixed(value, digits, sign=sign) for value in (found.mean, found.low, found.high))
    wide = np.isfinite(found.low) and np.isfinite(found.high) and found.low < found.high
    return Shown(mean, f"{low} to {high}" if wide else "")


def _two_digits(value: float, outcome: Outcome) -> int:
    return int(np.clip(1 - np.floor(np.log10(value)), 0, outcome.digits + _MORE))
