"""Fixed rate, and the demand bolus that a patient may trigger: the plainest policies, and parts of the others."""

from __future__ import annotations

from numpy.typing import ArrayLike

from thecal.agents.base import ActionScale, BatchPolicy, Fields, Flags, Floats
from thecal.agents.settings import PolicySettings, number


class DemandSettings(PolicySettings):
    """The demand bolus: its share of the programmed daily dose (``data/demand.toml``)."""

    share_of_day: float = number("dimensionless", ge=0.0, le=1.0)


def demand_action(actions: ActionScale, settings: DemandSettings, fields: Fields) -> Floats:
    """action[1] ``[B]`` that arms a bolus of the settings' share of the daily dose programmed now."""
    return actions.bolus(settings.share_of_day, fields["dose_mg_per_d"])


class FixedRate(BatchPolicy):
    """Keeps the starting rate for ever and arms no bolus: what a patient gets from a pump that nobody adjusts."""

    name = "fixed"


class FixedRateDemand(BatchPolicy):
    """Keeps the starting rate and arms a demand bolus (a patient therapy manager), as patients with one have it."""

    name = "fixed_ptm"
    reads = ("dose_mg_per_d",)

    def __init__(self, **overrides: float) -> None:
        super().__init__()
        self.settings = DemandSettings.load("demand", **overrides)

    def _decide(self, fields: Fields, rows: Flags) -> tuple[ArrayLike, ArrayLike]:
        return 0.0, demand_action(self.view.actions, self.settings, fields)
