"""A schedule by the clock: the starting dose, more of it by day and less by night."""

from __future__ import annotations

import numpy as np
from pydantic import ValidationInfo, field_validator

from thecal.agents.base import BatchPolicy
from thecal.agents.info import PolicyInfo
from thecal.agents.settings import PolicySettings, number
from thecal.agents.view import RATE, Components, Fields, Floats

_DAY_H = 24.0
_NEAR = 0.01  # the pump's grid rounds a rate by less than this


class DayNightSettings(PolicySettings):
    """The schedule (``data/day_night.toml``): when the day begins and ends, and how much more flows in it."""

    day_begins: float = number("hour", ge=0, lt=24)
    day_ends: float = number("hour", ge=0, lt=24)
    more_by_day: float = number("dimensionless", ge=0, lt=1)

    @field_validator("day_ends")
    @classmethod
    def _has_both(cls, ends: float, known: ValidationInfo) -> float:
        if ends == known.data.get("day_begins"):
            raise ValueError("a day that ends as it begins has no hours, or all")
        return ends


class DayNight(BatchPolicy):
    """Keeps the starting dose of a day, with the rate ``more_by_day`` above its mean by day and as much less by night.

    The two rates give the starting dose over 24 h. A rise every morning needs limits that allow one a day: where the shield
    grants rises more rarely, the nights stay and the mornings do not come, so the patient gets less than the start.
    """

    info = PolicyInfo(
        name="day_night",
        label="Day and night schedule",
        kind="rule",
        text="Keeps the starting dose of a day, with more of it by day than by night, by the clock alone.",
    )
    reads = ("rate_ratio_start", "clock_sin", "clock_cos")

    def __init__(self, **overrides: float) -> None:
        self.settings = DayNightSettings.load("day_night", **overrides)
        super().__init__(**self.settings.model_dump())

    def _decide(self, fields: Fields) -> Components:
        ratio = np.maximum(np.nan_to_num(fields["rate_ratio_start"], nan=1.0), _NEAR)
        step = self._planned(fields) / ratio - 1.0
        return {RATE: self.view.actions.rate(np.where(np.abs(step) < _NEAR, 0.0, step))}

    def _planned(self, fields: Fields) -> Floats:
        """The rate of this hour as a multiple of the start's, ``[n]``; an unknown hour keeps the mean."""
        rule = self.settings
        hour = (np.arctan2(fields["clock_sin"], fields["clock_cos"]) * _DAY_H / (2.0 * np.pi)) % _DAY_H
        length = (rule.day_ends - rule.day_begins) % _DAY_H
        by_day = (hour - rule.day_begins) % _DAY_H < length
        # As much is taken from the night as the day gets, whatever their lengths.
        less = rule.more_by_day * length / (_DAY_H - length)
        planned: Floats = np.where(by_day, 1.0 + rule.more_by_day, max(1.0 - less, 0.0))
        return np.where(np.isfinite(hour), planned, 1.0)
