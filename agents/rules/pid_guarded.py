"""PID with a guard: where signs of harm last, one cut, and a ceiling over the dose that recovers slowly."""

from __future__ import annotations

from thecal.agents.info import PolicyInfo
from thecal.agents.rules.guard import Guard
from thecal.agents.rules.pid import Pid
from thecal.agents.rules.signs import READS
from thecal.agents.view import Fields, Floats


class GuardedPid(Guard, Pid):
    """The PID of :class:`Pid` under the guard of :class:`thecal.agents.rules.guard.Guard`.

    Without a sign the requests are the PID's own.
    """

    info = PolicyInfo(
        name="pid_guarded",
        label="Guarded PID",
        kind="rule",
        text="PID on reported pain; lasting signs of harm cut the dose once and put a slowly recovering ceiling over it.",
    )
    reads = (*Pid.reads, *READS, "nausea")

    def __init__(self, **overrides: float) -> None:
        numbers = self._set_guard(overrides)
        Pid.__init__(self, **overrides)
        self.least_rise = self.settings.smallest_step
        self.info = self.info.model_copy(update={"parameters": self.info.parameters | numbers})

    def _step(self, fields: Fields) -> Floats:
        wish = super()._step(fields)
        step = self._guarded(fields, wish)
        self.asked |= step != wish  # what the guard takes back is not granted either, so the integral follows the rate
        return step
