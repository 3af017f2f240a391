"""A world whose sensors, telemetry and clinic a test sets by hand, and what the shield is told of them; nothing is compiled."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from thecal.devices.monitor_records import MONITOR_STATE
from thecal.devices.records import PUMP_PAR, PUMP_STATE
from thecal.envs.kernel import shield_input
from thecal.envs.kernel.records import EPISODE
from thecal.physiology.records import PATIENT_PAR, PATIENT_STATE
from thecal.safety.records import SHIELD_INPUT, SHIELD_PAR, SHIELD_STATE

from support.plain import Calls, plain_record, uncompiled

# Places among the sensors: heart rate, systolic and mean pressure, breathing rate, saturation, end-tidal CO2.
SIGNS = {"hr": 0, "sbp": 1, "map": 2, "rr": 3, "spo2": 4, "co2": 5}


class Sight:
    """A world that is well, its pump and clinic, and what the shield is told of them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        uncompiled(patch, shield_input)
        self.patient = plain_record(PATIENT_STATE, poss_seen=1, nrs_mean=4.0, nrs_age_h=1.0, tick=8, clock_h=7.5)
        self.patient.s_valid[:] = 1
        self.pump = plain_record(
            PUMP_STATE,
            age_h=100.0,
            fill_h=90.0,
            estimated_ml=20.0,
            mode=2,
            rate_nl=2600,
            number=5,
            taken_nl=300,
            commanded_ml=1.5,
        )
        self.shield = plain_record(SHIELD_STATE, allowed_rate=2600, allowed_bolus=300, prev_rate=2500)
        self.episode, self.received = plain_record(EPISODE, sent=5, counted_ml=1.25), plain_record(SHIELD_INPUT)
        self.monitor = plain_record(MONITOR_STATE)
        self.world = SimpleNamespace(
            patient=self.patient, pump=self.pump, shield=self.shield, episode=self.episode, received=self.received,
            monitor=self.monitor,
        )  # fmt: skip
        self.par = SimpleNamespace(
            pump=plain_record(PUMP_PAR, capacity_ml=40.0, rate_adjustable=1), patient=plain_record(PATIENT_PAR),
            shield=plain_record(SHIELD_PAR),
        )  # fmt: skip
        self.calls = Calls(patch, shield_input)
        self.calls.know(world=self.world, par=self.par)
        self.calls.watch("clears", lambda *_: 9)

    def told(self, field: str) -> int:
        """What one field holds when the facts are written."""
        shield_input.write_shield_input(self.world, self.par)
        return int(self.received[field])
