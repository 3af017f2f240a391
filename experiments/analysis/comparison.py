"""A finished comparison: its result and the trajectories behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from thecal.experiments.analysis.results import ComparisonResult
from thecal.experiments.analysis.stored import to_dict
from thecal.experiments.rollouts.trajectories import Trajectories


@dataclass(frozen=True)
class Comparison:
    """What a comparison found, with its trajectories.

    Attributes:
        result: everything found, as data.
        replicates: the runs of each policy, one for each training seed (one for a rule); only the first keeps all fields.
    """

    result: ComparisonResult
    replicates: dict[str, tuple[Trajectories, ...]]

    @property
    def runs(self) -> dict[str, Trajectories]:
        """The (first) run of each policy."""
        return {name: runs[0] for name, runs in self.replicates.items()}

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data; see :func:`thecal.experiments.analysis.stored.to_dict`."""
        return to_dict(self.result)
