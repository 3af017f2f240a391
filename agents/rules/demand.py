"""Fixed rate, and the demand bolus that a patient may trigger: the plainest policies, and parts of the others."""

from __future__ import annotations

import numpy as np

from thecal.agents.base import BatchPolicy
from thecal.agents.info import PolicyInfo
from thecal.agents.settings import PolicySettings, number
from thecal.agents.view import BOLUS, RATE, ActionScale, Components, Fields, Floats


class DemandSettings(PolicySettings):
    """The demand bolus: its share of the programmed daily dose (``data/demand.toml``)."""

    share_of_day: float = number("dimensionless", ge=0.0, le=1.0)


def demand_action(actions: ActionScale, settings: DemandSettings, fields: Fields) -> Floats:
    """``bolus_size`` ``[n]`` that arms a bolus of the settings' share of the daily dose programmed now."""
    return actions.bolus(settings.share_of_day, fields["dose_mg_per_d"])


_NEAR = 0.01  # the pump's grid rounds the starting rate by less than this


def back_to_start(actions: ActionScale, fields: Fields) -> Floats:
    """``relative_rate`` ``[n]`` that holds the starting rate, and returns to it by steps after the shield had to lower it."""
    ratio = np.nan_to_num(fields["rate_ratio_start"], nan=1.0)
    return actions.rate(np.where(ratio < 1.0 - _NEAR, 1.0 / np.maximum(ratio, _NEAR) - 1.0, 0.0))


class FixedRate(BatchPolicy):
    """Keeps the starting rate and arms no bolus.

    After a lock has lowered the rate and a clinician has cleared it, the rate goes back to the start as the limits allow.
    """

    info = PolicyInfo(
        name="fixed",
        label="Fixed rate",
        kind="rule",
        text="Keeps the starting rate and arms no bolus: what a patient gets from a pump that nobody titrates.",
    )
    reads = ("rate_ratio_start",)

    def __init__(self) -> None:
        super().__init__()

    def _decide(self, fields: Fields) -> Components:
        return {RATE: back_to_start(self.view.actions, fields)}


class FixedRateDemand(BatchPolicy):
    """Keeps the starting rate and arms a demand bolus."""

    info = PolicyInfo(
        name="fixed_ptm",
        label="Fixed rate + demand bolus",
        kind="rule",
        text="Keeps the starting rate and arms a demand bolus, as patients with a patient therapy manager (PTM) have it.",
    )
    reads = ("dose_mg_per_d", "rate_ratio_start")

    def __init__(self, **overrides: float) -> None:
        self.settings = DemandSettings.load("demand", **overrides)
        super().__init__(**self.settings.model_dump())

    def _decide(self, fields: Fields) -> Components:
        actions = self.view.actions
        return {RATE: back_to_start(actions, fields), BOLUS: demand_action(actions, self.settings, fields)}
