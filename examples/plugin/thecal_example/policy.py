"""Titration once a day by what patients report while awake; a night's pain or silence decides nothing."""

from __future__ import annotations

import numpy as np

from thecal.agents import BatchPolicy, PolicyInfo
from thecal.agents.view import Components, Fields, Flags

WAKES_H, SLEEPS_H = 8.0, 20.0


class SleepAware(BatchPolicy):
    """Raises in the evening where the mean of the day's reports is over the target, and lowers in anyone drowsy.

    Args:
        target_nrs: mean report, NRS, above which the rate is raised.
        step: relative change of the rate, up or down.
    """

    info = PolicyInfo(
        name="sleep_aware",
        label="Titration by daytime reports",
        kind="rule",
        text="Raises the rate in the evening where the day's reports are above the target, and lowers it in anyone drowsy.",
    )
    reads = ("nrs_report", "nrs_age_h", "clock_sin", "clock_cos", "poss")

    def __init__(self, target_nrs: float = 3.0, step: float = 0.10) -> None:
        super().__init__(target_nrs=target_nrs, step=step)
        self.target_nrs, self.step = target_nrs, step

    def _allocate(self, n: int) -> None:
        self.total, self.reports = np.zeros(n), np.zeros(n)

    def _begin(self, rows: Flags) -> None:
        self.total[rows] = self.reports[rows] = 0.0

    def _decide(self, fields: Fields) -> Components:
        hour = np.arctan2(fields["clock_sin"], fields["clock_cos"]) * 12.0 / np.pi % 24.0
        awake = (hour >= WAKES_H) & (hour < SLEEPS_H)
        heard = awake & np.isfinite(fields["nrs_report"]) & (fields["nrs_age_h"] < self.view.tick_h)
        self.total[heard] += fields["nrs_report"][heard]
        self.reports[heard] += 1.0
        evening = ~awake & (self.reports > 0.0)
        change = np.where(evening & (self.total > self.target_nrs * self.reports), self.step, 0.0)
        change[fields["poss"] > 2.5] = -self.step
        self._begin(evening)
        return {"relative_rate": self.view.actions.rate(change)}
