"""The clinician: what a person who looks at the patient confirms, declines or clears, by which rules, and in which words.

Three kinds (option ``clinician`` of a scenario): ``model`` examines the patient by the rules of ``data/clinician.toml`` on the
daily round and when called; ``caller`` is a person outside, who acts with a token; ``none`` is nobody. Hidden truth has no part.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.jit import kernel
from thecal.core.layout import REPORT_VALID_H, TICK_H
from thecal.core.parameters import read_parameters
from thecal.devices.monitor_records import Monitor
from thecal.devices.monitors import ATTENTION
from thecal.physiology.pain import clock
from thecal.physiology.sensors import RR, SBP, SPO2

KINDS = ("none", "model", "caller")
NOBODY, MODEL, CALLER = range(3)
# Bits of what was decided in a step, and why; what ``info["clinician"]`` holds.
CLEARED, CONFIRMED, DECLINED, KEPT = 1, 2, 4, 8
SEDATED, BREATHING, PRESSURE, SUSPECTED, ALARMED, WELL_CONTROLLED, NIGHT, UNCONFIRMED = (1 << k for k in range(4, 12))
BY_TOKEN, STOPPED_PUMP, RESUMED_PUMP = (1 << k for k in range(12, 15))
_ACTS = {
    CONFIRMED: "confirmed the rise",
    DECLINED: "declined the rise",
    CLEARED: "cleared what may be cleared",
    KEPT: "cleared nothing",
    STOPPED_PUMP: "stopped the pump",
    RESUMED_PUMP: "let the pump run again",
}
_REASONS = {
    SEDATED: "the patient is sedated",
    BREATHING: "breathing is slow or saturation low",
    PRESSURE: "blood pressure is low",
    SUSPECTED: "telemetry speaks against pump or dose",
    ALARMED: "the pump's alarm stands",
    WELL_CONTROLLED: "reports ask for no more",
    NIGHT: "nobody acts outside working hours",
    UNCONFIRMED: "no confirmation fits the request",
    BY_TOKEN: "by a clinician's token",
}
# Suspicions under which nobody confirms more drug.
_AGAINST = sum(
    1 << int(one) for one in (Monitor.VOLUME_HIGH, Monitor.MOTOR, Monitor.ECHO, Monitor.OVERDOSE, Monitor.ALARM)
)

_f, _i = np.float64, np.int64
CLINICIAN_PAR = np.dtype(
    [
        ("kind", _i),  # NOBODY, MODEL or CALLER
        ("open_h", _f),  # a called clinic decides within these hours of the clock only
        ("close_h", _f),
        ("sedation", _f),  # highest sedation score under which anything is confirmed or cleared
        ("breathing", _f),  # lowest breathing rate, 1/min
        ("saturation", _f),  # lowest saturation, %
        ("pressure", _f),  # lowest systolic pressure for a rise, mmHg
        ("pain", _f),  # lowest mean report of the last day for a rise, NRS; without reports it is not asked
    ],
    align=True,
)
_FIELDS = {
    "open_h": ("hours.open", "hour"),
    "close_h": ("hours.close", "hour"),
    "sedation": ("confirm.sedation", "dimensionless"),
    "breathing": ("confirm.breathing", "1/minute"),
    "saturation": ("confirm.saturation", "percent"),
    "pressure": ("confirm.pressure", "mmHg"),
    "pain": ("confirm.pain", "dimensionless"),
}


@cache
def clinician_parameters() -> NDArray[np.void]:
    """The shipped rules, one CLINICIAN_PAR record ``[1]`` of nobody yet, read-only."""
    file = read_parameters(files("thecal.envs") / "data" / "clinician.toml")
    file.only({key for key, _ in _FIELDS.values()}, "the clinician")
    file.fixed()
    par = np.zeros(1, CLINICIAN_PAR)
    for field, (key, unit) in _FIELDS.items():
        par[field] = file.get_in(key, unit, minimum=0.0)
    par.flags.writeable = False
    return par


def words_of(bits: int) -> str:
    """What was decided in a step and why, in one sentence; empty when nobody decided anything."""
    acts = [text for bit, text in _ACTS.items() if bits & bit]
    reasons = [text for bit, text in _REASONS.items() if bits & bit]
    if not acts:
        return ""
    return f"the clinician {' and '.join(acts)}{': ' if reasons else ''}{', '.join(reasons)}"


@kernel
def is_there(world, par):
    """Whether the model's clinician sees the patient in this tick: on the daily round, or after a call."""
    patient = world.patient
    hour = clock(patient, patient.tick * TICK_H)
    return abs(hour - par.task.clinic_clock_h) < 0.5 * TICK_H or world.episode.present == 1


@kernel
def _unwell(world, rules):
    """Signs at the bedside under which nothing is confirmed or cleared, as bits; a value that is missing is none."""
    patient = world.patient
    bits = SEDATED if patient.poss_seen > rules.sedation else 0
    slow = patient.s_valid[RR] == 1 and patient.s_value[RR] < rules.breathing
    if slow or (patient.s_valid[SPO2] == 1 and patient.s_value[SPO2] < rules.saturation):
        bits |= BREATHING
    return bits


@kernel
def _against_a_rise(world, rules):
    """What speaks against more drug in a patient who is well: pressure, telemetry, alarms, and no need."""
    patient = world.patient
    bits = 0
    if patient.s_valid[SBP] == 1 and patient.s_value[SBP] < rules.pressure:
        bits |= PRESSURE
    if world.monitor.standing & _AGAINST != 0:
        bits |= SUSPECTED
    if world.pump.alarms & ATTENTION != 0:
        bits |= ALARMED
    if patient.nrs_age_h <= REPORT_VALID_H and patient.nrs_mean < rules.pain:
        bits |= WELL_CONTROLLED
    return bits


@kernel
def _closed(world, par):
    """A called clinic that comes at night does what is urgent and leaves decisions to the day; the round is the task's own."""
    patient = world.patient
    hour = clock(patient, patient.tick * TICK_H)
    on_round = abs(hour - par.task.clinic_clock_h) < 0.5 * TICK_H
    rules = par.task.clinician
    return NIGHT if not on_round and not rules.open_h <= hour < rules.close_h else 0


@kernel
def clears(world, par):
    """1 where a clinician looked and clears what may be cleared: the model in a well patient, or whoever holds the token."""
    episode = world.episode
    if episode.clear_until > world.patient.tick:
        episode.clear_until = 0
        episode.token_tick = world.patient.tick + 1
        episode.judged |= CLEARED | BY_TOKEN
        return 1
    if par.task.clinician.kind != MODEL or not is_there(world, par):
        return 0
    against = _unwell(world, par.task.clinician) | _closed(world, par)
    episode.judged |= against | (CLEARED if against == 0 else KEPT)
    return 1 if against == 0 else 0


@kernel
def confirms(world, par, request, bolus):
    """1 where a clinician confirms this request; what a token armed is used up by it, whether it fits or not.

    Args:
        world, par: one WORLD and one WORLD_PAR record.
        request, bolus: nL per pump tick, and the bolus armed with it, nL.
    """
    episode = world.episode
    rises = request > world.shield.prev_rate
    if episode.confirm_until != 0:
        fits = episode.confirm_until > world.patient.tick
        fits = fits and request <= episode.confirm_rate and bolus <= episode.confirm_bolus
        episode.confirm_until = 0
        if fits:
            episode.token_tick = world.patient.tick + 1
            episode.judged |= (CONFIRMED | BY_TOKEN) if rises else 0
            return 1
        episode.judged |= (DECLINED | UNCONFIRMED) if rises else 0
        return 0
    if not rises or par.task.clinician.kind != MODEL or not is_there(world, par):
        return 0
    rules = par.task.clinician
    against = _unwell(world, rules) | _against_a_rise(world, rules) | _closed(world, par)
    episode.judged |= against | (CONFIRMED if against == 0 else DECLINED)
    return 1 if against == 0 else 0


def kind_of(name: str) -> Any:
    """The number of a kind of clinician."""
    return KINDS.index(name)
