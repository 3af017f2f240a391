"""One patient whose sensors, pump and clinic a test sets by hand, pump tick by pump tick; for tests of the shield's wiring."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.core.layout import SENSORS
from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec, load_task

SIGNS = {"rr": "rr", "spo2": "spo2", "co2": "etco2", "sbp": "sbp", "map": "map", "hr": "hr"}
WELL = {"rr": 14.0, "spo2": 97.0, "co2": 38.0, "sbp": 120.0, "map": 90.0, "hr": 70.0}
WEEK = 7 * 96


def ticking(task: Any = "CancerMorphine", *, ticks: int = 1, days: float = 14.0, **changes: Any) -> TaskSpec:
    """A task whose step is so many pump ticks, by default one."""
    spec = load_task(task)
    return spec.model_copy(update={"tick_h": 0.25 * ticks, "horizon_d": days, **changes})


def asking(ticks: int = 1) -> TaskSpec:
    """The cancer task in which the policy itself triggers the bolus."""
    task = ticking(ticks=ticks)
    return task.model_copy(update={"action": task.action.model_copy(update={"bolus_trigger": "policy"})})


def planned(fault: str, at_h: float, **entry: Any) -> dict[str, Any]:
    """Faults of which one is planned and none is a hazard."""
    return {"hazards": False, "serviced": False, "planned": [{"fault": fault, "at_h": at_h, **entry}]}


class Bench:
    """A batch of one with a trail; ``show`` holds what the sensors show at the next tick, the well patient's by default."""

    def __init__(self, task: Any = None, *, patient: int = 0, seed: int = 1, **options: Any) -> None:
        spec = ticking() if task is None else task
        self.batch = Batch(Scenario.of(spec, split="test", allow_unproved=True, **options), 1, trail=True)
        self.batch.restart(np.array([0]), np.array([patient]), np.array([seed], np.uint64))
        self.world: Any = self.batch._world[0]
        self.par: Any = self.batch._par[0]
        self.pump, self.shield, self.episode = self.world["pump"], self.world["shield"], self.world["episode"]
        self.patient, self.received = self.world["patient"], self.world["received"]
        self.monitor, self.fault = self.world["monitor"], self.world["fault"]
        self.show: dict[str, float] = {}
        self.count = 0

    def well(self) -> None:
        """Signs of a patient who is well and moves a little, and whatever ``show`` says instead."""
        self.count += 1
        for name, value in {**WELL, **self.show}.items():
            k = SENSORS.index(SIGNS[name])
            moves = 0.1 * (self.count % 5) if name in WELL and name not in self.show else 0.0
            self.patient["s_value"][k] = value + moves
            self.patient["s_valid"][k] = 0 if value != value else 1
        self.patient["poss_seen"] = min(self.patient["poss_seen"], 1) or 1

    def step(self, rate: int | None = None, bolus: int = 0, valid: int = 1) -> Any:
        """One step under a typed request (the rate in force where none is given); the trail's rows."""
        self.batch.command(0, int(self.shield["prev_rate"]) if rate is None else rate, bolus, valid)
        return self.act(np.zeros(self.batch.spec.n_actions))

    def quiet(self, rate: int | None = None, bolus: int = 0, valid: int = 1) -> Any:
        """The same in a well patient who does not press."""
        self.well()
        self.patient["demand"] = 0
        return self.step(rate, bolus, valid)

    def act(self, action: Any) -> Any:
        """One step under an action."""
        self.batch.advance(np.array([action], np.float64))
        rows = self.batch.trail[0].copy()
        return rows[0] if len(rows) == 1 else rows

    @property
    def out(self) -> Any:
        """What the last step reports."""
        return self.batch.out[0]

    def grown_up(self, ticks: int = WEEK) -> None:
        """As after a week of holding: every interval has passed, also that after the fill."""
        self.shield["since_increase"] = self.shield["since_change"] = ticks
        self.shield["since_bolus"] = ticks
        self.shield["calm"] = ticks
        self.pump["fill_h"] = -0.25 * ticks


def grown(**options: Any) -> Bench:
    bench = Bench(**options)
    bench.quiet()
    bench.grown_up()
    return bench


def press(bench: Bench, bolus: int) -> Any:
    bench.well()
    bench.patient["demand"] = 1
    return bench.step(None, bolus)
