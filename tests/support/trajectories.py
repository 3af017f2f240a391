"""Trajectories written by hand for the auditor: a patient who is well and held at one rate, to be spoiled by a test."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.envs.trails import profile_limits
from thecal.experiments.assurance.harness_raw import consistent, raw_of
from thecal.safety.oracle import Findings, audit
from thecal.safety.profiles import load_profile
from thecal.safety.records import TRAIL_ROW

START = 2_000  # nL per tick
AGE = 4_000  # ticks of the fill, which withholds nothing
WELL = { "sbp": 1250, "map": 900, "hr": 720, "poss": 1, "nrs": -1, "reservoir_nl": 10**8,
        "since_refill": AGE, "fill_age": AGE}  # fmt: skip
PUMP = {"min_rate_nl": 500, "max_rate_nl": 250_000, "rate_step_nl": 10, "bolus_step_nl": 100}


class Trajectory:
    """``ticks`` quarter hours under the strict profile; ``rows`` may be spoiled before :meth:`judged`."""

    def __init__(
        self, ticks: int = 1_200, drugs: tuple[str, ...] = ("morphine",), conc: tuple[float, ...] = (10_000.0,),
        setting: str = "cancer", stage: str = "auto", start: int = START,
    ) -> None:  # fmt: skip
        self.rows = np.zeros(ticks, TRAIL_ROW)
        self.rows["tick"] = np.arange(ticks)
        self.rows["valid"] = 1
        self.rows["rate"] = self.rows["request"] = start
        for name, value in WELL.items():
            self.rows["received"][name] = value
        for name, least in (("rr", 140), ("spo2", 970), ("co2", 380)):
            self.rows["received"][name] = least + np.arange(ticks) % 2
        self.is_complete = False
        self.who: dict[str, Any] = {
            "drugs": list(drugs), "conc_ug_per_ml": list(conc), "setting": setting, "sedated": False, "stable_h": 2_000.0,
            "dead_ml": 0.25, "start_rate_nl": start, "start_clock_h": 0.0, **PUMP,
        }  # fmt: skip
        self.stage = stage
        self.limits = profile_limits(load_profile("seed_2025"))

    def rate(self, at: int, value: int) -> Trajectory:
        """Run another rate from a tick on, as asked for."""
        self.rows["rate"][at:] = self.rows["request"][at:] = value
        return self

    def bolus(self, *at: int, size: int = 1_000) -> Trajectory:
        """Give a bolus at each of some ticks."""
        for tick in at:
            self.rows["bolus"][tick] = self.rows["bolus_request"][tick] = size
        return self

    def received(self, at: int, ticks: int = 1, **values: int) -> Trajectory:
        """Other input for some ticks from ``at`` on, shown and told alike; a fill has one age."""
        for name, value in values.items():
            for same in ("fill_age", "since_refill") if name in ("fill_age", "since_refill") else (name,):
                self.rows["received"][same][at : at + ticks] = value
        return self

    def asked(self, at: int, ticks: int, valid: int) -> Trajectory:
        """What became of the requests of some ticks."""
        self.rows["valid"][at : at + ticks] = valid
        return self

    def complete(self) -> Trajectory:
        """Fill in the rate in force before each tick and what was shown: what the shield is told, unless spoiled after this."""
        rows, start = self.rows, self.who["start_rate_nl"]
        rows["prev_rate"] = np.concatenate(([start], rows["rate"][:-1]))
        given = np.concatenate(([0], rows["bolus"][:-1]))
        rows["raw"] = raw_of(consistent(rows["received"]), rows["prev_rate"], given)
        self.is_complete = True
        return self

    def judged(self) -> Findings:
        """What the auditor says."""
        if not self.is_complete:
            self.complete()
            self.is_complete = False
        meta = {"mode": "project", "stage": self.stage, "limits": self.limits, "patients": {"0": self.who}}
        return audit(meta, self.rows)

    def broken(self) -> set[int]:
        """The invariants that the auditor calls broken."""
        return {breach[0] for breach in self.judged().breaches}
