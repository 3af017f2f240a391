"""The planning oracle: simulates the true patients ahead on their own days, and takes the dose under which they do best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.agents.info import PolicyInfo
from thecal.agents.mpc.planner import Planner, PlanSettings
from thecal.agents.mpc.rehearsal import best, choose, multiples, rehearse
from thecal.agents.settings import number
from thecal.agents.view import BOLUS, Fields, Flags, Floats

_DAY_H = 24.0
TEXT = (
    "Reads what no observation shows: it simulates the true patients from their true state through the days that they will "
    "meet, under every candidate dose and behind the same shield, and takes the best. A bound to compare with, no treatment."
)


class OracleSettings(PlanSettings):
    """Numbers of the oracle's plan; ``data/oracle.toml`` gives value, source and confidence of each."""

    after: float = number("hour", ge=0)
    tie: float = number("dimensionless", ge=0)


class Oracle(Planner):
    """Plans with the true patients.

    Candidates are multiples of the dose in force, the dose that was planned last, and the same dose with the demand bolus
    switched. A candidate is worth its well-treated hours in the horizon, plus ``after`` hours that go as its last day, plus a
    small share of its return, which decides where well-treated hours are equal.
    """

    info = PolicyInfo(name="oracle", label="Planning oracle", kind="model-based", text=TEXT, privileged=True)
    settings: OracleSettings

    def __init__(self, **overrides: float) -> None:
        super().__init__(OracleSettings.load("oracle", **overrides))
        self._grid = multiples(self.settings.lowest, self.settings.highest, self.settings.doses)

    def _allocate(self, n: int) -> None:
        super()._allocate(n)
        self._candidates = len(self._grid) + 1 + int(BOLUS in self.view.action_names)
        self._simulator = self.context.simulate(self._candidates * n)

    def _plan(self, fields: Fields, due: Flags) -> None:
        simulator, n = self._simulator, self.n
        simulator.sync(np.tile(np.arange(n), self._candidates))
        start = simulator.start_mg[:n]
        now = simulator.dose_mg[:n] / start
        share = self.view.actions.bolus(self.demand.share_of_day, now * start)
        wanted = np.array([self._grid[0] * now, self.wanted, *(m * now for m in self._grid[1:])])
        armed = np.tile(np.where(self.armed > 0.0, share, 0.0), (self._candidates, 1))
        if BOLUS in self.view.action_names:  # the plan in force, with the bolus switched
            wanted = np.concatenate([wanted, self.wanted[None]])
            armed[-1] = np.where(self.armed > 0.0, 0.0, share)
        doses = (wanted * start).ravel()
        worth = rehearse(simulator, doses, armed.ravel(), self.horizon_steps, self._worth)
        chosen = best(worth.reshape(self._candidates, n))
        self.wanted[due] = choose(wanted, chosen)[due]
        self.armed[due] = choose(armed, chosen)[due]

    def _worth(self, out: NDArray[np.void], k: int) -> Floats:
        left_h = (self.horizon_steps - k) * self.view.tick_h
        return worth_of(out, left_h, self.settings.after, self.settings.tie)


def worth_of(out: NDArray[np.void], left_h: float, after: float, tie: float) -> Floats:
    """What a step of a rehearsal is worth, ``[rows]``.

    Args:
        out: TICK_OUT records of the step, ``[rows]``.
        left_h: hours of the horizon from the step's beginning.
        after: hours that go as the horizon's last day.
        tie: what a unit of reward is worth beside an hour well treated.
    """
    weight = 1.0 + (after / _DAY_H if left_h <= _DAY_H else 0.0)
    worth: Floats = weight * out["well_h"] + tie * out["reward"]
    return worth
