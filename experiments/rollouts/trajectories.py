"""What a rollout keeps: every recorded field of every step of every patient, and the conditions under which they ran."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.info import PolicyInfo
from thecal.core.errors import ConfigError
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec
from thecal.safety.invariants import ShieldMode

# Decided by patient, seed and time alone, so equal under every policy while both patients live.
_EXOGENOUS = ("pain_latent", "bt_h", "awake_h")


@dataclass(frozen=True)
class Trajectories:
    """What one policy did: ``data[field]`` is ``[T, B]`` (``[T, B, drugs]`` for doses), one row for each step.

    From the step after a death on, the patient's rows hold zeros (pain 10, no report, ``terminated`` 1): no dose, demand,
    cost or reward is counted for the dead. The charge for the rest of the horizon lies in the step of the death.

    Attributes:
        info: of the policy.
        scenario: what the patients met; ``scenario_hash`` covers the content of everything it names.
        task: the task with the scenario's changes.
        profile: name of the limit profile that bound.
        patients: indices in the split, ``[B]``.
        start: values of each patient at the start, ``[B]`` each.
    """

    info: PolicyInfo
    scenario: Scenario
    scenario_hash: str
    task: TaskSpec
    profile: str
    patients: NDArray[np.int64]
    data: dict[str, NDArray[Any]]
    start: dict[str, NDArray[np.float64]]

    def __getitem__(self, field: str) -> NDArray[Any]:
        return self.data[field]

    @property
    def policy(self) -> str:
        """Name of the policy."""
        return self.info.name

    @property
    def split(self) -> str:
        """Patient set."""
        return self.scenario.split

    @property
    def difficulty(self) -> str:
        """Entry of the task's difficulties."""
        return self.scenario.difficulty

    @property
    def shield_mode(self) -> str:
        """How the shield treated requests beyond a limit, read from the parameters that ran; the loosest where they differ."""
        ran = self.data.get("shield_mode")
        if ran is None or not ran.size:  # a table of 0.2, which does not tell
            return self.scenario.shield_mode
        return ShieldMode(int(ran.max())).name.lower()

    @property
    def seed(self) -> int:
        """Of the days."""
        return self.scenario.seed

    @property
    def cohort_seed(self) -> int:
        """Of the cohort."""
        return self.scenario.cohort_seed

    @property
    def step_h(self) -> float:
        """Length of a step, h."""
        return self.task.tick_h

    @property
    def unshielded(self) -> bool:
        """Whether the shield's limits did not bind."""
        return not ShieldMode.of(self.shield_mode).shielded


def joined(blocks: Iterable[Trajectories]) -> Trajectories:
    """One run from its blocks of patients, in their order."""
    parts = list(blocks)
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    return replace(
        first,
        patients=np.concatenate([part.patients for part in parts]),
        data={name: np.concatenate([part.data[name] for part in parts], axis=1) for name in first.data},
        start={name: np.concatenate([part.start[name] for part in parts]) for name in first.start},
    )


def require_paired(run: Trajectories, reference: Trajectories) -> None:
    """See that two runs met the same patients on the same days under the same conditions.

    Raises:
        ConfigError: they did not; the text says what differs.
    """
    for name in Scenario.model_fields:
        own, other = getattr(run.scenario, name), getattr(reference.scenario, name)
        if own != other and name != "task":
            raise ConfigError(f"{run.policy!r} ran with {name} {own!r}, {reference.policy!r} with {other!r}")
    if run.task.hash != reference.task.hash:
        raise ConfigError(f"{run.policy!r} ran on another task than {reference.policy!r}")
    if run.scenario_hash != reference.scenario_hash:
        raise ConfigError(
            f"{run.policy!r} met other patients, pump or limits than {reference.policy!r}, under the same names"
        )
    if not np.array_equal(run.patients, reference.patients):
        raise ConfigError(f"{run.policy!r} ran on other patients than {reference.policy!r}")
    both = (run["alive_h"] >= run.step_h) & (reference["alive_h"] >= run.step_h)
    for name in _EXOGENOUS:
        if not np.array_equal(run[name][both], reference[name][both]):
            raise ConfigError(f"{run.policy!r} met other days than {reference.policy!r}: {name} differs")
