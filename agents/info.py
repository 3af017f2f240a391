"""What a policy says of itself: its name, its kind, its numbers and what it fits; reports and commands read nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

Kind = Literal["rule", "model-based", "learned", "sanity"]
PRIVILEGED = "privileged"  # said beside the name of a policy that knows what no other does
GUARDED = "guarded:"  # before the name of a policy that stands under the guard
# What a condition is called in a sentence, with "on", "for" or "under" before its value.
_WORDS = {
    "task": "on {}", "drugs": "with {}", "horizon_d": "for {} days", "tick_h": "with a decision every {} h",
    "difficulty": "on difficulty {}", "cohort": "on cohort {}", "profile": "under limits {}", "pump": "with pump {}",
    "faults": "with faults {}", "life": "with the life {}", "shield_mode": "with shield {}", "stage": "at stage {}",
}  # fmt: skip


def under_guard(name: str) -> tuple[bool, str]:
    """Whether a policy is named with a guard around it, and its name without."""
    return name.startswith(GUARDED), name.removeprefix(GUARDED)


class Conditions(BaseModel):
    """Under what a policy was trained, or is judged; None or empty where nobody wrote it down.

    Attributes:
        task: name of the task; ``task_hash`` is that of its content.
        drugs: in the pump.
        horizon_d, tick_h: length of an episode in days, and of a decision in hours.
        difficulty, cohort, profile, pump, faults, life, shield_mode, stage: of the scenario.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    task_hash: str = ""
    drugs: tuple[str, ...] = ()
    horizon_d: float | None = None
    tick_h: float | None = None
    difficulty: str | None = None
    cohort: str | None = None
    profile: str | None = None
    pump: str | None = None
    faults: str | None = None
    life: str | None = None
    shield_mode: str | None = None
    stage: str | None = None

    @classmethod
    def of(cls, spec: Mapping[str, Any], task_hash: str, scenario: Any) -> Self:
        """Read off a task as plain data (with the scenario's changes in it) and a :class:`thecal.envs.scenario.Scenario`.

        What the task does not say, because an earlier version wrote it, is not known here either.
        """
        faults = spec.get("faults")
        return cls(
            task=spec["name"],
            task_hash=task_hash,
            drugs=tuple(spec.get("drugs", ())),
            **{name: spec.get(name) for name in ("horizon_d", "tick_h", "cohort", "profile", "pump", "life")},
            faults=faults if isinstance(faults, str | None) else "of its own",
            **{name: getattr(scenario, name) for name in ("difficulty", "shield_mode", "stage")},
        )

    def unlike(self, judged: Conditions) -> tuple[str, ...]:
        """What differs where a policy trained under these is judged, one phrase each: ``trained on A, judged on B``."""
        found = []
        for name, words in _WORDS.items():
            own, other = getattr(self, name), getattr(judged, name)
            if own and other and own != other:
                found.append(f"trained {words.format(_said(own))}, judged {words.format(_said(other))}")
        if not found and self.task_hash and judged.task_hash and self.task_hash != judged.task_hash:
            found.append(f"trained on another version of {self.task}")
        return tuple(found)


def _said(value: Any) -> str:
    return " + ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


class PolicyInfo(BaseModel):
    """The description of a policy.

    Attributes:
        name: by which it is found, and its key in results.
        label: for people.
        kind: ``rule`` (written down beforehand), ``model-based`` (plans with a model of the patient), ``learned`` (trained), or
            ``sanity`` (no clinical sense: shows what the task or the shield does by itself).
        text: one sentence on what it does.
        parameters: the numbers it acts by.
        training_seeds: of a learned policy.
        tasks: names of the tasks it fits; empty for any.
        trained: under what a learned policy was trained; None for others.
        privileged: whether it reads what no observation shows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    label: str
    kind: Kind
    text: str = ""
    parameters: dict[str, Any] = {}
    training_seeds: tuple[int, ...] = ()
    tasks: tuple[str, ...] = ()
    trained: Conditions | None = None
    privileged: bool = False

    @property
    def marked_kind(self) -> str:
        """The kind, and whether it knows what no other policy does."""
        return f"{self.kind}, {PRIVILEGED}" if self.privileged else self.kind

    @property
    def marked_label(self) -> str:
        """The label, and the same."""
        return f"{self.label} ({PRIVILEGED})" if self.privileged else self.label
