"""The guard over a dose: where signs of harm last, one cut, and a ceiling that recovers slowly."""

from __future__ import annotations

import numpy as np

from thecal.agents.base import BatchPolicy, PolicyContext
from thecal.agents.rules.pid import LOWEST_RATIO
from thecal.agents.rules.signs import LIMITS, READS, is_harmed, is_sedated
from thecal.agents.rules.visit_rules import OPIOID, VisitRule, visit_rule
from thecal.agents.settings import PolicySettings, number
from thecal.agents.view import Fields, Flags, Floats

GUARD_READS = (*READS, "nausea", "rate_ratio_start")
GUARD_LIMITS = (*LIMITS, "nausea_limit")
_DAY_H = 24.0
_ROUNDING = 1e-3  # of a scaled observation, which must not hide a score at its limit


class GuardSettings(PolicySettings):
    """The guard's numbers; ``data/pid_guarded.toml`` gives value, source and confidence of each."""

    level: float = number("dimensionless", ge=0, le=1)
    average_time: float = number("hour", gt=0)
    cut: float = number("dimensionless", gt=0, lt=1)
    cut_interval: float = number("hour", ge=0)
    recovery_per_day: float = number("dimensionless", ge=0, le=1)
    tolerance: float = number("dimensionless", ge=0, le=1)
    nausea_counts: float = number("dimensionless", ge=0, le=1)


class Guard(BatchPolicy):
    """A policy with a guard: the memory of signs, and what it leaves of a step that is wished for.

    A sign is a sedation score, breathing rate or saturation (or confusion under ziconotide, weakness under baclofen) beyond the
    limit that guideline titration has for it; nausea at its limit or above is one of ``nausea_counts`` (1: as much as the others,
    0: none). Where signs fill more than ``level`` of a running average, the dose is cut by
    ``cut``, at most once in ``cut_interval`` hours. The dose cut to is a ceiling from then on; it rises by ``recovery_per_day``,
    and no request passes it. While the patient is sedated nothing is raised.

    A missing reading is never a sign. Where nothing can be read the average stands still; the last sedation score heard stands
    until another is, because silence must never raise the dose. Where the running dose is unknown nothing is cut, and nothing
    raised under a ceiling.

    A subclass calls :meth:`_set_guard` when it is made, and :meth:`_guarded` once a decision.
    """

    least_rise: float  # a rise that the ceiling leaves less of than this share is not asked for

    def _set_guard(self, numbers: dict[str, float]) -> dict[str, float]:
        """Take the guard's own numbers out of overrides; returns all of them, for the policy's ``info``."""
        self._limits = {name: numbers.pop(name) for name in GUARD_LIMITS if name in numbers}
        own = {name: numbers.pop(name) for name in GuardSettings.model_fields if name in numbers}
        self.guard = GuardSettings.load("pid_guarded", **own)
        self._watch_for(OPIOID)
        return self.guard.model_dump() | {name: getattr(self.limits, name) for name in GUARD_LIMITS}

    def _watch_for(self, rule: VisitRule) -> None:
        self.limits = rule.settings.load(rule.file, **self._limits)

    def reset(self, context: PolicyContext) -> None:
        """Watch for what the titration of the task's drug watches for, then as :class:`thecal.agents.base.Policy`."""
        rule = visit_rule(context.view.drug, context.view.goal)
        context.view.require(self.info.name, rule.reads)
        self._watch_for(rule)
        super().reset(context)

    def _allocate(self, n: int) -> None:
        super()._allocate(n)
        self.signs: Floats = np.empty(n)
        self.since_cut_h: Floats = np.empty(n)
        self.ceiling: Floats = np.empty(n)
        self.sedated: Flags = np.empty(n, np.bool_)

    def _begin(self, rows: Flags) -> None:
        super()._begin(rows)
        self.signs[rows] = 0.0
        self.since_cut_h[rows] = np.inf
        self.ceiling[rows] = np.inf
        self.sedated[rows] = False

    def _guarded(self, fields: Fields, wish: Floats) -> Floats:
        """What is left of a wished relative change of the dose, ``[n]``; the wish itself where nothing speaks against it."""
        ratio = np.maximum(fields["rate_ratio_start"], LOWEST_RATIO)  # NaN stays
        self._watch(fields)
        self._cut(ratio)
        step = self._under_ceiling(wish, ratio)
        return np.where(self.sedated, np.minimum(step, 0.0), step)

    def _watch(self, fields: Fields) -> None:
        """Let the running average of signs follow what can be read."""
        heard = np.any([np.isfinite(fields[name]) for name in READS], axis=0)
        share = -np.expm1(-self.view.tick_h / self.guard.average_time)
        self.signs[heard] += share * (self._sign(fields) - self.signs)[heard]
        self.sedated[:] = np.where(np.isfinite(fields["poss"]), is_sedated(fields, self.limits), self.sedated)

    def _sign(self, fields: Fields) -> Floats:
        """How much of a sign there is, ``[n]`` in [0, 1]."""
        sick = np.nan_to_num(fields["nausea"]) >= self.limits.nausea_limit - _ROUNDING
        sign: Floats = np.maximum(is_harmed(fields, self.limits), self.guard.nausea_counts * sick)
        return sign

    def _cut(self, ratio: Floats) -> None:
        """Lower the ceiling under the running dose where signs have lasted; elsewhere let it recover."""
        rule, hours = self.guard, self.view.tick_h
        self.since_cut_h += hours
        self.ceiling *= (1.0 + rule.recovery_per_day) ** (hours / _DAY_H)
        due = (self.signs > rule.level) & (self.since_cut_h >= rule.cut_interval) & np.isfinite(ratio)
        self.since_cut_h[due] = 0.0
        self.ceiling[due] = np.minimum(self.ceiling, (1.0 - rule.cut) * ratio)[due]

    def _under_ceiling(self, wish: Floats, ratio: Floats) -> Floats:
        """The wish, as far as it stays under the ceiling; a dose above it is brought down to it."""
        room = np.where(
            np.isnan(ratio) & np.isfinite(self.ceiling), 0.0, self.ceiling / np.nan_to_num(ratio, nan=1.0) - 1.0
        )
        above = room < -self.guard.tolerance / (1.0 + self.guard.tolerance)
        limit = np.where(above, room, np.maximum(room, 0.0))
        step = np.minimum(wish, limit)
        # What is left of a rise may be too little to spend a titration interval on.
        return np.where((step < wish) & (step > 0.0) & (step < self.least_rise), 0.0, step)
