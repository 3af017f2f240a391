"""The guard around any policy: what the policy asks for is passed on, except where signs of harm have lasted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.agents.base import Policy, PolicyContext, Restarts
from thecal.agents.info import GUARDED
from thecal.agents.rules.guard import GUARD_READS, Guard
from thecal.agents.rules.pid import LOWEST_RATIO, PidSettings
from thecal.agents.view import BOLUS, RATE, TARGET, Actions, Flags, Floats
from thecal.core.errors import ConfigError

_HOLD = "hold"
_ON = 0.5  # a switch is on above this


class Guarded(Guard):
    """Another policy under the guard of the guarded PID.

    The inner policy sees every observation and asks as it would alone. Where the guard has a cut or a ceiling in force, a request
    above it is brought down to it; while the patient is sedated the dose is not raised and no bolus is armed. Every other number
    that the inner policy asks for is passed on as it is, to the bit.

    Args:
        inner: any policy.
        active: False passes everything on, for an ablation.
        **overrides: numbers of the guard (``data/pid_guarded.toml``) and of the signs (``data/guideline*.toml``).

    Raises:
        ConfigError: ``inner`` has a guard already, or a number is unknown or out of bounds.
    """

    def __init__(self, inner: Policy, *, active: bool = True, **overrides: float) -> None:
        if isinstance(inner, Guard):
            raise ConfigError(f"policy {inner.info.name!r} has a guard already")
        numbers = self._set_guard(overrides)
        if overrides:
            raise ConfigError(f"the guard has no setting {next(iter(overrides))!r}")
        self.inner, self.active = inner, bool(active)
        self.least_rise = PidSettings.load("pid").smallest_step
        own = inner.info
        text = f"{own.text} Under a guard: lasting signs of harm cut the dose once and put a slowly recovering ceiling over it."
        self.info = own.model_copy(
            update={"name": GUARDED + own.name, "label": f"Guarded: {own.label}", "text": text.strip()}
        )
        told = {f"guard.{name}": value for name, value in {**numbers, "active": self.active}.items()}
        super().__init__(**own.parameters, **told)
        self.reads = tuple(dict.fromkeys((*getattr(inner, "reads", ()), *GUARD_READS)))

    @property
    def record(self) -> Any:
        """What the inner policy keeps of its training; None where it was not trained."""
        return getattr(self.inner, "record", None)

    def reset(self, context: PolicyContext) -> None:
        """See :class:`thecal.agents.base.Policy`; the task has to take a dose."""
        self.dose = next((name for name in (RATE, TARGET) if name in context.view.action_names), "")
        if not self.dose:
            raise ConfigError(f"policy {self.info.name!r}: the task takes no dose that a guard could hold down")
        super().reset(context)
        self.inner.reset(context)

    def reset_where(self, done: Flags) -> None:
        """See :class:`thecal.agents.base.Restarts`.

        Raises:
            ConfigError: the inner policy remembers its patients and cannot begin anew for some of them.
        """
        super().reset_where(done)
        if isinstance(self.inner, Restarts):
            self.inner.reset_where(done)
        elif not getattr(self.inner, "record", None):  # a stored network remembers nothing
            raise ConfigError(f"policy {self.inner.info.name!r} cannot begin anew for single patients")

    def _allocate(self, n: int) -> None:
        super()._allocate(n)
        self.running: Floats = np.empty(n)

    def _begin(self, rows: Flags) -> None:
        super()._begin(rows)
        self.running[rows] = 1.0

    def act(self, observation: NDArray[Any]) -> Actions:
        """See :class:`thecal.agents.base.Policy`."""
        asked = np.array(self.inner.act(observation), np.float32)
        fields = self.view.decode(observation)
        if asked.shape != (self.n, len(self.view.action_names)):
            raise ConfigError(
                f"policy {self.info.name!r} was reset for {self.n} patients, and {len(asked)} are asked for"
            )
        ratio = fields["rate_ratio_start"]
        self.running[:] = np.where(np.isfinite(ratio), np.maximum(ratio, LOWEST_RATIO), self.running)
        wish = self._wish(asked)
        step = self._guarded(fields, wish)
        self.steps += 1
        return self._held_down(asked, step, step < wish) if self.active else asked

    def _column(self, asked: Actions, name: str) -> NDArray[np.float32] | None:
        names = self.view.action_names
        return asked[:, names.index(name)] if name in names else None

    def _wish(self, asked: Actions) -> Floats:
        """The relative change of the dose that is asked for, ``[n]``; one that cannot be read asks for none."""
        number = np.clip(asked[:, self.view.action_names.index(self.dose)], -1.0, 1.0).astype(np.float64)
        scale = self.view.actions
        change = scale.change(number) if self.dose == RATE else scale.multiple(number) / self.running - 1.0
        hold = self._column(asked, _HOLD)
        usable = np.isfinite(asked).all(axis=1)
        return np.where(usable & (True if hold is None else hold <= _ON), np.nan_to_num(change), 0.0)

    def _held_down(self, asked: Actions, step: Floats, less: Flags) -> Actions:
        """The request with the guard's step in the rows where it is ``less``, and without a bolus where a patient is sedated."""
        names, scale = self.view.action_names, self.view.actions
        asked[less] = np.nan_to_num(asked[less])
        number = scale.rate(step) if self.dose == RATE else scale.target(self.running * (1.0 + step))
        asked[less, names.index(self.dose)] = number[less]
        hold, bolus = self._column(asked, _HOLD), self._column(asked, BOLUS)
        if hold is not None:
            hold[less & (hold > _ON)] = 0.0
        if bolus is not None:
            bolus[self.sedated & (bolus > 0.0)] = 0.0
        return asked
