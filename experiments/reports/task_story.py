"""One tune patient of a task under guideline titration, for the picture on the task's page: what was done, felt, seen and met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy, PolicyContext
from thecal.agents.registry import make_policy
from thecal.agents.view import Actions, Fields
from thecal.devices.fault_records import FAULT_NAMES
from thecal.envs.kernel.well import LOSSES, goal_nrs
from thecal.envs.scenario import Resolved, Scenario
from thecal.experiments.rollouts.rollout import rollout
from thecal.physiology.life_records import LIFE_NAMES

HOURS_PER_DAY = 24.0
Column = NDArray[np.float64]


@dataclass(frozen=True)
class Story:
    """A course of one patient, from the start to the end of the horizon or to death.

    Attributes:
        policy: name of the policy.
        scene: what the patient met.
        patient: index in the tune split.
        day: end of each step, days from the start.
        track: fields of ``TICK_OUT`` by name, one value a step.
        seen: what the policy saw before each step, in physical units; NaN where it was missing.
        conc_mg_per_ml: of the first drug in the reservoir, as programmed.
        goal: the most pain at which the goal is met, NRS; means nothing where spasticity is treated.
    """

    policy: str
    scene: Resolved
    patient: int
    day: Column
    track: dict[str, NDArray[Any]]
    seen: dict[str, Column]
    conc_mg_per_ml: float
    goal: float

    @property
    def mark(self) -> str:
        """What the picture shows, as it stands inside the file."""
        where = self.scene.scenario
        return (
            f"{self.scene.task.name}: patient {self.patient} of the tune split, cohort seed {where.cohort_seed}, "
            f"seed of the days {where.seed}, {self.policy}, scenario {self.scene.hash}"
        )

    def present(self) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
        """What happened beside the pump, then faults: kind, name, and the steps in which it was there; none that never was."""
        for kind, field, names in (("life", "life", LIFE_NAMES), ("fault", "faults", FAULT_NAMES)):
            bits = (self.track[field] | self.track[_BEGUN[field]]).astype(np.int64)
            for k, name in enumerate(names):
                there = (bits >> k & 1).astype(np.bool_)
                if there.any():
                    yield kind, name, there

    def hours(self) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """The steps that were well treated in the main, then those lost in part to each reason that there was."""
        half = self.scene.task.tick_h / 2.0
        yield "well treated", self.track["well_h"] > half
        for name in LOSSES:
            lost = self.track[f"lost_{name}"] >= half
            if lost.any():
                yield name, lost


_BEGUN = {"life": "life_begun", "faults": "fault_begun"}


class _Watched:
    """A policy that runs as it is while what it sees is kept."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.info = policy.info
        self.kept: list[Fields] = []

    def reset(self, context: PolicyContext) -> None:
        """As the policy's own."""
        self._view = context.view
        self._policy.reset(context)

    def act(self, observation: NDArray[Any]) -> Actions:
        """What the policy asks."""
        self.kept.append(self._view.decode(observation))
        return self._policy.act(observation)


def scene_of(task: str, seed: int) -> Resolved:
    """What the patients of a task's page meet; ``seed`` is that of the cohort and of the days."""
    return Scenario.of(task, split="tune", seed=seed, cohort_seed=seed).resolve()


def tell(scene: Resolved, patient: int, policy: str) -> Story:
    """Run one patient under a policy by name.

    Raises:
        ConfigError: the index lies outside the split.
    """
    watched = _Watched(make_policy(policy))
    run = rollout(watched, scene, [patient])
    alive = run["alive_h"][:, 0] > 0.0
    seen = {name: np.array([row[name][0] for row in watched.kept], np.float64)[alive] for name in watched.kept[0]}
    return Story(
        policy=policy,
        scene=scene,
        patient=patient,
        day=np.asarray(run["time_h"][alive, 0] / HOURS_PER_DAY, np.float64),
        track={name: values[alive, 0] for name, values in run.data.items()},
        seen=seen,
        conc_mg_per_ml=float(run.start["conc_ug_per_ml"][0]) / 1000.0,
        goal=goal_nrs(float(run.start["pain_base"][0]), scene.task.goal_relief),
    )
