"""The residual monitors by name, which faults each can show, and the records of their settings and state."""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import SENSORS
from thecal.core.parameters import read_parameters
from thecal.devices.fault_records import N_FAULTS, Fault


class Monitor(IntEnum):
    """The monitors, as bits of MONITOR_STATE.raised."""

    VOLUME_HIGH = 0  # less fluid left than expected
    VOLUME_LOW = 1  # more fluid left than expected
    MOTOR = 2
    ECHO = 3
    EFFECT_LOSS = 4
    OVERDOSE = 5
    CLOCK = 6
    SIGNAL = 7
    ALARM = 8
    FEVER = 9


MONITOR_NAMES = tuple(monitor.name.lower() for monitor in Monitor)
N_MONITORS = len(MONITOR_NAMES)
HR, RR, SPO2 = map(SENSORS.index, ("hr", "rr", "spo2"))
WATCHED_SENSORS = (HR, RR, SPO2)  # those whose silence counts

UNDER_MONITORS = 1 << Monitor.VOLUME_LOW | 1 << Monitor.MOTOR | 1 << Monitor.EFFECT_LOSS  # too little is delivered
OVER_MONITORS = 1 << Monitor.VOLUME_HIGH | 1 << Monitor.OVERDOSE  # too much
_HIGH, _LOW, _MOTOR, _ECHO, _EFFECT, _OVERDOSE, _CLOCK, _SIGNAL, _ALARM, _FEVER = (int(m) for m in Monitor)
_VOLUME = 1 << _HIGH | 1 << _LOW
_UNDER = 1 << _EFFECT
_DRY = 1 << _ALARM | _UNDER  # no flow for two days is an alarm of the pump, whatever keeps the fluid
_OVER = 1 << _OVERDOSE
_RESPONDS = {
    Fault.OCCLUSION: 1 << _LOW | _DRY,
    Fault.KINK: 1 << _LOW | _DRY,
    Fault.MIGRATION: _UNDER | _OVER,
    Fault.DISLODGEMENT: _UNDER,
    Fault.DISCONNECTION: _UNDER,
    Fault.LEAK: _UNDER,
    Fault.STALL_TRANSIENT: 1 << _MOTOR | 1 << _LOW | _DRY,
    Fault.STALL_PERMANENT: 1 << _MOTOR | 1 << _LOW | _DRY,
    Fault.OVER_INFUSION: 1 << _HIGH | _OVER | _DRY,
    Fault.BATTERY: 1 << _MOTOR | _DRY,
    Fault.BATTERY_RESET: 1 << _ECHO | _DRY,
    Fault.POCKET_FILL: 1 << _HIGH | _OVER | _DRY,
    Fault.WRONG_DRUG: _OVER | _UNDER,
    Fault.WRONG_CONCENTRATION: _OVER | _UNDER,
    Fault.PROGRAM_ERROR: 1 << _ECHO | _OVER | _UNDER,
    Fault.ACCIDENTAL_PRIME: 1 << _ECHO | _OVER,
    Fault.GRANULOMA: _UNDER,
    Fault.INFECTION: 1 << _FEVER | 1 << _MOTOR | _DRY,
    Fault.SENSOR_STUCK: 1 << _SIGNAL,
    Fault.SENSOR_DROPOUT: 1 << _SIGNAL,
    Fault.SENSOR_BIAS: _OVER,
    Fault.CLOCK_JUMP: 1 << _CLOCK,
    Fault.COMMAND_LOST: 1 << _ECHO,
    Fault.COMMAND_REPEATED: 1 << _ECHO,
    Fault.MRI_SCAN: 1 << _MOTOR | _DRY,
    Fault.ALTITUDE: 1 << _HIGH,
}
RESPONDS = np.array([_RESPONDS[fault] for fault in Fault], np.int64)
assert len(RESPONDS) == N_FAULTS

_f = np.float64
_i = np.int64
MONITOR_PAR = np.dtype(
    [
        ("volume_sd", _f),  # of one refill's relative residual
        ("volume_k", _f),  # CUSUM: allowance and limit, in standard deviations
        ("volume_h", _f),
        ("volume_limit", _f),  # relative residual of one refill
        ("measure_ml", _f),  # standard deviation of an aspirated volume, mL
        ("motor_limit", _f),  # share of a day's program that may be missing
        ("motor_floor_ml", _f),  # and at least so much, mL
        ("effect_days", _f),  # weight of the patient's own reference, d
        ("effect_learn", _i),  # daily means before the monitor speaks
        ("effect_k", _f),  # CUSUM: allowance and limit, NRS
        ("effect_h", _f),
        ("poss_limit", _i),
        ("rr_limit", _f),  # 1/min
        ("clock_h", _f),
        ("still_h", _f),  # a signal that stands still so long, h
        ("away_h", _f),  # a signal that stays away so long, h
        ("fever_c", _f),
        ("silent_h", _f),  # after rising, h
    ],
    align=True,
)
MONITOR_STATE = np.dtype(
    [
        ("raised", _i),  # bits that rose in this tick
        ("shown", _i),  # bits whose reason showed in this tick, also of monitors that are silent
        ("stranger", _i),  # 1: the log showed a prime, a day schedule or a bridge that the platform did not send
        ("standing", _i),  # bits that rose and are still within their silence
        ("last_h", _f, (N_MONITORS,)),  # when each rose last, h
        ("count", _i, (N_MONITORS,)),
        ("from_refill", _i),  # monitors that the last refill has set off
        ("events_seen", _i),  # id of the pump's next log entry when it was last read
        ("infused_ml", _f),  # commanded at the last refill, mL
        ("high", _f),  # CUSUMs of the volume balance
        ("low", _f),
        ("residual", _f),  # last refill: (expected - aspirated) / infused
        ("day_motor_ml", _f),  # motor and program at the start of the day, mL
        ("day_commanded_ml", _f),
        ("sum_nrs", _f),
        ("n_nrs", _i),
        ("days", _i),
        ("reference", _f),  # the patient's own mean report, NRS
        ("effect", _f),  # CUSUM
        ("reference_rate", _f),  # basal rate that goes with it, nL per pump tick
        ("still_ticks", _i, (len(WATCHED_SENSORS),)),
        ("away_ticks", _i, (len(WATCHED_SENSORS),)),
        ("value", _f, (len(WATCHED_SENSORS),)),
        ("slow", _i),  # consecutive low breathing rates
    ],
    align=True,
)
_FIELDS = {
    "volume_sd": ("volume.sd", "dimensionless"),
    "volume_k": ("volume.allowance", "dimensionless"),
    "volume_h": ("volume.limit", "dimensionless"),
    "volume_limit": ("volume.single", "dimensionless"),
    "measure_ml": ("volume.measurement", "mL"),
    "motor_limit": ("motor.share", "dimensionless"),
    "motor_floor_ml": ("motor.floor", "mL"),
    "effect_days": ("effect.memory", "day"),
    "effect_learn": ("effect.learning", "day"),
    "effect_k": ("effect.allowance", "dimensionless"),
    "effect_h": ("effect.limit", "dimensionless"),
    "poss_limit": ("overdose.poss", "dimensionless"),
    "rr_limit": ("overdose.breathing", "1/minute"),
    "clock_h": ("clock.difference", "hour"),
    "still_h": ("signal.still", "hour"),
    "away_h": ("signal.away", "hour"),
    "fever_c": ("fever.temperature", "dimensionless"),
    "silent_h": ("silence", "hour"),
}


@cache
def monitor_parameters() -> NDArray[np.void]:
    """The shipped settings of the monitors, one MONITOR_PAR record ``[1]``, read-only."""
    file = read_parameters(files("thecal.devices") / "data" / "monitors.toml")
    file.only({key for key, _ in _FIELDS.values()}, "a monitor")
    file.fixed()
    par = np.zeros(1, MONITOR_PAR)
    for field, (key, unit) in _FIELDS.items():
        par[field] = file.get_in(key, unit, minimum=0.0)
    par.flags.writeable = False
    return par
