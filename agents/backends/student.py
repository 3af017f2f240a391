"""A student at work: the network says what every candidate dose is worth, and the best one is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.backends.hyperparameters import DaggerSettings
from thecal.agents.backends.networks import full_layers, import_torch
from thecal.agents.backends.record import PolicyRecord, check_names
from thecal.agents.backends.store import save_policy
from thecal.agents.base import PolicyContext
from thecal.agents.mpc.teacher import Candidates, candidate_count
from thecal.agents.rules.demand import DemandSettings
from thecal.agents.simulator import pursue
from thecal.agents.view import BOLUS, RATE, TARGET, Actions, Floats, ObservationView
from thecal.core.errors import ConfigError, StoreError

_LOWEST_RATIO = 1e-3


def layer_keys(depth: int) -> list[str]:
    """Names of the network's layers, input first."""
    return [f"values.{k}" for k in range(depth + 1)]


def candidates_of(settings: DaggerSettings, view: ObservationView) -> Candidates:
    """What a student with these settings chooses from."""
    return Candidates(settings.lowest, settings.highest, settings.doses, view)


def asked(view: ObservationView, wanted: Floats, now: Floats, armed: Floats, dose_mg: Floats) -> Actions:
    """Actions ``[n, components]`` that pursue multiples of the starting dose, with a demand bolus where it is armed.

    Args:
        view: of the task.
        wanted, now: multiples of the starting dose, to reach and running, ``[n]``.
        armed: 1 where a demand bolus of the usual share of the day is armed, ``[n]``.
        dose_mg: running dose, mg/d, ``[n]``.
    """
    parts = dict(pursue(view, wanted, now))
    if BOLUS in view.action_names:
        parts[BOLUS] = armed * view.actions.bolus(DemandSettings.load("demand").share_of_day, dose_mg)
    return view.action(len(wanted), now, **parts)


class StudentPolicy:
    """A learned policy behind the :class:`~thecal.agents.base.Policy` protocol; it keeps no memory between steps.

    Args:
        record: what the policy is; its settings say what it chooses from.
        weights: of the network, by layer.

    Raises:
        StoreError: a setting that says what is chosen from is missing or out of bounds, or the weights do not fit.
    """

    reads = ("rate_ratio_start",)

    def __init__(self, record: PolicyRecord, weights: Mapping[str, NDArray[Any]]) -> None:
        self.record = record
        self.info = record.info
        self._torch = import_torch()
        try:
            self.settings = DaggerSettings.model_validate(record.settings)
        except ValueError as error:
            raise StoreError(
                f"policy.json: settings: not those of a student ({str(error).splitlines()[-2].strip()})"
            ) from error
        if not {RATE, TARGET} & {*record.action_names}:
            raise StoreError("policy.json: action_names: a student asks for a dose, and there is none among them")
        grid = self.settings
        outputs = candidate_count(grid.lowest, grid.highest, grid.doses, record.action_names)
        sizes = (len(record.observation_names), *record.net_arch, outputs)
        self._network = full_layers(layer_keys(len(record.net_arch)), sizes, record.activation, None, weights)
        self._weights = {key: np.array(value) for key, value in weights.items()}
        self._view: ObservationView | None = None

    def reset(self, context: PolicyContext) -> None:
        """Check that observation and actions are those of the training; there is nothing to forget.

        Raises:
            ConfigError: they are not.
        """
        check_names(self.info.name, "observation field", self.record.observation_names, context.view.names)
        check_names(self.info.name, "action component", self.record.action_names, context.view.action_names)
        context.view.require(self.info.name, self.reads)
        self._view = context.view
        self._candidates = candidates_of(self.settings, context.view)

    def values(self, observation: NDArray[Any]) -> Floats:
        """What each candidate is worth, in tens of hours against the mean of all, ``[n, candidates]``."""
        batch = np.ascontiguousarray(observation, np.float32)
        if batch.ndim != 2 or batch.shape[1] != len(self.record.observation_names):
            expected = len(self.record.observation_names)
            raise ConfigError(
                f"policy {self.info.name!r}: observation has shape {batch.shape}, expected [n, {expected}]"
            )
        found: Floats = self._network(self._torch.from_numpy(batch)).numpy().astype(np.float64)
        return found

    def act(self, observation: NDArray[Any]) -> Actions:
        """Deterministic actions ``[n, n_actions]``."""
        if self._view is None:
            raise ConfigError(f"policy {self.info.name!r} was asked to act before reset")
        chosen = self.values(observation).argmax(axis=1)
        fields = self._view.decode(observation)
        now = np.maximum(np.nan_to_num(fields["rate_ratio_start"], nan=1.0), _LOWEST_RATIO)
        dose = fields.get("dose_mg_per_d", np.zeros(len(now)))
        own = self._candidates
        return asked(self._view, own.multiples[chosen] * now, now, own.armed[chosen], dose)

    def save(self, folder: str | Path) -> Path:
        """Store the policy without pickle; see :func:`thecal.agents.backends.store.save_policy`."""
        return save_policy(folder, self.record, self._weights)
