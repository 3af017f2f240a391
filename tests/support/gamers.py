"""Policies made to win in ways nobody meant, one for each sign of it, and what the detectors say of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from thecal.agents.base import BatchPolicy, Policy
from thecal.agents.info import PolicyInfo
from thecal.agents.view import BOLUS, RATE, Components, Fields
from thecal.envs.outcomes import outcomes
from thecal.envs.scenario import Scenario
from thecal.experiments.analysis.failures import FIELDS, Floats, statistics
from thecal.experiments.analysis.failures_judged import Failure, failures
from thecal.experiments.analysis.utility import PARTS, utility
from thecal.experiments.rollouts.rollout import blocks

KEYS = (*PARTS.values(), "return", "died")


class Gamer(BatchPolicy):
    """What the gamers share."""

    info = PolicyInfo(name="gamer", label="Gamer", kind="sanity")

    def __init__(self, name: str = "gamer") -> None:
        self.info = self.info.model_copy(update={"name": name})
        super().__init__()


class Chatterer(Gamer):
    """Asks for a rise and a fall in turn."""

    def _decide(self, fields: Fields) -> Components:
        return {RATE: np.where(self.steps % 2 == 0, 1.0, -1.0)}


class Blind(Gamer):
    """Asks for more whenever no report has come for half a day, and holds while reports come."""

    reads = ("nrs_age_h",)

    def _decide(self, fields: Fields) -> Components:
        return {RATE: np.where(fields["nrs_age_h"] >= 11.5, 1.0, 0.0)}


class Dumper(Gamer):
    """Holds, and asks for all it can in the last hours of the horizon."""

    def __init__(self, at_step: int) -> None:
        self.at_step = at_step
        super().__init__("dumper")

    def _decide(self, fields: Fields) -> Components:
        late = self.steps >= self.at_step
        return {RATE: np.where(late, 1.0, 0.0), BOLUS: np.where(late, 1.0, -1.0)}


def columns(policy: Policy, scenario: Any, n: int = 8, **options: Any) -> dict[str, Floats]:
    """What is kept of a run: outcomes, statistics of the detectors, and the balanced utility."""
    scene = Scenario.of(scenario, **{"split": "tune", **options}).resolve()
    (run,) = blocks(policy, scene, range(n), record="summary", keys=KEYS, more=FIELDS)
    found = {**outcomes(run, KEYS), **statistics(run)}
    return found | {"u_balanced": utility(found, "balanced")}


def judged(own: Any, **beside: Any) -> dict[str, Failure]:
    """What every detector says, by its key."""
    return {one.key: one for one in failures(own, **beside)}
