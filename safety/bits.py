"""One bit for each invariant, and the modes and fallbacks, as plain integers that every reading of the kernel can use."""

from __future__ import annotations

from thecal.safety.invariants import Fallback, Invariant, ShieldMode

FINITE = 1 << Invariant.FINITE
UNITS = 1 << Invariant.UNITS
COMMAND = 1 << Invariant.COMMAND
CLOCK = 1 << Invariant.CLOCK
ENVELOPE = 1 << Invariant.ENVELOPE
CAP = 1 << Invariant.CAP_24H
STEP = 1 << Invariant.STEP_UP
INTERVAL = 1 << Invariant.INTERVAL
FLOOR = 1 << Invariant.FLOOR
SIZE = 1 << Invariant.BOLUS_SIZE
LOCKOUT = 1 << Invariant.LOCKOUT
COUNT = 1 << Invariant.BOLUS_COUNT
ELIGIBLE = 1 << Invariant.BOLUS_ELIGIBLE
EXCLUSIVE = 1 << Invariant.BOLUS_EXCLUSIVE
RESPIRATORY = 1 << Invariant.RESPIRATORY_LOCK
SEDATION = 1 << Invariant.SEDATION_LOCK
HEMODYNAMIC = 1 << Invariant.HEMODYNAMIC_LOCK
NEURO = 1 << Invariant.NEURO_LOCK
STALE = 1 << Invariant.STALE
JUMP = 1 << Invariant.IMPLAUSIBLE
RESERVOIR = 1 << Invariant.RESERVOIR
STABILITY = 1 << Invariant.STABILITY
STOPPED = 1 << Invariant.STOPPED
MRI = 1 << Invariant.MRI
BATTERY = 1 << Invariant.BATTERY
BRIDGE = 1 << Invariant.BRIDGE
REFILL = 1 << Invariant.POST_REFILL
BALANCE = 1 << Invariant.VOLUME_BALANCE
RESTART = 1 << Invariant.RESTART
ESCALATION = 1 << Invariant.ESCALATION
LEASE = 1 << Invariant.LEASE
AUTHORITY = 1 << Invariant.AUTHORITY
RISE = 1 << Invariant.RISE_28D
READ_BACK = 1 << Invariant.READ_BACK

REPLACE, MONITOR = int(ShieldMode.REPLACE), int(ShieldMode.MONITOR)
HOLD, SAFE_BASAL = int(Fallback.HOLD), int(Fallback.SAFE_BASAL)
REDUCE, MINRATE = int(Fallback.REDUCE), int(Fallback.MINRATE)
