"""What is known about a learned policy besides its weights: the record that is stored with it."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from thecal.agents.info import PolicyInfo
from thecal.agents.view import ACTION_NAMES
from thecal.core.errors import ConfigError

FORMAT = 1


class PolicyRecord(BaseModel):
    """The content of ``policy.json``.

    Attributes:
        format: version of this record.
        algorithm: name of the back end that trained it and can read it.
        task, task_hash: what it was trained on.
        observation_names, action_names: what it reads and writes, in order.
        n_actions: number of action components.
        net_arch, activation: hidden layers of its network.
        settings: hyperparameters of the training.
        seed: of the training.
        frames: decisions it was trained on.
        interrupted: whether the training was ended early.
        thecal_version: that wrote it.
        weights_sha256: hash of the file of weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    algorithm: str
    task: str
    task_hash: str
    observation_names: tuple[str, ...]
    action_names: tuple[str, ...] = ACTION_NAMES
    n_actions: int = Field(default=len(ACTION_NAMES), ge=1)
    net_arch: tuple[int, ...]
    activation: Literal["tanh", "relu"]
    settings: dict[str, Any]
    seed: int
    frames: int
    interrupted: bool
    thecal_version: str
    weights_sha256: str = ""

    @model_validator(mode="after")
    def _names_every_action(self) -> Self:
        if len(self.action_names) != self.n_actions:
            raise ValueError(f"n_actions is {self.n_actions}, but action_names are {', '.join(self.action_names)}")
        return self

    @property
    def info(self) -> PolicyInfo:
        """What the policy says of itself; policies that differ only in their training seed say the same but for that."""
        known = bool(self.task_hash)
        label = self.algorithm.upper()
        return PolicyInfo(
            name=self.algorithm,
            label=f"{label} (trained)",
            kind="learned",
            text=f"A network trained by {label}{f' on {self.task}' if known else ''}; it acts without chance.",
            parameters={
                "algorithm": self.algorithm,
                "task_hash": self.task_hash,
                "frames": self.frames,
                **self.settings,
            },
            training_seeds=(self.seed,) if known else (),
            tasks=(self.task,) if known else (),
        )


def check_names(policy: str, what: str, expected: tuple[str, ...], given: tuple[str, ...]) -> None:
    """See that a learned policy meets the names of its training, in the same order.

    Raises:
        ConfigError: it does not; the text names the first ``what`` that differs.
    """
    if tuple(given) == expected:
        return
    for k, (own, other) in enumerate(zip(expected, given, strict=False)):
        if own != other:
            raise ConfigError(f"policy {policy!r}: {what} {k} is {other!r}, trained with {own!r}")
    raise ConfigError(f"policy {policy!r}: {len(given)} {what}s, trained with {len(expected)}")
