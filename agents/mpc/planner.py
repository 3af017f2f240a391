"""What planning policies share: a dose that is planned now and then, pursued in between, and a demand bolus that is on or off."""

from __future__ import annotations

import numpy as np

from thecal.agents.base import BatchPolicy
from thecal.agents.rules.demand import DemandSettings
from thecal.agents.settings import PolicySettings, number
from thecal.agents.simulator import pursue
from thecal.agents.view import BOLUS, Components, Fields, Flags, Floats


class PlanSettings(PolicySettings):
    """Numbers of every plan: how often, how far, and which doses are tried."""

    every: float = number("hour", gt=0)
    horizon: float = number("hour", gt=0)
    lowest: float = number("dimensionless", gt=0, le=1)
    highest: float = number("dimensionless", ge=1)
    doses: float = number("dimensionless", ge=2, le=64)


class Planner(BatchPolicy):
    """Plans a multiple of the starting dose at times, and pursues it at every step through the shield.

    A subclass writes :meth:`_plan`, and :meth:`_listen` where it follows a model between plans. Missing telemetry of the rate is
    bridged by the last one that was read.
    """

    reads: tuple[str, ...] = ("rate_ratio_start",)
    settings: PlanSettings

    def __init__(self, settings: PlanSettings) -> None:
        self.settings = settings
        self.demand = DemandSettings.load("demand")
        super().__init__(**settings.model_dump(), **self.demand.model_dump())

    def _allocate(self, n: int) -> None:
        self.ratio: Floats = np.ones(n)
        self.wanted: Floats = np.ones(n)
        self.armed: Floats = np.zeros(n)

    def _begin(self, rows: Flags) -> None:
        self.ratio[rows] = 1.0
        self.wanted[rows] = 1.0
        self.armed[rows] = 0.0

    @property
    def horizon_steps(self) -> int:
        """Decisions that a plan looks ahead; at least one."""
        return max(1, round(self.settings.horizon / self.view.tick_h))

    def _decide(self, fields: Fields) -> Components:
        seen = fields["rate_ratio_start"]
        self.ratio[:] = np.where(np.isfinite(seen), seen, self.ratio)
        self._listen(fields)
        between = max(1, round(self.settings.every / self.view.tick_h))
        due = self.steps % between == 0
        if due.any():
            self._plan(fields, due)
        bolus = {BOLUS: self.armed} if BOLUS in self.view.action_names else {}
        return {**pursue(self.view, self.wanted, self.ratio), **bolus}

    def _listen(self, fields: Fields) -> None:
        """Follow the patients between plans; nothing where the simulator shows how they stand."""

    def _plan(self, fields: Fields, due: Flags) -> None:
        """Set ``wanted`` and ``armed`` of the patients that are ``due`` ``[n]``."""
        raise NotImplementedError
