"""Guideline titration: at each visit raise, lower or hold by rule, and cut at once on signs of overdose."""

from __future__ import annotations

import numpy as np

from thecal.agents.base import BatchPolicy
from thecal.agents.info import PolicyInfo
from thecal.agents.rules.demand import DemandSettings, demand_action
from thecal.agents.rules.signs import is_harmed
from thecal.agents.settings import PolicySettings, number
from thecal.agents.view import BOLUS, RATE, Components, Fields, Flags, Floats
from thecal.core.layout import TICK_H
from thecal.envs.signs import sign_limits

# Reports arrive on quarter hours; half of one keeps rounding from counting a report twice.
_HALF_TICK_H = 0.5 * TICK_H
# A new programmed rate differs from the old one by at least this share (steps are 10 % and more; quantizing is finer).
_RATE_CHANGED = 0.005


_TEXT = (
    "Visit-based titration as clinics do it: 10 or 20 % more above NRS 3, 10 to 20 % less for nausea or danger signs. "
    "No single published guideline: routine opioid steps, danger signs of the ASA 2009 guideline on neuraxial opioids "
    "(breathing, oxygen) and of the Pasero sedation scale (POSS), meaningful relief by Farrar 2001."
)


class GuidelineSettings(PolicySettings):
    """Numbers of the visit rule; ``data/guideline.toml`` and ``envs.signs`` give value, source and confidence of each."""

    visit_monitored: float = number("hour", gt=0)
    visit_outpatient: float = number("hour", gt=0)
    raise_small: float = number("dimensionless", ge=0, le=1)
    raise_large: float = number("dimensionless", ge=0, le=1)
    lower_nausea: float = number("dimensionless", ge=0, le=1)
    lower_signs: float = number("dimensionless", ge=0, le=1)
    target_nrs: float = number("nrs", ge=0, le=10)
    meaningful_relief: float = number("dimensionless", ge=0, le=1)
    poss_limit: float = number("dimensionless", ge=1, le=4)
    rr_limit: float = number("breath/minute", gt=0)
    spo2_limit: float = number("percent", gt=0, le=100)
    confirm: float = number("dimensionless", ge=1)
    nausea_limit: float = number("dimensionless", ge=0, le=10)
    cut_interval: float = number("hour", ge=0)
    order_stands: float = number("hour", ge=0)

    @classmethod
    def shared(cls) -> dict[str, float]:
        """What counts as a sign."""
        return sign_limits()._asdict()


class Guideline(BatchPolicy):
    """Visit-based titration by rule; ``data/guideline.toml`` says what each number rests on.

    At a visit (24 h apart where monitored, 7 d for outpatients) the mean of the reports since the last visit decides:
    above the target, raise by the small step, or by the large one while relief from the first report is not meaningful;
    without any report, hold. Nausea since the last visit lowers instead. Confirmed sedation (POSS >= 3), low RR or low
    SpO2 lowers at once, and the next visit is counted from there. An order that a lock holds back stands for a while.
    """

    info = PolicyInfo(name="guideline", label="Guideline titration", kind="rule", text=_TEXT)
    reads: tuple[str, ...] = ("nrs_report", "nrs_age_h", "poss", "rr", "spo2", "nausea", "rate_ratio_start")

    def __init__(self, **overrides: float) -> None:
        self.settings = GuidelineSettings.load("guideline", **overrides)
        super().__init__(**self.settings.model_dump())

    @property
    def visit_h(self) -> float:
        """Hours between visits in the task at hand."""
        return self.settings.visit_monitored if self.view.monitored else self.settings.visit_outpatient

    def _allocate(self, n: int) -> None:
        self.baseline: Floats = np.empty(n)
        self.report_sum: Floats = np.empty(n)
        self.reports: Floats = np.empty(n)
        self.nausea_sum: Floats = np.empty(n)
        self.since_visit_h: Floats = np.empty(n)
        self.since_cut_h: Floats = np.empty(n)
        self.signs: Floats = np.empty(n)
        self.order: Floats = np.empty(n)
        self.order_left_h: Floats = np.empty(n)
        self.order_ratio: Floats = np.empty(n)

    def _begin(self, rows: Flags) -> None:
        self.baseline[rows] = np.nan
        self.since_cut_h[rows] = np.inf
        self.signs[rows] = 0.0
        self.order[rows] = 0.0
        self.order_left_h[rows] = 0.0
        self.order_ratio[rows] = 1.0
        self._close_visit(rows)

    def _close_visit(self, rows: Flags) -> None:
        self.report_sum[rows] = 0.0
        self.reports[rows] = 0.0
        self.nausea_sum[rows] = 0.0
        self.since_visit_h[rows] = 0.0

    def _decide(self, fields: Fields) -> Components:
        change = np.zeros(self.n)
        later = self.steps > 0
        self._listen(fields, later)
        cut = self._danger(fields) & (self.since_cut_h >= self.settings.cut_interval)
        visit = later & (self.since_visit_h >= self.visit_h)
        change[visit] = self._visit_rule()[visit]
        change[cut] = -self.settings.lower_signs
        self.since_cut_h[cut] = 0.0
        self._write_order(change, cut | visit, fields["rate_ratio_start"])
        self._close_visit(cut | visit)
        return {RATE: self.view.actions.rate(self._standing_order(fields["rate_ratio_start"]))}

    def _listen(self, fields: Fields, later: Flags) -> None:
        """Add what arrived in the last interval to the visit's notes; the first report of all is the baseline."""
        # Reports are whole points; rounding undoes the scaling, so that a mean of exactly the target is at the target.
        report = np.round(fields["nrs_report"], 3)
        heard = np.isfinite(report) & (fields["nrs_age_h"] < self.view.tick_h - _HALF_TICK_H)
        first = np.isfinite(report) & np.isnan(self.baseline)
        self.baseline[first] = report[first]
        new = later & heard
        self.report_sum[new] += report[new]
        self.reports[new] += 1.0
        hours = self.view.tick_h
        self.nausea_sum[later] += np.nan_to_num(fields["nausea"])[later] * hours
        self.since_visit_h[later] += hours
        self.since_cut_h[later] += hours

    def _danger(self, fields: Fields) -> Flags:
        """Sedation, low breathing rate or low saturation in several observations in a row (missing: no sign)."""
        self.signs[:] = np.where(is_harmed(fields, self.settings), self.signs + 1.0, 0.0)
        return self.signs >= self.settings.confirm

    def _visit_rule(self) -> Floats:
        """Relative change ``[n]`` that a visit would order from its notes."""
        rule = self.settings
        mean = np.divide(self.report_sum, self.reports, out=np.full(self.n, np.nan), where=self.reports > 0)
        relief = 1.0 - mean / np.maximum(self.baseline, 1.0)
        step = np.where(relief < rule.meaningful_relief, rule.raise_large, rule.raise_small)
        change = np.where(mean > rule.target_nrs, step, 0.0)
        nausea = self.nausea_sum / np.maximum(self.since_visit_h, self.view.tick_h)
        return np.where(nausea >= rule.nausea_limit, -rule.lower_nausea, change)

    def _write_order(self, change: Floats, rows: Flags, ratio: Floats) -> None:
        """A visit's decision replaces whatever order stood before, also when it is to hold."""
        self.order[rows] = change[rows]
        self.order_left_h[rows] = self.settings.order_stands + self.view.tick_h
        self.order_ratio[rows] = ratio[rows]

    def _standing_order(self, ratio: Floats) -> Floats:
        """The order to send now: none once the programmed rate has moved its way, or its time is over."""
        moved = (ratio - self.order_ratio) * np.sign(self.order) > _RATE_CHANGED * self.order_ratio
        self.order[moved | (self.order_left_h <= 0.0)] = 0.0
        self.order_left_h -= self.view.tick_h
        return self.order


class GuidelineDemand(Guideline):
    """The rule of :class:`Guideline`, with a demand bolus of a share of the daily dose."""

    info = PolicyInfo(
        name="guideline_ptm",
        label="Guideline + demand bolus",
        kind="rule",
        text="The rule of guideline, and a demand bolus of a share of the daily dose (patient therapy manager, PTM).",
    )
    reads = (*Guideline.reads, "dose_mg_per_d")

    def __init__(self, share_of_day: float | None = None, **overrides: float) -> None:
        super().__init__(**overrides)
        given = {} if share_of_day is None else {"share_of_day": share_of_day}
        self.demand = DemandSettings.load("demand", **given)
        self.info = self.info.model_copy(update={"parameters": self.info.parameters | self.demand.model_dump()})

    def _decide(self, fields: Fields) -> Components:
        return {**super()._decide(fields), BOLUS: demand_action(self.view.actions, self.demand, fields)}
