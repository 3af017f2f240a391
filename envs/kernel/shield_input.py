"""What the shield receives each pump tick, as integers, and the row of the audit trail that keeps it."""

from __future__ import annotations

import math

from thecal.core.jit import kernel
from thecal.core.layout import NL_PER_ML, REPORT_VALID_H, TICK_H
from thecal.devices.alarms import CRITICAL, END_OF_SERVICE, ERI
from thecal.devices.records import BRIDGE, HALT_MRI
from thecal.envs.clinician import clears
from thecal.physiology.pain import clock
from thecal.physiology.sensors import ETCO2, HR, MAP, RR, SBP, SPO2

S_PER_H = 3600.0
_MOST = 2.0**40
_UNKNOWN = 2**40
_MOST_NRS = 100.0  # tenths
_BEST_POSS, _WORST_SCORE = 1, 4


@kernel
def _tenths(patient, k):
    """Sensor ``k`` as an integer in tenths, -1 when this tick's sample is missing or no number."""
    value = patient.s_value[k]
    if patient.s_valid[k] != 1 or not math.isfinite(value):
        return -1
    return math.floor(10.0 * min(max(value, 0.0), 1.0e4) + 0.5)


@kernel
def _whole(value, least, most, instead):
    """The nearest integer; ``instead`` for what is no number or none that the telemetry could mean."""
    # Asked this way round, NaN is outside.
    return math.floor(value + 0.5) if least <= value <= most else instead


@kernel
def _unverified(world, par):
    """1 unless the pump reads back the last command's number, rate and bolus, and nothing runs that nobody sent."""
    pump = world.pump
    shield = world.shield
    if pump.rate_nl != shield.allowed_rate or pump.prime_left_nl > 0.0:
        return 1
    # A pump of one flow takes no commands and numbers none.
    heard = pump.number == world.episode.sent and pump.taken_nl == shield.allowed_bolus
    return 0 if heard or par.pump.rate_adjustable == 0 else 1


@kernel
def write_shield_input(world, par):
    """Fill ``world.received`` from the sensors, the pump's telemetry and the clinic; hidden truth has no part in it."""
    patient = world.patient
    pump = world.pump
    received = world.received
    received.rr = _tenths(patient, RR)
    received.spo2 = _tenths(patient, SPO2)
    received.co2 = _tenths(patient, ETCO2)
    received.sbp = _tenths(patient, SBP)
    received.map = _tenths(patient, MAP)
    received.hr = _tenths(patient, HR)
    received.poss = patient.poss_seen if _BEST_POSS <= patient.poss_seen <= _WORST_SCORE else _WORST_SCORE
    # What telemetry or the clinic cannot say withholds: a score of 4, an empty reservoir, an old fill, a balance that is off.
    received.weakness = _whole(patient.weakness_seen, 0.0, _WORST_SCORE, _WORST_SCORE)
    received.confusion = _whole(patient.confusion_seen, 0.0, _WORST_SCORE, _WORST_SCORE)
    received.nrs = _whole(10.0 * patient.nrs_mean, 0.0, _MOST_NRS, -1) if patient.nrs_age_h <= REPORT_VALID_H else -1
    received.clear = clears(world, par)
    received.reservoir_nl = _whole(pump.estimated_ml * NL_PER_ML - 0.5, 0.0, par.pump.capacity_ml * NL_PER_ML, 0)
    fill = (pump.age_h - pump.fill_h) / TICK_H
    received.fill_age = _whole(fill, -0.5, _MOST, _UNKNOWN)
    received.since_refill = _whole(fill, -0.5, _MOST, 0)
    received.residual = _whole(1.0e3 * world.monitor.residual, -_MOST, _MOST, _UNKNOWN)
    received.alarms = pump.alarms
    received.stopped = 1 if pump.alarms & CRITICAL != 0 else 0
    received.mri = 1 if pump.halt & HALT_MRI != 0 else 0
    received.bolus_running = 1 if pump.bolus_left_nl > 0.0 or pump.prime_left_nl > 0.0 else 0
    received.bridging = 1 if pump.mode == BRIDGE else 0
    received.unverified = _unverified(world, par)
    received.battery = 2 if pump.alarms & END_OF_SERVICE != 0 else 1 if pump.alarms & ERI != 0 else 0
    received.skew_s = _whole(pump.clock_offset_h * S_PER_H, -_MOST, _MOST, _UNKNOWN)
    received.confirms = 0  # an act for one request: see step
    # A counter that runs backwards (a new pump) or is no number tells nothing of this tick.
    received.pumped_nl = _whole((pump.commanded_ml - world.episode.counted_ml) * NL_PER_ML, -0.5, _MOST, -1)
    if math.isfinite(pump.commanded_ml):
        world.episode.counted_ml = pump.commanded_ml


@kernel
def _reading(patient, k):
    """Sensor ``k`` as it stands, NaN when this tick's sample is missing."""
    return patient.s_value[k] if patient.s_valid[k] == 1 else math.nan


@kernel
def _write_raw(raw, world):
    """What sensors, pump and clinic show, before anybody makes integers of it: the auditor makes his own."""
    patient = world.patient
    pump = world.pump
    raw.rr = _reading(patient, RR)
    raw.spo2 = _reading(patient, SPO2)
    raw.co2 = _reading(patient, ETCO2)
    raw.sbp = _reading(patient, SBP)
    raw.map = _reading(patient, MAP)
    raw.hr = _reading(patient, HR)
    raw.poss = patient.poss_seen
    raw.weakness = patient.weakness_seen
    raw.confusion = patient.confusion_seen
    raw.nrs_mean = patient.nrs_mean
    raw.nrs_age_h = patient.nrs_age_h
    raw.clock_h = clock(patient, patient.tick * TICK_H)
    raw.present = world.episode.present
    raw.confirms = world.received.confirms
    raw.estimated_ml = pump.estimated_ml
    raw.age_h = pump.age_h
    raw.fill_h = pump.fill_h
    raw.residual = world.monitor.residual
    raw.alarms = pump.alarms
    raw.halt = pump.halt
    raw.mode = pump.mode
    raw.rate_nl = pump.rate_nl
    raw.commanded_ml = pump.commanded_ml
    raw.bolus_left_nl = pump.bolus_left_nl
    raw.clock_offset_h = pump.clock_offset_h
    raw.prime_left_nl = pump.prime_left_nl
    raw.taken_nl = pump.taken_nl
    raw.number = pump.number
    raw.sent = world.episode.sent
    raw.token = 1 if world.episode.token_tick == patient.tick + 1 else 0


@kernel
def write_trail(row, world, par, before, request, bolus, valid):
    """Write what was asked, known, decided and run in this tick into a TRAIL_ROW record."""
    shield = world.shield
    row.patient = par.patient.patient
    row.tick = world.patient.tick
    row.mode = par.shield.mode
    row.prev_rate = before
    row.request = request
    row.bolus_request = bolus
    row.valid = valid
    row.rate = shield.allowed_rate
    row.bolus = shield.allowed_bolus
    row.binding = shield.binding
    row.violations = shield.violations
    row.fallback = shield.fallback
    row.received = world.received
    _write_raw(row.raw, world)
