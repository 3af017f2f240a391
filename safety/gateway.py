"""The door for typed commands: units, identity and time are checked before a request reaches the shield (invariants 1-3).

A command is a mapping, as a programmer's software would send it. Whatever arrives, :meth:`Gateway.read` answers with integers
and a reason; it never raises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from thecal.safety.records import REQUEST_LIMIT

USABLE, MALFORMED, UNITS, STALE = 1, 0, -1, -2
FIELDS = ("id", "seen", "issued_s", "rate", "bolus", "units")
OPTIONAL = ("dose_ug_per_d", "signed")
RATE_UNITS = {"mL/d": 1.0e6 / 96.0, "nL/tick": 1.0}
BOLUS_UNITS = {"uL": 1.0e3, "nL": 1.0}
_REMEMBERED = 4096
_FOLD = ((8.0, 12.0), (800.0, 1200.0))  # ten and a thousand times: slips of a unit or of a decimal point


@dataclass(frozen=True)
class Reading:
    """What became of a command: integers for the shield, whether it may be used (``USABLE`` or why not), and the words."""

    rate_nl: int
    bolus_nl: int
    valid: int
    reason: str = ""


@dataclass
class Gateway:
    """Reads the commands of one pump.

    Args:
        conc_ug_per_ml: label concentration of the first drug, for commands that also state their dose.
        max_age_s: age at which a command lapses (``command.age`` of the profile).
    """

    conc_ug_per_ml: float
    max_age_s: float
    _known: dict[str, None] = field(default_factory=dict)

    def read(self, command: Any, *, now_s: float, head: int, rate_nl: int) -> Reading:
        """Check one command.

        Args:
            command: ``id`` (text), ``seen`` (the last event its writer had seen), ``issued_s``, ``rate``, ``bolus``, ``units``
                (``{"rate": "mL/d", "bolus": "uL"}`` or nL/tick and nL); may state ``dose_ug_per_d`` of the first drug, and
                ``signed`` by a clinician, which lets a tenfold change through to the shield.
            now_s: monotonic time, s.
            head: id of the newest event of the pump.
            rate_nl: rate in force, nL per tick.
        """
        try:
            return self._read(command, now_s, head, rate_nl)
        except Exception as error:
            return Reading(0, 0, MALFORMED, f"unreadable ({type(error).__name__})")

    def _read(self, command: Any, now_s: float, head: int, rate_nl: int) -> Reading:
        if not isinstance(command, Mapping):
            return Reading(0, 0, MALFORMED, "not a mapping")
        unknown = set(command) - set(FIELDS) - set(OPTIONAL)
        missing = set(FIELDS) - set(command)
        if unknown or missing:
            return Reading(0, 0, MALFORMED, f"fields missing {sorted(missing)}, unknown {sorted(map(str, unknown))}")
        numbers = [command[name] for name in ("issued_s", "rate", "bolus", "seen")]
        if not all(_is_number(value) for value in numbers) or min(numbers[1:3]) < 0.0:
            return Reading(0, 0, MALFORMED, "a number is missing, negative or not finite")
        stale = self._stale(command, now_s, head)
        if stale:
            return Reading(0, 0, STALE, stale)
        return self._in_units(command, rate_nl)

    def _stale(self, command: Mapping[str, Any], now_s: float, head: int) -> str:
        name = command["id"]
        if not isinstance(name, str) or not name or len(name) > 128:
            return "no usable id"
        if name in self._known:
            return "repeated"
        self._known[name] = None
        if len(self._known) > _REMEMBERED:
            self._known.pop(next(iter(self._known)))
        if command["seen"] != head:
            return f"written before event {head} was seen"
        age = now_s - command["issued_s"]
        return "" if 0.0 <= age <= self.max_age_s else f"issued {age:.0f} s ago"

    def _in_units(self, command: Mapping[str, Any], rate_nl: int) -> Reading:
        units = command["units"]
        if not isinstance(units, Mapping) or set(units) != {"rate", "bolus"}:
            return Reading(0, 0, UNITS, "units of rate and bolus are missing")
        if units["rate"] not in RATE_UNITS or units["bolus"] not in BOLUS_UNITS:
            return Reading(0, 0, UNITS, f"unknown units {units['rate']!r}, {units['bolus']!r}")
        rate = command["rate"] * RATE_UNITS[units["rate"]]
        bolus = command["bolus"] * BOLUS_UNITS[units["bolus"]]
        stated = command.get("dose_ug_per_d")
        if stated is not None:
            dose = rate * 96.0e-6 * self.conc_ug_per_ml
            if not _is_number(stated) or abs(stated - dose) > 1e-9 * max(abs(dose), 1.0):
                return Reading(0, 0, UNITS, "the stated dose is not rate times concentration")
        ratio = rate / max(rate_nl, 1)
        folded = any(low < fold < high for low, high in _FOLD for fold in (ratio, 1.0 / ratio if ratio > 0.0 else 0.0))
        if folded and command.get("signed") is not True:
            return Reading(0, 0, UNITS, f"{ratio:.4g} times the rate in force")
        # The smallest slack absorbs the rounding of a rate that was a whole number of nL before its unit was changed.
        whole = [math.floor(min(value, float(REQUEST_LIMIT)) + 1e-6) for value in (rate, bolus)]
        return Reading(whole[0], whole[1], USABLE)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
