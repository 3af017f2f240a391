"""What a comparison found, and how it is told: as a terminal table, as plain data, as JSON; one verdict for each policy."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.markup import escape
from rich.table import Table

from thecal.envs.outcomes import OUTCOMES, Outcome, outcome
from thecal.envs.tasks import TaskSpec
from thecal.experiments.analysis.results import Difference, Events, Interval, ShieldUse
from thecal.experiments.rollouts.rollout import Trajectories
from thecal.safety.invariants import ShieldMode

Floats = NDArray[np.float64]
UNSHIELDED = "UNSHIELDED"


@dataclass(frozen=True)
class Comparison:
    """Everything a comparison found.

    Attributes:
        values: ``values[policy][outcome]`` is ``[patients]``, the mean over training seeds where there are several.
        estimates, tails: mean, and mean of the worst tenth, with intervals over patients and training seeds.
        differences: paired differences from ``reference``, for every other policy.
        replicates: the runs of each policy, one for each training seed (one for a rule); only the first keeps all fields.
    """

    task: TaskSpec
    seed: int
    split: str
    difficulty: str
    shield_mode: str
    reference: str
    policies: tuple[str, ...]
    patients: NDArray[np.int64]
    values: dict[str, dict[str, Floats]]
    estimates: dict[str, dict[str, Interval]]
    tails: dict[str, dict[str, Interval]]
    differences: dict[str, dict[str, Difference]]
    events: dict[str, dict[str, Events]]
    shield: dict[str, ShieldUse]
    replicates: dict[str, tuple[Trajectories, ...]]

    @property
    def runs(self) -> dict[str, Trajectories]:
        """The (first) run of each policy."""
        return {name: runs[0] for name, runs in self.replicates.items()}

    @property
    def training_seeds(self) -> dict[str, int]:
        """Runs behind each policy."""
        return {name: len(runs) for name, runs in self.replicates.items()}

    @property
    def unshielded(self) -> bool:
        """Whether the shield's limits did not bind."""
        return not ShieldMode.of(self.shield_mode).shielded

    def unproved(self, policy: str) -> list[str]:
        """Harms of which ``policy`` was not shown to do no worse than the reference."""
        gaps = self.differences[policy]
        costs = [entry.key for entry in OUTCOMES if entry.role == "cost"]
        return [key for key in costs if gaps[key].verdict not in ("non-inferior", "superior")]

    def is_better(self, policy: str) -> bool:
        """Superior on the primary outcome, non-inferior on every cost, and shielded."""
        primary = self.differences[policy][self.task.primary.outcome]
        return primary.verdict == "superior" and not self.unproved(policy) and not self.unshielded

    def verdict(self, policy: str) -> str:
        """The verdict on ``policy`` in words."""
        if self.unshielded:
            return f"no claim: {UNSHIELDED}"
        if self.is_better(policy):
            return "better"
        if self.differences[policy][self.task.primary.outcome].verdict != "superior":
            return "not shown better"
        return f"more effective; no worse harm not shown for {', '.join(self.unproved(policy))}"

    def table(self) -> Table:
        """The comparison as a terminal table: mean [95 % interval] for each policy."""
        mark = f"  {UNSHIELDED}" if self.unshielded else ""
        shown = Table(
            title=f"{self.task.id}, {len(self.patients)} {self.split} patients, shield {self.shield_mode}{mark}",
            caption="mean [95 % bootstrap interval over patients]; simulation only",
        )
        shown.add_column("outcome")
        shown.add_column("unit", style="dim")
        for policy in self.policies:
            shown.add_column(self._heading(policy), justify="right")
        for entry in OUTCOMES:
            cells = [_cell(self.estimates[policy][entry.key], entry.digits) for policy in self.policies]
            shown.add_row(entry.label, entry.unit, *cells, style="bold" if self._is_primary(entry) else "")
        shown.add_section()
        primary = outcome(self.task.primary.outcome)
        others = [None if policy == self.reference else policy for policy in self.policies]
        gaps = [
            "-" if policy is None else _cell(self.differences[policy][primary.key], primary.digits) for policy in others
        ]
        shown.add_row(f"difference, {primary.label}", primary.unit, *gaps, style="bold")
        verdicts = ["-" if policy is None else self.verdict(policy) for policy in others]
        shown.add_row("verdict (efficacy and every harm)", "", *verdicts)
        return shown

    def _heading(self, policy: str) -> str:
        parts = [escape(policy), "(ref)" if policy == self.reference else "", UNSHIELDED if self.unshielded else ""]
        return " ".join(part for part in parts if part)

    def _is_primary(self, entry: Outcome) -> bool:
        return entry.key == self.task.primary.outcome

    def to_dict(self) -> dict[str, Any]:
        """Plain data of the comparison without trajectories."""

        def plain(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
            return {policy: {key: dict(vars(value)) for key, value in rows.items()} for policy, rows in tables.items()}

        others = [policy for policy in self.policies if policy != self.reference]
        return {
            "note": "simulation only",
            "task": self.task.id,
            "task_hash": self.task.hash,
            "seed": self.seed,
            "split": self.split,
            "difficulty": self.difficulty,
            "shield_mode": self.shield_mode,
            "unshielded": self.unshielded,
            "reference": self.reference,
            "primary": self.task.primary.outcome,
            "training_seeds": self.training_seeds,
            "patients": self.patients.tolist(),
            "estimates": plain(self.estimates),
            "tails": plain(self.tails),
            "differences": plain(self.differences),
            "events": plain(self.events),
            "shield": {policy: dict(vars(use)) for policy, use in self.shield.items()},
            "verdicts": {policy: self.verdict(policy) for policy in others},
            "better": {policy: self.is_better(policy) for policy in others},
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON; numbers that are missing become null."""
        return json.dumps(finite(self.to_dict()), indent=2, allow_nan=False)


def finite(value: Any) -> Any:
    """Plain data with None in place of numbers that are not finite, as JSON knows none."""
    if isinstance(value, dict):
        return {str(key): finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Interval, digits: int) -> str:
    if not np.isfinite(value.mean):
        return "-"
    return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"
