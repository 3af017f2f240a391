"""The invariants the shield keeps: number, name and what they say; a bit of every verdict stands for each."""

from __future__ import annotations

from enum import IntEnum


class Invariant(IntEnum):
    """Numbers of the invariants; bit ``k`` of ``binding`` and ``violations`` is invariant ``k``."""

    FINITE = 1
    ENVELOPE = 5
    CAP_24H = 6
    CONCENTRATION = 8
    STEP_UP = 11
    INTERVAL = 12
    FLOOR = 13
    BOLUS_SIZE = 14
    LOCKOUT = 15
    BOLUS_COUNT = 16
    RESPIRATORY_LOCK = 19
    SEDATION_LOCK = 20
    STALE = 23
    RISE_28D = 41


TITLES = {
    Invariant.FINITE: "every number of a request is real and finite",
    Invariant.ENVELOPE: "rate and bolus lie within what the pump can run",
    Invariant.CAP_24H: "drug of any 24 h, past and already committed, stays under the cap",
    Invariant.CONCENTRATION: "concentration stays under its limit (checked when the pump is filled)",
    Invariant.STEP_UP: "one rise of the rate stays within the step",
    Invariant.INTERVAL: "rises keep their interval",
    Invariant.FLOOR: "after exposure the rate falls no faster than the withdrawal floor",
    Invariant.BOLUS_SIZE: "a bolus stays within its absolute and relative size",
    Invariant.LOCKOUT: "boluses keep their lockout",
    Invariant.BOLUS_COUNT: "boluses of 24 h stay within their number",
    Invariant.RESPIRATORY_LOCK: "no rise or bolus while breathing is depressed; confirmed depression lowers the rate",
    Invariant.SEDATION_LOCK: "no rise or bolus in an over-sedated patient",
    Invariant.STALE: "no rise or bolus on old vital signs",
    Invariant.RISE_28D: "the rise over 28 days stays within its cap",
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

    PROJECT runs the nearest allowed request; REPLACE holds the rate and gives no bolus; MONITOR runs the request within the
    pump's own envelope and counts what it would have changed; OFF is MONITOR asked for as no shield at all. MONITOR and OFF
    mark every result as unshielded.
    """

    PROJECT = 0
    REPLACE = 1
    MONITOR = 2
    OFF = 3

    @property
    def shielded(self) -> bool:
        """Whether limits bind in this mode."""
        return self in (ShieldMode.PROJECT, ShieldMode.REPLACE)

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
