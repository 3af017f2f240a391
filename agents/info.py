"""What a policy says of itself: its name, its kind, its numbers and what it fits; reports and commands read nothing else."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["rule", "model-based", "learned", "sanity"]


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
    privileged: bool = False
