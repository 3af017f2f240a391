"""What a policy is: a batch of observations in, a batch of actions out, with the memory of each patient inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.core.errors import ConfigError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Fields = Mapping[str, Floats]
Actions = NDArray[np.float32]

N_ACTIONS = 2
RATE, BOLUS = 0, 1


@dataclass(frozen=True)
class ActionScale:
    """How the two numbers of an action are read by the environment.

    Attributes:
        max_up, max_down: relative rate change at action +1 and at -1, for example 0.20.
        deadband: |action[0]| up to which the rate is held.
        largest_bolus_mg, largest_bolus_share: action[1] = 1 arms a bolus of so many mg of drug 0, or this share of the
            daily dose where that is less; 0 where none is allowed.
    """

    max_up: float
    max_down: float
    deadband: float
    largest_bolus_mg: float
    largest_bolus_share: float

    def rate(self, change: ArrayLike) -> Floats:
        """action[0] that asks for a relative rate ``change`` (0 holds; capped at the largest step)."""
        wanted = np.asarray(change, np.float64)
        limit = np.where(wanted > 0.0, self.max_up, self.max_down)
        size = np.minimum(np.abs(wanted) / limit, 1.0)
        return np.where(wanted == 0.0, 0.0, np.sign(wanted) * (self.deadband + (1.0 - self.deadband) * size))

    def bolus(self, share: float, daily_mg: ArrayLike) -> Floats:
        """action[1] that arms a bolus of ``share`` of the daily dose ``daily_mg``; never more than the largest."""
        daily = np.maximum(np.nan_to_num(np.asarray(daily_mg, np.float64)), 0.0)
        largest = np.minimum(self.largest_bolus_mg, self.largest_bolus_share * daily)
        wanted = np.minimum(share * daily, largest)
        return np.divide(wanted, largest, out=np.zeros_like(wanted), where=largest > 0.0)


class ObservationView:
    """Reads a batch of observations by name in physical units, and knows the task's steps and actions.

    Args:
        names: field names, in the order of the observation's columns.
        low, high: physical bounds of each field, ``[n_obs]``.
        actions: how actions are scaled.
        tick_h: decision interval, h.
        monitored: True where staff watch the task's patients (titration in days), False for outpatients (weeks).
        decode: the environment's own decoder; without it, columns are rescaled from [-1, 1], and a field ``x`` whose
            mask ``x_valid`` is off becomes NaN (``nrs_valid`` belongs to ``nrs_report``).
        patients: identity of each patient, ``[B]``; 0, 1, 2 ... when not given.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        low: ArrayLike,
        high: ArrayLike,
        *,
        actions: ActionScale,
        tick_h: float,
        monitored: bool,
        decode: Callable[[NDArray[Any]], Mapping[str, NDArray[Any]]] | None = None,
        patients: ArrayLike | None = None,
    ) -> None:
        self.names = tuple(names)
        self.low = np.asarray(low, np.float64)
        self.high = np.asarray(high, np.float64)
        if self.low.shape != (len(self.names),) or self.high.shape != self.low.shape:
            raise ConfigError(f"observation bounds have shape {self.low.shape}, expected ({len(self.names)},)")
        self.actions = actions
        self.tick_h = tick_h
        self.monitored = monitored
        self.patients = None if patients is None else np.asarray(patients, np.int64)
        self._decode = decode

    def decode(self, obs: NDArray[Any]) -> Fields:
        """Observation ``[B, n_obs]`` as one float64 array ``[B]`` a name, in physical units, NaN where missing.

        Raises:
            ConfigError: the array does not have one column a name.
        """
        batch = np.asarray(obs)
        if batch.ndim != 2 or batch.shape[1] != len(self.names):
            raise ConfigError(f"observation has shape {batch.shape}, expected [B, {len(self.names)}]")
        if self._decode is not None:
            return self._decode(batch)
        physical = self.low + 0.5 * (batch.astype(np.float64) + 1.0) * (self.high - self.low)
        fields = {name: physical[:, k] for k, name in enumerate(self.names)}
        for name in self.names:
            if name.endswith("_valid"):
                target = name.removesuffix("_valid")
                target = "nrs_report" if target == "nrs" else target
                if target in fields:
                    fields[target] = np.where(fields[name] >= 0.5, fields[target], np.nan)
        return fields

    def require(self, policy: str, names: tuple[str, ...]) -> None:
        """Raise :class:`ConfigError` if the observation lacks a field that ``policy`` reads."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise ConfigError(f"policy {policy!r} needs observation fields that the task lacks: {', '.join(missing)}")


@runtime_checkable
class Policy(Protocol):
    """A policy over a batch of patients."""

    name: str

    def reset(self, view: ObservationView, n: int) -> None:
        """Forget everything and prepare for ``n`` patients."""

    def reset_where(self, done: Flags) -> None:
        """Forget the patients whose flag in ``done`` ``[B]`` is set: a new episode begins for them."""

    def act(self, obs: NDArray[Any], mask: Flags | None = None) -> Actions:
        """Actions ``[B, 2]`` in [-1, 1] for observations ``[B, n_obs]``.

        Rows where ``mask`` ``[B]`` is False are not decided: their action is 0 (hold, no bolus) and their memory rests.
        """


class BatchPolicy:
    """What all rules share: checks, step counters, masking. Subclasses write ``_allocate``, ``_begin``, ``_decide``."""

    name = ""
    reads: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._view: ObservationView | None = None
        self.n = 0
        self.steps = np.zeros(0, np.int64)

    @property
    def view(self) -> ObservationView:
        """The view given to :meth:`reset`."""
        if self._view is None:
            raise ConfigError(f"policy {self.name!r} was asked to act before reset")
        return self._view

    def reset(self, view: ObservationView, n: int) -> None:
        """See :class:`Policy`."""
        view.require(self.name, self.reads)
        self._view = view
        self.n = n
        self.steps = np.zeros(n, np.int64)
        self._allocate(n)
        self._begin(np.ones(n, np.bool_))

    def reset_where(self, done: Flags) -> None:
        """See :class:`Policy`."""
        rows = self._flags(done)
        self.steps[rows] = 0
        self._begin(rows)

    def act(self, obs: NDArray[Any], mask: Flags | None = None) -> Actions:
        """See :class:`Policy`."""
        fields = self.view.decode(obs)
        if len(obs) != self.n:
            raise ConfigError(f"policy {self.name!r} was reset for {self.n} patients and got {len(obs)} observations")
        rows = np.ones(self.n, np.bool_) if mask is None else self._flags(mask)
        rate, bolus = self._decide(fields, rows)
        self.steps[rows] += 1
        actions = np.zeros((self.n, N_ACTIONS), np.float32)
        actions[:, RATE] = np.where(rows, rate, 0.0)
        actions[:, BOLUS] = np.where(rows, bolus, 0.0)
        return actions

    def _flags(self, flags: Flags) -> Flags:
        rows = np.asarray(flags, np.bool_)
        if rows.shape != (self.n,):
            raise ConfigError(f"policy {self.name!r}: flags have shape {rows.shape}, expected ({self.n},)")
        return rows

    def _allocate(self, n: int) -> None:
        """Make the memory arrays for ``n`` patients; nothing for a policy without memory."""

    def _begin(self, rows: Flags) -> None:
        """Set the memory of ``rows`` to the start of an episode; nothing for a policy without memory."""

    def _decide(self, fields: Fields, rows: Flags) -> tuple[ArrayLike, ArrayLike]:
        """action[0] and action[1] (scalars or ``[B]``); memory may change only where ``rows`` is set."""
        return 0.0, 0.0
