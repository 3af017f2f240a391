"""Visual predictive checks as data: every virtual patient's course, and the percentiles that are drawn and kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ParameterError


@dataclass(frozen=True)
class Band:
    """A visual predictive check as it is drawn and kept: percentiles of the virtual patients over time.

    Attributes:
        title: what was measured, after what.
        unit: of every value.
        time_h: ``[t]`` hours.
        low: ``[t]`` 5th percentile.
        median: ``[t]``.
        high: ``[t]`` 95th percentile.
        observed: published points as (hour, value, lower end, upper end).
        source: where the points stand.
        log_scale: whether values are drawn on a log axis.
    """

    title: str
    unit: str
    time_h: list[float]
    low: list[float]
    median: list[float]
    high: list[float]
    observed: list[tuple[float, float, float, float]]
    source: str
    log_scale: bool = False


@dataclass(frozen=True)
class Vpc:
    """A visual predictive check: every virtual patient's course, and the published points it should run through.

    Attributes:
        title: what was measured, after what.
        unit: of every value.
        time_h: ``[t]`` hours.
        simulated: ``[n, t]`` one row a patient; NaN where a patient has no value.
        observed: published points as (hour, value, lower end, upper end), the ends being the published spread.
        source: where the points stand.
        log_scale: whether values are drawn on a log axis.
    """

    title: str
    unit: str
    time_h: list[float]
    simulated: NDArray[np.float64]
    observed: list[tuple[float, float, float, float]]
    source: str
    log_scale: bool = False

    def band(self) -> Band:
        """Median and 5th to 95th percentile over patients.

        Raises:
            ParameterError: ``simulated`` is not ``[n, t]`` of the given times.
        """
        if self.simulated.ndim != 2 or self.simulated.shape[1] != len(self.time_h):
            raise ParameterError(f"{self.title}: shape {self.simulated.shape} does not fit {len(self.time_h)} times")
        low, median, high = np.nanpercentile(self.simulated, (5, 50, 95), axis=0).tolist()
        return Band(
            self.title, self.unit, list(self.time_h), low, median, high, self.observed, self.source, self.log_scale
        )
