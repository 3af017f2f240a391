"""What is known about a learned policy besides its weights: the record that is stored with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from thecal.agents.backends.bounds import MOST_WEIGHTS, Count, Name, NetArch, weights_of
from thecal.agents.info import Conditions, PolicyInfo
from thecal.agents.view import ACTION_NAMES
from thecal.core.errors import ConfigError

FORMAT = 2  # format 1 (up to 0.2) did not say under what a policy was trained
# What an algorithm is called where its name in capitals would not say it.
_LABELS = {
    "dagger": "DAgger, student of a privileged teacher", "ppo_lagrangian": "PPO-Lagrangian", "ppo_warm": "PPO from a student",
}  # fmt: skip
Names = Annotated[tuple[Name, ...], Field(min_length=1, max_length=4096)]


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
        trained: under what; None where only the task's name and hash were kept.
        interrupted: whether the training was ended early.
        thecal_version: that wrote it.
        weights_sha256: hash of the file of weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1, 2] = 2
    algorithm: Name
    task: Name
    task_hash: Name
    observation_names: Names
    action_names: Names = ACTION_NAMES
    n_actions: int = Field(default=len(ACTION_NAMES), ge=1)
    net_arch: NetArch
    activation: Literal["tanh", "relu"]
    settings: dict[str, Any]
    seed: Count
    frames: Count
    interrupted: bool
    trained: Conditions | None = None
    thecal_version: Name
    weights_sha256: Name = ""

    @model_validator(mode="after")
    def _names_every_action(self) -> Self:
        if len(self.action_names) != self.n_actions:
            raise ValueError(f"n_actions is {self.n_actions}, but action_names are {', '.join(self.action_names)}")
        if self.n_weights > MOST_WEIGHTS:
            raise ValueError(
                f"the network has {self.n_weights:,} weights, more than the {MOST_WEIGHTS:,} that are read"
            )
        return self

    @property
    def n_weights(self) -> int:
        """Numbers in the acting network."""
        return weights_of(len(self.observation_names), self.net_arch, self.n_actions)

    @property
    def info(self) -> PolicyInfo:
        """What the policy says of itself; policies that differ only in their training seed say the same but for that."""
        known = bool(self.task_hash)
        label = _LABELS.get(self.algorithm, self.algorithm.upper())
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
            trained=self.trained or (Conditions(task=self.task, task_hash=self.task_hash) if known else None),
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
