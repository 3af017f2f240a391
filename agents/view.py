"""What a policy reads and writes: observations by name in physical units, actions by name in the task's own components."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.core.errors import ConfigError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Fields = Mapping[str, Floats]
Actions = NDArray[np.float32]
Components = Mapping[str, ArrayLike]

RATE, BOLUS, TARGET = "relative_rate", "bolus_size", "target_dose"
ACTION_NAMES = (RATE, BOLUS)
# What a policy offers and a task need not take: without a bolus the patient gets the same infusion.
_OPTIONAL = (BOLUS,)


@dataclass(frozen=True)
class ActionScale:
    """How the numbers of an action are read by the environment.

    Attributes:
        max_up, max_down: relative rate change at ``relative_rate`` +1 and at -1, for example 0.20.
        deadband: |``relative_rate``| up to which the rate is held.
        largest_bolus_mg, largest_bolus_share: ``bolus_size`` = 1 arms a bolus of so many mg of drug 0, or this share of
            the daily dose where that is less; 0 where none is allowed.
        target_low, target_high: multiples of the starting rate that ``target_dose`` -1 and +1 ask for, linear in the
            logarithm between them; None in a task without a target dose.
    """

    max_up: float
    max_down: float
    deadband: float
    largest_bolus_mg: float
    largest_bolus_share: float
    target_low: float | None = None
    target_high: float | None = None

    def rate(self, change: ArrayLike) -> Floats:
        """``relative_rate`` that asks for a relative rate ``change`` (0 holds; capped at the largest step)."""
        wanted = np.asarray(change, np.float64)
        limit = np.where(wanted > 0.0, self.max_up, self.max_down)
        size = np.minimum(np.abs(wanted) / limit, 1.0)
        return np.where(wanted == 0.0, 0.0, np.sign(wanted) * (self.deadband + (1.0 - self.deadband) * size))

    def change(self, rate: ArrayLike) -> Floats:
        """The relative rate change that ``relative_rate`` asks for: :meth:`rate` read back."""
        asked = np.asarray(rate, np.float64)
        size = np.maximum(np.abs(asked) - self.deadband, 0.0) / (1.0 - self.deadband)
        return np.where(asked > 0.0, self.max_up, -self.max_down) * size

    def target(self, ratio: ArrayLike) -> Floats:
        """``target_dose`` in [-1, 1] that asks for ``ratio`` times the starting rate, at most as far as the bounds go.

        Raises:
            ConfigError: the scale has no bounds of a target dose.
        """
        if self.target_low is None or self.target_high is None:
            raise ConfigError("the task asks for a target dose, but its action scale gives no bounds for one")
        low, high = np.log(self.target_low), np.log(self.target_high)
        wanted = np.clip(np.asarray(ratio, np.float64), self.target_low, self.target_high)
        place: Floats = np.clip(2.0 * (np.log(wanted) - low) / (high - low) - 1.0, -1.0, 1.0)
        return place

    def multiple(self, target: ArrayLike) -> Floats:
        """The multiple of the starting rate that ``target_dose`` asks for: :meth:`target` read back.

        Raises:
            ConfigError: the scale has no bounds of a target dose.
        """
        if self.target_low is None or self.target_high is None:
            raise ConfigError("the task asks for a target dose, but its action scale gives no bounds for one")
        low, high = np.log(self.target_low), np.log(self.target_high)
        asked: Floats = np.exp(low + 0.5 * (np.asarray(target, np.float64) + 1.0) * (high - low))
        return asked

    def bolus(self, share: float, daily_mg: ArrayLike) -> Floats:
        """``bolus_size`` that arms a bolus of ``share`` of the daily dose ``daily_mg``; never more than the largest."""
        daily = np.maximum(np.nan_to_num(np.asarray(daily_mg, np.float64)), 0.0)
        largest = np.minimum(self.largest_bolus_mg, self.largest_bolus_share * daily)
        wanted = np.minimum(share * daily, largest)
        return np.divide(wanted, largest, out=np.zeros_like(wanted), where=largest > 0.0)


class ObservationView:
    """Reads a batch of observations by name in physical units, and writes actions by name.

    Args:
        names: field names, in the order of the observation's columns.
        low, high: physical bounds of each field, ``[n_obs]``.
        actions: how actions are scaled.
        tick_h: decision interval, h.
        monitored: True where staff watch the task's patients (titration in days), False for outpatients (weeks).
        decode: the environment's own decoder; without it, columns are rescaled from [-1, 1], and a field ``x`` whose
            mask ``x_valid`` is off becomes NaN (``nrs_valid`` belongs to ``nrs_report``).
        action_names: the components of the task's actions, in the order of their columns.
        drug: first drug of the task, by name; empty where nobody says.
        goal: what the task treats, ``"pain"`` or ``"spasticity"``.
        goal_relief: share of the pain at the implant whose loss the task counts as much as mild pain; None where it does not.
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
        action_names: tuple[str, ...] = ACTION_NAMES,
        drug: str = "",
        goal: str = "pain",
        goal_relief: float | None = None,
    ) -> None:
        self.names = tuple(names)
        self.low = np.asarray(low, np.float64)
        self.high = np.asarray(high, np.float64)
        if self.low.shape != (len(self.names),) or self.high.shape != self.low.shape:
            raise ConfigError(f"observation bounds have shape {self.low.shape}, expected ({len(self.names)},)")
        self.actions = actions
        self.tick_h = tick_h
        self.monitored = monitored
        self.action_names = tuple(action_names)
        self.drug = drug
        self.goal = goal
        self.goal_relief = goal_relief
        self._decode = decode

    def decode(self, obs: NDArray[Any]) -> Fields:
        """Observation ``[n, n_obs]`` as one float64 array ``[n]`` a name, in physical units, NaN where missing.

        Raises:
            ConfigError: the array does not have one column a name.
        """
        batch = np.asarray(obs)
        if batch.ndim != 2 or batch.shape[1] != len(self.names):
            raise ConfigError(f"observation has shape {batch.shape}, expected [n, {len(self.names)}]")
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

    def action(self, n: int, rate_ratio_start: ArrayLike | None = None, **components: ArrayLike) -> Actions:
        """Actions ``[n, components]`` of ``n`` patients; a component that is not given is 0.

        A task that takes no bolus is given none. Where the task asks for a target dose and not for a relative rate, the
        change that ``relative_rate`` asks for is turned into the target it leads to, within the task's bounds.

        Args:
            n: number of patients.
            rate_ratio_start: the observed multiple of the starting rate, ``[n]``; needed where a target dose is asked
                for. A missing one counts as 1.
            components: values in [-1, 1] by name, scalars or ``[n]``.

        Raises:
            ConfigError: a component that is not 0 everywhere is one the task lacks.
        """
        actions = np.zeros((n, len(self.action_names)), np.float32)
        given: dict[str, ArrayLike] = dict(components)
        if RATE in given and RATE not in self.action_names and TARGET in self.action_names:
            given[TARGET] = self._target(given.pop(RATE), rate_ratio_start)
        for name, value in given.items():
            if name in self.action_names:
                actions[:, self.action_names.index(name)] = value
            elif name not in _OPTIONAL and np.any(value):
                known = ", ".join(self.action_names)
                raise ConfigError(f"the task takes no action {name!r}; it takes {known}: choose a policy that fits it")
        return actions

    def _target(self, rate: ArrayLike, ratio: ArrayLike | None) -> Floats:
        if ratio is None:
            raise ConfigError("a target dose is reached from the running rate: the observation lacks rate_ratio_start")
        running = np.nan_to_num(np.asarray(ratio, np.float64), nan=1.0)
        return self.actions.target(running * (1.0 + self.actions.change(rate)))

    def require(self, policy: str, names: tuple[str, ...]) -> None:
        """Raise :class:`ConfigError` if the observation lacks a field that ``policy`` reads."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise ConfigError(f"policy {policy!r} needs observation fields that the task lacks: {', '.join(missing)}")
