"""What a policy is: a reset with the patients it will treat, then a batch of observations in, a batch of actions out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from thecal.agents.info import PolicyInfo
from thecal.agents.view import Actions, Components, Fields, Flags, Floats, ObservationView
from thecal.core.errors import ConfigError

if TYPE_CHECKING:
    from thecal.agents.simulator import Simulator


@dataclass(frozen=True)
class PolicyContext:
    """What a policy is given before it acts.

    Attributes:
        view: reads observations and writes actions by name.
        n: number of patients.
        patients: identity of each patient, ``[n]``.
        seed: of the days that the patients will meet.
        simulator: makes a simulator of so many rows, for a policy that plans or filters with a model; true patients stand
            behind it for a privileged policy only.
    """

    view: ObservationView
    n: int
    patients: NDArray[np.int64]
    seed: int
    simulator: Callable[[int], Simulator] | None = None

    def __post_init__(self) -> None:
        if np.shape(self.patients) != (self.n,):
            raise ConfigError(f"patients have shape {np.shape(self.patients)}, expected ({self.n},)")

    def simulate(self, rows: int | None = None) -> Simulator:
        """A fresh simulator of ``rows`` virtual patients, as many as are treated where nothing is said; it stands nowhere yet.

        Raises:
            ConfigError: none was offered.
        """
        if self.simulator is None:
            raise ConfigError("no simulator is offered here, and the policy plans with one: run it in a rollout")
        return self.simulator(self.n if rows is None else rows)


@runtime_checkable
class Policy(Protocol):
    """A policy over a batch of patients."""

    info: PolicyInfo

    def reset(self, context: PolicyContext) -> None:
        """Forget everything and prepare for the patients of ``context``."""

    def act(self, observation: NDArray[Any]) -> Actions:
        """Actions float32 ``[n, n_actions]`` in [-1, 1] for observations ``[n, n_obs]``."""


@runtime_checkable
class Saves(Protocol):
    """A policy that can be stored."""

    def save(self, folder: str | Path) -> Path:
        """Write what is needed to act again into ``folder``; returns the folder."""


@runtime_checkable
class Restarts(Protocol):
    """A policy that begins anew for single patients, as vector environments with autoreset need it."""

    def reset_where(self, done: Flags) -> None:
        """Forget the patients whose flag in ``done`` ``[n]`` is set: a new episode begins for them."""


@runtime_checkable
class HasDensity(Protocol):
    """A stochastic policy that knows how likely its actions were, as offline learning needs it."""

    def log_prob(self, observation: NDArray[Any], actions: NDArray[Any]) -> Floats:
        """Log density ``[n]`` of ``actions`` ``[n, n_actions]`` under ``observation`` ``[n, n_obs]``."""


class BatchPolicy:
    """What all rules share: checks, step counters, actions by name.

    A subclass states its ``info`` and the observation fields it ``reads``, and writes ``_decide``; one with memory also
    ``_allocate`` and ``_begin``.

    Args:
        parameters: the numbers it acts by, for its ``info``.
    """

    info: PolicyInfo
    reads: tuple[str, ...] = ()

    def __init__(self, **parameters: Any) -> None:
        self.info = self.info.model_copy(update={"parameters": parameters})
        self._context: PolicyContext | None = None
        self.n = 0
        self.steps = np.zeros(0, np.int64)

    @property
    def context(self) -> PolicyContext:
        """What was given to :meth:`reset`."""
        if self._context is None:
            raise ConfigError(f"policy {self.info.name!r} was asked to act before reset")
        return self._context

    @property
    def view(self) -> ObservationView:
        """The view of the task at hand."""
        return self.context.view

    def reset(self, context: PolicyContext) -> None:
        """See :class:`Policy`."""
        context.view.require(self.info.name, self.reads)
        self._context = context
        self.n = context.n
        self.steps = np.zeros(self.n, np.int64)
        self._allocate(self.n)
        self._begin(np.ones(self.n, np.bool_))

    def reset_where(self, done: Flags) -> None:
        """See :class:`Restarts`."""
        rows = np.asarray(done, np.bool_)
        if rows.shape != (self.n,):
            raise ConfigError(f"policy {self.info.name!r}: flags have shape {rows.shape}, expected ({self.n},)")
        self.steps[rows] = 0
        self._begin(rows)

    def act(self, observation: NDArray[Any]) -> Actions:
        """See :class:`Policy`."""
        fields = self.view.decode(observation)
        if len(observation) != self.n:
            raise ConfigError(
                f"policy {self.info.name!r} was reset for {self.n} patients and got {len(observation)} observations"
            )
        actions = self.view.action(self.n, fields.get("rate_ratio_start"), **self._decide(fields))
        self.steps += 1
        return actions

    def _allocate(self, n: int) -> None:
        """Make the memory arrays for ``n`` patients; nothing for a policy without memory."""

    def _begin(self, rows: Flags) -> None:
        """Set the memory of ``rows`` to the start of an episode; nothing for a policy without memory."""

    def _decide(self, fields: Fields) -> Components:
        """Action components by name (scalars or ``[n]``, in [-1, 1]); what is left out is 0."""
        return {}
