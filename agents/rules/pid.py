"""PID on reported pain: a textbook controller in a clinic's clothes, with held reports and anti-windup."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thecal.agents.base import BatchPolicy, Fields, Flags, Floats
from thecal.agents.settings import PolicySettings, number

_LOWEST_RATIO = 1e-3


class PidSettings(PolicySettings):
    """Controller numbers; ``data/pid.toml`` gives value, source and confidence of each."""

    target_nrs: float = number("nrs", ge=0, le=10)
    gain: float = number("1/nrs", ge=0)
    integral_time: float = number("hour", gt=0)
    derivative_time: float = number("hour", ge=0)
    filter_time: float = number("hour", gt=0)
    tracking_time: float = number("hour", gt=0)
    smallest_step: float = number("dimensionless", ge=0, le=1)
    stale_after: float = number("hour", gt=0)


class Pid(BatchPolicy):
    """Positional PID whose output is ln(rate / starting rate).

    The error is the filtered report minus the target; a missing report is held, and after ``stale_after`` hours of
    silence the controller holds still (a sedated patient reports nothing, and silence must never raise the dose). The
    derivative acts on the filtered report. Whenever a requested change was not granted in full (a step limit, or the
    shield), the integral is pulled back to the rate that runs (back-calculation), so it cannot wind up.
    """

    name = "pid"
    reads = ("nrs_report", "nrs_age_h", "rate_ratio_start")

    def __init__(self, **overrides: float) -> None:
        super().__init__()
        self.settings = PidSettings.load("pid", **overrides)

    def _allocate(self, n: int) -> None:
        self.pain: Floats = np.empty(n)
        self.held: Floats = np.empty(n)
        self.integral: Floats = np.empty(n)
        self.wanted: Floats = np.empty(n)
        self.asked: Flags = np.empty(n, np.bool_)

    def _begin(self, rows: Flags) -> None:
        self.pain[rows] = np.nan
        self.held[rows] = np.nan
        self.integral[rows] = 0.0
        self.wanted[rows] = 0.0
        self.asked[rows] = False

    def _decide(self, fields: Fields, rows: Flags) -> tuple[ArrayLike, ArrayLike]:
        now = np.log(np.maximum(np.nan_to_num(fields["rate_ratio_start"], nan=1.0), _LOWEST_RATIO))
        self._track(now, rows)
        slope = self._filter(fields["nrs_report"], rows)
        settings, dt = self.settings, self.view.tick_h
        live = rows & np.isfinite(self.pain) & (fields["nrs_age_h"] <= settings.stale_after)
        error = self.pain - settings.target_nrs
        self.integral[live] += (settings.gain / settings.integral_time * dt * error)[live]
        wanted = settings.gain * (error + settings.derivative_time * slope) + self.integral
        step = np.where(live, np.expm1(wanted - now), 0.0)
        step = np.where(np.abs(step) < settings.smallest_step, 0.0, step)
        self.wanted[rows] = wanted[rows]
        self.asked[rows] = step[rows] != 0.0
        return self.view.actions.rate(step), 0.0

    def _track(self, now: Floats, rows: Flags) -> None:
        """Pull the integral toward the running rate where the last request was not granted in full."""
        pulled = rows & self.asked
        share = -np.expm1(-self.view.tick_h / self.settings.tracking_time)
        self.integral[pulled] += share * (now - self.wanted)[pulled]

    def _filter(self, report: Floats, rows: Flags) -> Floats:
        """Update the held and the filtered report; returns the filtered report's slope, NRS/h (0 before the first)."""
        heard = rows & np.isfinite(report)
        self.held[heard] = report[heard]
        first = rows & np.isnan(self.pain)
        before = np.where(first, self.held, self.pain)
        share = -np.expm1(-self.view.tick_h / self.settings.filter_time)
        after = before + share * (self.held - before)
        self.pain[rows] = after[rows]
        slope: Floats = np.nan_to_num((after - before) / self.view.tick_h)
        return slope
