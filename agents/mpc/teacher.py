"""A privileged teacher: what every candidate dose will be worth to the true patients, found by simulating each of them ahead."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from thecal.agents.mpc.oracle import worth_of
from thecal.agents.mpc.rehearsal import multiples, rehearse
from thecal.agents.rules.demand import DemandSettings
from thecal.agents.simulator import Simulator
from thecal.agents.view import BOLUS, Floats, ObservationView
from thecal.envs.batch import Batch


@dataclass(frozen=True)
class Lesson:
    """How a teacher finds what a dose is worth.

    Attributes:
        horizon: how far ahead a dose is held, h.
        after: hours that go as the horizon's last day, h.
        tie: what a unit of reward is worth beside an hour well treated.
    """

    horizon: float
    after: float
    tie: float


class Candidates:
    """The choices of a student: multiples of the dose in force, each with and without a demand bolus where the task has one.

    Args:
        lowest, highest, doses: bounds and number of the multiples, even in the logarithm; 1 stands first.
        view: of the task.
    """

    def __init__(self, lowest: float, highest: float, doses: int, view: ObservationView) -> None:
        grid = multiples(lowest, highest, doses)
        with_bolus = BOLUS in view.action_names
        self.multiples: Floats = np.tile(grid, 1 + with_bolus)
        self.armed: Floats = np.repeat(np.arange(1.0 + with_bolus), len(grid))

    def __len__(self) -> int:
        return len(self.multiples)


def candidate_count(lowest: float, highest: float, doses: int, action_names: tuple[str, ...]) -> int:
    """How many :class:`Candidates` a task with these action components has."""
    return len(multiples(lowest, highest, doses)) * (2 if BOLUS in action_names else 1)


class Teacher:
    """Simulates the patients of a batch ahead from where they stand, on the days that they will meet.

    Args:
        truth: the batch that is treated.
        view: of its task.
        candidates: what is tried.
        settings: of the rehearsals.
    """

    def __init__(self, truth: Batch, view: ObservationView, candidates: Candidates, settings: Lesson) -> None:
        self.candidates, self.settings, self.view = candidates, settings, view
        self.n = truth.n
        self.frames = 0  # decisions simulated so far
        self._share = DemandSettings.load("demand").share_of_day
        self._simulator = Simulator(Batch(truth.scene, len(candidates) * truth.n), view, truth=truth)

    def values(self) -> Floats:
        """Hours well treated (and a little of the reward) that each candidate brings each patient, ``[n, candidates]``."""
        simulator, count = self._simulator, len(self.candidates)
        simulator.sync(np.tile(np.arange(self.n), count))
        dose = simulator.dose_mg
        wanted = np.repeat(self.candidates.multiples, self.n) * dose
        armed = np.repeat(self.candidates.armed, self.n) * self.view.actions.bolus(self._share, dose)
        steps = max(1, round(self.settings.horizon / self.view.tick_h))
        left = np.minimum(simulator.steps_left, steps)
        self.frames += int(left.sum())
        worth = rehearse(simulator, wanted, armed, steps, partial(self._worth, steps))
        return worth.reshape(count, self.n).T

    def _worth(self, steps: int, out: NDArray[np.void], k: int) -> Floats:
        return worth_of(out, (steps - k) * self.view.tick_h, self.settings.after, self.settings.tie)
