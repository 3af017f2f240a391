"""The row of the trail, field by field, from records in which no two numbers are alike."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thecal.devices.monitor_records import MONITOR_STATE
from thecal.devices.records import PUMP_STATE
from thecal.envs.kernel import shield_input
from thecal.envs.kernel.records import EPISODE
from thecal.physiology.records import PATIENT_PAR, PATIENT_STATE
from thecal.safety.records import RAW, SHIELD_INPUT, SHIELD_PAR, SHIELD_STATE, TRAIL_ROW

from support.plain import numbered, plain_record
from support.sight import SIGNS, Sight

SHOWN = {
    "patient": {"poss": "poss_seen", "weakness": "weakness_seen", "confusion": "confusion_seen", "nrs_mean": "nrs_mean",
                "nrs_age_h": "nrs_age_h"},
    "pump": {name: name for name in ("estimated_ml", "age_h", "fill_h", "alarms", "halt", "mode", "rate_nl", "commanded_ml",
                                     "bolus_left_nl", "clock_offset_h", "prime_left_nl", "taken_nl", "number")},
    "episode": {"present": "present", "sent": "sent"}, "received": {"confirms": "confirms"}, "monitor": {"residual": "residual"},
}  # fmt: skip


@pytest.fixture
def sight(monkeypatch: pytest.MonkeyPatch) -> Sight:
    return Sight(monkeypatch)


def test_the_row_keeps_what_was_shown_as_it_was(sight: Sight) -> None:
    kinds = {
        "patient": PATIENT_STATE,
        "pump": PUMP_STATE,
        "episode": EPISODE,
        "received": SHIELD_INPUT,
        "monitor": MONITOR_STATE,
    }
    for k, (part, kind) in enumerate(kinds.items()):
        setattr(sight.world, part, numbered(kind, 1000 * (k + 1)))
    patient = sight.world.patient
    patient.clock_h, patient.tick = 23.5, 11
    patient.s_value[:] = np.arange(12) + 0.5
    patient.s_valid[:] = 1
    row = plain_record(TRAIL_ROW)
    shield_input.write_trail(row, sight.world, sight.par, 1, 2, 3, 4)
    expected = {
        mine: float(getattr(sight.world, part)[theirs])
        for part, names in SHOWN.items()
        for mine, theirs in names.items()
    }
    expected |= {sign: k + 0.5 for sign, k in SIGNS.items()}
    expected |= {"clock_h": 2.25, "token": 0.0}
    assert {name: float(row.raw[name]) for name in RAW.names or ()} == expected
    for token, acted in ((11, 0), (12, 1), (13, 0)):
        sight.world.episode.token_tick = token
        shield_input.write_trail(row, sight.world, sight.par, 1, 2, 3, 4)
        assert row.raw.token == acted


@pytest.mark.parametrize("sign", sorted(SIGNS))
@pytest.mark.parametrize("valid", [0, 2])
def test_a_missing_sample_is_none_in_the_row(sight: Sight, sign: str, valid: int) -> None:
    sight.patient.s_value[:] = 7.0
    sight.patient.s_valid[SIGNS[sign]] = valid
    row = plain_record(TRAIL_ROW)
    shield_input.write_trail(row, sight.world, sight.par, 1, 2, 3, 4)
    assert [name for name in SIGNS if math.isnan(row.raw[name])] == [sign]


def test_the_row_says_who_was_asked_what_and_what_became(sight: Sight) -> None:
    sight.world.shield, sight.world.received = numbered(SHIELD_STATE, 5000), numbered(SHIELD_INPUT, 7000)
    sight.par.shield, sight.par.patient = numbered(SHIELD_PAR, 8000), numbered(PATIENT_PAR, 9000)
    row = plain_record(TRAIL_ROW)
    shield_input.write_trail(row, sight.world, sight.par, 11, 12, 13, 14)
    shield = sight.world.shield
    assert {name: int(row[name]) for name in (TRAIL_ROW.names or ())[:12]} == {
        "patient": int(sight.par.patient.patient), "tick": 8, "mode": int(sight.par.shield.mode), "prev_rate": 11, "request": 12,
        "bolus_request": 13, "valid": 14, "rate": int(shield.allowed_rate), "bolus": int(shield.allowed_bolus),
        "binding": int(shield.binding), "violations": int(shield.violations), "fallback": int(shield.fallback),
    }  # fmt: skip
    assert row.received == sight.world.received
