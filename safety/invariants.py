"""The invariants the shield keeps: number, name and what they say; a bit of every verdict stands for each."""

from __future__ import annotations

from enum import IntEnum


class Invariant(IntEnum):
    """Numbers of the invariants; bit ``k`` of ``binding`` and ``violations`` is invariant ``k``.

    ``catalogue.toml`` beside the profiles states predicate, source, fail-safe, code, tests and proofs of each.
    """

    FINITE = 1
    UNITS = 2
    COMMAND = 3
    CLOCK = 4
    ENVELOPE = 5
    CAP_24H = 6
    CALENDAR_DAY = 7
    CONCENTRATION = 8
    ADMIXTURE = 9
    SEDATIVE = 10
    STEP_UP = 11
    INTERVAL = 12
    FLOOR = 13
    BOLUS_SIZE = 14
    LOCKOUT = 15
    BOLUS_COUNT = 16
    BOLUS_ELIGIBLE = 17
    BOLUS_EXCLUSIVE = 18
    RESPIRATORY_LOCK = 19
    SEDATION_LOCK = 20
    HEMODYNAMIC_LOCK = 21
    NEURO_LOCK = 22
    STALE = 23
    IMPLAUSIBLE = 24
    RESERVOIR = 25
    STABILITY = 26
    STOPPED = 27
    MRI = 28
    BATTERY = 29
    BRIDGE = 30
    PRIME = 31
    POST_REFILL = 32
    REFILL_IDENTITY = 33
    VOLUME_BALANCE = 34
    RESTART = 35
    COMPATIBILITY = 36
    ESCALATION = 37
    META = 38
    LEASE = 39
    AUTHORITY = 40
    RISE_28D = 41
    READ_BACK = 42
    MONITORED = 43


TITLES = {
    Invariant.FINITE: "every number of a request is real and finite; three unusable requests switch automation off",
    Invariant.UNITS: "a command's units are the pump's, and its dose is not ten or a thousand times off",
    Invariant.COMMAND: "no command is repeated, stale or written before the last event was seen",
    Invariant.CLOCK: "pump and wall clock agree, or nothing rises",
    Invariant.ENVELOPE: "rate and bolus lie within what the pump can run",
    Invariant.CAP_24H: "drug of any 24 h, past and already committed, stays under the cap",
    Invariant.CALENDAR_DAY: "drug of a civil day stays under the cap",
    Invariant.CONCENTRATION: "concentration stays under its limit (checked when the pump is filled)",
    Invariant.ADMIXTURE: "each drug of a known admixture keeps its cap, and opioids together keep theirs",
    Invariant.SEDATIVE: "caps shrink beside a sedative",
    Invariant.STEP_UP: "one rise of the rate stays within the step",
    Invariant.INTERVAL: "rises keep their interval, and the last one has reached the tip",
    Invariant.FLOOR: "after exposure the rate falls no faster than the withdrawal floor",
    Invariant.BOLUS_SIZE: "a bolus stays within its absolute and relative size",
    Invariant.LOCKOUT: "boluses keep their lockout",
    Invariant.BOLUS_COUNT: "boluses of 24 h stay within their number",
    Invariant.BOLUS_ELIGIBLE: "only drugs meant for it are given as a bolus",
    Invariant.BOLUS_EXCLUSIVE: "no bolus while another runs, an alarm stands or the rate is not verified",
    Invariant.RESPIRATORY_LOCK: "no rise or bolus while breathing is depressed; confirmed depression lowers the rate",
    Invariant.SEDATION_LOCK: "no rise or bolus in an over-sedated patient",
    Invariant.HEMODYNAMIC_LOCK: "no rise or bolus of a vasoactive drug while pressure or pulse is low",
    Invariant.NEURO_LOCK: "no rise or bolus with new weakness or confusion",
    Invariant.STALE: "no rise or bolus on old or motionless vital signs",
    Invariant.IMPLAUSIBLE: "a leap of a vital sign towards health is not believed",
    Invariant.RESERVOIR: "a bolus leaves a day of the program and the reserve in the reservoir",
    Invariant.STABILITY: "no rise on a solution older than it keeps",
    Invariant.STOPPED: "no rise or bolus while the pump does not deliver",
    Invariant.MRI: "no rise or bolus around a scan",
    Invariant.BATTERY: "no rise after the replacement indicator, no bolus at the end of service",
    Invariant.BRIDGE: "no rise or bolus while an old solution is in the catheter",
    Invariant.PRIME: "a prime needs an empty catheter, once, and no more than its volume",
    Invariant.POST_REFILL: "no rise for a day after a refill; sedation soon after one lowers to the pump's lowest rate",
    Invariant.REFILL_IDENTITY: "a refill is what was ordered and what is programmed",
    Invariant.VOLUME_BALANCE: "no rise while the last refill's volumes do not balance",
    Invariant.RESTART: "after a day without delivery the dose restarts low",
    Invariant.COMPATIBILITY: "only solutions meant for the intrathecal route and for each other",
    Invariant.ESCALATION: "no further rise when 13 weeks of rises have not lowered pain",
    Invariant.META: "the shield always answers, the same way, once, and cannot be switched off by a policy",
    Invariant.LEASE: "without usable requests the rate goes back to what a clinician last saw",
    Invariant.AUTHORITY: "an agent acts only as far as its stage allows",
    Invariant.RISE_28D: "the rise over 28 days stays within its cap",
    Invariant.READ_BACK: "what the pump counts beyond what was allowed is booked; no rise while a command is not read back",
    Invariant.MONITORED: "a rise sooner than the interval needs every vital sign fresh, a quiet time and a settled dose",
}


class Fallback(IntEnum):
    """What the shield falls back to when a request cannot be used, mildest first."""

    NONE = 0
    HOLD = 1
    SAFE_BASAL = 2
    REDUCE = 3
    MINRATE = 4
    STOP = 5


class ShieldMode(IntEnum):
    """How the shield treats a request that breaks a limit.

    PROJECT runs the nearest allowed request; REPLACE holds the rate and gives no bolus; MASK is PROJECT for agents with
    discrete actions, which learn from :mod:`thecal.envs` what would pass unchanged; MONITOR runs the request within the
    pump's own envelope and counts what it would have changed; OFF is MONITOR asked for as no shield at all. MONITOR and OFF
    mark every result as unshielded.
    """

    PROJECT = 0
    REPLACE = 1
    MASK = 2
    MONITOR = 3
    OFF = 4

    @property
    def shielded(self) -> bool:
        """Whether limits bind in this mode."""
        return self < ShieldMode.MONITOR

    @classmethod
    def of(cls, value: int | str | ShieldMode) -> ShieldMode:
        """A mode from its name (any case), number or itself.

        Raises:
            ValueError: no such mode.
        """
        if isinstance(value, str):
            try:
                return cls[value.upper()]
            except KeyError as error:
                known = ", ".join(mode.name.lower() for mode in cls)
                raise ValueError(f"shield mode {value!r} is not one of {known}") from error
        return cls(value)


def names(mask: int) -> list[str]:
    """Names of the invariants whose bits are set, for logs and reports."""
    return [invariant.name.lower() for invariant in Invariant if mask >> invariant & 1]
