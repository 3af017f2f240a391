"""PID on reported pain: a textbook controller in a clinic's clothes, with held reports and anti-windup."""

from __future__ import annotations

import numpy as np

from thecal.agents.base import BatchPolicy, PolicyContext
from thecal.agents.info import PolicyInfo
from thecal.agents.settings import PolicySettings, number
from thecal.agents.view import RATE, Components, Fields, Flags, Floats

LOWEST_RATIO = 1e-3
NRS_PER_SPASM = 2.5  # spasms are scored 0-4, and the controller's numbers are of NRS 0-10


class PidSettings(PolicySettings):
    """Controller numbers; ``data/pid.toml`` gives value, source and confidence of each."""

    target_nrs: float = number("nrs", ge=0, le=10)
    target_spasms: float = number("dimensionless", ge=0, le=4)
    under_goal: float = number("nrs", ge=0, le=5)
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

    Where a task counts a share of relief as much as mild pain, the target is ``under_goal`` below what is left of the first
    report after it, if that is above ``target_nrs``. Where it treats spasticity, reported spasms stand in place of pain,
    stretched to its scale, and the target is ``target_spasms``.
    """

    info = PolicyInfo(
        name="pid",
        label="PID control",
        kind="rule",
        text="Feedback by a positional PID on reported pain (NRS); its output is ln(rate / starting rate).",
    )
    reads: tuple[str, ...] = ("nrs_report", "nrs_age_h", "rate_ratio_start")

    def __init__(self, **overrides: float) -> None:
        self.settings = PidSettings.load("pid", **overrides)
        super().__init__(**self.settings.model_dump())

    def _allocate(self, n: int) -> None:
        self.first: Floats = np.empty(n)
        self.pain: Floats = np.empty(n)
        self.held: Floats = np.empty(n)
        self.integral: Floats = np.empty(n)
        self.wanted: Floats = np.empty(n)
        self.asked: Flags = np.empty(n, np.bool_)

    def _begin(self, rows: Flags) -> None:
        self.first[rows] = np.nan
        self.pain[rows] = np.nan
        self.held[rows] = np.nan
        self.integral[rows] = 0.0
        self.wanted[rows] = 0.0
        self.asked[rows] = False

    def reset(self, context: PolicyContext) -> None:
        """As :class:`thecal.agents.base.Policy`; a task of spasticity has to show spasms."""
        context.view.require(self.info.name, ("spasms",) if context.view.goal == "spasticity" else ())
        super().reset(context)

    def _decide(self, fields: Fields) -> Components:
        return {RATE: self.view.actions.rate(self._step(fields))}

    def _said(self, fields: Fields) -> Floats:
        """The report of what is treated, NRS, ``[n]``; NaN while nothing was said for long."""
        if self.view.goal != "spasticity":
            return fields["nrs_report"]
        return np.where(np.isfinite(fields["nrs_report"]), NRS_PER_SPASM * fields["spasms"], np.nan)

    def _step(self, fields: Fields) -> Floats:
        """The relative change of the rate to ask for, ``[n]``."""
        now = np.log(np.maximum(np.nan_to_num(fields["rate_ratio_start"], nan=1.0), LOWEST_RATIO))
        self._track(now)
        slope = self._filter(self._said(fields))
        settings, dt = self.settings, self.view.tick_h
        live = np.isfinite(self.pain) & (fields["nrs_age_h"] <= settings.stale_after)
        error = self.pain - self._target()
        self.integral[live] += (settings.gain / settings.integral_time * dt * error)[live]
        wanted = settings.gain * (error + settings.derivative_time * slope) + self.integral
        step = np.where(live, np.expm1(wanted - now), 0.0)
        step = np.where(np.abs(step) < settings.smallest_step, 0.0, step)
        self.wanted[:] = wanted
        self.asked[:] = step != 0.0
        return step

    def _target(self) -> Floats:
        """The report to reach, NRS, ``[n]``."""
        rule, relief = self.settings, self.view.goal_relief
        if self.view.goal == "spasticity":
            return np.full(self.n, NRS_PER_SPASM * rule.target_spasms)
        enough = np.full(self.n, rule.target_nrs)
        return enough if relief is None else np.fmax(enough, (1.0 - relief) * self.first - rule.under_goal)

    def _track(self, now: Floats) -> None:
        """Pull the integral toward the running rate where the last request was not granted in full."""
        share = -np.expm1(-self.view.tick_h / self.settings.tracking_time)
        self.integral[self.asked] += share * (now - self.wanted)[self.asked]

    def _filter(self, report: Floats) -> Floats:
        """Update the held and the filtered report; returns the filtered report's slope, NRS/h (0 before the first)."""
        heard = np.isfinite(report)
        self.held[heard] = report[heard]
        new = heard & np.isnan(self.first)
        self.first[new] = report[new]
        before = np.where(np.isnan(self.pain), self.held, self.pain)
        share = -np.expm1(-self.view.tick_h / self.settings.filter_time)
        after = before + share * (self.held - before)
        self.pain[:] = after
        slope: Floats = np.nan_to_num((after - before) / self.view.tick_h)
        return slope
