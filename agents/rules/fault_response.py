"""Guarded PID that answers to the monitors: it calls the clinic, and holds while too much may flow."""

from __future__ import annotations

import numpy as np

from thecal.agents.info import PolicyInfo
from thecal.agents.rules.pid_guarded import GuardedPid
from thecal.agents.settings import PolicySettings, number
from thecal.agents.view import Components, Fields, Flags, Floats

_CALL, _COMING = "call_clinic", "clinic_on_its_way"
_HOLDING = ("pump_alarm", "suspect_over")
_FLAGS = (*_HOLDING, "suspect_under")
_ON = 0.5  # of a flag


class ResponseSettings(PolicySettings):
    """When delivery is in doubt and what follows; ``data/fault_response.toml`` gives value, source and confidence of each."""

    residual_limit: float = number("dimensionless", gt=0, le=1)
    call_interval: float = number("hour", ge=0)


class FaultResponse(GuardedPid):
    """The guarded PID of :class:`GuardedPid` with an answer to what the pump's monitors say.

    While the pump sounds a critical alarm, or a monitor suspects that too much flows, no rise is asked for. A suspicion of too
    little keeps nothing from rising: more is what bridges a partial obstruction, and the guard watches what opens. Where the
    task lets a policy call the clinic it does so at any of the three, again after ``call_interval`` hours while it stands, and
    once for a refill that found the volume wrong by more than ``residual_limit``; never while somebody is on the way.
    """

    info = PolicyInfo(
        name="fault_response",
        label="Guarded PID + fault response",
        kind="rule",
        text="Guarded PID that calls the clinic when the monitors doubt the delivery, and holds while too much may flow.",
    )
    reads = (*GuardedPid.reads, *_FLAGS, "refill_residual")

    def __init__(self, **overrides: float) -> None:
        own = {name: overrides.pop(name) for name in ResponseSettings.model_fields if name in overrides}
        super().__init__(**overrides)
        self.response = ResponseSettings.load("fault_response", **own)
        self.info = self.info.model_copy(update={"parameters": self.info.parameters | self.response.model_dump()})

    def _allocate(self, n: int) -> None:
        super()._allocate(n)
        self.since_call_h: Floats = np.empty(n)
        self.found: Floats = np.empty(n)

    def _begin(self, rows: Flags) -> None:
        super()._begin(rows)
        self.since_call_h[rows] = np.inf
        self.found[rows] = 0.0

    def _decide(self, fields: Fields) -> Components:
        return {**super()._decide(fields), **self._call(fields)}

    def _step(self, fields: Fields) -> Floats:
        wish = super()._step(fields)
        step = np.where(_any(fields, _HOLDING), np.minimum(wish, 0.0), wish)
        self.asked |= step != wish  # what is held back is not granted either
        return step

    def _call(self, fields: Fields) -> Components:
        """The call ``[n]`` where one is due; nothing where the task takes none."""
        if _CALL not in self.view.action_names:
            return {}
        self.since_call_h += self.view.tick_h
        residual = np.nan_to_num(fields["refill_residual"])
        wrong = (np.abs(residual) > self.response.residual_limit) & (residual != self.found)
        self.found[:] = residual
        coming = np.nan_to_num(fields.get(_COMING, np.zeros(self.n))) > _ON
        stands = _any(fields, _FLAGS) & (self.since_call_h >= self.response.call_interval)
        due = (stands | wrong) & ~coming
        self.since_call_h[due] = 0.0
        return {_CALL: due.astype(np.float64)}


def _any(fields: Fields, names: tuple[str, ...]) -> Flags:
    """Whether any of the flags is on, ``[n]``."""
    flags: Flags = np.any([fields[name] > _ON for name in names], axis=0)
    return flags
