"""One world whose parts a test sets by hand and in which whatever a step calls is noted, not run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thecal.devices.fault_records import FAULT_PAR, FAULT_STATE
from thecal.devices.monitor_records import MONITOR_PAR, MONITOR_STATE
from thecal.devices.records import PUMP_PAR, PUMP_STATE
from thecal.envs.kernel import step
from thecal.envs.kernel.recall import MEMORY
from thecal.envs.kernel.records import EPISODE, STEP_OUT, TASK_PAR
from thecal.physiology.records import PATIENT_PAR, PATIENT_STATE
from thecal.safety.records import AUTO, SHIELD_INPUT, SHIELD_PAR, SHIELD_STATE

from support.plain import Calls, Rows, plain_record, uncompiled

RATE, ALLOWED = 1003, 1500  # nL per tick: in force before, and what the shield allows
LOG = 40  # entries in the pump's log
CALLEES = (
    "is_there", "write_shield_input", "confirms", "shield_tick", "write_trail", "take_back", "receive", "see_pump",
    "step_patient_faults", "is_quiet", "deliver", "step_kinetics", "step_response", "step_sensors", "spoil_sensors",
    "step_report", "see_report", "lie_dead", "see_day", "see_patient", "step_disturbance", "step_faults", "begin_tick",
    "begin_step", "accumulate_tick", "finish_step", "attend", "count_error", "remember",
)  # fmt: skip


class Bed:
    """One world whose parts a test sets and whose callees are noted; ``shield_tick`` allows what the bed says."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        uncompiled(patch, step)
        self.patient = plain_record(PATIENT_STATE, tick=8, temperature=38.5, nrs_report=6.5)
        self.pump = plain_record(PUMP_STATE, rate_nl=ALLOWED, events=LOG, age_h=2.25, ticks=9, conc=[7e3, 2e3, 1e3])
        self.shield = plain_record(
            SHIELD_STATE, prev_rate=RATE, allowed_rate=ALLOWED, since_bolus=20, since_increase=55
        )
        self.episode = plain_record(EPISODE, lockout=20, armed_nl=900, sent=5, called=3, judged=64, mixture=2)
        self.fault, self.monitor = plain_record(FAULT_STATE), plain_record(MONITOR_STATE)
        self.received, self.out = plain_record(SHIELD_INPUT), plain_record(STEP_OUT)
        self.tip = np.zeros(3)
        self.world = SimpleNamespace(
            patient=self.patient, pump=self.pump, shield=self.shield, received=self.received, episode=self.episode,
            fault=self.fault, monitor=self.monitor, tip_ug=self.tip, memory=plain_record(MEMORY),
        )  # fmt: skip
        self.par = SimpleNamespace(
            patient=plain_record(PATIENT_PAR, n_drugs=2), pump=plain_record(PUMP_PAR, stroke_nl=2.5),
            shield=plain_record(SHIELD_PAR, stage=AUTO, conc=[7000, 300, 11, 13]), task=plain_record(TASK_PAR, ticks_per_step=3),
            fault=plain_record(FAULT_PAR), monitor=plain_record(MONITOR_PAR),
        )  # fmt: skip
        self.trail = Rows()
        self.there = False
        self.verdict = {"allowed_rate": ALLOWED, "allowed_bolus": 0, "binding": 0, "violations": 0, "fallback": 0}
        self.calls = Calls(patch, step)
        self.calls.know(world=self.world, par=self.par, out=self.out)
        self.calls.know(no_trail=self.trail)
        for name in CALLEES:
            self.calls.watch(name, getattr(self, f"_{name}", None))

    @property
    def made(self) -> list[tuple[Any, ...]]:
        return self.calls.made

    def _is_there(self, *_: Any) -> bool:
        return self.there

    def _confirms(self, *_: Any) -> int:
        return 1

    def _is_quiet(self, *_: Any) -> bool:
        return True

    def _begin_step(self, *_: Any) -> tuple[int, int]:
        return 1234, 1

    def _shield_tick(self, *_: Any) -> None:
        for name, value in self.verdict.items():
            setattr(self.shield, name, value)
        self.shield.prev_rate = self.verdict["allowed_rate"]

    def request(self, k: int = 0, rate: int = 1600, valid: int = 1) -> tuple[Any, ...]:
        """One pump tick's request; what the shield was asked."""
        step._shield_and_pump(self.world, self.par, rate, valid, k, self.out, self.trail)
        return self.calls.called("shield_tick")[-1]
