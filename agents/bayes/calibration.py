"""Whether predictions are honest: where reports fall in the distribution that was predicted for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from thecal.agents.view import Floats

BINS = 20
_HALF_POINT = 0.5  # a report is a whole point, and stands for all that round to it


def rank_of(report: Floats, pain: Floats, weights: Floats, noise: float) -> Floats:
    """The share of a weighed prediction below each report, ``[n]`` in [0, 1]; half of the report's own point counts.

    Args:
        report: NRS, ``[n]``; NaN stays.
        pain: what each model predicts, ``[n, K]``.
        weights: normalized, ``[n, K]``.
        noise: standard deviation of a report beside a model, NRS.
    """
    sides = [
        np.sum(weights * ndtr((report[:, None] + side - pain) / noise), axis=1) for side in (-_HALF_POINT, _HALF_POINT)
    ]
    rank: Floats = 0.5 * (sides[0] + sides[1])
    return rank


class Ranks:
    """A histogram of ranks over ``BINS`` even parts of [0, 1]: flat where predictions are calibrated."""

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(BINS, np.int64)

    def add(self, ranks: Floats) -> None:
        """Count ranks; NaN is none."""
        known = ranks[np.isfinite(ranks)]
        places = np.minimum((known * BINS).astype(np.int64), BINS - 1)
        self.counts += np.bincount(places, minlength=BINS)

    def coverage(self, share: float) -> float:
        """Share of reports within the central ``share`` of their prediction, to the nearest bins; NaN before the first."""
        cut = round(0.5 * (1.0 - share) * BINS)
        total = self.counts.sum()
        return float(self.counts[cut : BINS - cut].sum() / total) if total else float("nan")
