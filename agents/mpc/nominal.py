"""Model predictive control by one nominal patient, driven by the doses so far and corrected by what is heard."""

from __future__ import annotations

import numpy as np

from thecal.agents.info import PolicyInfo
from thecal.agents.mpc.ensemble import Rows
from thecal.agents.mpc.model_planner import ModelPlanner, ModelSettings
from thecal.agents.mpc.response import said
from thecal.agents.settings import number
from thecal.agents.simulator import Simulator
from thecal.agents.view import Floats

_SETTLED_H = 72.0  # after which an infusion shows most of its effect
_DOSES = (1.0, 2.0, 4.0)  # multiples of the pool's median start under which patients are compared
_SMALLEST = 0.1  # points, below which a spread says nothing
_FAR = 3.0  # spreads beyond which a response counts as far, so that one odd answer does not decide

TEXT = (
    "Offset-free model predictive control: one typical patient of another split gets the doses so far, the difference to "
    "reported pain and nausea corrects it, and the dose is planned that is best for it in the days ahead."
)


class NominalSettings(ModelSettings):
    """Numbers of the plan and the nominal patient; ``data/mpc.toml`` gives value, source and confidence of each."""

    pool: float = number("dimensionless", ge=1, le=1000)
    set_point: float = number("nrs", ge=0, le=10)


class Mpc(ModelPlanner):
    """Plans with the most typical of ``pool`` patients of another split."""

    info = PolicyInfo(name="mpc", label="Predictive control", kind="model-based", text=TEXT)
    settings: NominalSettings

    def __init__(self, **overrides: float) -> None:
        super().__init__(NominalSettings.load("mpc", **overrides))

    def _allocate(self, n: int) -> None:
        super()._allocate(n)
        pool = self.context.simulate(round(self.settings.pool))
        self.nominal = typical(pool)

    def _drawn(self) -> tuple[Rows, Floats]:
        return np.full((self.n, 1), self.nominal), np.ones((self.n, 1))

    def _most(self) -> Floats:
        """A set point: what the patient's own pain was without drug, which a goal may rest on, no observation says."""
        return np.full((self.n, 1), self.settings.set_point)


def typical(pool: Simulator, hours: float = _SETTLED_H) -> int:
    """The patient of a pool whose pain and nausea under a few common doses lie nearest to the pool's medians."""
    everybody = np.arange(pool.rows)
    steps = max(1, round(hours / pool.view.tick_h))
    pool.begin(everybody, everybody)
    usual = float(np.median(pool.start_mg))
    seen = []
    for multiple in _DOSES:
        pool.begin(everybody, everybody)
        for _ in range(steps):
            found = said(pool, pool.step(multiple * usual))
        seen += [found.pain, found.nausea]
    columns = np.array(seen).T
    center = np.median(columns, axis=0)
    spread = np.median(np.abs(columns - center), axis=0)
    far = np.abs(columns - center) / np.maximum(spread, _SMALLEST)
    return int(np.argmin(np.minimum(far, _FAR).sum(axis=1)))
